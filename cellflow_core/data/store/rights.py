"""What the owner of a workspace may do with a stored data set."""

from __future__ import annotations

from cellflow_core.data.store.catalog import open_dataset
from cellflow_core.workspace import Right, Workspace, current


def require(right: Right, id: str, workspace: Workspace | None = None) -> None:
    """Raises NotAllowedError where the owner of the workspace may not do that much with a data set, KeyError where
    there is none to look at."""
    current(workspace).require(right, open_dataset(id, workspace).folder)


def rename(id: str, label: str, workspace: Workspace | None = None) -> None:
    """Give a data set another name for people. Raises as `require` of its owner, ValueError for an empty name."""
    require("own", id, workspace)
    open_dataset(id, workspace).rename(label)
