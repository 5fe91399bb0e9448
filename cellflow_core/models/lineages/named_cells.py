"""Annotations of the cells that a model is trained on."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Int

from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.snapshots import DataSpec


def named_cells(
    frames: SnapshotTensors, spec: DataSpec, annotation: str
) -> tuple[tuple[str, ...], Int[np.ndarray, " cells"]]:
    """(values of the annotation, number of the value of each cell). Raises ValueError that lists the annotations."""
    known = dict(spec.labels)
    if annotation not in known:
        listed = ", ".join(known) or "none"
        what = f"have no annotation {annotation!r}" if annotation else "need an annotation that names the group"
        raise ValueError(f"the cells {what}; they have {listed}")
    return known[annotation], torch.cat(frames.cell_data[f"label {annotation}"]).cpu().numpy()
