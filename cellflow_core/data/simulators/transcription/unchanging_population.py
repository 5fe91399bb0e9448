"""Cells that do not change: every gene is at its steady state, and only counting makes cells differ. The null.

    u = alpha / beta,    s = alpha / gamma,    ds/dt = 0

The groups, where there are several, differ in their transcription rates and never turn into each other. An arrow of RNA
velocity that is drawn here with confidence is wrong. How smoothing and embedding make arrows of noise: Gorin et al.
2022, PLoS Comput. Biol. 18:e1010492; Zheng et al. 2023, Genome Biol. 24:246.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from cellflow_core.config import setting
from cellflow_core.data.simulators.contract import HasStates
from cellflow_core.data.simulators.transcription.courses import IndependentGenes
from cellflow_core.data.simulators.transcription.measurement import RnaSettings, snapshots
from cellflow_core.data.snapshots import Snapshots

Array = np.ndarray
LABEL = "true group"


@dataclass(frozen=True)
class Settings(RnaSettings):
    """How many groups there are, and how much cells differ."""

    genes: int = setting(60, "Number of genes", 4, 400)
    groups: int = setting(1, "Number of groups with steady states of their own", 1, 20, label="Number of groups")
    group_sd: float = setting(
        0.5,
        "Standard deviation of the logarithm of transcription between groups",
        0.0,
        3.0,
        label="Difference between groups",
    )
    size_sd: float = setting(
        0.2, "Standard deviation of the logarithm of the size of a cell", 0.0, 1.5, label="Variation of cell size"
    )
    cells_per_time: int = setting(1500, "Number of cells per time point", 10, 100_000)
    n_times: int = setting(1, "Number of time points, at all of which the cells are the same", 1, 50)
    last_time: float = setting(12.0, "Last time point", 0.5, 200.0, "hour")


class UnchangingPopulation(IndependentGenes, HasStates):
    title = "Population that does not change"
    summary = (
        "Every gene is at its steady state and cells differ by counting alone, so the true velocity is zero. It is the "
        "test for arrows where nothing moves: a method that draws some with confidence cannot be believed elsewhere."
    )
    paper = "Gorin et al. 2022, PLoS Comput. Biol. 18:e1010492; Zheng et al. 2023, Genome Biol. 24:246"
    time_unit = "hour"
    Config = Settings
    settings: Settings

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__(settings)
        self.axes = tuple(f"Gene{k + 1}" for k in range(self.settings.genes))

    @cached_property
    def levels(self) -> tuple[Float[Array, "groups genes"], Float[Array, "groups genes"]]:
        """(unspliced, spliced) at the steady state of each group, in molecules."""
        use = self.settings
        alpha, beta, gamma = use.rates(len(self.axes))
        rng = np.random.default_rng((use.seed, 2))
        fold = np.exp(use.group_sd * rng.standard_normal((use.groups, len(self.axes)))) if use.groups > 1 else 1.0
        every = np.broadcast_to(alpha * fold, (use.groups, len(self.axes)))
        return every / beta, every / gamma

    def simulate(self) -> Snapshots:
        """Spliced RNA of independent cells at their steady state; the velocity is zero, and there is no latent time."""
        group, layers = self._cells
        t = np.repeat(np.linspace(0, self.settings.last_time, self.settings.n_times), self.settings.cells_per_time)
        names = np.array(list(self.steady_states()))
        labels = {LABEL: names[group]} if self.settings.groups > 1 else {}
        return snapshots(layers["spliced"], np.zeros(layers["spliced"].shape), t, self.axes, None, labels)

    def layers(self) -> dict[str, Float[Array, "cells genes"]]:
        """Unspliced and spliced RNA of the cells as measured: levels with an error, or counts."""
        return self._cells[1]

    def layer_courses(self, times: Float[Array, " times"]) -> dict[str, Float[Array, "times genes"]]:
        """Expected unspliced and spliced RNA over all groups, the same at all times."""
        u, s = (self.settings.scale * self._size * each.mean(axis=0) for each in self.levels)
        return {"unspliced": np.tile(u, (len(times), 1)), "spliced": np.tile(s, (len(times), 1))}

    def steady_states(self) -> dict[str, Float[Array, " genes"]]:
        """Expected spliced RNA of each group."""
        return {f"group {k + 1}": self.settings.scale * self._size * each for k, each in enumerate(self.levels[1])}

    @property
    def _size(self) -> float:
        """Mean size of a cell, in units of the median: of a log-normal distribution."""
        return float(np.exp(self.settings.size_sd**2 / 2))

    @cached_property
    def _cells(self) -> tuple[Array, dict[str, Array]]:
        """(group, layers as measured) of every cell."""
        use, rng = self.settings, np.random.default_rng((self.settings.seed, 3))
        cells = use.n_times * use.cells_per_time
        group = rng.integers(0, use.groups, cells)
        size = np.exp(use.size_sd * rng.standard_normal(cells))[:, None]
        u, s = (size * each[group] for each in self.levels)
        return group, use.measure(u, s, rng)
