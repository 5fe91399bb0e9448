"""The pairs of cells that methods train on: which cell of one time goes with which of the next.

A model holds a `Pairing` of the coupling it was set to, hands its `prepare` to a phase and asks it to `sample`. Plans
of all cells are solved once and only sampled from; independent and minibatch pairs need no preparation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cellflow_core.data.batch import Batch, SnapshotTensors
from cellflow_core.math.ot import exact_plan
from cellflow_core.models.contract import TransportPlan
from cellflow_core.models.networks.later_buffers import register_later_buffer
from cellflow_core.models.transport import transport_plans
from cellflow_core.models.transport.ot_solvers import Coupling, Independent, Minibatch, OTSolver

MAX_LOG_GROWTH = 7.0
"""Growth of a pair over its interval, in e-folds, at which it is clipped: a thousandth is as good as extinct, and an
unlimited rate has no mean that could be learnt."""


@dataclass(frozen=True)
class Pairs:
    """Cells x0 at t0 and their partners x1 at t1, of every interval, one below the other.

    growth           log of the mass of the pair at t1 over that at t0, divided by t1 - t0 (1 / time); None: unknown
    tangent_offsets  of the path between them, as in `TransportPlan`; None: it is straight
    """

    t0: Float[Tensor, " pairs"]
    t1: Float[Tensor, " pairs"]
    x0: Float[Tensor, "pairs dim"]
    x1: Float[Tensor, "pairs dim"]
    growth: Float[Tensor, " pairs"] | None = None
    tangent_offsets: tuple[Float[Tensor, "pairs dim"], Float[Tensor, "pairs dim"]] | None = None

    def mass(self, s: Float[Tensor, " pairs"]) -> Float[Tensor, " pairs"]:
        """Mass of each pair at the fraction s of its interval, over its sampling weight: see `interpolated_mass`."""
        return torch.ones_like(s) if self.growth is None else interpolated_mass(s, self.growth * (self.t1 - self.t0))


def interpolated_mass(s: Float[Tensor, "*_"], ratio: Float[Tensor, "*_"]) -> Float[Tensor, "*_"]:
    """m0^(1-s) m1^s over (m0 + m1) / 2 for masses m0 and m1 at the two ends of a pair, ratio = log(m1 / m0).

    At most 2, however much a pair grows or shrinks. Sampled by their mass half-way instead, pairs that all but die
    would count e^(-ratio / 2) times at first and would hardly ever be sampled.
    """
    return 2 * (s * ratio - nn.functional.softplus(ratio)).exp()


def clipped_growth(plan: TransportPlan) -> Float[Tensor, " pairs"]:
    """`TransportPlan.growth` (1 / time), at most MAX_LOG_GROWTH over the interval."""
    most = MAX_LOG_GROWTH / (plan.t1 - plan.t0)
    return plan.growth.clamp(-most, most)


@dataclass(frozen=True)
class PairSampler:
    """All pairs of the plans of all intervals, ready to be sampled; the cells are those of the plans, not copied.

    cdf     cumulative probability of the pairs, the plans one below the other; those of interval k lie between k and
            k + 1
    growth  of each pair, None where it is unknown
    """

    plans: tuple[TransportPlan, ...]
    times: Float[Tensor, "plans 2"]
    cdf: Float[Tensor, " pairs"]
    growth: Float[Tensor, " pairs"] | None

    @classmethod
    def from_plans(cls, plans: tuple[TransportPlan, ...]) -> PairSampler:
        """A pair is sampled by the mean of its masses at t0 and at t1."""
        cdf, growth = [], []
        for k, plan in enumerate(plans):
            target_mass = plan.weight if plan.target_mass is None else plan.target_mass
            sums = (plan.weight.double() + target_mass).cumsum(0)
            cdf.append(sums / sums[-1] + k)
            growth.append(clipped_growth(plan))
        grows = all(plan.target_mass is not None for plan in plans)
        times = plans[0].weight.new_tensor([(plan.t0, plan.t1) for plan in plans])
        return cls(plans, times, torch.cat(cdf), torch.cat(growth) if grows else None)

    def sample(self, size: int, rng: torch.Generator) -> Pairs:
        """`size` pairs of each interval, with replacement."""
        where = torch.rand(len(self.plans), size, generator=rng, device=self.cdf.device, dtype=torch.float64)
        where += torch.arange(len(self.plans), device=self.cdf.device)[:, None]
        picked = torch.searchsorted(self.cdf, where, right=True)
        chosen, growth, first = [], [], 0
        for plan, rows in zip(self.plans, picked, strict=True):
            own = (rows - first).clamp_(0, len(plan.weight) - 1)  # rounding may lead to the next plan
            chosen.append(plan.take(own))
            if self.growth is not None:
                growth.append(self.growth.index_select(0, own + first))
            first += len(plan.weight)
        t0, t1 = self.times.repeat_interleave(size, dim=0).unbind(dim=1)
        x0, x1 = torch.cat([each.x0 for each in chosen]), torch.cat([each.x1 for each in chosen])
        ends = [each.tangent_offsets for each in chosen if each.tangent_offsets is not None]
        offsets = (torch.cat([first for first, _ in ends]), torch.cat([last for _, last in ends])) if ends else None
        return Pairs(t0, t1, x0, x1, torch.cat(growth) if growth else None, offsets)


class Pairing(nn.Module):
    """The pairs that a model trains on, and whether its plans converged, which is kept with the weights.

    coupling  how cells are paired, or a function that selects it from the training cells
    """

    converged: Tensor

    def __init__(self, coupling: Coupling | Callable[[SnapshotTensors, torch.Generator], OTSolver]) -> None:
        super().__init__()
        self.coupling = coupling
        register_later_buffer(self, "converged", torch.ones((), dtype=torch.bool))

    def solver(self, frames: SnapshotTensors, rng: torch.Generator) -> OTSolver:
        """The solver of the plans, selected where it depends on the cells. Raises ValueError for couplings without."""
        found = self.coupling if isinstance(self.coupling, Coupling) else self.coupling(frames, rng)
        if not isinstance(found, OTSolver):
            raise ValueError(f"{found.name} pairs have no plan of all cells: take another coupling")
        return found

    def plans(
        self, frames: SnapshotTensors, rng: torch.Generator, solver: OTSolver | None = None
    ) -> tuple[TransportPlan, ...]:
        """The plan of each interval, and a record of whether all converged."""
        found = transport_plans.plans(solver or self.solver(frames, rng), frames, rng)
        self.converged.logical_and_(torch.tensor(all(plan.converged for plan in found), device=self.converged.device))
        return found

    def prepare(self, frames: SnapshotTensors, rng: torch.Generator) -> PairSampler | None:
        """What is computed once: the plan of each interval, or nothing for independent and minibatch pairs."""
        if isinstance(self.coupling, Independent | Minibatch):
            return None
        return PairSampler.from_plans(self.plans(frames, rng))

    def sample(self, batch: Batch) -> Pairs:
        """As many pairs of each interval as the batch has cells of each time: from its pool, or of its own cells."""
        if batch.pool is not None:
            return batch.pool.sample(batch.x.shape[1], batch.rng)
        assert isinstance(self.coupling, Independent | Minibatch)
        return sample_batch(self.coupling, batch)

    def notes(self) -> tuple[str, ...]:
        """A sentence where a plan did not converge."""
        if self.converged:
            return ()
        return (
            "A transport plan did not converge, so that pairs are less likely than the best: a larger regularisation "
            "epsilon helps.",
        )


def sample_batch(coupling: Independent | Minibatch, batch: Batch) -> Pairs:
    """Pairs of the cells of a batch, as many of each interval as it has cells of each time."""
    x0, x1 = batch.x[:-1], batch.x[1:]
    if isinstance(coupling, Minibatch):
        pairs = [exact_plan(a, b, batch.rng)[:2] for a, b in zip(x0, x1, strict=True)]
        x0 = torch.stack([a[row] for a, (row, _) in zip(x0, pairs, strict=True)])
        x1 = torch.stack([b[column] for b, (_, column) in zip(x1, pairs, strict=True)])
    t0, t1 = (each.repeat_interleave(batch.x.shape[1]) for each in (batch.times[:-1], batch.times[1:]))
    return Pairs(t0, t1, x0.reshape(-1, x0.shape[-1]), x1.reshape(-1, x1.shape[-1]))
