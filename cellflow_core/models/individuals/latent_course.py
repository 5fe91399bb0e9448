"""A course of each individual from a latent beginning: what latent ODEs with doses have in common.

z_0 ~ N(0, I) of each individual, z moves by a network, doses D move it at once along a direction w, infusions steadily,
and a head reads the variables from it:

    dz/dt = f(z) + w r,    z <- z + w D,    x = head(z)

    loss = -E_q log p(x | z_0) + KL(q(z_0 | x) || N(0, I)) + KL(q(z_0 | x) || q(z_0 | x up to a random time))

(Rubanova, Chen & Duvenaud 2019, eq. 8; the last term, in which the first q stands still, teaches the encoder to read
histories). Courses start from draws of the posterior of z_0, around its mode, which is searched from the encoder's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cellflow_core.config import Config, setting
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.data.trajectory_batch import TrajectoryBatch, TrajectoryTensors
from cellflow_core.models.contract import DynamicsModel, HasCourses, Loss, Phase, Update
from cellflow_core.models.individuals.blocks import in_blocks
from cellflow_core.models.individuals.history import HistoryEncoder, Scales, divergence, rows
from cellflow_core.models.individuals.measurement import Measurement
from cellflow_core.models.individuals.random_effects import posterior_draws
from cellflow_core.models.individuals.schedule import Schedule, first_event, integrate, schedule
from cellflow_core.models.networks.gaussian_encoder import Posterior
from cellflow_core.models.networks.mlp import MLP

LEAST_DRAWS = 200


@dataclass(frozen=True)
class LatentSettings(Config):
    latent: int = setting(6, "dimensions of the latent state", 1, 64, label="Latent dimensions")
    width: int = setting(32, "neurons in each hidden layer", 4, 1024)
    depth: int = setting(2, "hidden layers", 1, 8)
    hidden: int = setting(32, "units of the recurrent network that reads a history", 4, 1024, label="Encoder units")
    divergence_weight: float = setting(
        1.0, "weight of the divergence of individuals from the population", 0.0, 100.0, label="Weight of the divergence"
    )


class LatentCourse(DynamicsModel, HasCourses):
    """Draws and individuals are in one dimension here. A model may have another `encode`, and another `initial`,
    `field`, `jump` and `read`.

    flows  whether the encoder's hidden state moves by an ODE between measurements
    """

    needs = frozenset({DataRequirement.SUBJECTS, DataRequirement.TIMES})
    trains_on = "trajectories"
    counts_intervals = False
    default_training: ClassVar[Mapping[str, Any]] = {
        "steps": 800,
        "batch_size": 32,
        "learning_rate": 5e-3,
        "weight_decay": 1e-3,
        "validation_fraction": 0.0,
        "ema_decay": 0.98,
    }
    flows: ClassVar[bool] = False
    config: LatentSettings

    def __init__(self, config: LatentSettings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.measurement, self.scales = Measurement(spec), Scales()
        self.encoder = self.make_encoder()
        self.make_decoder()

    def make_encoder(self) -> nn.Module:
        return HistoryEncoder(self.spec.dim, self.config.hidden, self.config.latent, self.flows)

    def make_decoder(self) -> None:
        use = self.config
        self.net = MLP(use.latent, use.latent, use.width, use.depth)
        self.head = MLP(use.latent, self.spec.dim, use.width, 1)
        self.direction = nn.Parameter(torch.randn(use.latent) / use.latent**0.5)

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("latent courses", (Update(self.loss, self.parameters()),), prepare=self.learn),)

    def learn(self, frames: TrajectoryTensors, rng: torch.Generator) -> None:
        """Scales of the training individuals. Raises ValueError where there are doses of several treatments."""
        kinds = frames.doses.treatment[frames.doses.amount != 0].unique()
        if len(kinds) > 1:
            raise ValueError(f"{self.title} describes one treatment, and doses of {len(kinds)} were given")
        if self.measurement.learn(frames):
            self.scales.learn(frames)

    def loss(self, batch: TrajectoryBatch) -> Loss:
        return self.bound(batch, self.encode(batch))

    def bound(self, batch: TrajectoryBatch, whole: Posterior) -> Loss:
        """The loss above; `whole`: q(z_0 | x)."""
        f = self.decode(whole.sample(batch.rng), schedule(batch.t, batch.doses))
        likelihood = self.measurement.log_likelihood(f, batch.x, batch.observed, batch.censored).sum(dim=(1, 2))
        row = torch.randint(batch.t.shape[1], (len(batch.t), 1), generator=batch.rng, device=batch.t.device)
        early = self.encode(batch.until(batch.t.gather(1, row)[:, 0]))
        prior, history = (
            whole.divergence(),
            divergence(Posterior(whole.mean.detach(), whole.log_variance.detach()), early),
        )
        total = (self.config.divergence_weight * prior - likelihood + history).mean()
        terms = {"likelihood": -likelihood.mean(), "population": prior.mean(), "history": history.mean()}
        return Loss(total, {name: each.detach() for name, each in terms.items()})

    def encode(self, batch: TrajectoryBatch) -> Posterior:
        """q(z_0 | history) of each individual."""
        return self.encoder(batch, rows(batch, self.measurement, self.scales), self.spec.interval)

    def decode(self, u: Float[Tensor, "batch latent"], plan: Schedule) -> Float[Tensor, "batch rows variables"]:
        """The variables at the times of the plan, for a beginning u of each individual (own units)."""
        unit, dose = self.spec.interval, self.scales.dose

        def field(t: Tensor, z: Tensor, rate: Tensor) -> Tensor:
            return self.field(z, u) / unit + self.jump(z, rate / dose) - z

        z = integrate(field, self.initial(u), plan, unit, lambda z, amount: self.jump(z, amount / dose))
        return self.measurement.variables(self.read(z, u[:, None].expand(-1, z.shape[1], -1)))

    def initial(self, u: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch state"]:
        """The state before the first dose."""
        return u

    def field(self, z: Float[Tensor, "batch state"], u: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch state"]:
        """dz/ds, s in mean intervals between measurements."""
        return self.net(z)

    def jump(self, z: Float[Tensor, "batch state"], amount: Float[Tensor, "batch 1"]) -> Float[Tensor, "batch state"]:
        """The state after a dose, in mean doses."""
        return z + self.direction * amount

    def read(self, z: Float[Tensor, "batch rows state"], u: Float[Tensor, "batch rows latent"]) -> Tensor:
        """Variables, before `Measurement.variables`."""
        return self.head(z)

    @torch.no_grad()
    def courses(
        self, subjects: TrajectoryBatch, times: Float[Tensor, " times"], draws: int, rng: torch.Generator
    ) -> Float[Tensor, "draws subjects times variables"]:
        count = max(LEAST_DRAWS, draws)

        def drawn(block: TrajectoryBatch) -> Tensor:
            begin = first_event(block.t[:, :1], block.doses)  # whatever times are asked for
            known, later = (schedule(t, block.doses, begin) for t in (block.t, times.expand(len(block.t), -1)))

            def curves(u: Tensor) -> Tensor:
                return self._folded(u, known)

            found = posterior_draws(
                curves, self.measurement, block, self.config.latent, count, rng, self.encode(block).mean
            )
            return self._folded(found.resampled(draws, rng), later)

        return in_blocks(drawn, subjects, 4 * count * (subjects.t.shape[1] + len(times)))

    def _folded(self, u: Float[Tensor, "draws batch latent"], plan: Schedule) -> Tensor:
        """`decode` of many draws, those of all individuals together."""
        return self.decode(u.flatten(0, 1), plan.repeat(len(u))).unflatten(0, u.shape[:2])

    def measured(
        self, courses: Float[Tensor, "draws subjects times variables"], rng: torch.Generator
    ) -> Float[Tensor, "draws subjects times variables"]:
        return self.measurement.measured(courses, rng)
