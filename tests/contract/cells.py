"""Small data sets with all that models ask for: cells, genes, RNA, and followed individuals."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch

from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.spaces.splicing import SplicingSpace
from cellflow_core.data.trajectories import Trajectories
from cellflow_core.data.trajectory_batch import TrajectoryBatch, TrajectoryTensors
from tests import toys

CELLS = (30, 40, 34)


def snapshots(
    times: tuple[float, ...] = (1.0, 2.0, 4.5), counted: bool = True, clones: bool = True, velocities: bool = True
) -> Snapshots:
    """Three axes, which decode to counts of two genes; all that may be known of a cell; uneven numbers and gaps."""
    rng = np.random.default_rng(0)
    t = np.repeat(times, CELLS[: len(times)])
    x = rng.normal(size=(len(t), 3)) * 4 + 5 * t[:, None] + 100
    space = toys.counted() if counted else AffineSpace.coordinates(("a", "b", "c"))
    lineage = rng.integers(-1, 8, len(t)) if clones else None
    growth, velocity = 0.1 * rng.normal(size=len(t)), rng.normal(size=x.shape) if velocities else None
    return Snapshots(x, t, space, "h", lineage=lineage, growth=growth, velocity=velocity)


def perturbed() -> Snapshots:
    """Three genes, of which one, the other or neither is perturbed in each cell, of individuals that were followed."""
    data = dataclasses.replace(snapshots(), space=AffineSpace.of_genes(("A", "B", "C")))
    design = {gene: (np.arange(len(data.x)) % 3 == k).astype(float) for k, gene in enumerate("AB")}
    subject = np.concatenate([np.arange(count) for count in CELLS])
    return dataclasses.replace(data, channels={**data.channels, "perturbation": design, "subject": subject})


def moments(count: int = 60) -> Snapshots:
    """Two genes whose unspliced and spliced RNA are the axes, at one time."""
    rng = np.random.default_rng(0)
    t = rng.uniform(0, 6, count)[:, None]
    u = 8 * (1 - np.exp(-np.array([1.0, 0.6]) * t)) * np.exp(0.05 * rng.normal(size=(count, 2)))
    s = 12 * (1 - np.exp(-np.array([0.4, 0.3]) * t)) ** 2 * np.exp(0.05 * rng.normal(size=(count, 2)))
    u, s = u.astype(np.float32), s.astype(np.float32)
    space = SplicingSpace.of(("A", "B"), u, s)
    second = {"spliced_squared": 1.05 * s**2 + s, "spliced_unspliced": 1.02 * s * u}
    return Snapshots(space.join(u, s), np.ones(count), space, "h", unspliced=u, spliced=s, **second)


def labelled() -> Snapshots:
    new, old = np.random.default_rng(0).gamma(4.0, 1.0, (2, 60, 2))
    known = {"new_rna": new, "pulse": np.full(60, 2.0)}
    return Snapshots(np.log1p(new + old), np.ones(60), AffineSpace.of_genes(("A", "B")), "h", channels=known)


def followed() -> Snapshots:
    """Twelve individuals at three times, with one dose each and a body weight."""
    subject = np.tile(np.arange(12), 3)
    t = np.repeat([1.0, 2.0, 4.5], 12)
    x = np.random.default_rng(0).normal(size=(36, 3)) * 4 + 5 * t[:, None] + 100
    labels = {"kind": np.where(subject % 2, "a", "b")}
    dose = 1.0 + subject[:, None]
    return Snapshots(
        x,
        t,
        AffineSpace.coordinates(("a", "b", "c")),
        "h",
        subject=subject,
        dose=dose,
        labels=labels,
        covariates={"kg": 50.0 + subject},
    )


def individuals(model) -> TrajectoryBatch:
    """Those of `followed`, as the model sees them."""
    data = Trajectories.from_snapshots(followed())
    return TrajectoryTensors.from_trajectories(data, spec=model.spec).take(slice(None), torch.Generator())
