"""Where data sets and runs live on disk, whose they are, who may open them, and what may be used of the machine."""

from cellflow_core.workspace.access import Access, NotAllowedError, Right
from cellflow_core.workspace.resources import Engine, Limits, Quotas
from cellflow_core.workspace.workspace import Workspace, acting, current, limits, open_door

__all__ = [
    "Access",
    "Engine",
    "Limits",
    "NotAllowedError",
    "Quotas",
    "Right",
    "Workspace",
    "acting",
    "current",
    "limits",
    "open_door",
]
