"""Models that are nothing but one transport plan for each interval: solved once, kept with the model, never trained.

A dense plan of n cells and m cells is kept whole where it has at most PAIRS entries. Above that, partners of each cell
are drawn in proportion to it, at even steps of its running sum, so that the share of a partner is off by less than one
over the number of draws. Above DENSE_LIMIT cells a side the cells are coupled in random blocks (math/ot.py).
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
from cellflow_core.math.ot import in_blocks
from cellflow_core.models.contract import DynamicsModel, HasCoupling, Phase, TransportPlan
from cellflow_core.models.transport.transport_plans import DENSE_BLOCK, DENSE_LIMIT, N_SAMPLED_PARTNERS

PAIRS = 65_536
"""Pairs of an interval that are kept; more where PARTNERS of each cell, of either time, are more."""
_NOTHING = 1e-13


class CouplingModel(DynamicsModel, HasCoupling):
    """A model that `solve`s its plans from the cells and answers with them."""

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
        """Raises IndexError, with a sentence, where there is no such interval or no plan was made yet."""
        if not 0 <= k < len(self.plans):
            raise IndexError(f"there is no plan {k}: {self.title} holds {len(self.plans)}, one for each interval")
        return self.plans[k]

    def get_extra_state(self) -> dict[str, dict[str, Any]]:
        return {str(k): _packed(plan) for k, plan in enumerate(self.plans)}

    def set_extra_state(self, state: dict[str, dict[str, Any]]) -> None:
        self.plans = tuple(_unpacked(state[str(k)]) for k in range(len(state)))


def nearest_neighbor_growth(
    model: CouplingModel, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"]
) -> Float[Tensor, " batch"]:
    """d log mass / dt (1 / time) of the earlier cell of the interval that is nearest to x at its time t, each of them
    at the mean of its pairs. Outside the times of the plans, that of the nearer end. For plans in which cells grow."""
    found = torch.empty_like(t)
    inner = torch.tensor(model.spec.times[1:-1], dtype=t.dtype, device=t.device)
    for time in t.unique():
        plan = model.coupling(int(torch.searchsorted(inner, time, right=True)))
        assert plan.target_mass is not None
        cells, which = torch.unique(plan.x0, dim=0, return_inverse=True)
        mass, later = (
            plan.weight.new_zeros(len(cells)).index_add_(0, which, m) for m in (plan.weight, plan.target_mass)
        )
        there = plan.interpolate(min(max(float(time), plan.t0), plan.t1)) * (plan.weight / mass[which])[:, None]
        spots = torch.zeros_like(cells).index_add_(0, which, there)
        rate = (later / mass).log() / (plan.t1 - plan.t0)
        here = t == time
        found[here] = rate[torch.cdist(x[here], spots).argmin(1)]
    return found


def expected_growth(frames: SnapshotTensors, k: int, prior: bool) -> tuple[Float[Tensor, " n"], float | None]:
    """What one of each earlier cell is expected to become over interval k, and the mean of it where the number of cells
    tells that.

    prior  from the growth of each cell where the data have one; else, or without it, the same of all cells
    """
    growth = torch.ones(len(frames.x[k]), dtype=torch.float64, device=frames.x[k].device)
    if prior and "growth" in frames.cell_data:
        growth = (frames.cell_data["growth"][k].double() * (frames.times[k + 1] - frames.times[k])).exp()
    if frames.mass is None:
        return growth, None
    total = float(frames.mass[k + 1] / frames.mass[k])
    return growth * (total / growth.mean()), total


def sparsified_plans(
    frames: SnapshotTensors,
    rng: torch.Generator,
    solve: Callable[[int, Tensor, Tensor], Tensor],
    grows: bool = True,
    limit: int = DENSE_LIMIT,
) -> tuple[TransportPlan, ...]:
    """The plan of every interval, from dense ones.

    solve  (interval, rows of the earlier cells, rows of the later ones) -> masses [rows, columns] at the later time,
           where the earlier cells have the mass one together
    grows  False for plans in which each cell keeps its mass
    limit  cells a side above which random blocks of them are coupled
    """
    return tuple(_plan(frames, k, rng, solve, grows, limit) for k in range(len(frames.x) - 1))


def _plan(
    frames: SnapshotTensors,
    k: int,
    rng: torch.Generator,
    solve: Callable[[int, Tensor, Tensor], Tensor],
    grows: bool,
    limit: int,
) -> TransportPlan:
    x0, x1 = frames.x[k : k + 2]
    n, m = len(x0), len(x1)
    each = max(N_SAMPLED_PARTNERS, -(-N_SAMPLED_PARTNERS * m // n), PAIRS // n)
    parts = []
    for i, j in in_blocks(n, m, limit, min(limit, DENSE_BLOCK), rng):
        row, column, share, growth = _kept(solve(k, i, j), each, rng)
        parts.append((i[row], j[column], share / n, share * growth / n))
    row, column, weight, later = (torch.cat(part) for part in zip(*parts, strict=True))
    times = float(frames.times[k]), float(frames.times[k + 1])
    return TransportPlan(*times, x0[row], x1[column], weight.float(), later.float() if grows else None)


def _kept(dense: Float[Tensor, "n m"], each: int, rng: torch.Generator) -> tuple[Tensor, ...]:
    """Row, column, share of the row, and growth of the row: its mass at the later time over that at the earlier one."""
    n, m = dense.shape
    mass = dense.sum(1)
    if not (torch.isfinite(mass).all() and (mass > 0).all()):
        raise ValueError("a cell goes nowhere in the transport plan: take a larger epsilon, or dearer growth")
    if n * m <= PAIRS:
        row, column = torch.nonzero(dense > _NOTHING * dense.sum(), as_tuple=True)
        share = dense[row, column] / mass[row]
    else:
        upto = dense.cumsum(1)
        steps = torch.arange(each, device=dense.device) + torch.rand(n, 1, generator=rng, device=dense.device)
        drawn = torch.searchsorted(upto, steps * (upto[:, -1:] / each)).clamp_(max=m - 1)
        first = torch.arange(n, device=dense.device)[:, None] * m
        entry, count = torch.unique(drawn + first, return_counts=True)
        row, column, share = entry // m, entry % m, count / each
    return row, column, share.double(), (n * mass)[row]


def _packed(plan: TransportPlan) -> dict[str, Any]:
    """A plan as it is stored: each cell once with the bend of its ways, and which of them the pairs join."""
    found = {name: each for name, each in vars(plan).items() if name not in ("x0", "x1", "tangent_offsets")}
    for end, x in enumerate((plan.x0, plan.x1)):
        first, which = _cells(x)
        found[f"cells{end}"], found[f"which{end}"] = x[first], which
        if plan.tangent_offsets is not None:
            found[f"bends{end}"] = plan.tangent_offsets[end][first]
    return found


def _unpacked(stored: Mapping[str, Any]) -> TransportPlan:
    """What `_packed` made; also plans that were stored with the cells of every pair."""
    stored = renamed(stored, {"later": "target_mass"})
    if "x0" in stored:
        return TransportPlan(**stored)
    plain = {name: each for name, each in stored.items() if name[-1] not in "01" or name in ("t0", "t1")}
    which = stored["which0"].long(), stored["which1"].long()
    x0, x1 = (stored[f"cells{end}"][which[end]] for end in (0, 1))
    bends = tuple(stored[f"bends{end}"][which[end]] for end in (0, 1)) if "bends0" in stored else None
    return TransportPlan(**plain, x0=x0, x1=x1, tangent_offsets=bends)


def _cells(x: Float[Tensor, "pairs dim"]) -> tuple[Int[Tensor, " cells"], Int[Tensor, " pairs"]]:
    """Where each distinct row is first, and which of them each row is; told apart by their bytes, which is quick."""
    rows = x.detach().cpu().contiguous().numpy()
    names = rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1]))).ravel()
    _, first, which = np.unique(names, return_index=True, return_inverse=True)
    return torch.from_numpy(first).to(x.device), torch.from_numpy(which.astype(np.int32)).to(x.device)
