"""Myeloid differentiation: eleven transcription factors and four blood fates.

The Boolean rules are those of Krumsiek, Marr, Schroeder & Theis 2011 (PLoS ONE 6:e22649, text S1). They are made
continuous as normalised HillCubes (Wittmann et al. 2009, BMC Syst. Biol. 3:98): each rule B is replaced by its
multilinear interpolation, each input by a Hill function that is 0 at 0 and 1 at 1, so that the states of rest of the
rules stay states of rest, at the levels 0 and 1:

    dx_i = rate_i (B_i(H(x_1) ... H(x_11)) - x_i) dt + noise dW, values reflected at 0

Rates and noise are ours: the paper's model has no times. Gfi1 is made slowly and the genes of monocytes fast, so that
both fates are reached.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from cellflow_core.config import Config, setting
from cellflow_core.data.simulators import sde
from cellflow_core.data.simulators.contract import HasDrift, HasFates, HasNetwork, HasStates, Simulator
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace

Array = np.ndarray

GENES = ("Gata2", "Gata1", "Fog1", "EKLF", "Fli1", "SCL", "Cebpa", "Pu.1", "cJun", "EgrNab", "Gfi1")
LABEL = "true fate"
MATURE: Mapping[str, tuple[str, ...]] = {
    "erythrocyte": ("Gata1", "Fog1", "EKLF", "SCL"),
    "megakaryocyte": ("Gata1", "Fog1", "Fli1", "SCL"),
    "monocyte": ("Cebpa", "Pu.1", "cJun", "EgrNab"),
    "granulocyte": ("Cebpa", "Pu.1", "Gfi1"),
}
"""Genes that are on in each fate; the others are off (the mature states of the paper)."""

_REGULATORS: Mapping[str, Mapping[str, int]] = {
    "Gata2": {"Gata2": 1, "Gata1": -1, "Fog1": -1, "Pu.1": -1},
    "Gata1": {"Gata1": 1, "Gata2": 1, "Fli1": 1, "Pu.1": -1},
    "Fog1": {"Gata1": 1},
    "EKLF": {"Gata1": 1, "Fli1": -1},
    "Fli1": {"Gata1": 1, "EKLF": -1},
    "SCL": {"Gata1": 1, "Pu.1": -1},
    "Cebpa": {"Cebpa": 1, "Gata1": -1, "Fog1": -1, "SCL": -1},
    "Pu.1": {"Cebpa": 1, "Pu.1": 1, "Gata1": -1, "Gata2": -1},
    "cJun": {"Pu.1": 1, "Gfi1": -1},
    "EgrNab": {"Pu.1": 1, "cJun": 1, "Gfi1": -1},
    "Gfi1": {"Cebpa": 1, "EgrNab": -1},
}
_HALF = 0.5  # level of a gene at which it acts half
_SPREAD = 0.05  # of the genes at day 0
_ON = 0.5  # level from which a gene counts as on


@dataclass(frozen=True)
class Settings(Config):
    """What the network is run with. A level of 1 is a gene that is fully on."""

    initial_gata2: float = setting(
        1.0,
        "Initial level of Gata2: a higher one favours erythrocytes and megakaryocytes",
        0.0,
        1.5,
        label="Initial level of Gata2",
    )
    initial_pu1: float = setting(
        0.8,
        "Initial level of Pu.1: a higher one favours monocytes and granulocytes",
        0.0,
        1.5,
        label="Initial level of Pu.1",
    )
    gfi1_rate: float = setting(
        0.25, "Rate of Gfi1: a higher one favours granulocytes", 0.05, 5.0, "1/day", label="Rate of Gfi1"
    )
    egr_rate: float = setting(
        2.5,
        "Rate of cJun and EgrNab: a higher one favours monocytes",
        0.05,
        5.0,
        "1/day",
        label="Rate of cJun and EgrNab",
    )
    noise: float = setting(0.12, "Diffusion coefficient sigma, the same for every gene", 0.01, 0.5, "1/sqrt(day)")
    cells_per_time: int = setting(500, "Number of cells per time point", 10, 100_000)
    n_times: int = setting(6, "Number of time points, equally spaced", 2, 50)
    last_time: float = setting(10.0, "Last time point", 0.5, 100.0, "day")
    hill: float = setting(4.0, "Hill coefficient of the regulation", 1.0, 10.0)
    step: float = setting(0.02, "Largest step of the numerical integration", 0.0005, 0.05, "day")
    seed: int = setting(0, "Random seed", 0)


class Krumsiek(Simulator, HasDrift, HasNetwork, HasFates, HasStates):
    title = "Myeloid blood fates (Krumsiek 2011)"
    summary = (
        "Eleven transcription factors of the blood decide twice: red cells and platelets or white cells, then which "
        "of the two. Knocking a gene out blocks the fates that the paper finds lost with it."
    )
    paper = "Krumsiek et al. 2011, PLoS ONE 6:e22649; Wittmann et al. 2009, BMC Syst. Biol. 3:98"
    time_unit = "day"
    axes = GENES
    fates = (*MATURE, "not mature")
    Config = Settings
    settings: Settings

    def simulate(self) -> Snapshots:
        """Independent cells at each time, all from one progenitor state; they neither divide nor die."""
        use = self.settings
        times = np.linspace(0, use.last_time, use.n_times)
        rng = np.random.default_rng(use.seed)
        found = sde.population(self, self.start_cells, times, use.cells_per_time, rng, step=use.step, positive=True)
        return Snapshots(
            found.x.astype(np.float32),
            found.t,
            AffineSpace.of_genes(GENES),
            self.time_unit,
            labels={LABEL: self.fate_of(found.x)},
        )

    def start_cells(self, cells: int, rng: np.random.Generator) -> Float[Array, "cells genes"]:
        """Progenitors of day 0: Gata2, Cebpa and Pu.1 are on (the paper's early state), all others off."""
        level = dict.fromkeys(GENES, 0.0) | {"Cebpa": 0.8}
        level |= {"Gata2": self.settings.initial_gata2, "Pu.1": self.settings.initial_pu1}
        return np.abs(np.array(list(level.values())) + _SPREAD * rng.standard_normal((cells, len(GENES))))

    def drift(self, t: float, x: Float[Array, "cells genes"]) -> Float[Array, "cells genes"]:
        """rate (B(H(x)) - x), in levels / day."""
        return self._rates * (made(self._switched(x)) - x)

    def noise(self, t: float) -> Float[Array, " genes"]:
        """The same for every gene (level / sqrt(day))."""
        return np.full(len(GENES), self.settings.noise)

    def fate_of(self, x: Float[Array, "cells genes"]) -> Array:
        """Name of the fate whose genes, and no others, are on in each cell, [cells]; "not mature" where none fits."""
        on = x > _ON
        found = np.full(len(x), self.fates[-1], dtype=object)
        for name, level in self.steady_states().items():
            found[(on == (level > _ON)).all(axis=1)] = name
        return found.astype(np.str_)

    def fate_shares(
        self, clamp: Mapping[str, float] | None = None, *, cells: int = 10_000, seed: int = 0
    ) -> dict[str, float]:
        """Share of each fate at the last day, with genes held at given levels from day 0 on.

        Raises KeyError that lists the genes. The Monte-Carlo error is about sqrt(share (1 - share) / cells).
        """
        rng = np.random.default_rng((self.settings.seed, seed, 1))
        x, (step, last) = self.start_cells(cells, rng), (self.settings.step, self.settings.last_time)
        return sde.fate_shares(self, x, 0.0, last, rng, step=step, positive=True, clamp=clamp)

    def steady_states(self) -> dict[str, Float[Array, " genes"]]:
        """The four mature states, where the drift vanishes: genes on at level 1, all others at 0."""
        return {name: np.array([float(each in on) for each in GENES]) for name, on in MATURE.items()}

    def network(self) -> Int[Array, "genes genes"]:
        """The 30 signed influences of the rules."""
        return np.array([[_REGULATORS[target].get(each, 0) for each in GENES] for target in GENES], dtype=np.int64)

    @property
    def _rates(self) -> Float[Array, " genes"]:
        """1 / day for all genes but those of granulocytes and monocytes."""
        special = {"Gfi1": self.settings.gfi1_rate, "cJun": self.settings.egr_rate, "EgrNab": self.settings.egr_rate}
        return np.array([special.get(each, 1.0) for each in GENES])

    def _switched(self, x: Float[Array, "cells genes"]) -> Float[Array, "cells genes"]:
        """Normalised Hill function: 0 at 0, 1 from 1 on."""
        power = np.minimum(x, 1.0).clip(0) ** self.settings.hill
        half = _HALF**self.settings.hill
        return power * (1 + half) / (power + half)


def made(h: Float[Array, "cells genes"]) -> Float[Array, "cells genes"]:
    """The rules, in the order of GENES, as their multilinear interpolation.

    No gene occurs twice in a rule, so it is the product for "and", 1 - a for "not a", a + b - a b for "a or b".
    """
    gata2, gata1, fog1, eklf, fli1, scl, cebpa, pu1, cjun, egrnab, gfi1 = h.T
    rules = (
        gata2 * (1 - gata1 * fog1) * (1 - pu1),  # Gata2 and not (Gata1 and Fog1) and not Pu.1
        _either(_either(gata1, gata2), fli1) * (1 - pu1),  # (Gata1 or Gata2 or Fli1) and not Pu.1
        gata1,
        gata1 * (1 - fli1),
        gata1 * (1 - eklf),
        gata1 * (1 - pu1),
        cebpa * (1 - gata1 * fog1 * scl),  # Cebpa and not (Gata1 and Fog1 and SCL)
        _either(cebpa, pu1) * (1 - _either(gata1, gata2)),  # (Cebpa or Pu.1) and not (Gata1 or Gata2)
        pu1 * (1 - gfi1),
        pu1 * cjun * (1 - gfi1),
        cebpa * (1 - egrnab),
    )
    return np.stack(rules, axis=1)


def _either(a: Array, b: Array) -> Array:
    return a + b - a * b
