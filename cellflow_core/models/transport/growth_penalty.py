"""The unbalanced penalty rho of a transport plan, selected by leaving out inner times of the training cells.

Snapshots alone cannot tell what grew in place from what came from elsewhere: the penalty rho of an unbalanced plan
(ot_solvers.Unbalanced) decides. It decides, too, where cells are half-way, and that can be checked. Each time that lies
between two others is left out of the plan: cells go from the time before to the time after on the straight paths of
flow matching, with mass weight^(1-s) target_mass^s at the fraction s of the interval (flow_matching/uot_cfm.py), and
the rho whose cells come nearest to those measured, by the mean logarithm of the exact W1 over all such times, is taken.
Among ties the largest is taken, as the data then ask for no growth. Intervals are twice as long here as in training;
rho is in multiples of the mean cost of the interval, so that it carries over as far as that is the right unit.

benchmarks/growth_penalty.py compares such rules on nine time courses by straight paths alone: one small rho for all
data loses by far, and a selected one does about as well as balanced transport. Values below 1 are not offered: plans at
such values may come nearer, but learnt growth does not follow them, as cells that a plan separates into many and few
cannot be separated by a flow. benchmarks/toggle.py shows it where the number of cells is known.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.models.contract import TransportPlan
from cellflow_core.models.transport.held_out_time import held_out_error, mean_log_error, systematic_sample
from cellflow_core.models.transport.ot_solvers import OTSolver, Relax, Unbalanced

PENALTY_GRID = (10.0, 3.0, 1.0)
"""From nearly uniform growth to free growth; at a larger penalty the plan is nearly the same."""
DEFAULT_PENALTY = 0.5
"""The penalty where no time lies between two others, so that none can be left out: over one interval alone no cells are
lost at it, and uneven growth is detected."""
CELLS = 800
"""Cells of a time that penalties are compared on."""
DRAWS = 2
"""Samples of the paths, as many points each as there are cells, whose distances are averaged."""
TIE_TOLERANCE = 0.005
"""Difference of the mean log distance up to which two penalties count as equally good."""


def select_growth_penalty(frames: SnapshotTensors, epsilon: float, relax: Relax, rng: torch.Generator) -> float:
    """The rho, in multiples of the mean cost, that best predicts the cells of inner times; DEFAULT_PENALTY without any.

    epsilon  entropic regularisation of the plans, in multiples of the mean cost

    All values see the same draws. They depend on the seed of `rng`, which is not advanced: training that is resumed
    selects the same plans.
    """
    times = len(frames.x)
    if times < 3:
        return DEFAULT_PENALTY
    solvers = [Unbalanced(epsilon, rho, relax) for rho in PENALTY_GRID]
    errors = [mean_log_error(lambda k, each=each: interpolation_error(frames, k, each, rng), times) for each in solvers]
    return next(rho for rho, error in zip(PENALTY_GRID, errors, strict=True) if error <= min(errors) + TIE_TOLERANCE)


def interpolation_error(frames: SnapshotTensors, k: int, solver: OTSolver, rng: torch.Generator) -> float:
    """W1 (state) between the cells of time k and the interpolation at that time of the plan around them."""
    return held_out_error(frames, k, solver, rng, sample_interpolation, cells=CELLS, draws=DRAWS)


def sample_interpolation(
    plan: TransportPlan, time: float, count: int, rng: torch.Generator
) -> Float[Tensor, "count dim"]:
    """Points of the paths at a time: systematic sampling of the pairs by their mass there."""
    s = (time - plan.t0) / (plan.t1 - plan.t0)
    target_mass = plan.weight if plan.target_mass is None else plan.target_mass
    mass = plan.weight.double() ** (1 - s) * target_mass.double() ** s
    return plan.take(systematic_sample(mass, count, rng)).interpolate(time)


class GrowthPenalty(nn.Module):
    """The rho of a model: the one that is set, or with 0 the one that is selected when its cells are first seen.

    A selected value is kept with the weights, so that a model reports it after it was loaded, and cells that are kept
    aside for validation are paired with it too.
    """

    chosen: Tensor

    def __init__(self, rho: float, epsilon: float, relax: Relax = "source") -> None:
        super().__init__()
        self.value, self.epsilon = rho, epsilon
        self.relax: Relax = relax
        if not rho:
            self.register_buffer("chosen", torch.zeros((), dtype=torch.float64))

    def coupling(self, frames: SnapshotTensors, rng: torch.Generator) -> Unbalanced:
        """The unbalanced coupling at this rho."""
        if not self.value and not self.chosen:
            self.chosen.fill_(select_growth_penalty(frames, self.epsilon, self.relax, rng))
        return Unbalanced(self.epsilon, self.value or float(self.chosen), self.relax)

    def notes(self) -> tuple[str, ...]:
        """A sentence on the value that was selected, and nothing where it was set."""
        if self.value or not self.chosen:
            return ()
        return (
            f"The unbalanced penalty rho = {float(self.chosen):g} (multiples of the mean cost) was selected among "
            f"{', '.join(f'{each:g}' for each in PENALTY_GRID)} by leaving out inner times of the training cells "
            f"({DEFAULT_PENALTY:g} where there are none).",
        )
