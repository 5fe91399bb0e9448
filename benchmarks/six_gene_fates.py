"""The six-gene circuit as cells of several times, with a read-out gene that acts on nothing: what decides which of the
first two genes wins, and what only follows.

Rates are those of a draw of `six-gene-circuit`; cells start at the same state and differ by the noise. The seventh gene
is made as Gene3 is, activated by Gene1, and regulates nothing: the circuit itself has no such gene, since each of
Gene3 to Gene6 acts on its partner. None of these acts on the first pair, so that the loss of any changes no fate.
Spliced RNA alone is measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cellflow_core.config import Config, setting
from cellflow_core.data.simulators import sde
from cellflow_core.data.simulators.contract import HasFates, HasNetwork, Simulator
from cellflow_core.data.simulators.transcription.six_gene_circuit import GENES, SixGeneCircuit
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace

Array = np.ndarray
LABEL = "true fate"
READ_OUT = "ReadOut"
STEP = 0.05
"""Step of the integration (hour)."""


@dataclass(frozen=True)
class Settings(Config):
    cells_per_time: int = setting(400, "Number of cells per time point", 10, 100_000)
    n_times: int = setting(7, "Number of time points, equally spaced", 2, 50)
    last_time: float = setting(36.0, "Last time point", 1.0, 500.0, "hour")
    seed: int = setting(6, "Draw of the rates, and random seed", 0)


class SixGeneFates(Simulator, HasNetwork, HasFates):
    title = "Six-gene circuit with fates"
    summary = "Which of two genes wins, what follows it, and what only reads it."
    paper = SixGeneCircuit.paper
    time_unit = "hour"
    axes = (*GENES, READ_OUT)
    fates = ("Gene1 wins", "Gene2 wins", "neither")
    Config = Settings
    settings: Settings

    def __init__(self, settings: Config | None = None) -> None:
        super().__init__(settings)
        self.circuit = SixGeneCircuit(SixGeneCircuit.Config.from_dict({"seed": self.settings.seed}))

    def simulate(self) -> Snapshots:
        use = self.settings
        times = np.linspace(0, use.last_time, use.n_times)
        clouds = self._followed(times, use.cells_per_time * use.n_times, np.random.default_rng((use.seed, 3)), None)
        own = [cloud[k * use.cells_per_time : (k + 1) * use.cells_per_time] for k, cloud in enumerate(clouds)]
        x, t = np.concatenate(own).astype(np.float32), np.repeat(times, use.cells_per_time)
        return Snapshots(x, t, AffineSpace.of_genes(self.axes), self.time_unit, labels={LABEL: self.fate_of(x)})

    def fate_of(self, x: Array) -> Array:
        """By the larger of the first two genes; neither where both are below 1."""
        winner = np.where(x[:, 0] > x[:, 1], *self.fates[:2])
        return np.where(x[:, :2].max(axis=1) < 1.0, self.fates[2], winner)

    def fate_shares(
        self, clamp: Mapping[str, float] | None = None, *, cells: int = 2000, seed: int = 0
    ) -> dict[str, float]:
        rng = np.random.default_rng((self.settings.seed, seed, 4))
        (ends,) = self._followed(np.array([self.settings.last_time]), cells, rng, clamp)
        reached = self.fate_of(ends)
        return {fate: float((reached == fate).mean()) for fate in self.fates}

    def network(self) -> Array:
        found = np.zeros((7, 7), dtype=np.int64)
        found[:6, :6] = self.circuit.network()
        found[6, 0] = 1
        return found

    def _followed(
        self, times: Array, cells: int, rng: np.random.Generator, clamp: Mapping[str, float] | None
    ) -> list[Array]:
        """Spliced RNA of all cells [cells, 7] at these ascending times."""
        held, levels = sde.held_columns(self.axes, clamp)
        _, beta, gamma = np.concatenate([self.circuit.rates, self.circuit.rates[:, 2:3]], axis=1)
        u, s = np.tile([1.0, 0, 1, 0, 1, 0, 0], (cells, 1)), np.zeros((cells, 7))
        s[:, held], now, found = levels, 0.0, []
        for time in times:
            steps = int(np.ceil((time - now) / STEP - 1e-9))
            for _ in range(steps):
                dt, spliced = (time - now) / steps, beta * u
                active = s[:, :1].clip(0) ** 2
                read = self.circuit.rates[0].mean() * active / (16.0 + active)
                made = np.concatenate([self.circuit.transcription(s[:, :6]), read], axis=1)
                kick = self.circuit.settings.noise * np.sqrt(dt) * rng.standard_normal((2, cells, 7))
                u, s = u + (made - spliced) * dt + kick[0], s + (spliced - gamma * s) * dt + kick[1]
                s[:, held] = levels
            now = float(time)
            found.append(np.maximum(s, 0.0))
        return found
