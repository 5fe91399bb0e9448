"""Cells whose new RNA was labelled: what was transcribed during a pulse of known length is told from what was there.

    du/dt = alpha(t) - beta u,    ds/dt = beta u - gamma s,    alpha(t) = alpha while a gene is on and 0 while it is off

(scSLAM-seq, Erhard et al. 2019, Nature 571:419; sci-fate, Cao et al. 2020, Nat. Biotechnol. 38:980). The equations are
linear, so the RNA that was there before the pulse follows them without transcription, in closed form
(transcription/splicing.py), and new RNA is the rest. While a gene stays on or off during the pulse, new unspliced RNA
is alpha / beta (1 - e^(-beta pulse)): the label sets a clock in hours, which splicing alone does not have.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from cellflow_core.config import setting
from cellflow_core.data.simulators.transcription.courses import OneLineage
from cellflow_core.data.simulators.transcription.measurement import LineageSettings, latent_times, snapshots
from cellflow_core.data.simulators.transcription.splicing import KINDS, Kinetics
from cellflow_core.data.snapshots import Snapshots

Array = np.ndarray


@dataclass(frozen=True)
class Settings(LineageSettings):
    """How many genes there are, how long the label was given and how much of the new RNA it marks."""

    genes: int = setting(30, "Number of genes: a third induced, a third transient, a third repressed", 3, 400)
    pulse: float = setting(2.0, "Time for which the label is given before the cells are measured", 0.05, 48.0, "hour")
    efficiency: float = setting(
        0.9, "Fraction of the new RNA that is found to be labelled", 0.05, 1.0, label="Labelling efficiency"
    )


class MetabolicLabelling(OneLineage):
    title = "Metabolic labelling"
    summary = (
        "RNA that was made during a pulse of known length is labelled, so that new RNA is measured beside spliced and "
        "unspliced RNA. Rates, velocity and latent time are known: what methods of labelled RNA read in hours."
    )
    paper = "Erhard et al. 2019, Nature 571:419; Qiu et al. 2022, Cell 185:690"
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
        use, kind = self.settings, np.array([each.rstrip("0123456789") for each in self.axes])
        first, second = use.last_time * np.random.default_rng((use.seed, 2)).uniform(0.0, 0.45, (2, len(kind)))
        later = first + 0.1 * use.last_time + second
        off = np.select([kind == "Induced", kind == "Transient"], [np.inf, later], first)
        alpha, beta, gamma = use.rates(len(kind))
        return Kinetics(alpha, beta, gamma, np.where(kind == "Repressed", -np.inf, first), off)

    @property
    def scale(self) -> float:
        return self.settings.scale

    @property
    def decay(self) -> tuple[Float[Array, " genes"], Float[Array, " genes"]]:
        return self.kinetics.beta, self.kinetics.gamma

    def levels(self, times: Float[Array, " times"]) -> tuple[Float[Array, "times genes"], Float[Array, "times genes"]]:
        return self.kinetics.levels(times)

    def old(self, times: Float[Array, " times"]) -> tuple[Float[Array, "times genes"], Float[Array, "times genes"]]:
        """(unspliced, spliced) RNA at these latent times that was there before the pulse, in molecules."""
        return self.kinetics.old(times, self.settings.pulse)

    def simulate(self) -> Snapshots:
        """Spliced RNA of independent cells, with true velocity and latent time."""
        t, latent, layers = self._cells
        return snapshots(layers["spliced"], self.spliced_velocity(latent), t, self.axes, latent)

    def layers(self) -> dict[str, Float[Array, "cells genes"]]:
        """Unspliced, spliced, new (labelled) and total RNA of the cells as measured: levels with an error, or counts.

        new is the labelled RNA of both kinds, total all RNA of both kinds.
        """
        return self._cells[2]

    def layer_courses(self, times: Float[Array, " times"]) -> dict[str, Float[Array, "times genes"]]:
        """Expected RNA of each kind at these latent times, in the units of `layers`."""
        at, found = np.asarray(times, dtype=np.float64), super().layer_courses(times)
        total = found["unspliced"] + found["spliced"]
        old = self.scale * sum(self.old(at))
        return {**found, "new": self.settings.efficiency * (total - old), "total": total}

    @cached_property
    def _cells(self) -> tuple[Array, Array, dict[str, Array]]:
        """(time, latent time, layers as measured) of every cell."""
        use, rng = self.settings, np.random.default_rng((self.settings.seed, 3))
        t, latent = latent_times(use.n_times, use.cells_per_time, use.last_time, use.latent_time_sd, rng)
        return t, latent, use.measure_labelled(self.kinetics.levels(latent), self.old(latent), use.efficiency, rng)
