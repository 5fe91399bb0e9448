"""Conditional flow matching on pairs of optimal transport.

Tong et al., "Improving and generalizing flow-based generative models with minibatch optimal transport", TMLR 2024,
arXiv:2302.00482, section 3.2.4. Paths and targets are torchcfm's; the pairs come from one exact plan of all cells, or
of random blocks of a thousand where there are more, which is cheaper than a plan of each batch and nearer to the
optimum (arXiv:2302.00482 solves it batch by batch). The other couplings are those of transport/ot_solvers.py;
independent pairs are `i-cfm`, entropic ones with bridges `sb-cfm`, and unbalanced ones `uot-cfm`. With
`velocity_weight`, which is ours, the velocity is kept near the RNA velocity of the measured cells as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from jaxtyping import Float
from torch import Tensor
from torchcfm import ConditionalFlowMatcher

from cellflow_core.config import setting
from cellflow_core.data.batch import Batch
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.models.contract import Context, DynamicsModel, HasVelocity, Loss, Phase, Update
from cellflow_core.models.losses.flow_matching_loss import flow_matching_loss
from cellflow_core.models.losses.rna_velocity_loss import RNAVelocitySettings, required_data, with_rna_velocity
from cellflow_core.models.networks.settings import MLPSettings
from cellflow_core.models.networks.time_mlp import TimeMLP, velocity_scale
from cellflow_core.models.paths.path_sample import sample_path
from cellflow_core.models.paths.settings import PathNoiseSettings
from cellflow_core.models.transport.ot_solvers import Entropic, Partial, coupling
from cellflow_core.models.transport.pair_sampler import Pairing
from cellflow_core.models.transport.settings import COST_UNIT


@dataclass(frozen=True)
class Settings(RNAVelocitySettings, PathNoiseSettings, MLPSettings):
    coupling: Literal["blockwise", "exact", "minibatch", "sinkhorn", "partial", "geodesic"] = setting(
        "blockwise",
        "optimal transport: exact in blocks of 1,024 cells, exact over all cells or in each batch; entropic "
        "(sinkhorn); of a fraction of the mass (partial); or with the squared distance along the cells as cost",
    )
    epsilon: float = setting(0.05, "sinkhorn: entropic regularisation epsilon", 0.005, 10.0, COST_UNIT)
    transported_mass: float = setting(0.9, "partial: fraction of the mass that is transported", 0.05, 1.0)


class OTCFM(DynamicsModel, HasVelocity):
    title = "OT-CFM"
    summary = "Pairs cells of consecutive times by optimal transport, then learns the mean motion along straight paths."
    paper = "Tong et al., TMLR 2024, arXiv:2302.00482"

    Config = Settings
    config: Settings

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.net = TimeMLP(spec, spec.dim, config.width, config.depth, velocity_scale(spec))
        self.path = ConditionalFlowMatcher(sigma=config.sigma * spec.scale)
        self.pairing = Pairing(coupling(config.coupling, Entropic(config.epsilon), Partial(config.transported_mass)))

    @classmethod
    def required_data(cls, config: Settings) -> frozenset[DataRequirement]:
        return required_data(cls.needs, config)

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("flow", (Update(self.loss, self.net.parameters()),), prepare=self.pairing.prepare),)

    def loss(self, batch: Batch) -> Loss:
        at = sample_path(self.path, self.pairing.sample(batch), batch.rng)
        loss = flow_matching_loss(self.net, at, self.spec)
        return with_rna_velocity(loss, self.net, batch, self.spec, self.config.velocity_weight)

    def notes(self) -> tuple[str, ...]:
        return self.pairing.notes()

    def velocity(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, "batch dim"]:
        return self.net(t, x)
