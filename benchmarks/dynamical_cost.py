"""Memory of the dynamical model of the package scvelo, as the model `scvelo` calls it, without the hours of its fits.

    python benchmarks/dynamical_cost.py --data 50000x2000 --out FILE.json

The cells are those of velocity.py, made up of one lineage, and the model is trained there and here alike, in a process
of its own. But the package fits each gene by itself, so only `--fitted` genes of the first block are fitted, and what
was found of them stands in for all others; everything after the fits is done for all genes. One row a call, added to
the file:

    fit_s    CPU seconds of the fit of one gene, the mean of those that were fitted
    rest_s   those of everything else: neighbors, velocities, graph of the cells, latent time
    stages   resident memory (MB) at its largest until the end of each stage, cells included; peak_mb: of all
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import pickle
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import patch

import machine
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

import velocity
from velocity_cases import case

from cellflow_core.jobs.process import peak_mb

STAGES = ("align_dynamics", "velocity", "velocity_graph", "terminal_states", "latent_time")
TIMES = ("fit_t", "fit_tau", "fit_tau_")


class Costs:
    """The package with stand-ins for most fits, and a note of what each stage took."""

    def __init__(self, package: Any, fitted: int) -> None:
        self.package, self.fitted, self.fit_s = package, fitted, 0.0
        self.stages: dict[str, float] = {}
        self.found: dict[str, np.ndarray] = {}
        self.times: dict[str, np.ndarray] = {}
        self.options: dict[str, Any] = {}
        self.real = package.tl.recover_dynamics

    def recover(self, part: Any, block: list[str], **options: Any) -> None:
        """Fits the genes of the first block that are asked for; all others get what was found of one of them."""
        if not self.found:
            begun = time.process_time()
            self.real(part, block[: self.fitted], **options)
            self.fit_s = time.process_time() - begun
            names = [each for each in part.var if each.startswith("fit_") and each != "fit_r2"]
            self.found = {name: part.var[name].to_numpy()[: self.fitted].copy() for name in names}
            self.times = {name: part.layers[name][:, : self.fitted].copy() for name in TIMES}
            self.options = part.uns["recover_dynamics"]
        source = np.arange(len(block)) % self.fitted
        for name, values in self.found.items():
            part.var[name] = values[source]
        for name, values in self.times.items():
            part.layers[name] = values[:, source]
        part.uns["recover_dynamics"] = self.options
        self.stages["fits"] = peak_mb()

    def noted(self, name: str) -> Callable[..., Any]:
        stage = getattr(self.package.tl, name)

        def run(*given: Any, **options: Any) -> Any:
            found = stage(*given, **options)
            self.stages[name] = peak_mb()
            return found

        return run


def costs(cells: Path, fitted: int) -> dict[str, Any]:
    """The row of the model trained on pickled cells, in this process."""
    scvelo: Any = import_module("scvelo")
    noted = Costs(scvelo, fitted)
    changed: dict[str, Any] = {name: noted.noted(name) for name in STAGES} | {"recover_dynamics": noted.recover}
    with patch.multiple(scvelo.tl, **changed):
        cost = velocity.estimate("scvelo", cells, 0, 0, page=False)["cost"]
    return {
        "fitted": fitted,
        "fit_s": noted.fit_s / fitted,
        "rest_s": cost["cpu_s"] - noted.fit_s,
        "peak_mb": cost["peak_mb"],
        "stages": noted.stages,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="CELLSxGENES")
    parser.add_argument("--fitted", type=int, default=2, help="genes, at most 25")
    parser.add_argument("--out", type=Path, required=True)
    use = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder, multiprocessing.get_context("spawn").Pool(1) as pool:
        cells = Path(folder) / "cells.pickle"
        with cells.open("wb") as file:
            pickle.dump(case(use.data, 0, 0, "").data, file, protocol=5)
        found = {"data": use.data} | pool.apply(costs, (cells, use.fitted))
    print(json.dumps(found), flush=True)
    rows = json.loads(use.out.read_text(encoding="utf-8"))["rows"] if use.out.exists() else []
    about = {"date": machine.today(), "machine": machine.here(), "rows": [*rows, found]}
    use.out.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
