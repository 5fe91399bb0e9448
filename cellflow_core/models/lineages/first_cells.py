"""Where the order of the cells begins."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool

from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.models.lineages.named_cells import named_cells

DIRECTION = "it may run the other direction. Name the first group where it is known."
"""How a note ends on an order whose beginning nothing says."""


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
