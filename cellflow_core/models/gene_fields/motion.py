"""What a field of genes is fitted to: the motion of the cells, from one of three sources, and the units it is seen in.

    "times"     cells of consecutive times are paired by optimal transport; at a random point between the two, the field
                times the interval is their displacement (OT-CFM: Tong et al. 2024, arXiv:2302.00482)
    "velocity"  at each cell the field is its RNA velocity
    "series"    from a random row of an individual on, the equation is solved to the times of its next rows

Fields are autonomous, dz/ds = f(z), in scaled levels z and scaled time s, so that settings mean the same for counts,
logs and simulated levels. Beyond the measured range, widened by half of it and never below zero where no level is, the
field is that of the nearest state within, plus a pull back into it: no simulation runs away.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cellflow_core.config import Config, setting
from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.data.trajectory_batch import TrajectoryBatch, TrajectoryTensors
from cellflow_core.math.integrate import per_cell, solve
from cellflow_core.models.paths.path_sample import straight_path
from cellflow_core.models.transport.ot_solvers import Blockwise
from cellflow_core.models.transport.pair_sampler import Pairing, PairSampler

Rates = Callable[[Tensor], Tensor]
"""dz/ds of scaled states z [cells, genes]."""
NEEDS = {
    "times": frozenset({DataRequirement.TIMES}),
    "velocity": frozenset({DataRequirement.VELOCITY}),
    "series": frozenset({DataRequirement.TIMES, DataRequirement.SUBJECTS}),
}
MARGIN = 0.5
"""Part of the measured range by which it is widened on either side."""
SUBSTEPS = 2
"""Steps of Runge-Kutta's fourth order between two rows of an individual."""


@dataclass(frozen=True)
class MotionSettings(Config):
    motion: Literal["times", "velocity", "series"] = setting(
        "times",
        "what the equation is fitted to: displacements between cells of consecutive times, paired by optimal "
        "transport; the RNA velocity of the cells; or the courses of individuals",
        choice_labels={"times": "measured times", "velocity": "RNA velocity", "series": "followed individuals"},
        label="Source of the motion",
    )
    horizon: int = setting(
        5, "followed individuals: rows ahead that are predicted at once", 1, 10_000, "rows", label="Horizon"
    )


class Motion(nn.Module):
    """Scale of the data, measured once and kept with the weights, and the error of a field.

    scaling  "deviation": z is in standard deviations from the mean of each gene; "range": 0 at its lowest level (0
             where none is negative) and 1 at its highest

    shift, unit  z = (x - shift) / unit, each [genes] (state)
    span         unit of s (time), in which cells move by 1 (root mean square); 0 before it is measured
    low, high    bounds of z within which fields are asked for
    """

    shift: Tensor
    unit: Tensor
    span: Tensor
    low: Tensor
    high: Tensor

    def __init__(
        self, config: MotionSettings, spec: DataSpec, scaling: Literal["deviation", "range"] = "deviation"
    ) -> None:
        super().__init__()
        self.config, self.scaling = config, scaling
        self.pairing = Pairing(Blockwise())
        for name, start in {"shift": 0.0, "unit": 1.0, "low": -torch.inf, "high": torch.inf}.items():
            self.register_buffer(name, torch.full((spec.dim,), start))
        self.register_buffer("span", torch.zeros(()))

    def prepare(self, frames: SnapshotTensors | TrajectoryTensors, rng: torch.Generator) -> PairSampler | None:
        """Measure the scale of the training cells, and pair cells where times are the source.

        Raises ValueError where nothing moves.
        """
        if not self.span:  # the validation cells come second
            self.measure_levels(_states(frames))
        pairs = self._pairs(frames, rng) if isinstance(frames, SnapshotTensors) else None
        if not self.span:
            square = self._squared_speed(frames, pairs)
            if not square > 0:
                raise ValueError(
                    "no cell moves, so there is no motion to learn from: take another source of the motion"
                )
            self.span.copy_(square.rsqrt())
        return pairs

    def error(self, rates: Rates, batch: Any) -> Float[Tensor, ""]:
        """Sum of squared errors of displacements (or velocities) over that of their squares: 1 where the field is 0."""
        if isinstance(batch, TrajectoryBatch):
            return self._series_error(rates, batch)
        if self.config.motion == "velocity":
            z, v = self.scaled(batch.x.flatten(0, 1)), batch.cell_data("velocity").flatten(0, 1) / self.unit
            return _relative(self.within(rates)(z) / self.span - v, v)
        at = straight_path(self.pairing.sample(batch), batch.rng)
        moved = at.interval[:, None] * at.velocity
        return _relative(at.interval[:, None] * self.within(rates)(at.x) / self.span - moved, moved)

    def scaled(self, x: Float[Tensor, "*cells genes"]) -> Float[Tensor, "*cells genes"]:
        """z of states x."""
        return (x - self.shift) / self.unit

    def within(self, rates: Rates) -> Rates:
        """The same field, with a pull back from beyond the bounds."""

        def bounded(z: Tensor) -> Tensor:
            nearest = torch.minimum(torch.maximum(z, self.low), self.high)
            return rates(nearest) + (nearest - z)

        return bounded

    def velocity(self, rates: Rates, x: Float[Tensor, "cells genes"]) -> Float[Tensor, "cells genes"]:
        """The field at states x (state / time)."""
        return self.unit / self.span * self.within(rates)(self.scaled(x))

    def notes(self) -> tuple[str, ...]:
        return self.pairing.notes()

    def meaning(self) -> str:
        """What z and s are, in sentences."""
        levels = "in standard deviations from its mean" if self.scaling == "deviation" else "from 0 to 1 over its range"
        return (
            f"z is the level of a gene {levels}, (measured − shift) / unit; s is time over {float(self.span):.3g}, in "
            "which cells move by about 1."
        )

    def measure_levels(self, x: Float[Tensor, "cells genes"]) -> None:
        """Shift, unit and bounds, from the levels of cells x."""
        lowest, highest = x.min(dim=0).values, x.max(dim=0).values
        span, positive = highest - lowest, lowest >= 0
        if self.scaling == "deviation":
            shift, unit = x.mean(dim=0), x.std(dim=0, correction=0)
        else:
            shift = torch.where(positive, 0.0, lowest)
            unit = highest - shift
        self.shift.copy_(shift)
        self.unit.copy_(torch.where(span > 1e-6 * highest.abs(), unit, 1.0))
        self.low.copy_(
            self.scaled(torch.where(positive, (lowest - MARGIN * span).clamp_min(0), lowest - MARGIN * span))
        )
        self.high.copy_(self.scaled(highest + MARGIN * span))

    def _pairs(self, frames: SnapshotTensors, rng: torch.Generator) -> PairSampler | None:
        if self.config.motion != "times":
            return None
        return self.pairing.prepare(replace(frames, x=tuple(self.scaled(each) for each in frames.x)), rng)

    def _squared_speed(self, frames: SnapshotTensors | TrajectoryTensors, pairs: PairSampler | None) -> Tensor:
        """Mean square of dz/dt (1 / time^2); of displacements, those over long intervals count more."""
        if isinstance(frames, TrajectoryTensors):
            z, gap = self.scaled(frames.x), frames.t.diff(dim=1)
            return z.diff(dim=1)[gap > 0].square().mean() / gap[gap > 0].square().mean()
        if pairs is not None:
            moved = [plan.weight @ (plan.x1 - plan.x0).square().mean(dim=1) for plan in pairs.plans]
            return torch.stack(moved).mean() / pairs.times.diff(dim=1).square().mean()
        return (torch.cat(frames.cell_data["velocity"]) / self.unit).square().mean()

    def _series_error(self, rates: Rates, batch: TrajectoryBatch) -> Float[Tensor, ""]:
        """Squared errors of the next rows from a random row of each individual on, over those of no change."""
        rows = batch.observed.any(dim=2).sum(dim=1)
        ahead = min(self.config.horizon, batch.x.shape[1] - 1)
        draw = torch.rand(len(rows), generator=batch.rng, device=batch.x.device)
        first = (draw * (rows - ahead).clamp_min(1)).long()
        taken = (first[:, None] + torch.arange(ahead + 1, device=first.device)).clamp(max=batch.x.shape[1] - 1)
        t = batch.t.gather(1, taken)
        z = self.scaled(batch.x.gather(1, taken[:, :, None].expand(-1, -1, batch.x.shape[2])))
        known = batch.observed.gather(1, taken[:, :, None].expand(-1, -1, batch.x.shape[2]))[:, 1:]
        now, found, bounded = z[:, 0], [], self.within(rates)
        for k in range(ahead):
            field = per_cell(lambda _, state: (bounded(state[0]) / self.span,), t[:, k], t[:, k + 1])
            *_, (now,) = solve(field, (now,), [j / SUBSTEPS for j in range(SUBSTEPS + 1)])
            found.append(now)
        return _relative((torch.stack(found, dim=1) - z[:, 1:]) * known, (z[:, 1:] - z[:, :1]) * known)


def _states(frames: SnapshotTensors | TrajectoryTensors) -> Float[Tensor, "cells genes"]:
    if isinstance(frames, SnapshotTensors):
        return torch.cat(frames.x)
    return frames.x[frames.observed.any(dim=2)]


def _relative(error: Tensor, nothing: Tensor) -> Float[Tensor, ""]:
    """Squared errors, over those of a field that is 0 everywhere."""
    return error.square().sum() / nothing.square().sum().clamp_min(1e-12)
