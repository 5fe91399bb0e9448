"""Courses of many individuals in blocks that fit into memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from cellflow_core.data.trajectory_batch import TrajectoryBatch

LARGEST = 2_000_000
"""Numbers of one variable that are computed at once."""


def in_blocks(draw: Callable[[TrajectoryBatch], Tensor], subjects: TrajectoryBatch, each: int) -> Tensor:
    """What `draw` gives, [draws, subjects, ...], for some individuals after the others; `each`: numbers that one needs,
    beside its doses."""
    size = max(1, LARGEST // (each * max(1, subjects.doses.time.shape[1])))
    blocks = [slice(k, k + size) for k in range(0, len(subjects.t), size)]
    return torch.cat([draw(some(subjects, rows)) for rows in blocks], dim=1)


def some(batch: TrajectoryBatch, rows: slice | Tensor) -> TrajectoryBatch:
    """Some of the individuals of a batch."""
    tensors = {name: getattr(batch, name)[rows] for name in ("t", "x", "observed", "censored")}
    known = {name: each[rows] for name, each in batch.known.items()}
    return replace(batch, **tensors, doses=batch.doses.take(rows), known=known)
