"""Models that are one transport plan for each interval: solved once, kept with the model, never trained.

A dense plan of n cells and m cells is kept whole where it has at most MAX_PAIRS entries. Above that, partners of each
cell are sampled in proportion to it, systematically, so that the fraction of a partner is off by less than one over the
number of samples. Above a number of cells a time the cells are coupled in random blocks (math/ot.py).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from cellflow_core.aliases import renamed
from cellflow_core.config import Config
from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.math.ot import DensePlan, in_blocks
from cellflow_core.models.contract import DynamicsModel, HasCoupling, Phase, TransportPlan
from cellflow_core.models.transport.ot_problem import N_SAMPLED_PARTNERS
from cellflow_core.models.transport.ot_solvers import Coupling
from cellflow_core.time_units import format_time

MAX_PAIRS = 65_536
"""Pairs of an interval that are kept; more where N_SAMPLED_PARTNERS of each cell, of either time, are more."""
_ZERO = 1e-13  # fraction of the mass below which an entry is rounding error

Solve = Callable[[int, Tensor, Tensor], DensePlan]
"""(interval, rows of the earlier cells, rows of the later ones) -> masses [rows, columns] at the later time, where the
earlier cells have the mass one together."""


class CouplingModel(DynamicsModel, HasCoupling):
    """A model that `solve`s its plans from the cells and answers with them."""

    counts_intervals: ClassVar[bool] = False
    default_training: ClassVar[Mapping[str, Any]] = {"steps": 1, "validation_fraction": 0.0}

    def __init__(self, config: Config, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.plans: tuple[TransportPlan, ...] = ()

    @abstractmethod
    def solve(self, frames: SnapshotTensors, rng: torch.Generator) -> tuple[TransportPlan, ...]:
        """The plan of every interval."""

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("transport", prepare=self.prepare),)

    def prepare(self, frames: SnapshotTensors, rng: torch.Generator) -> None:
        """Solve and keep the plan of every interval."""
        self.plans = self.solve(frames, rng)

    def coupling(self, k: int) -> TransportPlan:
        """Raises IndexError where there is no such interval or the plans are not solved yet."""
        if not 0 <= k < len(self.plans):
            raise IndexError(f"there is no plan {k}: {self.title} holds {len(self.plans)}, one for each interval")
        return self.plans[k]

    def notes(self) -> tuple[str, ...]:
        """A sentence on the plans that did not converge."""
        found = [f"{format_time(plan.t0)} to {format_time(plan.t1)}" for plan in self.plans if not plan.converged]
        if not found:
            return ()
        return (
            f"The transport plan from time {', '.join(found)} did not converge: a larger regularisation epsilon helps.",
        )

    def get_extra_state(self) -> dict[str, dict[str, Any]]:
        return {str(k): _packed(plan) for k, plan in enumerate(self.plans)}

    def set_extra_state(self, state: dict[str, dict[str, Any]]) -> None:
        self.plans = tuple(_unpacked(state[str(k)]) for k in range(len(state)))


def nearest_neighbor_growth(
    model: CouplingModel, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"]
) -> Float[Tensor, " batch"]:
    """d log mass / dt (1 / time) of the earlier cell of the interval that is nearest to x, at time t, each of them at
    the mean of its pairs. Outside the times of the plans, that of the nearer end. For plans in which cells grow."""
    growth = torch.empty_like(t)
    inner = torch.tensor(model.spec.times[1:-1], dtype=t.dtype, device=t.device)
    for time in t.unique():
        plan = model.coupling(int(torch.searchsorted(inner, time, right=True)))
        assert plan.target_mass is not None
        cells, which = torch.unique(plan.x0, dim=0, return_inverse=True)
        mass, target_mass = (
            plan.weight.new_zeros(len(cells)).index_add_(0, which, m) for m in (plan.weight, plan.target_mass)
        )
        points = plan.interpolate(min(max(float(time), plan.t0), plan.t1)) * (plan.weight / mass[which])[:, None]
        means = torch.zeros_like(cells).index_add_(0, which, points)
        rate = (target_mass / mass).log() / (plan.t1 - plan.t0)
        here = t == time
        growth[here] = rate[torch.cdist(x[here], means).argmin(1)]
    return growth


def expected_growth(frames: SnapshotTensors, k: int, prior: bool) -> tuple[Float[Tensor, " n"], float | None]:
    """Expected number of descendants of each earlier cell over interval k, and its mean where the numbers of cells are
    known.

    prior  from the growth rate of each cell where the data have one; else, or without it, the same for all cells
    """
    growth = torch.ones(len(frames.x[k]), dtype=torch.float64, device=frames.x[k].device)
    if prior and "growth" in frames.cell_data:
        growth = (frames.cell_data["growth"][k].double() * (frames.times[k + 1] - frames.times[k])).exp()
    if frames.mass is None:
        return growth, None
    total = float(frames.mass[k + 1] / frames.mass[k])
    return growth * (total / growth.mean()), total


def sparsified_plans(
    frames: SnapshotTensors, rng: torch.Generator, solve: Solve, grows: bool = True, limit: int = Coupling.limit
) -> tuple[TransportPlan, ...]:
    """The plan of every interval, from dense ones.

    grows  False for plans in which each cell keeps its mass
    limit  cells a time above which random blocks of them are coupled
    """
    return tuple(_plan(frames, k, rng, solve, grows, limit) for k in range(len(frames.x) - 1))


def _plan(
    frames: SnapshotTensors, k: int, rng: torch.Generator, solve: Solve, grows: bool, limit: int
) -> TransportPlan:
    x0, x1 = frames.x[k : k + 2]
    n, m = len(x0), len(x1)
    each = max(N_SAMPLED_PARTNERS, -(-N_SAMPLED_PARTNERS * m // n), MAX_PAIRS // n)
    parts, converged = [], True
    for i, j in in_blocks(n, m, limit, min(limit, Coupling.block), rng):
        dense = solve(k, i, j)
        row, column, fraction, growth = _sparsify(dense.matrix, each, rng)
        parts.append((i[row], j[column], fraction / n, fraction * growth / n))
        converged &= dense.converged
    row, column, weight, target_mass = (torch.cat(part) for part in zip(*parts, strict=True))
    times = float(frames.times[k]), float(frames.times[k + 1])
    grown = target_mass.float() if grows else None
    return TransportPlan(*times, x0[row], x1[column], weight.float(), grown, converged=converged)


def _sparsify(matrix: Float[Tensor, "n m"], each: int, rng: torch.Generator) -> tuple[Tensor, ...]:
    """Row, column, fraction of the mass of the row, and growth of the row: its mass at the later time over that at the
    earlier one."""
    n, m = matrix.shape
    mass = matrix.sum(1)
    if not (torch.isfinite(mass).all() and (mass > 0).all()):
        raise ValueError("a cell has no mass in the transport plan: take a larger epsilon, or a larger growth penalty")
    if n * m <= MAX_PAIRS:
        row, column = torch.nonzero(matrix > _ZERO * matrix.sum(), as_tuple=True)
        fraction = matrix[row, column] / mass[row]
    else:
        cdf = matrix.cumsum(1)
        steps = torch.arange(each, device=matrix.device) + torch.rand(n, 1, generator=rng, device=matrix.device)
        sampled = torch.searchsorted(cdf, steps * (cdf[:, -1:] / each)).clamp_(max=m - 1)
        first = torch.arange(n, device=matrix.device)[:, None] * m
        entry, count = torch.unique(sampled + first, return_counts=True)
        row, column, fraction = entry // m, entry % m, count / each
    return row, column, fraction.double(), (n * mass)[row]


def _packed(plan: TransportPlan) -> dict[str, Any]:
    """A plan as it is stored: each cell once, with its tangent offset, and the two cells of each pair as rows."""
    found = {name: each for name, each in vars(plan).items() if name not in ("x0", "x1", "tangent_offsets")}
    for end, x in enumerate((plan.x0, plan.x1)):
        first, which = _cells(x)
        found[f"cells{end}"], found[f"which{end}"] = x[first], which
        if plan.tangent_offsets is not None:
            found[f"tangent_offsets{end}"] = plan.tangent_offsets[end][first]
    return found


def _unpacked(stored: Mapping[str, Any]) -> TransportPlan:
    """The plan that `_packed` stored; also plans that were stored with the cells of every pair."""
    old = {"later": "target_mass", "bends0": "tangent_offsets0", "bends1": "tangent_offsets1"}
    stored = renamed(stored, old)
    if "x0" in stored:
        return TransportPlan(**stored)
    plain = {name: each for name, each in stored.items() if name[-1] not in "01" or name in ("t0", "t1")}
    which = stored["which0"].long(), stored["which1"].long()
    x0, x1 = (stored[f"cells{end}"][which[end]] for end in (0, 1))
    curved = "tangent_offsets0" in stored
    offsets = tuple(stored[f"tangent_offsets{end}"][which[end]] for end in (0, 1)) if curved else None
    return TransportPlan(**plain, x0=x0, x1=x1, tangent_offsets=offsets)


def _cells(x: Float[Tensor, "pairs dim"]) -> tuple[Int[Tensor, " cells"], Int[Tensor, " pairs"]]:
    """Where each distinct row is first, and which of them each row is; compared by their bytes, which is fast."""
    rows = x.detach().cpu().contiguous().numpy()
    names = rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1]))).ravel()
    _, first, which = np.unique(names, return_index=True, return_inverse=True)
    return torch.from_numpy(first).to(x.device), torch.from_numpy(which.astype(np.int32)).to(x.device)
