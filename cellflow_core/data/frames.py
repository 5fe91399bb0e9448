"""Snapshots as tensors on a device, and the batches that every model trains on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.data.snapshots import Snapshots, Spec


@dataclass(frozen=True)
class Batch:
    """The same number of cells of every time.

    x      the cells; row i of one time and row i of the next are independent draws
    times  in the data's own unit
    rng    where a loss draws its noise from
    pool   what the phase prepared from the same cells (coupled pairs, for example), None where it prepares nothing
    """

    x: Float[Tensor, "times batch dim"]
    times: Float[Tensor, " times"]
    rng: torch.Generator
    pool: Any = None


@dataclass(frozen=True)
class Frames:
    """The cells of each time as one tensor: x[k] [cells_k, dim] at times[k], times ascending."""

    x: tuple[Float[Tensor, "_ dim"], ...]  # another number of cells at each time
    times: Float[Tensor, " times"]
    spec: Spec

    @classmethod
    def of(cls, data: Snapshots, device: str | torch.device = "cpu") -> Frames:
        x = tuple(torch.from_numpy(data.at(time)).to(device) for time in data.times)
        return cls(x, torch.tensor(data.times, dtype=torch.float32, device=device), data.spec)

    def batch(self, size: int, rng: torch.Generator, pool: Any = None) -> Batch:
        """`size` cells of every time, drawn with replacement."""
        rows = [torch.randint(len(each), (size,), generator=rng, device=each.device) for each in self.x]
        return Batch(torch.stack([each[i] for each, i in zip(self.x, rows, strict=True)]), self.times, rng, pool)
