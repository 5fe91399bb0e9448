"""[SF]2M: simulation-free score and flow matching, a stochastic bridge between consecutive times.

Tong et al., "Simulation-free Schroedinger bridges via score and flow matching", AISTATS 2024, arXiv:2307.03672.
Each pair is joined by a Brownian bridge of length T = t1 - t0 (equation 7 there), whose velocity and score are known:

    x_t = (1-s) x0 + s x1 + sigma sqrt(T s (1-s)) eps,    s = (t - t0) / T
    g = sigma^2/2 grad log p_t = -sigma E[eps | x_t] / (2 sqrt(T s (1-s)))
    v = E[(x1 - x0) / T | x_t] - (1 - 2s) g,              so that the drift is v + g

Two networks learn the mean displacement and g. The paper regresses v as a whole; the minimiser is the same, but its
target has no finite variance at s = 0 and 1, and v jumps at every measured time, which a smooth network rounds off.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torchcfm import SchrodingerBridgeConditionalFlowMatcher

from cellflow_core.config import Config, setting
from cellflow_core.data.frames import Batch
from cellflow_core.data.snapshots import Spec
from cellflow_core.models import pairs
from cellflow_core.models.contract import Context, DynamicsModel, HasNoise, HasScore, HasVelocity, Loss, Phase, Update
from cellflow_core.models.matching import locate
from cellflow_core.models.nets import Network, velocity_unit


@dataclass(frozen=True)
class Settings(Config):
    width: int = setting(64, "neurons in each hidden layer", 4, 4096)
    depth: int = setting(3, "hidden layers", 1, 12)
    sigma: float = setting(
        0.25, "strength of the random motion", 0.01, 10.0, "spreads of the data per square root of the mean time gap"
    )
    coupling: Literal["full", "minibatch", "product"] = setting(
        "full", "transport plan of all cells once, of each batch, or random pairs"
    )


class SF2M(DynamicsModel, HasVelocity, HasScore, HasNoise):
    title = "[SF]2M"
    summary = "Joins paired cells by random bridges and learns motion and score: cells move with noise, not on rails."
    paper = "Tong et al., AISTATS 2024, arXiv:2307.03672"

    Config = Settings
    config: Settings

    times: Tensor

    def __init__(self, config: Settings, spec: Spec) -> None:
        super().__init__(config, spec)
        self.displacement = Network(spec, spec.dim, config.width, config.depth, velocity_unit(spec))
        self.lift = Network(spec, spec.dim, config.width, config.depth, velocity_unit(spec))  # g above
        self.path = SchrodingerBridgeConditionalFlowMatcher(sigma=config.sigma * spec.scale)  # bridges of one interval
        self.sigma = config.sigma * spec.scale / spec.interval**0.5  # state / sqrt(time)
        self.register_buffer("times", torch.tensor(spec.times, dtype=torch.float32), persistent=False)

    def phases(self) -> tuple[Phase, ...]:
        prepare = partial(pairs.prepare, self.config.coupling)
        return (Phase("bridge", (Update(self.loss, self.parameters()),), prepare=prepare),)

    def loss(self, batch: Batch) -> Loss:
        pair = pairs.draw(self.config.coupling, batch)
        gap = (pair.t1 - pair.t0)[:, None]
        at = locate(self.path, pair, batch.rng, widen=(gap / self.spec.interval).sqrt())
        s = at.s[:, None]
        motion = (self.displacement(at.t, at.x) - (pair.x1 - pair.x0) / gap) / velocity_unit(self.spec)
        score = 2 * (gap * s * (1 - s)).sqrt() / self.sigma * self.lift(at.t, at.x) + at.epsilon
        terms = {"velocity": motion.square().mean(), "score": score.square().mean()}
        return Loss(terms["velocity"] + terms["score"], {name: each.detach() for name, each in terms.items()})

    def velocity(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, "batch dim"]:
        return self.displacement(t, x) - (1 - 2 * self.passed(t))[:, None] * self.lift(t, x)

    def score(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, "batch dim"]:
        return 2 / self.sigma**2 * self.lift(t, x)

    def noise(self, t: Float[Tensor, " batch"]) -> Float[Tensor, " batch"]:
        return torch.full_like(t, self.sigma)

    def passed(self, t: Float[Tensor, " batch"]) -> Float[Tensor, " batch"]:
        """Share of its interval that has passed at t, 0 to 1; outside the measured times, that of the nearest."""
        left = (torch.searchsorted(self.times, t.contiguous(), right=True) - 1).clamp(0, len(self.times) - 2)
        return ((t - self.times[left]) / (self.times[left + 1] - self.times[left])).clamp(0.0, 1.0)
