"""Snapshots as tensors on a device, and the batches that every model trains on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from cellflow_core.data.channels import CHANNELS
from cellflow_core.data.snapshots import DataSpec, Snapshots
from cellflow_core.data.trajectories import Trajectories
from cellflow_core.data.trajectory_batch import TrajectoryTensors


@dataclass(frozen=True)
class Batch:
    """The same number of cells of every time.

    x       the cells; row i of one time and row i of the next are independent draws
    times   in the data's own unit
    rng     where a loss draws its noise from
    pool    what the phase prepared from the same cells (coupled pairs, for example), None where it prepares nothing
    frames  where the cells come from, and their rows there, [batch] for each time
    """

    x: Float[Tensor, "groups batch dim"]  # a group for each time; one group where no time is known
    times: Float[Tensor, " times"]
    rng: torch.Generator
    pool: Any = None
    frames: SnapshotTensors | None = None
    rows: tuple[Tensor, ...] = ()

    def cell_data(self, name: str) -> Shaped[Tensor, "groups batch ..."]:
        """What `SnapshotTensors.cell_data` holds for these cells. Raises KeyError that lists the names there are."""
        known = {} if self.frames is None else self.frames.cell_data
        if name not in known:
            raise KeyError(f"nothing is known of {name!r} of these cells; known are {', '.join(known) or 'no names'}")
        return _rows(known[name], self.rows)


@dataclass(frozen=True)
class SnapshotTensors:
    """The cells of each time as one tensor: x[k] [cells_k, dim] at times[k], times ascending.

    Where no time is known, `times` is empty and x holds all cells as one.

    cell_data  the channels of each cell, [cells_k, ...] by time: an array under the name of its channel ("velocity",
               "growth" ...), a number with a name as "covariate NAME", a label as "label NAME": the number of the
               category in `spec.labels`, -1 where unknown
    mass       cells that each time stands for, relative to the first; None where their number means nothing
    prior      prior network among the genes of the state: above 0 activation, below 0 repression, 0 no edge; rows are
               targets, columns sources; None where none is known or the axes are not genes or their RNA
    """

    x: tuple[Float[Tensor, "_ dim"], ...]  # another number of cells at each time
    times: Float[Tensor, " times"]
    spec: DataSpec
    cell_data: Mapping[str, tuple[Tensor, ...]] = field(default_factory=dict)
    mass: Float[Tensor, " times"] | None = None
    prior: Float[Tensor, "genes genes"] | None = None

    @classmethod
    def from_snapshots(
        cls, data: Snapshots, device: str | torch.device = "cpu", spec: DataSpec | None = None
    ) -> SnapshotTensors:
        """`spec`, where these cells are a part of those that a model was built from, is the model's."""
        spec = spec or data.spec
        several = len(data.times) > 1  # cells of one time are not copied
        masks = [data.t == time for time in data.times] if several else [slice(None)]
        about = {name: tuple(_tensor(values[mask], device) for mask in masks) for name, values in _numbers(data, spec)}
        x = tuple(torch.from_numpy(data.x[mask]).to(device) for mask in masks)
        mass = None if data.mass is None else _tensor(np.asarray(data.mass) / data.mass[0], device)
        times = torch.tensor(data.times, dtype=torch.float32, device=device)
        of_genes = data.network is not None and data.space.kind in ("genes", "splicing")
        prior = _tensor(data.network.matrix(data.space.genes), device) if of_genes and data.network else None
        return cls(x, times, spec, about, mass, prior)

    def batch(self, size: int, rng: torch.Generator, pool: Any = None) -> Batch:
        """`size` cells of every time, drawn with replacement."""
        rows = tuple(torch.randint(len(each), (size,), generator=rng, device=each.device) for each in self.x)
        return Batch(_rows(self.x, rows), self.times, rng, pool, self, rows)


def _rows(parts: tuple[Tensor, ...], rows: tuple[Tensor, ...]) -> Tensor:
    return torch.stack([each[i] for each, i in zip(parts, rows, strict=True)])


def _numbers(data: Snapshots, spec: DataSpec) -> Iterator[tuple[str, np.ndarray]]:
    """Every channel as arrays of numbers with one row a cell; text as the number of its category."""
    categories = {f"label {name}": found for name, found in spec.labels}
    for name, value in data.channels.items():
        for key, values in CHANNELS[name].arrays(value):
            if CHANNELS[name].values != "text":
                yield key, values
            elif key in categories:
                yield key, _codes(values, categories[key])


def _codes(values: np.ndarray, categories: tuple[str, ...]) -> np.ndarray:
    """Number of each value among the categories, -1 for another word."""
    number = {word: k for k, word in enumerate(categories)}
    return np.array([number.get(str(each), -1) for each in values], dtype=np.int64)


def _tensor(values: np.ndarray, device: str | torch.device) -> Tensor:
    """Numbers as float32, whole ones as int64."""
    kind = np.int64 if np.issubdtype(values.dtype, np.integer) else np.float32
    return torch.from_numpy(np.ascontiguousarray(values, dtype=kind)).to(device)


def as_tensors(
    data: Snapshots | Trajectories, device: str | torch.device, spec: DataSpec
) -> SnapshotTensors | TrajectoryTensors:
    """The data as tensors that give batches; `spec` is that of the model."""
    if isinstance(data, Trajectories):
        return TrajectoryTensors.from_trajectories(data, device, spec)
    return SnapshotTensors.from_snapshots(data, device, spec)
