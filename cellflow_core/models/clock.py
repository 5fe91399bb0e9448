"""The time that networks see: the position among the measured times, so that every interval is as long as any other.

Courses are often measured at uneven times (0, 1, 6, 24, 96 h): where much happens, often. In clock time the last
interval outweighs all others in what a network has to fit, and fields are steep in the first. The single-cell programs
of the authors count intervals for the same reason (Tong et al. 2024, arXiv:2302.00482; Neklyudov et al. 2023,
arXiv:2210.06662). Position tau(t) is 0 at the first measured time, 1 at the second ..., linear in between and beyond:

    v = v^ dtau/dt    growth and potential likewise    sigma = sigma^ sqrt(dtau/dt)    score unchanged

`registry.create` builds a model from `Clock.inner` of the data's spec, the trainer converts its cells by `frames`, and
`analysis.dynamics` brings what the model says back to measured time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.models.transport_plan import TransportPlan

RATES = ("velocity", "growth")
"""Channels of cells that are per unit of time."""


@dataclass(frozen=True)
class Clock:
    """Measured times and their positions, both ascending and equally many; none: position is measured time."""

    times: tuple[float, ...] = ()
    positions: tuple[float, ...] = ()

    @classmethod
    def of(cls, spec: DataSpec) -> Clock:
        """The clock of data with this spec."""
        return MEASURED if spec.positions in ((), spec.times) else cls(spec.times, spec.positions)

    def inner(self, spec: DataSpec) -> DataSpec:
        """What a model that keeps this clock is built from."""
        return _with_times(spec, self.positions) if self.times else spec

    def outer(self, spec: DataSpec) -> DataSpec:
        """The data's spec, from that of the model."""
        return _with_times(spec, self.times) if self.times else spec

    def frames(self, frames: SnapshotTensors) -> SnapshotTensors:
        """The same cells on this clock; velocity and growth of a cell count by the interval that follows it."""
        if not self.times:
            return frames
        speed = self.speed(frames.times)
        known = {
            name: tuple(each / v for each, v in zip(values, speed, strict=True)) if name in RATES else values
            for name, values in frames.cell_data.items()
        }
        return replace(frames, times=self.position(frames.times), cell_data=known)

    def position(self, t: Float[Tensor, " batch"]) -> Float[Tensor, " batch"]:
        """Position of measured times."""
        return _mapped(t, self.times, self.positions) if self.times else t

    def time(self, position: Float[Tensor, " batch"]) -> Float[Tensor, " batch"]:
        """Measured time at positions (time)."""
        return _mapped(position, self.positions, self.times) if self.times else position

    def speed(self, t: Float[Tensor, " batch"]) -> Float[Tensor, " batch"]:
        """dtau/dt (1 / time); at a measured time that of the interval that begins there, at the last of that before."""
        if not self.times:
            return torch.ones_like(t)
        times, positions = _tensors(t, self.times, self.positions)
        return (positions.diff() / times.diff())[_interval(t, times)].to(t.dtype)

    def measured(self, plan: TransportPlan) -> TransportPlan:
        """The same plan in measured time."""
        t0, t1 = self.time(torch.tensor([plan.t0, plan.t1], dtype=torch.float64)).tolist()
        return replace(plan, t0=t0, t1=t1)

    def positions_of(self, times: Iterable[float]) -> list[float]:
        """Positions of measured times, in double precision; a measured time has exactly its position."""
        return self.position(torch.tensor([*times], dtype=torch.float64)).tolist()


MEASURED = Clock()
"""Networks see measured time."""


def _with_times(spec: DataSpec, times: tuple[float, ...]) -> DataSpec:
    gaps = [b - a for a, b in pairwise(times)]
    return replace(spec, times=times, interval=float(np.mean(gaps)))


def _mapped(at: Tensor, knots: tuple[float, ...], values: tuple[float, ...]) -> Tensor:
    """Piecewise linear through the knots, and beyond them as between the nearest two. What is before an inner knot
    stays before it, however it is rounded: fields may jump there."""
    knot, value = _tensors(at, knots, values)
    k = _interval(at, knot)
    share = (at.double() - knot[k]) / (knot[k + 1] - knot[k])
    found = torch.lerp(value[k], value[k + 1], share).to(at.dtype)
    before = torch.nextafter(value[1:].to(at.dtype), torch.full_like(value[1:], -torch.inf, dtype=at.dtype))
    before[-1] = torch.inf
    return torch.minimum(found, before[k])


def _tensors(like: Tensor, *values: tuple[float, ...]) -> tuple[Tensor, ...]:
    return tuple(torch.tensor(each, dtype=torch.float64, device=like.device) for each in values)


def _interval(at: Tensor, knots: Tensor) -> Tensor:
    """Number of the interval that each value lies in. Compared in the precision of the values, to which knots round."""
    inner = knots[1:-1].to(at.dtype)
    return torch.searchsorted(inner, at.detach(), right=True)
