"""A population of people in whom a drug is distributed over one or two compartments: a nonlinear mixed model.

Sheiner, Rosenberg & Marathe 1977, J. Pharmacokinet. Biopharm. 5:445 (populations); Kuhn & Lavielle 2005, Comput. Stat.
Data Anal. 49:1020 (fit by draws of the individuals). Each parameter of an individual is log-normal,

    log p_i = theta + c_i + eta_i,    eta_i ~ N(0, diag(omega^2)),    c_i: clearances (w/70)^0.75, volumes w/70

and its concentration is the closed form of `individuals.compartments`, absorbed at a constant rate after a lag or in
transit (gamma-distributed times: Savic, Jonker, Kerbusch & Karlsson 2007, J. Pharmacokinet. Pharmacodyn. 34:711); other
variables respond to it indirectly (`individuals.turnover`). The gradient of the likelihood is the mean
of that of log p(y, eta) over draws of the individuals (Fisher's identity; importance sampling, `random_effects`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cellflow_core.config import Config, setting
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.data.trajectory_batch import DoseTensors, TrajectoryBatch, TrajectoryTensors
from cellflow_core.models.contract import DynamicsModel, HasCourses, HasIndividualParameters, Loss, Phase, Update
from cellflow_core.models.individuals import turnover
from cellflow_core.models.individuals.blocks import in_blocks
from cellflow_core.models.individuals.compartments import ONE, TWO, allometric, concentration, first_guess, modes
from cellflow_core.models.individuals.measurement import Measurement
from cellflow_core.models.individuals.random_effects import Draws, posterior_draws
from cellflow_core.models.networks.later_buffers import register_later_buffer

ABSORBED = ("ka", "lag", "MAT", "shape")
SMALL_ERROR = 0.01
"""Additive error where the residual error is proportional (scale of the variable)."""
TRAINING_DRAWS = 24
LEAST_DRAWS = 300
FEWEST = 5
"""People from whom on how much they differ is learnt with a finite variance (`courses`)."""


@dataclass(frozen=True)
class Settings(Config):
    compartments: Literal["one", "two"] = setting("one", "number of compartments")
    route: Literal["auto", "oral", "intravenous"] = setting(
        "auto",
        "how doses that are given at once enter: absorbed first, or into the blood; auto: what fits all individuals "
        "better, intravenous where there are infusions",
        label="Route of administration",
    )
    concentration: str = setting("", "variable that is the concentration; empty: the first", label="Concentration")
    weight: str = setting(
        "",
        "covariate that is the body weight in kg, which clearances and volumes grow with; empty: none",
        label="Body weight",
    )
    response: Literal["turnover", "sigmoid", "level"] = setting(
        "turnover",
        "the other variables respond to the concentration late, which changes how fast they are made (indirect "
        "response), with a Hill coefficient where sigmoid, or have a level of each individual, whatever the drug",
        choice_labels={"turnover": "indirect response", "level": "none: a level of each"},
        label="Response to the drug",
    )
    lag: bool = setting(True, "absorption begins a lag time after each dose, unless in transit", label="Absorption lag")
    absorption: Literal["rate", "transit"] = setting(
        "rate",
        "doses that are swallowed are absorbed at a constant rate, or after times with a gamma distribution, as after "
        "a chain of compartments",
        choice_labels={"rate": "constant rate", "transit": "transit (gamma distribution)"},
        label="Absorption",
    )
    residual: Literal["combined", "proportional"] = setting(
        "combined",
        "additive and proportional, both learnt, or proportional, with an additive part of 1 % of the scale of the "
        "variable: small values are then followed as closely, relatively, as large ones",
        label="Residual error",
    )


class PopulationPK(DynamicsModel, HasCourses, HasIndividualParameters):
    title = "Population PK/PD (mixed effects)"
    summary = (
        "One or two compartments and an indirect response, with parameters that differ between people; a history "
        "narrows them down."
    )
    paper = "Sheiner, Rosenberg & Marathe 1977; Kuhn & Lavielle 2005, doi:10.1016/j.csda.2004.07.002"
    needs = frozenset({DataRequirement.SUBJECTS, DataRequirement.TIMES, DataRequirement.DOSE})
    trains_on = "trajectories"
    counts_intervals = False
    default_training: ClassVar[Mapping[str, Any]] = {
        "steps": 300,
        "batch_size": 32,
        "learning_rate": 0.05,
        "weight_decay": 0.0,
        "ema_decay": 0.95,
        "validation_fraction": 0.0,
    }
    Config = Settings
    config: Settings
    swallowed: Tensor
    widening: Tensor

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        if config.concentration and config.concentration not in spec.genes:
            raise ValueError(f"there is no variable {config.concentration!r}: there are {', '.join(spec.genes)}")
        self.drug = spec.genes.index(config.concentration) if config.concentration else 0
        self.transit = config.absorption == "transit"
        self.lagged = config.lag and not self.transit
        names = (*(ONE if config.compartments == "one" else TWO), *("shape",) * self.transit, *("lag",) * self.lagged)
        self.names = tuple("MAT" if each == "ka" and self.transit else each for each in names)
        self.others = [k for k in range(spec.dim) if k != self.drug]
        self.responds = {"turnover": turnover.TURNOVER, "sigmoid": turnover.SIGMOID, "level": ()}[config.response]
        self.each = 1 + len(self.responds)
        self.effects = len(self.names) + self.each * len(self.others)
        self.theta = nn.Parameter(torch.zeros(self.effects))
        self.log_omega = nn.Parameter(torch.full((self.effects,), -1.0))
        self.measurement = Measurement(spec)
        if config.residual == "proportional":
            self.measurement.fix_additive(SMALL_ERROR)
        self.register_buffer("swallowed", torch.tensor(True))
        register_later_buffer(self, "widening", torch.tensor(1.0))

    def phases(self) -> tuple[Phase, ...]:
        learnt = [each for each in self.parameters() if each.requires_grad]
        return (Phase("mixed effects", (Update(self.loss, learnt),), prepare=self.learn),)

    def learn(self, frames: TrajectoryTensors, rng: torch.Generator) -> None:
        """First values from all individuals as one. Raises ValueError where there are doses of several drugs."""
        given = frames.doses.treatment[frames.doses.amount != 0]
        if len(given.unique()) > 1:
            raise ValueError(f"{self.title} describes one drug, and doses of {len(given.unique())} were given")
        if self.config.weight and f"covariate {self.config.weight}" not in frames.known:
            raise ValueError(f"there is no covariate {self.config.weight!r} of the individuals")
        if not self.measurement.learn(frames):
            return
        guess, swallowed = first_guess(
            frames.t, frames.x[..., self.drug], frames.observed[..., self.drug], frames.doses, self.config.route
        )
        self.swallowed.fill_(swallowed)
        people = max(len(frames.t), FEWEST)
        self.widening.fill_(((people + 1) / (people - 3)) ** 0.5)
        first = {"Q": guess[0] - 0.7, "V2": guess[1], "lag": -guess[2] - 1.5}
        first |= {"CL": guess[0], "V": guess[1], "ka": guess[2], "MAT": 0.4 - guess[2], "shape": 0.4 + 0 * guess[2]}
        with torch.no_grad():
            self.theta.zero_()
            self.theta[: len(self.names)] = torch.stack([first[each] for each in self.names])
            if self.responds:
                self._first_responses(frames)

    def _first_responses(self, frames: TrajectoryTensors) -> None:
        """First values of the turnover of each other variable, from the concentration of the typical person."""
        for number, k in enumerate(self.others):
            held = turnover.grid(frames.t, frames.doses, lambda at: self._level(self.theta, at, frames.doses))
            found, level = turnover.first_guess(frames.t, frames.x[..., k], frames.observed[..., k], held)
            begin = len(self.names) + number * self.each
            center = self.measurement.center[k]
            if self.measurement.positive[k] and center > 0:
                self.theta[begin] = (level / center).clamp(min=1e-3).log()
            self.theta[begin + 1 : begin + 1 + len(found)] = found  # h begins at 1

    def loss(self, batch: TrajectoryBatch) -> Loss:
        """Minus log p(y, eta) per individual, mean over weighted draws of eta."""
        shift, omega = self._shift(batch), self.log_omega.exp()
        drawn = self._posterior(batch, omega.detach(), TRAINING_DRAWS, batch.rng)
        with torch.no_grad():
            parameters = self.theta + shift + omega * drawn.u
            f = self._curves(batch, batch.t, parameters, batch.observed[..., self.drug])
        error = self.measurement.log_likelihood(f, batch.x, batch.observed, batch.censored).sum(dim=(2, 3))
        eta = (parameters - self.theta - shift) / omega
        between = 0.5 * eta.square().sum(dim=2) + self.log_omega.sum()
        residual = -(drawn.weight * error).sum(dim=0).mean()
        effects = (drawn.weight * between).sum(dim=0).mean()
        return Loss(residual + effects, {"residual": residual.detach(), "effects": effects.detach()})

    def _posterior(self, batch: TrajectoryBatch, omega: Tensor, draws: int, rng: torch.Generator) -> Draws:
        typical = (self.theta + self._shift(batch)).detach()

        def curves(u: Tensor) -> Tensor:
            return self._curves(batch, batch.t, typical + omega * u, batch.observed[..., self.drug])

        return posterior_draws(curves, self.measurement, batch, self.effects, draws, rng)

    def _shift(self, batch: TrajectoryBatch) -> Float[Tensor, "batch effects"]:
        """What is known of an individual adds to its log parameters."""
        shift = torch.zeros(len(batch.t), self.effects, device=batch.t.device)
        if self.config.weight:
            weight = batch.known[f"covariate {self.config.weight}"]
            shift[:, : len(self.names)] = allometric(self.names, weight)
        return shift

    def _level(
        self, parameters: Tensor, times: Tensor, doses: DoseTensors, wanted: Tensor | None = None
    ) -> Float[Tensor, "*draws batch times"]:
        """Concentration of individuals with these log parameters [*draws, batch, effects]."""
        own = parameters.expand(*parameters.shape[:-2], len(times), -1)[..., : len(self.names)]
        last = own[..., -1]
        if self.transit:
            ka = (last - own[..., 2])[..., None]
            own = torch.cat([own[..., :2], ka, own[..., 3:-1]], dim=-1)
            return concentration(own, times, doses, bool(self.swallowed), shape=last.exp(), wanted=wanted)
        lag = last.exp() if self.lagged and self.swallowed else None
        own = own[..., :-1] if self.lagged else own
        return concentration(own, times, doses, bool(self.swallowed), lag, wanted=wanted)

    def _curves(
        self, batch: TrajectoryBatch, times: Tensor, parameters: Tensor, wanted: Tensor | None = None
    ) -> Float[Tensor, "*draws batch rows variables"]:
        """Variables at the times [batch, rows] for log parameters [*draws, batch, effects]; the concentration in rows
        that are `wanted`."""
        level = self._level(parameters, times, batch.doses, wanted)[..., None]
        if not self.others:
            return level
        own = parameters[..., len(self.names) :].unflatten(-1, (len(self.others), self.each))
        rest = self.measurement.levels(own[..., 0], self.others)[..., None, :].expand(*level.shape[:-1], -1)
        if self.responds:
            held = turnover.grid(times, batch.doses, lambda at: self._level(parameters, at, batch.doses))
            ratios = [turnover.response(own[..., k, 1:], times, held) for k in range(len(self.others))]
            g, size = torch.stack(ratios, dim=-1), self.measurement.size[self.others]
            rest = torch.where(self.measurement.positive[self.others], rest * g, rest + size * (g - 1))
        return torch.cat([rest[..., : self.drug], level, rest[..., self.drug :]], dim=-1)

    @torch.no_grad()
    def courses(
        self, subjects: TrajectoryBatch, times: Float[Tensor, " times"], draws: int, rng: torch.Generator
    ) -> Float[Tensor, "draws subjects times variables"]:
        count = max(LEAST_DRAWS, 2 * draws)

        def drawn(block: TrajectoryBatch) -> Tensor:
            parameters = self._drawn(block, count, rng).resampled(draws, rng)
            return self._curves(block, times.expand(len(block.t), -1), parameters)

        return in_blocks(drawn, subjects, count * self._points(max(subjects.t.shape[1], len(times))))

    def _points(self, rows: int) -> int:
        """Times at which the concentration is computed for so many rows."""
        return rows + turnover.PARTS * (self.each > 1)

    def _drawn(self, block: TrajectoryBatch, count: int, rng: torch.Generator) -> Draws:
        """Weighted draws of the log parameters of individuals, new ones among them."""
        omega = self.widening * self.log_omega.exp()
        found = self._posterior(block, omega, count, rng)
        return Draws(self.theta + self._shift(block) + omega * found.u, found.weight)

    @property
    def parameter_names(self) -> tuple[str, ...]:
        names = [each for each in self.names if each not in ABSORBED or self.swallowed]
        for k in self.others:
            variable = self.spec.genes[k] if self.spec.genes else f"variable {k + 1}"
            names += [f"{each} of {variable}" for each in self.responds]
        return tuple(names)

    @torch.no_grad()
    def individual_parameters(
        self, subjects: TrajectoryBatch, draws: int, rng: torch.Generator
    ) -> Float[Tensor, "draws subjects parameters"]:
        count = max(LEAST_DRAWS, 2 * draws)

        def drawn(block: TrajectoryBatch) -> Tensor:
            return self._shown(self._drawn(block, count, rng).resampled(draws, rng))

        return in_blocks(drawn, subjects, count * self._points(subjects.t.shape[1]))

    def _shown(self, parameters: Float[Tensor, "*any effects"]) -> Float[Tensor, "*any parameters"]:
        """The `parameter_names` of log parameters: MAT is the mean absorption time, shape over the rate."""
        shown = parameters.exp()
        if self.transit:
            end = len(self.names) - 1
            shape, fastest = shown[..., end], modes(parameters[..., :end])[0][0]
            mean = shape / (fastest + shape / shown[..., 2])
            shown = torch.cat([shown[..., :2], mean[..., None], shown[..., 3:]], dim=-1)
        return shown[..., self._named]

    @property
    def _named(self) -> list[int]:
        """Places of the `parameter_names` among the effects: not those of levels."""
        used = [k for k, each in enumerate(self.names) if each not in ABSORBED or self.swallowed]
        after = range(len(self.names), self.effects)
        return [*used, *(k for k in after if (k - len(self.names)) % self.each)]

    def measured(
        self, courses: Float[Tensor, "draws subjects times variables"], rng: torch.Generator
    ) -> Float[Tensor, "draws subjects times variables"]:
        return self.measurement.measured(courses, rng)

    def notes(self) -> tuple[str, ...]:
        """Typical parameters and how much people differ."""
        typical, spread = self._shown(self.theta).tolist(), self.log_omega.exp()[self._named].tolist()
        found = ", ".join(
            f"{name} {value:.3g} (ω {omega:.2f})"
            for name, value, omega in zip(self.parameter_names, typical, spread, strict=True)
        )
        route = "absorbed before it is in the blood" if self.swallowed else "given into the blood"
        return (f"Typical parameters, in the units of dose, concentration and time: {found}; the drug is {route}.",)
