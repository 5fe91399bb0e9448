"""A circuit of six genes that regulate each other through their spliced RNA: the bench of RegVelo.

    du_i/dt = sum_j k h_ij(s_j) - beta_i u_i,    ds_i/dt = beta_i u_i - gamma_i s_i

with h = s^2 / (c^2 + s^2) for an activation (c = 4) and c^2 / (c^2 + s^2) for an inhibition (c = 2), k the mean of the
drawn transcription rates, and noise 0.1 dW on every u and s (Euler-Maruyama). Rates of the genes are log-normal with
correlated logarithms. All cells lie on one path, at times whose gaps are exponential (Wang et al. 2026, Cell, RegVelo;
constants as in the authors' published simulations, which used the Gaussian noise times another Gaussian number).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from cellflow_core.config import Config, setting
from cellflow_core.data.simulators import sde
from cellflow_core.data.simulators.contract import HasCourse, HasLayers, HasNetwork, Simulator
from cellflow_core.data.simulators.transcription.measurement import snapshots
from cellflow_core.data.snapshots import Snapshots

Array = np.ndarray
GENES = tuple(f"Gene{k + 1}" for k in range(6))
PAIRS = ((0, 1), (2, 3), (4, 5))
"""Genes that inhibit each other."""
ACTIVATIONS = ((0, 2), (0, 3), (1, 4), (1, 5))
"""(regulator, target)."""
_CORRELATION = np.array([[1.0, 0.2, 0.2], [0.2, 1.0, 0.8], [0.2, 0.8, 1.0]])
_ON = np.array([1.0, 0.0, 1.0, 0.0, 1.0, 0.0])  # unspliced RNA at time 0


@dataclass(frozen=True)
class Settings(Config):
    """What is drawn, and how the path is followed."""

    transcription_rate: float = setting(5.0, "Median of the transcription rate", 0.1, 100.0, "1/hour")
    splicing_rate: float = setting(
        0.5, "Median of the splicing rate beta", 0.02, 20.0, "1/hour", label="Splicing rate β"
    )
    degradation_rate: float = setting(
        0.125, "Median of the degradation rate gamma", 0.005, 20.0, "1/hour", label="Degradation rate γ"
    )
    rate_heterogeneity: float = setting(0.4, "Standard deviation of the logarithm of the rates between genes", 0.0, 1.5)
    noise: float = setting(0.1, "Diffusion coefficient sigma of unspliced and spliced RNA", 0.0, 2.0, "1/sqrt(hour)")
    cells_per_time: int = setting(1500, "Number of cells", 10, 20_000, label="Number of cells")
    gap: float = setting(
        0.1, "Mean gap between the latent times of two cells in order", 0.001, 1.0, "hour", label="Mean gap"
    )
    step: float = setting(0.01, "Largest step of the numerical integration", 0.0005, 0.05, "hour")
    seed: int = setting(0, "Random seed: another one draws other rates and another path", 0)


class SixGeneCircuit(Simulator, HasCourse, HasLayers, HasNetwork):
    title = "Six-gene circuit with splicing"
    summary = (
        "Three pairs of genes inhibit each other, and the first pair activates the others. Velocity, latent time and "
        "network of every cell are known: the published bench of methods that read all three from one snapshot."
    )
    paper = "Wang et al. 2026, Cell (RegVelo), doi:10.1101/2024.12.11.627935"
    time_unit = "hour"
    axes = GENES
    Config = Settings
    settings: Settings

    @cached_property
    def rates(self) -> Float[Array, "3 genes"]:
        """alpha, beta and gamma of each gene (1 / hour)."""
        use = self.settings
        median = np.log([use.transcription_rate, use.splicing_rate, use.degradation_rate])
        spread = use.rate_heterogeneity**2 * _CORRELATION
        return np.exp(np.random.default_rng((use.seed, 1)).multivariate_normal(median, spread, len(GENES))).T

    def simulate(self) -> Snapshots:
        """One snapshot of cells along one path, with their true velocity and, as a covariate, their latent time."""
        latent, layers = self._cells
        _, beta, gamma = self.rates
        velocity = beta * layers["unspliced"] - gamma * layers["spliced"]
        return snapshots(layers["spliced"], velocity, np.zeros(len(latent)), GENES, latent)

    def layers(self) -> dict[str, Float[Array, "cells genes"]]:
        """Unspliced and spliced RNA of the cells, nothing below zero."""
        return self._cells[1]

    def layer_courses(self, times: Float[Array, " times"]) -> dict[str, Float[Array, "times genes"]]:
        """Unspliced and spliced RNA at these latent times without noise."""
        path = self._path(np.asarray(times, dtype=np.float64), None, None)
        return {"unspliced": path[:, : len(GENES)], "spliced": path[:, len(GENES) :]}

    def mean_trajectory(
        self, times: Float[Array, " times"], clamp: Mapping[str, float] | None = None
    ) -> Float[Array, "times genes"]:
        """Spliced RNA at these ascending latent times without noise, with genes held at levels of spliced RNA."""
        return self._path(np.asarray(times, dtype=np.float64), None, clamp)[:, len(GENES) :]

    def network(self) -> Int[Array, "genes genes"]:
        """Six inhibitions within pairs and four activations by the first pair."""
        found = np.zeros((len(GENES), len(GENES)), dtype=np.int64)
        for one, other in PAIRS:
            found[one, other] = found[other, one] = -1
        for regulator, target in ACTIVATIONS:
            found[target, regulator] = 1
        return found

    def transcription(self, spliced: Float[Array, "... genes"]) -> Float[Array, "... genes"]:
        """Rate at which every gene is transcribed at these levels of spliced RNA (1 / hour)."""
        acts = self.network()
        half = np.where(acts > 0, 4.0, 2.0) ** 2
        square = np.square(np.maximum(spliced, 0.0))[..., None, :]
        active = square / (half + square)
        return self.rates[0].mean() * np.where(acts > 0, active, (acts < 0) * (1 - active)).sum(axis=-1)

    @cached_property
    def _cells(self) -> tuple[Array, dict[str, Array]]:
        """(latent time, layers) of every cell."""
        use, rng = self.settings, np.random.default_rng((self.settings.seed, 2))
        latent = np.concatenate([[0.0], np.cumsum(rng.exponential(use.gap, use.cells_per_time - 1))])
        path = np.maximum(self._path(latent, rng, None), 0.0)
        return latent, {"unspliced": path[:, : len(GENES)], "spliced": path[:, len(GENES) :]}

    def _path(
        self, times: Float[Array, " times"], rng: np.random.Generator | None, clamp: Mapping[str, float] | None
    ) -> Float[Array, "times 12"]:
        """(unspliced, spliced) at these ascending times, with noise where there is a generator."""
        held, levels = sde.held_columns(GENES, clamp)
        _, beta, gamma = self.rates
        u, s, now = _ON.copy(), np.zeros(len(GENES)), 0.0
        s[held] = levels
        found = np.empty((len(times), 2 * len(GENES)))
        for k, time in enumerate(times):
            steps = int(np.ceil((time - now) / self.settings.step - 1e-9))
            for _ in range(steps):
                dt = (time - now) / steps
                spliced_rate = beta * u
                u = u + (self.transcription(s) - spliced_rate) * dt
                s = s + (spliced_rate - gamma * s) * dt
                if rng is not None:
                    kick = self.settings.noise * np.sqrt(dt) * rng.standard_normal((2, len(GENES)))
                    u, s = u + kick[0], s + kick[1]
                s[held] = levels
            now = float(time)
            found[k] = np.concatenate([u, s])
        return found
