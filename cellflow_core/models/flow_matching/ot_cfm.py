"""Conditional flow matching on pairs of optimal transport.

Tong et al., "Improving and generalizing flow-based generative models with minibatch optimal transport", TMLR 2024,
arXiv:2302.00482, section 3.2.4. Paths and targets are torchcfm's; the pairs come from one exact plan of all cells, or
of random parts of a thousand where there are more, which is cheaper than a plan of each batch and nearer to the
optimum (arXiv:2302.00482 solves it batch by batch). The other couplings are those of models/plans.py; random pairs are
`i-cfm`, entropic ones with bridges `sb-cfm`, and pairs that grow `uot-cfm`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal

from jaxtyping import Float
from torch import Tensor
from torchcfm import ConditionalFlowMatcher

from cellflow_core.config import Config, setting
from cellflow_core.data.batch import Batch
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.models.contract import Context, DynamicsModel, HasVelocity, Loss, Phase, Update
from cellflow_core.models.losses.flow_matching_loss import flow_matching_loss
from cellflow_core.models.networks.time_mlp import TimeMLP, velocity_scale
from cellflow_core.models.transport import pair_sampler


@dataclass(frozen=True)
class Settings(Config):
    width: int = setting(64, "neurons in each hidden layer", 4, 4096)
    depth: int = setting(3, "hidden layers", 1, 12)
    sigma: float = setting(0.1, "width of the path around the straight line", 0.0, 10.0, "spreads of the data")
    coupling: Literal["blockwise", "exact", "minibatch", "sinkhorn", "partial", "geodesic"] = setting(
        "blockwise",
        "exact plan of parts of 1,024 cells, of all cells at once (full), or of each batch; spread around the best "
        "(sinkhorn), of likely pairs only (partial), or by ways through the cells (geodesic)",
    )
    epsilon: float = setting(0.05, "sinkhorn: blur of the pairs", 0.005, 10.0, "mean squared distances")
    transported_mass: float = setting(0.9, "partial: share of the cells that are paired", 0.05, 1.0)


class OTCFM(DynamicsModel, HasVelocity):
    title = "OT-CFM"
    summary = "Pairs early with late cells so that the total way is shortest, then learns the motion along those ways."
    paper = "Tong et al., TMLR 2024, arXiv:2302.00482"

    Config = Settings
    config: Settings

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.net = TimeMLP(spec, spec.dim, config.width, config.depth, velocity_scale(spec))
        self.path = ConditionalFlowMatcher(sigma=config.sigma * spec.scale)

    def phases(self) -> tuple[Phase, ...]:
        how = pair_sampler.OTConfig(epsilon=self.config.epsilon, transported_mass=self.config.transported_mass)
        prepare = partial(pair_sampler.prepare, self.config.coupling, how=how)
        return (Phase("flow", (Update(self.loss, self.net.parameters()),), prepare=prepare),)

    def loss(self, batch: Batch) -> Loss:
        return flow_matching_loss(
            self.net, self.path, pair_sampler.sample(self.config.coupling, batch), batch, self.spec
        )

    def velocity(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, "batch dim"]:
        return self.net(t, x)
