"""Action Matching: a scalar whose gradient moves the cells, so that the landscape is learnt, not drawn afterwards.

Neklyudov et al., "Action matching: learning stochastic dynamics from samples", ICML 2023, arXiv:2210.06662. The scalar
s(t, x), with v = grad s, minimises the action (equation 5 there)

    E s(t0, x0) - E s(t1, x1) + integral E [|grad s|^2 / 2 + ds/dt] dt

over every interval. Cells between the measured times come from straight paths between paired cells, as in section 4
there. Along a path x_t, s(t1, x1) - s(t0, x0) = integral [ds/dt + dx_t/dt . grad s] dt, so that the action equals
integral E |grad s - dx_t/dt|^2 / 2 dt up to a constant: the "paths" estimator, the same in the mean and with far less
variance than "boundaries", the formula as it stands. s is known up to a function of time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal

from jaxtyping import Float
from torch import Tensor
from torchcfm import ConditionalFlowMatcher

from cellflow_core.config import Config, setting
from cellflow_core.data.frames import Batch
from cellflow_core.data.snapshots import Spec
from cellflow_core.models import pairs
from cellflow_core.models.contract import Context, DynamicsModel, HasPotential, HasVelocity, Loss, Phase, Update
from cellflow_core.models.matching import locate
from cellflow_core.models.nets import Network, potential_unit, velocity_unit


@dataclass(frozen=True)
class Settings(Config):
    width: int = setting(64, "neurons in each hidden layer", 4, 4096)
    depth: int = setting(3, "hidden layers", 1, 12)
    sigma: float = setting(0.1, "width of the path around the straight line", 0.0, 10.0, "spreads of the data")
    coupling: Literal["full", "minibatch", "product"] = setting(
        "full", "transport plan of all cells once, of each batch, or random pairs"
    )
    estimator: Literal["paths", "boundaries"] = setting(
        "paths", "how the action is estimated: along the paths (less noise), or as printed in the paper"
    )


class ActionMatching(DynamicsModel, HasVelocity, HasPotential):
    title = "Action Matching"
    summary = "Learns a landscape that changes with time; every cell rolls down its slope."
    paper = "Neklyudov et al., ICML 2023, arXiv:2210.06662"
    recommended: ClassVar[Mapping[str, Any]] = {"steps": 3000}

    Config = Settings
    config: Settings

    def __init__(self, config: Settings, spec: Spec) -> None:
        super().__init__(config, spec)
        self.net = Network(spec, 1, config.width, config.depth, potential_unit(spec))  # s = -U
        self.path = ConditionalFlowMatcher(sigma=config.sigma * spec.scale)

    def phases(self) -> tuple[Phase, ...]:
        prepare = partial(pairs.prepare, self.config.coupling)
        return (Phase("action", (Update(self.loss, self.net.parameters()),), prepare=prepare),)

    def loss(self, batch: Batch) -> Loss:
        """Twice the action per time and axis, in squared typical speeds; "paths" adds the mean squared path speed."""
        pair = pairs.draw(self.config.coupling, batch)
        at = locate(self.path, pair, batch.rng)
        gap, unit = (pair.t1 - pair.t0)[:, None], velocity_unit(self.spec)
        change, slope = self.net.gradient(at.t, at.x)
        if self.config.estimator == "paths":
            total = ((slope - (pair.x1 - pair.x0) / gap) / unit).square().mean()
            return Loss(total, {"action": total.detach()})
        beside = self.path.sigma * at.epsilon
        ends = self.net(pair.t0, pair.x0 + beside) - self.net(pair.t1, pair.x1 + beside)
        factor = 2 / (self.spec.dim * unit**2)
        boundary = factor * (ends / gap).mean()
        inside = factor * (slope.square().sum(dim=1) / 2 + change).mean()
        return Loss(boundary + inside, {"boundary": boundary.detach(), "inside": inside.detach()})

    def velocity(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, "batch dim"]:
        return self.net.gradient(t, x)[1]

    def potential(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, " batch"]:
        return -self.net(t, x)[:, 0]
