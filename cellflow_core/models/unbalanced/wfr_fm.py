"""Flow matching in Wasserstein-Fisher-Rao geometry: cells move and grow along ways of least action, without simulation.

Peng et al., "WFR-FM: simulation-free dynamic unbalanced optimal transport", ICLR 2026, arXiv:2601.06810, on the
geometry of Chizat et al. 2018, doi:10.1007/s10208-016-9331-y (math/wfr.py). Velocity and growth have a price together,

    int int 1/2 (|v|^2 + delta^2 g^2) p dx dt,

and what is cheapest is found in two steps. The static one is a plan between the cells of one time and those of the
next (optimal entropy transport, models/plans.py "wfr"), whose pairs i, j have the masses m0_ij = P_ij / (n P_i.)
at first and m1_ij = total P_ij / (m P_.j) at last. The dynamic one is known in closed form: each pair travels along its
own way x_ij(s) with mass m_ij(s). A crowd of such points solves

    d p / dt = -div(v p) + g p,    v = E_m[x' | x],    g = E_m[m' / m | x],

so that both networks are fitted to the ways, each point weighed by its mass. Pairs are drawn by sqrt(m0 m1).

Masses are relative to those of the first time where the number of cells means anything; elsewhere every time has the
mass 1, and growth is known up to one constant for each interval. `delta`, a length, tells what growth costs against the
way: cells farther apart than pi delta are never joined. It is counted in the distance of the data's cells from their
middle, root mean square, and chosen by leaving out inner times of the training cells (models/reach.py) unless it is
set; the authors set it for each data set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.config import Config, setting
from cellflow_core.data.batch import Batch, SnapshotTensors
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.math.wasserstein_fisher_rao import wfr_geodesic
from cellflow_core.models.contract import Context, DynamicsModel, HasGrowth, HasVelocity, Loss, Phase, Update
from cellflow_core.models.networks.time_mlp import TimeMLP, velocity_scale
from cellflow_core.models.transport import pair_sampler
from cellflow_core.models.transport.wfr_length_scale import WFRLengthScale


@dataclass(frozen=True)
class Settings(Config):
    width: int = setting(64, "neurons in each hidden layer", 4, 4096)
    depth: int = setting(3, "hidden layers", 1, 12)
    delta: float = setting(
        0.0,
        "how far cells travel rather than grow, never above pi times this; large: growth is even; 0: chosen by leaving "
        "out inner times of the training cells",
        0.0,
        100.0,
        "distances from the middle",
    )
    epsilon: float = setting(0.01, "blur of the pairs", 0.001, 1.0, "mean squared distances")
    sigma: float = setting(0.02, "width of the path around its way", 0.0, 10.0, "spreads of the data")


class WFRFM(DynamicsModel, HasVelocity, HasGrowth):
    title = "WFR-FM"
    summary = (
        "Pairs early with late cells so that moving and growing together cost least, and learns motion and growth."
    )
    paper = "Peng et al., ICLR 2026, arXiv:2601.06810"
    default_training: ClassVar[Mapping[str, Any]] = {"learning_rate": 5e-3}

    Config = Settings
    config: Settings

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.net = TimeMLP(spec, spec.dim, config.width, config.depth, velocity_scale(spec))
        self.rate = TimeMLP(spec, 1, config.width, config.depth, 1 / spec.interval)
        self.length_scale = WFRLengthScale(config.delta, spec)

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("flow and growth", (Update(self.loss, self.parameters()),), prepare=self.prepare),)

    def prepare(self, frames: SnapshotTensors, rng: torch.Generator) -> pair_sampler.PairSampler | None:
        """The plan of every interval."""
        return pair_sampler.prepare("wfr", frames, rng, self.length_scale.how(frames, rng, self.config.epsilon))

    def loss(self, batch: Batch) -> Loss:
        """E_m |v - x'|^2 in units of the typical speed, and E_m (g - m'/m)^2 in units of one over the mean gap."""
        joined = pair_sampler.sample("wfr", batch)
        assert joined.growth is not None
        gap = joined.t1 - joined.t0
        ratio = (joined.growth * gap).exp()
        s = torch.rand(len(gap), generator=batch.rng, device=gap.device)
        stays = torch.rand(len(gap), generator=batch.rng, device=gap.device) < 0.5
        at = wfr_geodesic(joined.x0, joined.x1, ratio, s, float(self.length_scale.length), stays)
        wide = torch.randn(at.x.shape, generator=batch.rng, device=gap.device)
        t, x = joined.t0 + s * gap, at.x + self.config.sigma * self.spec.scale * wide
        mass = 2 * at.mass / (1 + ratio)  # they were drawn by the mean of the masses at both ends, 1 and ratio
        off = (self.net(t, x) - at.velocity / gap[:, None]) / velocity_scale(self.spec)
        motion = (mass * off.square().mean(dim=1)).mean()
        change = (mass * ((self.rate(t, x)[:, 0] - at.growth / gap) * self.spec.interval).square()).mean()
        return Loss(motion + change, {"velocity": motion.detach(), "growth": change.detach()})

    def notes(self) -> tuple[str, ...]:
        return self.length_scale.notes()

    def velocity(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, "batch dim"]:
        return self.net(t, x)

    def growth(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, " batch"]:
        return self.rate(t, x)[:, 0]
