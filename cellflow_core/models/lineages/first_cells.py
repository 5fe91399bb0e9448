"""Where the order of the cells begins."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool

from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.models.lineages.named_cells import named_cells


def no_root(begins: str) -> str:
    """The note on an order whose beginning nothing says. begins: where it was put instead."""
    return (
        f"No root can be found from the data: nothing says where the process begins, so the order starts at {begins}. "
        "It may run the other direction: name the first group where it is known."
    )


def first_cells(
    frames: SnapshotTensors, spec: DataSpec, start: str, annotation: str
) -> Bool[np.ndarray, " cells"] | None:
    """Cells of the group `start` of an annotation, else of the first of several times; None where nothing says where
    the process begins. Raises ValueError that lists the groups where there is no such one."""
    if start:
        names, code = named_cells(frames, spec, annotation)
        if start not in names:
            raise ValueError(f"there is no group {start!r} to begin in; there are {', '.join(names)}")
        return code == names.index(start)
    if len(frames.times) > 1:
        return np.arange(sum(map(len, frames.x))) < len(frames.x[0])
    return None
