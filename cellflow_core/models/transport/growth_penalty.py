"""What growth costs in an unbalanced plan, chosen by leaving out inner times of the cells that are trained on.

Snapshots alone cannot tell what grew in place from what came from elsewhere: the price of growth in models/plans.py
decides. It decides, too, where cells are half-way, and that can be checked. Each time that lies between two others is
left out of the plan: cells go from the time before to the time after on the straight ways of flow matching, with mass
weight^(1-s) later^s at the share s of the gap (flow_matching/uot_cfm.py), and the price whose cells come nearest to
those measured, by the mean logarithm of the exact W1 over all such times, is taken. Where prices do as well as each
other the dearest is taken, as the data then ask for no growth. Gaps are twice as wide here as in training; prices are
counted in mean squared distances of the gap, so that they carry over as far as that is the right unit.

Nested selection (Stone 1974, J. R. Stat. Soc. B 36:111): a time that is held out of training takes no part in it.
benchmarks/price.py judges such rules on nine time courses by straight ways alone: one cheap price for all data loses
by far, and a choice does about as well as balanced transport. Prices below 1 are not offered: plans at such prices may
come nearer, but learnt growth does not follow them, as cells that a plan parts into many and few cannot be parted by
a flow. benchmarks/toggle.py shows it where the number of cells is known.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.math.ot import wasserstein
from cellflow_core.models.contract import TransportPlan
from cellflow_core.models.transport import pair_sampler
from cellflow_core.models.transport.transport_plans import OTConfig, Sides, plans

PENALTY_GRID = (10.0, 3.0, 1.0)
"""From dear growth, which is nearly even growth, to cheap growth; a dearer plan is nearly the same."""
DEFAULT_PENALTY = 0.5
"""The price where no time lies between two others, so that none can be left out: over one interval alone no cells are
lost at it, and uneven growth is found."""
CELLS = 800
"""Cells of a time that prices are compared on."""
DRAWS = 2
"""Draws from the ways, as many points each as there are cells, whose distances are averaged."""
TIE_TOLERANCE = 0.005
"""Logarithm of the distance by which two prices may differ and yet do as well as each other."""


def select_growth_penalty(frames: SnapshotTensors, epsilon: float, sides: Sides, rng: torch.Generator) -> float:
    """The price, in mean squared distances, that tells best where the cells of inner times are; UNSURE without any.

    epsilon  blur of the plans, in mean squared distances

    All prices see the same draws. They hang on the seed of `rng`, which is not moved: training that goes on after an
    interruption finds the same plans.
    """
    inner = range(1, len(frames.x) - 1)
    if not inner:
        return DEFAULT_PENALTY
    asked = [OTConfig(epsilon=epsilon, rho=price, relax=sides) for price in PENALTY_GRID]
    found = [sum(math.log(held_out_error(frames, k, how, rng)) for k in inner) / len(inner) for how in asked]
    return next(price for price, off in zip(PENALTY_GRID, found, strict=True) if off <= min(found) + TIE_TOLERANCE)


def held_out_error(frames: SnapshotTensors, k: int, how: OTConfig | None, rng: torch.Generator) -> float:
    """W1 (state) of the cells of time k from where the plan around them has its mass then; None: exact and balanced."""
    draws = torch.Generator(rng.device).manual_seed(rng.initial_seed() + k)
    before, cells, after = (_some(each, draws) for each in frames.x[k - 1 : k + 2])
    around = [k - 1, k + 1]
    mass = None if frames.mass is None else frames.mass[around]
    kind = "exact" if how is None else "unbalanced"
    (plan,) = plans(kind, SnapshotTensors((before, after), frames.times[around], frames.spec, mass=mass), draws, how)
    ways = (sample_interpolation(plan, float(frames.times[k]), CELLS, draws) for _ in range(DRAWS))
    off = [wasserstein(each.cpu().numpy(), cells.cpu().numpy()) for each in ways]
    return sum(off) / DRAWS


def _some(x: Tensor, rng: torch.Generator) -> Tensor:
    return x[torch.randperm(len(x), generator=rng, device=x.device)[:CELLS]]


def sample_interpolation(
    plan: TransportPlan, time: float, count: int, rng: torch.Generator
) -> Float[Tensor, "count dim"]:
    """Points of the ways at a time, each pair drawn by its mass there, at even steps of it."""
    s = (time - plan.t0) / (plan.t1 - plan.t0)
    later = plan.weight if plan.target_mass is None else plan.target_mass
    upto = (plan.weight.double() ** (1 - s) * later.double() ** s).cumsum(0)
    steps = torch.arange(count, device=upto.device) + torch.rand(1, generator=rng, device=upto.device)
    picked = torch.searchsorted(upto, steps * (upto[-1] / count)).clamp_(max=len(upto) - 1)
    return plan.take(picked).interpolate(time)


class GrowthPenalty(nn.Module):
    """The price of a model: the one that is set, or with 0 the one that is chosen when its cells are first seen.

    A chosen price is kept with the weights, so that a model tells it after it was read back, and cells that are kept
    aside for validation are paired at it too.
    """

    chosen: Tensor

    def __init__(self, value: float, relax: Sides = "source") -> None:
        super().__init__()
        self.value = value
        self.relax: Sides = relax
        if not value:
            self.register_buffer("chosen", torch.zeros((), dtype=torch.float64))

    def prepare(self, frames: SnapshotTensors, rng: torch.Generator, epsilon: float) -> pair_sampler.PairSampler | None:
        """The unbalanced plans at this price, with the blur `epsilon` in mean squared distances."""
        return pair_sampler.prepare("unbalanced", frames, rng, self.how(frames, rng, epsilon))

    def how(self, frames: SnapshotTensors, rng: torch.Generator, epsilon: float) -> OTConfig:
        """What such plans are told."""
        if not self.value and not self.chosen:
            self.chosen.fill_(select_growth_penalty(frames, epsilon, self.relax, rng))
        return OTConfig(epsilon=epsilon, rho=self.value or float(self.chosen), relax=self.relax)

    def notes(self) -> tuple[str, ...]:
        """A sentence that tells the price that was chosen, and nothing where it was set."""
        if self.value or not self.chosen:
            return ()
        return (
            f"The price of growth, {float(self.chosen):g} mean squared distances, was chosen among "
            f"{', '.join(f'{each:g}' for each in PENALTY_GRID)} by leaving out inner times of the training cells "
            f"({DEFAULT_PENALTY:g} where there are none).",
        )
