"""Genes whose transcription is boosted in the middle of a lineage: where constant rates read the wrong direction.

    du/dt = alpha(t) - beta u,    ds/dt = beta u - gamma s

with alpha raised by a factor at the boost, as in erythroid maturation (Barile et al. 2021, Genome Biol. 22:197;
Bergen et al. 2021, Mol. Syst. Biol. 17:e10282). The equations are linear, so a boosted gene is the sum of two genes
that are switched on one after the other, each in closed form (transcription/splicing.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from cellflow_core.config import setting, with_default
from cellflow_core.data.simulators.transcription.courses import OneLineage
from cellflow_core.data.simulators.transcription.measurement import LineageSettings, latent_times, snapshots
from cellflow_core.data.simulators.transcription.splicing import Kinetics
from cellflow_core.data.snapshots import Snapshots

Array = np.ndarray


@dataclass(frozen=True)
class Settings(LineageSettings):
    """How many genes are boosted, when, and how strongly."""

    genes: int = setting(60, "Number of genes", 4, 400)
    boosted: float = setting(0.4, "Fraction of the genes that are boosted", 0.0, 1.0, label="Fraction of boosted genes")
    boost: float = setting(6.0, "Factor by which their transcription rises", 1.0, 50.0, label="Boost factor")
    boost_time: float = setting(8.0, "Latent time of the boost", 0.1, 200.0, "hour", label="Time of the boost")
    last_time: float = with_default(LineageSettings, "last_time", 12.0)


class TranscriptionalBoosting(OneLineage):
    title = "Transcriptional boosting"
    summary = (
        "Some genes are transcribed faster from the middle of the lineage on. Methods that take the rates as constant "
        "read these genes as repressed, and arrows turn round: velocity and latent time are known, so it shows."
    )
    paper = "Barile et al. 2021, Genome Biol. 22:197; Bergen et al. 2021, Mol. Syst. Biol. 17:e10282"
    time_unit = "hour"
    Config = Settings
    settings: Settings

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__(settings)
        boosted = round(self.settings.boosted * self.settings.genes)
        others = self.settings.genes - boosted
        kinds = (("Boosted", boosted), ("Induced", others - others // 2), ("Repressed", others // 2))
        self.axes = tuple(f"{kind}{k + 1}" for kind, count in kinds for k in range(count))

    @cached_property
    def kinetics(self) -> tuple[Kinetics, Kinetics]:
        """(usual transcription, what the boost adds) of each gene; RNA is the sum of both."""
        use = self.settings
        alpha, beta, gamma = use.rates(len(self.axes))
        kind = np.array([each.rstrip("0123456789") for each in self.axes])
        early, late = np.random.default_rng((use.seed, 2)).uniform(0.0, 1.0, (2, len(self.axes)))
        switch = 0.6 * use.last_time * early
        on = np.select([kind == "Boosted", kind == "Induced"], [0.2 * switch, switch], -np.inf)
        off = np.where(kind == "Repressed", switch, np.inf)
        boosted = kind == "Boosted"
        begin = np.where(boosted, use.boost_time * (1 + 0.1 * late), np.inf)
        usual = np.where(boosted, alpha / use.boost, alpha)
        more = np.where(boosted, alpha - usual, 0.0)
        return Kinetics(usual, beta, gamma, on, off), Kinetics(more, beta, gamma, begin, np.full(len(alpha), np.inf))

    def levels(self, times: Float[Array, " times"]) -> tuple[Float[Array, "times genes"], Float[Array, "times genes"]]:
        usual, more = (each.levels(times) for each in self.kinetics)
        return usual[0] + more[0], usual[1] + more[1]

    @property
    def scale(self) -> float:
        return self.settings.scale

    @property
    def decay(self) -> tuple[Float[Array, " genes"], Float[Array, " genes"]]:
        return self.kinetics[0].beta, self.kinetics[0].gamma

    def simulate(self) -> Snapshots:
        """Spliced RNA of independent cells, with true velocity and latent time."""
        t, latent, layers = self._cells
        return snapshots(layers["spliced"], self.spliced_velocity(latent), t, self.axes, latent)

    def layers(self) -> dict[str, Float[Array, "cells genes"]]:
        """Unspliced and spliced RNA of the cells as measured: levels with an error, or counts."""
        return self._cells[2]

    @cached_property
    def _cells(self) -> tuple[Array, Array, dict[str, Array]]:
        """(time, latent time, layers as measured) of every cell."""
        use, rng = self.settings, np.random.default_rng((self.settings.seed, 3))
        t, latent = latent_times(use.n_times, use.cells_per_time, use.last_time, use.latent_time_sd, rng)
        u, s = self.levels(latent)
        return t, latent, use.measure(u, s, rng)
