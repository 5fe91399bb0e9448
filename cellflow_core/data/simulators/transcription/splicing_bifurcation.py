"""A lineage that splits in two, with unspliced and spliced RNA: latent time and velocity of each cell are known.

Each gene follows the equations of the splicing kinetics (transcription/splicing.py) in closed form; what switches it on
or off depends on the fate of the cell, which is drawn at the branch point (after the bifurcation of dyngen: Cannoodt
et al. 2021, Nat. Commun. 12:3942).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from cellflow_core.config import setting
from cellflow_core.data.simulators import sde
from cellflow_core.data.simulators.contract import HasFates
from cellflow_core.data.simulators.transcription.courses import IndependentGenes
from cellflow_core.data.simulators.transcription.measurement import LineageSettings, latent_times, snapshots
from cellflow_core.data.simulators.transcription.splicing import Kinetics
from cellflow_core.data.snapshots import Snapshots

Array = np.ndarray
LABEL = "true fate"
KINDS = ("Early", "Shared", "FateA", "FateB")
_DECIDED = 0.1
"""Cells below this share of the steady state of the genes of a fate are not yet decided."""


@dataclass(frozen=True)
class Settings(LineageSettings):
    """When the lineage splits, into what shares, and whether new RNA was labelled."""

    genes: int = setting(60, "Number of genes: a quarter early, a quarter shared, a quarter of each fate", 4, 400)
    branch_time: float = setting(6.0, "Latent time of the branch point", 0.1, 200.0, "hour")
    fate_a: float = setting(0.5, "Fraction of the cells that choose fate A", 0.0, 1.0, label="Fraction of fate A")
    pulse: float = setting(
        0.0, "Time for which new RNA is labelled before the cells are measured; 0: no label", 0.0, 48.0, "hour"
    )
    efficiency: float = setting(
        0.9, "Fraction of the new RNA that is found to be labelled", 0.05, 1.0, label="Labelling efficiency"
    )


class SplicingBifurcation(IndependentGenes, HasFates):
    title = "Bifurcation with splicing"
    summary = (
        "Progenitors switch shared genes on, then choose between two fates with genes of their own. Latent time, fate "
        "and RNA velocity of every cell are known, on the trunk and on both branches."
    )
    paper = "Cannoodt et al. 2021, Nat. Commun. 12:3942; kinetics of Bergen et al. 2020, Nat. Biotechnol. 38:1408"
    time_unit = "hour"
    fates = ("A", "B", "undecided")
    Config = Settings
    settings: Settings

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__(settings)
        counts = [len(range(k, self.settings.genes, len(KINDS))) for k in range(len(KINDS))]
        self.axes = tuple(f"{kind}{k + 1}" for kind, count in zip(KINDS, counts, strict=True) for k in range(count))

    def kinetics(self, fate: str) -> Kinetics:
        """Rates and switch times of each gene in cells of a fate, "A" or "B"."""
        use = self.settings
        alpha, beta, gamma = use.rates(len(self.axes))
        early, late = np.random.default_rng((use.seed, 2)).uniform(0.0, 1.0, (2, len(self.axes)))
        kind = np.array([each.rstrip("0123456789") for each in self.axes])
        branch = use.branch_time + 0.3 * use.branch_time * late
        own = kind == f"Fate{fate}"
        on = np.select(
            [kind == "Early", kind == "Shared", own], [-np.inf, 0.7 * use.branch_time * early, branch], np.inf
        )
        return Kinetics(alpha, beta, gamma, on, np.where(kind == "Early", branch, np.inf))

    def simulate(self) -> Snapshots:
        """Spliced RNA of independent cells, with true velocity, latent time and fate."""
        t, latent, of_a, u, s, layers = self._cells
        _, beta, gamma = self.settings.rates(len(self.axes))
        fate = np.where(latent < self.settings.branch_time, "undecided", np.where(of_a, "A", "B"))
        velocity = self.settings.scale * (beta * u - gamma * s)
        return snapshots(layers["spliced"], velocity, t, self.axes, latent, {LABEL: fate})

    def layers(self) -> dict[str, Float[Array, "cells genes"]]:
        """Unspliced and spliced RNA of the cells as measured: levels with an error, or counts. With a pulse new
        (labelled) and total RNA, too, as `MetabolicLabelling` has them."""
        return self._cells[-1]

    def layer_courses(self, times: Float[Array, " times"]) -> dict[str, Float[Array, "times genes"]]:
        """Expected RNA of each kind in `layers` at these latent times over cells of both fates."""
        use, times = self.settings, np.asarray(times, dtype=np.float64)
        u, s, old = 0.0, 0.0, 0.0
        for fate, weight in (("A", use.fate_a), ("B", 1 - use.fate_a)):
            rates = self.kinetics(fate)
            parts = [use.scale * weight * each for each in (*rates.levels(times), *rates.old(times, use.pulse))]
            u, s, old = u + parts[0], s + parts[1], old + parts[2] + parts[3]
        found = {"unspliced": np.asarray(u), "spliced": np.asarray(s)}
        total = found["unspliced"] + found["spliced"]
        return found | ({"new": use.efficiency * (total - old), "total": total} if use.pulse else {})

    def fate_of(self, x: Float[Array, "cells genes"]) -> Array:
        """The fate whose genes are higher, relative to their steady state; "undecided" where neither is above 10 %."""
        alpha, _, gamma = self.settings.rates(len(self.axes))
        share = np.asarray(x) / (self.settings.scale * alpha / gamma)
        a, b = (share[:, [each.startswith(kind) for each in self.axes]].mean(axis=1) for kind in ("FateA", "FateB"))
        return np.where(np.maximum(a, b) < _DECIDED, "undecided", np.where(a >= b, "A", "B")).astype(np.str_)

    def fate_shares(
        self, clamp: Mapping[str, float] | None = None, *, cells: int = 10_000, seed: int = 0
    ) -> dict[str, float]:
        """The chosen shares, whatever is held: no gene acts on the choice. Raises KeyError that lists the genes."""
        sde.held_columns(self.axes, clamp)
        return {"A": self.settings.fate_a, "B": 1 - self.settings.fate_a, "undecided": 0.0}

    @cached_property
    def _cells(self) -> tuple[Array, Array, Array, Array, Array, dict[str, Array]]:
        """(time, latent time, is it of fate A, true unspliced and spliced levels, layers as measured) of every cell."""
        use, rng = self.settings, np.random.default_rng((self.settings.seed, 3))
        t, latent = latent_times(use.n_times, use.cells_per_time, use.last_time, use.latent_time_sd, rng)
        of_a = rng.random(len(t)) < use.fate_a
        a, b = self.kinetics("A"), self.kinetics("B")
        u, s = _chosen(of_a, a.levels(latent), b.levels(latent))
        if not use.pulse:
            return t, latent, of_a, u, s, use.measure(u, s, rng)
        old = _chosen(of_a, a.old(latent, use.pulse), b.old(latent, use.pulse))
        return t, latent, of_a, u, s, use.measure_labelled((u, s), old, use.efficiency, rng)


def _chosen(of_a: Array, a: tuple[Array, Array], b: tuple[Array, Array]) -> tuple[Array, Array]:
    """(unspliced, spliced) of cells of fate A and of B."""
    return np.where(of_a[:, None], a[0], b[0]), np.where(of_a[:, None], a[1], b[1])
