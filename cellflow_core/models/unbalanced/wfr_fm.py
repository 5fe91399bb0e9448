"""Flow matching in Wasserstein-Fisher-Rao geometry: cells move and grow along geodesics, without simulation.

Peng et al., "WFR-FM: simulation-free dynamic unbalanced optimal transport", ICLR 2026, arXiv:2601.06810, on the
geometry of Chizat et al. 2018, doi:10.1007/s10208-016-9331-y (math/wasserstein_fisher_rao.py). Velocity and growth
minimise the action

    int int 1/2 (|v|^2 + delta^2 g^2) p dx dt

in two steps. The static one is a plan between the cells of one time and those of the next (optimal entropy transport,
transport/ot_solvers.py), whose pairs i, j have the masses m0_ij = P_ij / (n P_i.) at first and m1_ij = total P_ij /
(m P_.j) at last. The dynamic one is known in closed form: each pair moves along its geodesic x_ij(s) with mass m_ij(s).
A population of such points solves

    d p / dt = -div(v p) + g p,    v = E_m[x' | x],    g = E_m[m' / m | x],

so that both networks are fitted to the geodesics, each point weighted by its mass. Pairs are sampled by the mean of m0
and m1.

Masses are relative to those of the first time where the number of cells is that of the population; elsewhere every time
has the mass 1, and growth is known up to one constant for each interval. The length scale `delta` is the cost of growth
against transport: cells farther apart than pi delta are never paired. It is in RMS radii (root mean square distance of
all cells from their mean), and selected by leaving out inner times of the training cells
(transport/wfr_length_scale.py) unless it is set; the authors set it for each data set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.config import setting, with_default
from cellflow_core.data.batch import Batch
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.math.wasserstein_fisher_rao import wfr_geodesic
from cellflow_core.models.contract import Context, DynamicsModel, HasGrowth, HasVelocity, Loss, Phase, Update
from cellflow_core.models.losses.flow_matching_loss import flow_matching_loss
from cellflow_core.models.networks.settings import MLPSettings
from cellflow_core.models.networks.time_mlp import TimeMLP, velocity_scale
from cellflow_core.models.paths.path_sample import at_fraction
from cellflow_core.models.paths.settings import PathNoiseSettings
from cellflow_core.models.transport.pair_sampler import Pairing
from cellflow_core.models.transport.settings import COST_UNIT
from cellflow_core.models.transport.wfr_length_scale import WFRLengthScale


@dataclass(frozen=True)
class Settings(PathNoiseSettings, MLPSettings):
    sigma: float = with_default(PathNoiseSettings, "sigma", 0.02)
    delta: float = setting(
        0.0,
        "length scale delta of growth against transport: cells farther apart than pi delta are not paired; large: "
        "uniform growth; 0: selected by leaving out inner times of the training cells",
        0.0,
        100.0,
        "RMS radii",
    )
    epsilon: float = setting(0.01, "entropic regularisation epsilon of the plan", 0.001, 1.0, COST_UNIT)


class WFRFM(DynamicsModel, HasVelocity, HasGrowth):
    title = "WFR-FM"
    summary = "Pairs cells by the least joint cost of moving and growing, and learns velocity and growth."
    paper = "Peng et al., ICLR 2026, arXiv:2601.06810"
    default_training: ClassVar[Mapping[str, Any]] = {"learning_rate": 5e-3}

    Config = Settings
    config: Settings

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.net = TimeMLP(spec, spec.dim, config.width, config.depth, velocity_scale(spec))
        self.rate = TimeMLP(spec, 1, config.width, config.depth, 1 / spec.interval)
        self.length_scale = WFRLengthScale(config.delta, config.epsilon, spec)
        self.pairing = Pairing(self.length_scale.coupling)

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("flow and growth", (Update(self.loss, self.parameters()),), prepare=self.pairing.prepare),)

    def loss(self, batch: Batch) -> Loss:
        """E_m |v - x'|^2 in units of the velocity scale, and E_m (g - m'/m)^2 in units of 1 / mean interval."""
        pair = self.pairing.sample(batch)
        assert pair.growth is not None
        interval = pair.t1 - pair.t0
        ratio = (pair.growth * interval).exp()
        s = torch.rand(len(interval), generator=batch.rng, device=interval.device)
        stays = torch.rand(len(interval), generator=batch.rng, device=interval.device) < 0.5
        point = wfr_geodesic(pair.x0, pair.x1, ratio, s, float(self.length_scale.length), stays)
        mass = 2 * point.mass / (1 + ratio)  # pairs are sampled by the mean of the masses at both ends, 1 and ratio
        on_path = replace(at_fraction(pair, s, point.x, point.velocity), growth=point.growth / interval, mass=mass)
        at = on_path.with_noise(self.config.sigma * self.spec.scale, batch.rng)
        return flow_matching_loss(self.net, at, self.spec, self.rate)

    def notes(self) -> tuple[str, ...]:
        return (*self.length_scale.notes(), *self.pairing.notes())

    def velocity(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, "batch dim"]:
        return self.net(t, x)

    def growth(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, " batch"]:
        return self.rate(t, x)[:, 0]
