"""Splicing kinetics: genes are switched on and off, their RNA is spliced and decays, and each cell's velocity is known.

    du/dt = alpha(t) - beta u,    ds/dt = beta u - gamma s

for unspliced u and spliced s of each gene by itself, with alpha constant between its switches (La Manno et al. 2018,
Nature 560:494; solved in closed form by Bergen et al. 2020, Nat. Biotechnol. 38:1408). The state is the spliced RNA. A
cell's own time, which nobody measures, is its latent time: given that, s follows ds/dt = beta u(t) - gamma s exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from jaxtyping import Float

from cellflow_core.config import Config, setting
from cellflow_core.data.simulators.transcription.courses import OneLineage
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace

Array = np.ndarray

LATENT = "latent time"
MOST_GENES = 200
KINDS = ("Induced", "Transient", "Repressed")


@dataclass(frozen=True)
class Settings(Config):
    """What is transcribed, and how it is measured."""

    transcription_rate: float = setting(
        10.0,
        "Transcription rate alpha of an active gene (typical gene)",
        0.1,
        1000.0,
        "1/hour",
        label="Transcription rate α",
    )
    splicing_rate: float = setting(
        1.0, "Splicing rate beta (typical gene)", 0.02, 20.0, "1/hour", label="Splicing rate β"
    )
    degradation_rate: float = setting(
        0.5, "Degradation rate gamma (typical gene)", 0.02, 20.0, "1/hour", label="Degradation rate γ"
    )
    rate_heterogeneity: float = setting(0.3, "Standard deviation of the logarithm of the rates between genes", 0.0, 1.5)
    genes: int = setting(12, "Number of genes: a third induced, a third transient, a third repressed", 3, MOST_GENES)
    cells_per_time: int = setting(400, "Number of cells per time point", 10, 100_000)
    n_times: int = setting(5, "Number of time points; with 1, one snapshot holds all stages", 1, 50)
    last_time: float = setting(12.0, "Last time point", 0.5, 200.0, "hour")
    latent_time_sd: float = setting(
        0.5,
        "Standard deviation of latent time within a time point",
        0.0,
        20.0,
        "hour",
        label="Standard deviation of latent time",
    )
    measured: Literal["levels", "counts"] = setting(
        "levels", "RNA levels with measurement noise, or counted molecules", label="Measurement"
    )
    measurement_error_sd: float = setting(
        0.03,
        "Standard deviation of the measurement noise, relative to the highest level of the gene",
        0.0,
        0.5,
        label="Measurement noise",
    )
    capture_rate: float = setting(0.2, "Fraction of the molecules that is counted", 0.01, 1.0)
    seed: int = setting(0, "Random seed: another one draws other genes and cells", 0)


@dataclass(frozen=True)
class Kinetics:
    """Rates (1 / hour) and switch times (hour) of every gene, each [genes].

    A gene is transcribed at rate alpha from `on` to `off`. One with `on` at -inf has been on for ever: at time 0 it
    is at its state of rest.
    """

    alpha: Float[Array, " genes"]
    beta: Float[Array, " genes"]
    gamma: Float[Array, " genes"]
    on: Float[Array, " genes"]
    off: Float[Array, " genes"]

    def levels(self, times: Float[Array, " times"]) -> tuple[Float[Array, "times genes"], Float[Array, "times genes"]]:
        """(unspliced, spliced) at each time, in closed form."""
        nothing = np.zeros_like(self.alpha)
        while_on = np.clip(np.minimum(times[:, None], self.off) - self.on, 0, None)
        u, s = self.after(nothing, nothing, self.alpha, while_on)
        return self.after(u, s, nothing, np.clip(times[:, None] - self.off, 0, None))

    def old(
        self, times: Float[Array, " times"], pulse: float
    ) -> tuple[Float[Array, "times genes"], Float[Array, "times genes"]]:
        """(unspliced, spliced) at each time of the RNA that was there `pulse` (hours) before."""
        u, s = self.levels(times - pulse)
        return self.after(u, s, np.zeros_like(self.alpha), np.full(u.shape, pulse))

    def after(self, u: Array, s: Array, alpha: Array, time: Array) -> tuple[Array, Array]:
        """(u, s) after `time` of constant transcription alpha."""
        by_splicing, by_decay = np.exp(-self.beta * time), np.exp(-self.gamma * time)
        gap = self.gamma - self.beta
        near = np.abs(gap) < 1e-9
        finite = np.where(np.isinf(time), 0.0, time)
        between = np.where(near, -finite * by_splicing, (by_decay - by_splicing) / np.where(near, 1.0, gap))
        spliced = s * by_decay + alpha / self.gamma * (1 - by_decay) + (alpha - self.beta * u) * between
        return u * by_splicing + alpha / self.beta * (1 - by_splicing), spliced


class Splicing(OneLineage):
    title = "Splicing kinetics (RNA velocity)"
    summary = (
        "Genes are switched on and off; RNA is made unspliced, spliced, and decays. The velocity and the own time of "
        "every cell are known: what RNA velocity methods try to read from the two kinds of RNA."
    )
    paper = "La Manno et al. 2018, Nature 560:494; Bergen et al. 2020, Nat. Biotechnol. 38:1408"
    time_unit = "hour"
    Config = Settings
    settings: Settings

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__(settings)
        counts = [len(range(k, self.settings.genes, len(KINDS))) for k in range(len(KINDS))]
        self.axes = tuple(f"{kind}{k + 1}" for kind, count in zip(KINDS, counts, strict=True) for k in range(count))

    @cached_property
    def kinetics(self) -> Kinetics:
        """Rates and switch times of each gene, drawn with the seed."""
        use = self.settings
        rng = np.random.default_rng((use.seed, 1))
        typical = np.array([use.transcription_rate, use.splicing_rate, use.degradation_rate])
        alpha, beta, gamma = (typical * np.exp(use.rate_heterogeneity * rng.standard_normal((len(self.axes), 3)))).T
        first, second = (use.last_time * rng.uniform(0.0, 0.45, (2, len(self.axes)))).clip(0)
        kind = np.array([each.rstrip("0123456789") for each in self.axes])
        on = np.where(kind == "Repressed", -np.inf, first)
        off = np.select([kind == "Induced", kind == "Transient"], [np.inf, first + 0.1 * use.last_time + second], first)
        return Kinetics(alpha, beta, gamma, on, off)

    def simulate(self) -> Snapshots:
        """Spliced RNA of independent cells, with their true velocity and, as a covariate, their latent time."""
        use, (latent, _, _) = self.settings, self._cells
        return Snapshots(
            self.layers()["spliced"].astype(np.float32),
            np.repeat(np.linspace(0, use.last_time, use.n_times), use.cells_per_time),
            AffineSpace.of_genes(self.axes),
            self.time_unit,
            velocity=self.spliced_velocity(latent).astype(np.float32),
            covariates={LATENT: latent},
        )

    def layers(self) -> dict[str, Float[Array, "cells genes"]]:
        """Unspliced and spliced RNA of the cells as measured: levels with an error, or counts."""
        _, u, s = self._cells
        return {"spliced": s, "unspliced": u}

    @property
    def scale(self) -> float:
        return self.settings.capture_rate if self.settings.measured == "counts" else 1.0

    @property
    def decay(self) -> tuple[Float[Array, " genes"], Float[Array, " genes"]]:
        return self.kinetics.beta, self.kinetics.gamma

    def levels(self, times: Float[Array, " times"]) -> tuple[Float[Array, "times genes"], Float[Array, "times genes"]]:
        return self.kinetics.levels(times)

    @cached_property
    def _cells(self) -> tuple[Array, Array, Array]:
        """(latent time, unspliced, spliced) of every cell, the last two as measured."""
        use = self.settings
        rng = np.random.default_rng((use.seed, 2))
        cells = use.n_times * use.cells_per_time
        if use.n_times == 1:
            latent = rng.uniform(0, use.last_time, cells)
        else:
            time = np.repeat(np.linspace(0, use.last_time, use.n_times), use.cells_per_time)
            latent = np.abs(time + use.latent_time_sd * rng.standard_normal(cells))
        u, s = self.kinetics.levels(latent)
        if use.measured == "counts":
            return (
                latent,
                rng.poisson(use.capture_rate * u).astype(float),
                rng.poisson(use.capture_rate * s).astype(float),
            )
        tops = (self.kinetics.alpha / self.kinetics.beta, self.kinetics.alpha / self.kinetics.gamma)
        errors = (use.measurement_error_sd * top * rng.standard_normal(s.shape) for top in tops)
        noisy_u, noisy_s = (np.abs(level + each) for level, each in zip((u, s), errors, strict=True))
        return latent, noisy_u, noisy_s
