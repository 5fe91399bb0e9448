"""How far cells travel rather than grow, chosen by leaving out inner times of the cells that are trained on.

The length delta of Wasserstein-Fisher-Rao geometry (math/wfr.py) cannot be read from two clouds: it decides what grew
in place and what came from elsewhere. It decides, too, where cells are half-way, and that can be checked. Each time
that lies between two others is left out of the plan "wfr" of models/plans.py, points travel from the time before
to the time after on their ways of least action, and the delta whose points come nearest to the measured cells is taken,
by the mean log of exact W1 over all such times. Those that do nearly as well count as equal: the largest is taken, as
the data then ask for no uneven growth. Gaps are twice as wide here as in training. Times that are independent samples
differ by chance, too, which a few hundred cells do not average out.

Nested selection (Stone 1974, J. R. Stat. Soc. B 36:111): a time that is held out of training takes no part in it.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.math.ot import wasserstein
from cellflow_core.math.wasserstein_fisher_rao import wfr_geodesic
from cellflow_core.models.transport.transport_plans import OTConfig, plans

DELTA_GRID = (0.3, 0.5, 0.8, 1.25, 2.0, 4.0)
"""Values of delta, in root mean square distances of the data's cells from their middle."""
UNSURE = 1.25
"""The value where no time lies between two others, so that none can be left out."""
CELLS = 500
"""Cells of a time that values are compared on."""
DRAWS = 3
"""Draws of points that each value is compared by."""
ALIKE = 0.01
"""Difference of the mean log distance up to which two values do as well as each other."""


class WFRLengthScale(nn.Module):
    """delta (state) of a model: the one that is set, or with 0 the one that is chosen when its cells are first seen.

    It is kept with the weights, so that a model tells it after it was read back, and cells that are kept aside for
    validation are paired by it too.
    """

    length: Tensor

    def __init__(self, wish: float, spec: DataSpec) -> None:
        super().__init__()
        self.wish, self.unit = wish, spec.scale * spec.dim**0.5
        self.register_buffer("length", torch.tensor(wish * self.unit, dtype=torch.float64))

    def how(self, frames: SnapshotTensors, rng: torch.Generator, epsilon: float) -> OTConfig:
        """What plans are told, with the blur `epsilon` in mean squared distances."""
        if not self.length:
            self.length.fill_(self._chosen(frames, rng, epsilon) * self.unit)
        return OTConfig(epsilon=epsilon, delta=float(self.length))

    def notes(self) -> tuple[str, ...]:
        """A sentence that tells what was chosen, and nothing where it was set."""
        if self.wish or not self.length:
            return ()
        return (
            f"How far cells travel rather than grow, delta = {float(self.length):.3g} "
            f"({float(self.length) / self.unit:g} distances from the middle), was chosen among "
            f"{', '.join(f'{each:g}' for each in DELTA_GRID)} by leaving out inner times of the training cells "
            f"({UNSURE:g} where there are none).",
        )

    def _chosen(self, frames: SnapshotTensors, rng: torch.Generator, epsilon: float) -> float:
        """All values see the same draws, which hang on the seed of `rng` alone: training that goes on after an
        interruption finds the same."""
        inner = range(1, len(frames.x) - 1)
        if not inner:
            return UNSURE
        asked = [OTConfig(epsilon=epsilon, delta=each * self.unit) for each in DELTA_GRID]
        found = [sum(math.log(held_out_error(frames, k, how, rng)) for k in inner) / len(inner) for how in asked]
        return max(each for each, off in zip(DELTA_GRID, found, strict=True) if off <= min(found) + ALIKE)


def held_out_error(frames: SnapshotTensors, k: int, how: OTConfig, rng: torch.Generator) -> float:
    """W1 (state) of the cells of time k from where the ways around them, under `how`, have their mass at that time."""
    draws = torch.Generator(rng.device).manual_seed(rng.initial_seed() + k)
    before, cells, after = (_some(each, draws) for each in frames.x[k - 1 : k + 2])
    around = [k - 1, k + 1]
    mass = None if frames.mass is None else frames.mass[around]
    (plan,) = plans("wfr", SnapshotTensors((before, after), frames.times[around], frames.spec, mass=mass), draws, how)
    assert plan.target_mass is not None
    s = torch.full_like(plan.weight, float((frames.times[k] - plan.t0) / (plan.t1 - plan.t0)))
    off = []
    for _ in range(DRAWS):
        stays = torch.rand(len(s), generator=draws, device=s.device) < 0.5
        at = wfr_geodesic(plan.x0, plan.x1, plan.target_mass / plan.weight, s, how.delta, stays)
        upto = (plan.weight.double() * at.mass).cumsum(0)
        steps = torch.arange(CELLS, device=upto.device) + torch.rand(1, generator=draws, device=upto.device)
        picked = torch.searchsorted(upto, steps * (upto[-1] / CELLS)).clamp_(max=len(upto) - 1)
        off.append(wasserstein(at.x[picked].cpu().numpy(), cells.cpu().numpy()))
    return sum(off) / DRAWS


def _some(x: Tensor, rng: torch.Generator) -> Tensor:
    return x[torch.randperm(len(x), generator=rng, device=x.device)[:CELLS]]
