"""What the dynamical model of the package scvelo costs as the model `scvelo` calls it: processor and memory.

    python benchmarks/dynamical_cost.py --cells 10000 --genes 2000 --out FILE.json
    python benchmarks/dynamical_cost.py --cells 10000 --genes 2000 --fitted 2 --out FILE.json

Made-up moments of one lineage. With `--fitted` they are those of so many different genes, each again and again with
other noise: the package fits each gene by itself, so only these are fitted, and their parameters stand in for those of
the others; everything after the fits is done for all genes. One row a call, added to the file:

    fit_s    seconds of a processor of the fit of one gene, the mean of those that were fitted
    rest_s   those of everything else: neighbors, velocities, graph of the cells, latent time
    stages   largest resident memory (MB) at the end of each stage; peak_mb: at the end
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import patch

import machine
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from cellflow_core.jobs.process import peak_mb
from cellflow_core.models.splicing import scvelo_package as model

STAGES = ("align_dynamics", "velocity", "velocity_graph", "terminal_states", "latent_time")
TIMES = ("fit_t", "fit_tau", "fit_tau_")
LAST = 14.0
"""Hours of the lineage."""


def moments(cells: int, genes: int, different: int) -> tuple[np.ndarray, np.ndarray]:
    """Unspliced and spliced RNA [cells, genes] of genes that are switched on one after the other."""
    rng = np.random.default_rng(0)
    t, beta, gamma = rng.uniform(0, LAST, cells), 1.0, 0.5
    u, s = np.empty((2, cells, genes), np.float32)
    for k in range(genes):
        on, alpha = LAST / 2 * (k % different) / different, 10 + k % different
        a, b = (np.exp(-rate * np.clip(t - on, 0, None)) for rate in (beta, gamma))
        u[:, k] = alpha / beta * (1 - a)
        s[:, k] = alpha / gamma * (1 - b) + alpha / (gamma - beta) * (b - a)
        for each in (u, s):
            each[:, k] = np.abs(each[:, k] + 0.05 * alpha * rng.standard_normal(cells))
    return u, s


class Costs:
    """The package with stand-ins for most fits, and a note of what each stage took."""

    def __init__(self, package: Any, genes: int, fitted: int) -> None:
        self.package, self.genes, self.fitted, self.fit_s = package, genes, fitted, 0.0
        self.stages: dict[str, float] = {"moments": peak_mb()}
        self.found: dict[str, np.ndarray] = {}
        self.times: dict[str, np.ndarray] = {}
        self.options: dict[str, Any] = {}
        self.real = package.tl.recover_dynamics

    def recover(self, part: Any, block: list[str], **options: Any) -> None:
        """Fits the genes of the first block that are asked for; all others get what was found of one of them."""
        if self.fitted >= self.genes:
            begun = time.process_time()
            self.real(part, block, **options)
            self.fit_s += time.process_time() - begun
            self.stages["fits"] = peak_mb()
            return
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


def row(cells: int, genes: int, fitted: int) -> dict[str, Any]:
    scvelo: Any = import_module("scvelo")
    u, s = moments(cells, genes, fitted)
    begun, costs = time.process_time(), Costs(scvelo, genes, fitted)
    changed: dict[str, Any] = {name: costs.noted(name) for name in STAGES} | {"recover_dynamics": costs.recover}
    with patch.multiple(scvelo.tl, **changed):
        for _ in model.fit(u, s):
            pass
    return {
        "cells": cells,
        "genes": genes,
        "fitted": fitted,
        "fit_s": costs.fit_s / fitted,
        "rest_s": time.process_time() - begun - costs.fit_s,
        "peak_mb": peak_mb(),
        "stages": costs.stages,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, required=True)
    parser.add_argument("--genes", type=int, required=True)
    parser.add_argument("--fitted", type=int, help="different genes, at most 25; left out: every gene is fitted")
    parser.add_argument("--out", type=Path, required=True)
    use = parser.parse_args(arguments)
    found = row(use.cells, use.genes, use.fitted or use.genes)
    print(json.dumps(found), flush=True)
    rows = json.loads(use.out.read_text(encoding="utf-8"))["rows"] if use.out.exists() else []
    about = {"date": machine.today(), "machine": machine.here(), "rows": [*rows, found]}
    use.out.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
