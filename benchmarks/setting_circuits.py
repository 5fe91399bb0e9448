"""Two circuits whose knock-outs are in no table of results, so that settings can be chosen on them.

`three-genes`: the gene circuit without division. A cell ends with A on, with B on, or with the signal C. `ring`: the
repressilator with more noise, half a turn from cells in which mostly LacI is made. A cell is told by its highest
protein, which is another one with every gene of the ring that is lost.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cellflow_core.data.simulators import sde
from cellflow_core.data.simulators.contract import HasFates, Simulator
from cellflow_core.data.simulators.gene_circuit import GeneCircuit
from cellflow_core.data.simulators.repressilator import RING, Repressilator

Array = np.ndarray


class ThreeGenes(GeneCircuit, HasFates):
    fates = ("A on", "B on", "signal")

    def fate_of(self, x: Array) -> Array:
        return np.array(self.fates)[x.argmax(axis=1)]

    def fate_shares(
        self, clamp: Mapping[str, float] | None = None, *, cells: int = 4000, seed: int = 0
    ) -> dict[str, float]:
        return _shares(self, clamp, cells, seed)


class Ring(Repressilator, HasFates):
    fates = RING

    def fate_of(self, x: Array) -> Array:
        return np.array(self.fates)[x[:, 3:].argmax(axis=1)]

    def fate_shares(
        self, clamp: Mapping[str, float] | None = None, *, cells: int = 4000, seed: int = 0
    ) -> dict[str, float]:
        return _shares(self, clamp, cells, seed)


CIRCUITS: Mapping[str, tuple[type[Simulator], Mapping[str, float]]] = {
    "three-genes": (ThreeGenes, {"division_rate": 0.0}),
    "ring": (Ring, {"noise": 1.5, "n_times": 4, "last_time": 90.0, "cells_per_time": 400}),
}
"""Name: (circuit, its settings)."""


def _shares(circuit: ThreeGenes | Ring, clamp: Mapping[str, float] | None, cells: int, seed: int) -> dict[str, float]:
    rng = np.random.default_rng((circuit.settings.seed, seed, 1))
    start, (step, last) = circuit.start_cells(cells, rng), (circuit.settings.step, circuit.settings.last_time)
    return sde.fate_shares(circuit, start, 0.0, last, rng, step=step, positive=True, clamp=clamp)
