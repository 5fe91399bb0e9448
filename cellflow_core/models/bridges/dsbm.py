"""DSBM: a Schroedinger bridge by turns, pairs from the process and the process from the pairs.

Shi, De Bortoli, Campbell & Doucet, "Diffusion Schroedinger bridge matching", NeurIPS 2023, arXiv:2303.16852. Iterative
Markovian fitting (Algorithm 1 there): join pairs of cells by Brownian bridges and learn the process that has the same
law at every time (its Markovian projection); run that process to get new pairs; begin again. The only law that both
leave as it is is the Schroedinger bridge. New pairs are drawn by turns backward from the later cells and forward from
the earlier ones, so that the errors of one end do not add up. Between several times each interval is such a bridge.

The paper has a network for either direction; here two networks, displacement and score, give both
(`paths.brownian_bridge`), since the bridges are the same. They see time and interval, since the fields of two intervals
do not meet at the measured time between them. It begins from any pairs: the nearer to the entropic plan, the
fewer rounds it needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import functional_call

from cellflow_core.config import setting
from cellflow_core.data.batch import Batch, SnapshotTensors
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.models.contract import (
    Context,
    DynamicsModel,
    HasNoise,
    HasScore,
    HasVelocity,
    Loss,
    Phase,
    TransportPlan,
    Update,
)
from cellflow_core.models.losses.bridge_matching_loss import bridge_matching_loss
from cellflow_core.models.networks.interval_mlp import IntervalMLP
from cellflow_core.models.networks.settings import MLPSettings
from cellflow_core.models.networks.time_mlp import velocity_scale
from cellflow_core.models.paths.brownian_bridge import simulate_bridge, with_bridge_noise
from cellflow_core.models.paths.path_sample import interval_fraction, straight_path
from cellflow_core.models.paths.settings import DiffusionSettings
from cellflow_core.models.transport.ot_solvers import coupling
from cellflow_core.models.transport.pair_sampler import Pairing, PairSampler

STEPS = 20
"""Steps of the process between two measured times when pairs are drawn from it."""
PAIRS = 2048
"""Pairs of each interval that are drawn in a round, at least one a cell."""


@dataclass(frozen=True)
class Settings(DiffusionSettings, MLPSettings):
    n_imf_iterations: int = setting(
        4, "how often the process is learnt, each time from new pairs but the first", 1, 100, label="IMF iterations"
    )
    coupling: Literal["exact", "independent"] = setting("exact", "first pairs: transport plan of all cells, or random")


class DSBM(DynamicsModel, HasVelocity, HasScore, HasNoise):
    title = "DSBM"
    summary = "Learns a random motion, draws new pairs of cells from it, learns again, until motion and pairs agree."
    paper = "Shi, De Bortoli, Campbell & Doucet, NeurIPS 2023, arXiv:2303.16852"
    default_training: ClassVar[Mapping[str, Any]] = {"steps": 4000}

    Config = Settings
    config: Settings

    times: Tensor

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.displacement = IntervalMLP(spec, spec.dim, config.width, config.depth, velocity_scale(spec))
        self.lift = IntervalMLP(spec, spec.dim, config.width, config.depth, velocity_scale(spec))
        self.sigma = config.sigma * spec.scale / spec.interval**0.5  # state / sqrt(time)
        self.pairing = Pairing(coupling(config.coupling))
        self.register_buffer("times", torch.tensor(spec.times, dtype=torch.float32), persistent=False)
        self.round, self.drawn_from = 0, self._weights()

    def phases(self) -> tuple[Phase, ...]:
        prepares = [self.pairing.prepare]
        prepares += [partial(self.resample_pairs, k) for k in range(1, self.config.n_imf_iterations)]
        return tuple(
            Phase(f"round {k + 1}", (Update(self.loss, self.parameters()),), prepare=prepare)
            for k, prepare in enumerate(prepares)
        )

    def resample_pairs(self, k: int, frames: SnapshotTensors, rng: torch.Generator) -> PairSampler:
        """Pairs from the process as the round before left it: odd rounds backward, even ones forward.

        The weights that they are drawn with are kept, so that training that was stopped in a round goes on with them.
        """
        if self.round != k:
            self.round, self.drawn_from = k, self._weights()
        nets = (self.displacement, self.lift)
        fields = [partial(functional_call, net, weights) for net, weights in zip(nets, self.drawn_from, strict=True)]
        made, backward = [], k % 2 == 1
        with torch.no_grad():
            for i in range(len(frames.x) - 1):
                t0, t1 = float(frames.times[i]), float(frames.times[i + 1])
                last = float(torch.nextafter(frames.times[i + 1], frames.times[i]))
                displacement, lift = (partial(_until, last, field) for field in fields)
                cells = frames.x[i + 1 if backward else i]
                start = cells.repeat(-(-PAIRS // len(cells)), 1)
                ends = simulate_bridge(
                    displacement,
                    lift,
                    start,
                    t0,
                    t1,
                    self.sigma,
                    STEPS,
                    rng,
                    backward,
                )
                share = torch.full((len(start),), 1 / len(start), device=start.device)
                made.append(TransportPlan(t0, t1, *((ends, start) if backward else (start, ends)), share))
        return PairSampler.from_plans(tuple(made))

    def loss(self, batch: Batch) -> Loss:
        at = with_bridge_noise(straight_path(self.pairing.sample(batch), batch.rng), self.sigma, batch.rng)
        return bridge_matching_loss(self.displacement, self.lift, at, self.sigma, self.spec)

    def notes(self) -> tuple[str, ...]:
        return self.pairing.notes()

    def velocity(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, "batch dim"]:
        return self.displacement(t, x) - (1 - 2 * interval_fraction(t, self.times))[:, None] * self.lift(t, x)

    def score(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, "batch dim"]:
        return 2 / self.sigma**2 * self.lift(t, x)

    def noise(self, t: Float[Tensor, " batch"]) -> Float[Tensor, " batch"]:
        return torch.full_like(t, self.sigma)

    def get_extra_state(self) -> dict[str, Any]:
        return {"round": self.round, "drawn_from": self.drawn_from}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        self.round, self.drawn_from = state["round"], state["drawn_from"]

    def _weights(self) -> list[dict[str, Tensor]]:
        """The weights of both networks as they are now."""
        nets = (self.displacement, self.lift)
        return [{name: each.detach().clone() for name, each in net.named_parameters()} for net in nets]


def _until(last: float, field: Callable[[tuple[Tensor, Tensor]], Tensor], t: Tensor, x: Tensor) -> Tensor:
    """The field at a time of an interval that ends with `last`: the end itself begins the next."""
    return field((t.clamp(max=last), x))
