"""The length scale delta of Wasserstein-Fisher-Rao transport, selected by leaving out inner training times.

delta (math/wasserstein_fisher_rao.py) cannot be read from two clouds: it decides what grew in place and what came from
elsewhere. It decides, too, where cells are half-way, and that can be checked. Each time that lies between two others is
left out of the plan `WassersteinFisherRao`, points move from the time before to the time after on their geodesics, and
the delta whose points come nearest to the measured cells is taken, by the mean log of exact W1 over all such times.
Among ties the largest is taken, as the data then ask for no uneven growth. Intervals are twice as long here as in
training. Times that are independent samples differ by chance, too, which a few hundred cells do not average out.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.math.wasserstein_fisher_rao import wfr_geodesic
from cellflow_core.models.contract import TransportPlan
from cellflow_core.models.transport.held_out_time import held_out_error, mean_log_error, systematic_sample
from cellflow_core.models.transport.ot_solvers import WassersteinFisherRao

DELTA_GRID = (0.3, 0.5, 0.8, 1.25, 2.0, 4.0)
"""Values of delta, in RMS radii: root mean square distances of all cells from their mean."""
DEFAULT_DELTA = 1.25
"""The value where no time lies between two others, so that none can be left out."""
CELLS = 500
"""Cells of a time that values are compared on."""
DRAWS = 3
"""Samples of points that each value is compared by."""
TIE_TOLERANCE = 0.01
"""Difference of the mean log distance up to which two values count as equally good."""


class WFRLengthScale(nn.Module):
    """delta (state) of a model: the one that is set, or with 0 the one that is selected when its cells are first seen.

    It is kept with the weights, so that a model reports it after it was loaded, and cells that are kept aside for
    validation are paired with it too.
    """

    length: Tensor

    def __init__(self, delta: float, epsilon: float, spec: DataSpec) -> None:
        super().__init__()
        self.value, self.epsilon, self.unit = delta, epsilon, spec.scale * spec.dim**0.5
        self.register_buffer("length", torch.tensor(delta * self.unit, dtype=torch.float64))

    def coupling(self, frames: SnapshotTensors, rng: torch.Generator) -> WassersteinFisherRao:
        """The coupling at this delta."""
        if not self.length:
            self.length.fill_(self._select(frames, rng) * self.unit)
        return WassersteinFisherRao(self.epsilon, float(self.length))

    def notes(self) -> tuple[str, ...]:
        """A sentence on the value that was selected, and nothing where it was set."""
        if self.value or not self.length:
            return ()
        return (
            f"The length scale of growth against transport, delta = {float(self.length):.3g} "
            f"({float(self.length) / self.unit:g} RMS radii), was selected among "
            f"{', '.join(f'{each:g}' for each in DELTA_GRID)} by leaving out inner times of the training cells "
            f"({DEFAULT_DELTA:g} where there are none).",
        )

    def _select(self, frames: SnapshotTensors, rng: torch.Generator) -> float:
        """All values see the same draws, which depend on the seed of `rng` alone: training that is resumed selects the
        same."""
        times = len(frames.x)
        if times < 3:
            return DEFAULT_DELTA
        solvers = [WassersteinFisherRao(self.epsilon, each * self.unit) for each in DELTA_GRID]
        errors = [mean_log_error(lambda k, each=each: geodesic_error(frames, k, each, rng), times) for each in solvers]
        return max(each for each, error in zip(DELTA_GRID, errors, strict=True) if error <= min(errors) + TIE_TOLERANCE)


def geodesic_error(frames: SnapshotTensors, k: int, solver: WassersteinFisherRao, rng: torch.Generator) -> float:
    """W1 (state) between the cells of time k and the geodesics, at that time, of the plan around them."""

    def points(plan: TransportPlan, time: float, count: int, own: torch.Generator) -> Float[Tensor, "count dim"]:
        assert plan.target_mass is not None
        s = torch.full_like(plan.weight, (time - plan.t0) / (plan.t1 - plan.t0))
        stays = torch.rand(len(s), generator=own, device=s.device) < 0.5
        at = wfr_geodesic(plan.x0, plan.x1, plan.target_mass / plan.weight, s, solver.delta, stays)
        return at.x[systematic_sample(plan.weight.double() * at.mass, count, own)]

    return held_out_error(frames, k, solver, rng, points, cells=CELLS, draws=DRAWS)
