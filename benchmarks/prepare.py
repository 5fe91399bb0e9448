"""Seconds and peak memory from a file of counts to a stored data set, beside plain scanpy on the same file.

    python benchmarks/prepare.py --cells 50000 --genes 2000 --repeats 3 --out FILE.json

Counts are simulated: cell types that differ in a fifth of the genes, five days, read unequally deep, most values zero.
Each run is a process of its own, ours and scanpy's in turn. `seconds` is the work after the libraries are loaded,
`cpu_seconds` CPU time (which other work on the machine lengthens less), `with_start` the whole
process, `peak_gb` the most memory it held (ru_maxrss). `ours` is `import_file`: read, quality of
every cell, filters, normalise, log, variable genes, principal components, labels, and storing everything on disk.
`scanpy` is read_h5ad, normalize_total, log1p, highly_variable_genes and pca with scanpy's own defaults but for the same
number of genes and components; it stores nothing. With `--whole` both go on to neighbours, Leiden groups and UMAP;
scanpy gets our `transformer` of neighbours there, since its own fails with pynndescent 0.6 and newer.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import machine
import numpy as np

ROOT = Path(__file__).parents[1]
METHODS = ("ours", "scanpy")
TYPES = 8
LINE = "{0:7} {seconds:7.1f} s {cpu_seconds:7.1f} s of CPU {with_start:7.1f} s with start {peak_gb:6.2f} GB"


def simulate(path: Path, cells: int, genes: int, density: float, seed: int = 0) -> int:
    """Write a file of sparse counts [cells, genes]; how many of them are above zero."""
    import anndata
    import pandas as pd
    from scipy import sparse

    rng = np.random.default_rng(seed)
    base = rng.gamma(0.4, 1.0, genes)
    factor = np.where(rng.random((TYPES, genes)) < 0.2, np.exp(rng.normal(0, 1.5, (TYPES, genes))), 1.0)
    profile = base * factor
    profile *= _depth(profile, density) / profile.sum(axis=1, keepdims=True)
    kind, depth = rng.integers(TYPES, size=cells), rng.lognormal(0, 0.3, cells)
    rows = [slice(start, min(start + 4096, cells)) for start in range(0, cells, 4096)]
    blocks = [sparse.csr_matrix(rng.poisson(profile[kind[k]] * depth[k, None]).astype(np.float32)) for k in rows]
    obs = pd.DataFrame({"day": np.resize([0, 1, 2, 4, 7], cells), "type": [f"type {k}" for k in kind]})
    obs.index = [f"cell{k}" for k in range(cells)]
    held = anndata.AnnData(sparse.vstack(blocks, format="csr"), obs=obs)
    held.var_names = [f"Gene{k}a" for k in range(genes)]
    held.write_h5ad(path)
    return int(held.X.nnz)  # type: ignore[union-attr]


def _depth(profile: np.ndarray, density: float) -> float:
    """Total counts a cell at which about a share `density` of the genes is above zero."""
    share = profile[0] / profile[0].sum()
    depths = np.geomspace(10, 1e6, 200)
    return float(depths[np.argmin([abs((1 - np.exp(-share * each)).mean() - density) for each in depths])])


def run_ours(path: Path, genes: int, components: int, whole: bool) -> tuple[float, float]:
    from cellflow_core.data.importing import pipeline
    from cellflow_core.data.importing.import_choices import ImportChoices
    from cellflow_core.data.preprocessing import umap
    from cellflow_core.data.steps.derive import derive

    if genes:
        import scanpy  # noqa: F401 - so that its loading does not count as work
    choices = ImportChoices(time_column="day", unit="day", components=components, variable_genes=genes)
    began, busy = time.perf_counter(), time.process_time()
    made = pipeline.import_file(path, path.name, choices, {str(k): float(k) for k in (0, 1, 2, 4, 7)})
    if whole:
        umap.add_umap(derive(made, "clusters", {}))
    return time.perf_counter() - began, time.process_time() - busy


def run_scanpy(path: Path, genes: int, components: int, whole: bool) -> tuple[float, float]:
    import warnings

    import scanpy

    from cellflow_core.math import neighbors

    warnings.simplefilter("ignore")
    began, busy = time.perf_counter(), time.process_time()
    held = scanpy.read_h5ad(path)
    scanpy.pp.normalize_total(held)
    scanpy.pp.log1p(held)
    scanpy.pp.highly_variable_genes(held, n_top_genes=genes)
    scanpy.pp.pca(held, n_comps=components)
    if whole:
        scanpy.pp.neighbors(held, transformer=neighbors.approximate(neighbors.NEIGHBORS))
        scanpy.tl.leiden(held, flavor="igraph", n_iterations=2, directed=False)
        scanpy.tl.umap(held)
    return time.perf_counter() - began, time.process_time() - busy


def child(method: str, path: Path, genes: int, components: int, whole: bool) -> None:
    """One run, which prints its numbers as JSON."""
    seconds, busy = (run_ours if method == "ours" else run_scanpy)(path, genes, components, whole)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(json.dumps({"seconds": seconds, "cpu_seconds": busy, "peak_gb": peak}))


def once(method: str, path: Path, chosen: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as home:
        began = time.perf_counter()
        arguments = [
            "--child",
            method,
            str(path),
            "--variable",
            str(chosen.variable),
            "--components",
            str(chosen.components),
            *(["--whole"] if chosen.whole else []),
        ]
        done = subprocess.run(
            [sys.executable, __file__, *arguments],
            env=os.environ | {"CELLFLOW_HOME": home, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"{method} failed:\n{done.stderr}")
        whole = time.perf_counter() - began
    return {"method": method, **json.loads(done.stdout.splitlines()[-1]), "with_start": whole}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=50_000)
    parser.add_argument("--genes", type=int, default=2_000)
    parser.add_argument("--density", type=float, default=0.1, help="share of values above zero")
    parser.add_argument("--variable", type=int, default=2_000, help="most variable genes that are kept")
    parser.add_argument("--components", type=int, default=50)
    parser.add_argument("--whole", action="store_true", help="go on to neighbours, Leiden groups and UMAP")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--child", nargs=2, metavar=("WAY", "FILE"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.child:
        child(chosen.child[0], Path(chosen.child[1]), chosen.variable, chosen.components, chosen.whole)
        return
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "counts.h5ad"
        above_zero = simulate(path, chosen.cells, chosen.genes, chosen.density)
        for _ in range(chosen.repeats):
            for method in METHODS:
                rows.append(once(method, path, chosen))
                print(LINE.format(method, **rows[-1]))
    medians = {
        method: {
            key: statistics.median(each[key] for each in rows if each["method"] == method)
            for key in ("seconds", "cpu_seconds", "with_start", "peak_gb")
        }
        for method in METHODS
    }
    for method, each in medians.items():
        print("median", LINE.format(method, **each))
    message = {
        "date": machine.today(),
        "machine": machine.here(),
        "load": os.getloadavg(),
        "threads": os.environ.get("OMP_NUM_THREADS", "not set"),
        "cells": chosen.cells,
        "genes": chosen.genes,
        "above_zero": above_zero,
        "variable": chosen.variable,
        "components": chosen.components,
        "whole": chosen.whole,
        "median": medians,
        "rows": rows,
    }
    if chosen.out:
        chosen.out.write_text(json.dumps(message, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
