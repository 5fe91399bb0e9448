"""Cells whose order is known: draws of simulators, any `.h5ad`, and measured cells with published stages."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from synthetic_tree import FORK, tree

from cellflow_core.data.simulators import registry as simulators
from cellflow_core.data.simulators.branching_tree import LENGTH
from cellflow_core.data.simulators.transcription.splicing import LATENT

Array = np.ndarray
DIMS = 20
UNDECIDED = ("undecided", "not mature", "")
REST = 0.9  # of the tree, from which on cells are at rest


class Case(NamedTuple):
    """x [cells, dim], true time [cells], true branch of each cell or None; rest: time from which on cells rest."""

    x: Array
    time: Array
    branch: Array | None
    left_out: int = 0
    rest: float = np.inf


class Measured(NamedTuple):
    """A file of measured cells, the column of its order or stages (values from the earliest on, those of one stage
    together), the column of its branches and which of its values are ends; log: values are not logged yet."""

    file: str
    time: str
    stages: tuple[tuple[str, ...], ...]
    branch: str
    ends: tuple[str, ...]
    log: bool = False


MEASURED = {
    "paul15": Measured(
        "paul15_myeloid/paul15_2660x3004_counts.h5ad",
        "celltype",
        (
            ("Multipotent progenitors",),
            ("GMP", "Megakaryocytes"),
            ("Erythrocyte", "Monocytes", "Neutrophils", "Basophils"),
        ),
        "celltype",
        ("Erythrocyte", "Monocytes", "Neutrophils"),
    ),
    "guo": Measured("guo2010_preimplantation/guo2010_440x48.h5ad", "time", (), "cell_type", ("TE", "EPI", "PE")),
    "bmmc": Measured(
        "pathreg_bmmc/bmmc_trajectories.h5ad", "dpt_pseudotime", (), "lineage", ("B", "eryth", "mono"), log=True
    ),
    "pancreas": Measured(
        "pancreas_endocrinogenesis/pancreas_739x7192_spliced_unspliced.h5ad",
        "clusters",
        (
            ("Ductal",),
            ("Ngn3 low EP",),
            ("Ngn3 high EP",),
            ("Pre-endocrine",),
            ("Alpha", "Beta", "Delta", "Epsilon"),
        ),
        "clusters",
        ("Alpha", "Beta", "Delta", "Epsilon"),
    ),
}
"""Measured cells whose order is published. That of bmmc is a diffusion pseudotime, and so no independent order."""


def made_up(cells: int, dims: int, seed: int) -> Case:
    """The tree of synthetic_tree.py, of any number of cells: measured at five times, in three branches from the third
    time on."""
    held = tree(cells, dims, seed=seed)
    return Case(held.x, held.t, np.where(held.t > FORK, held.labels["branch"], UNDECIDED[0]))


def case(source: str, seed: int, settings: dict[str, Any], time_: str, branch: str, among: str) -> Case:
    if source in simulators.names():
        data = simulators.create(source, settings | {"seed": seed}).simulate()
        axes = data.space.axes
        true = data.covariates.get(LATENT, data.x[:, axes.index("along")] if "along" in axes else data.t)
        x = components(_normalised(data.x)) if data.space.genes else data.x
        rest = REST * LENGTH if source == "branching-tree" else np.inf
        return Case(x, np.asarray(true, float), data.labels.get("true fate"), rest=rest)
    import anndata

    held: Any = anndata.read_h5ad(source)
    if time_ not in held.obs:
        raise SystemExit(f"--time names no column of obs; there are {', '.join(held.obs)}")
    dense = held.X.toarray() if hasattr(held.X, "toarray") else np.asarray(held.X)
    groups = held.obs[branch].astype(str).to_numpy() if branch else None
    if groups is not None and among:
        groups = np.where(np.isin(groups, [each.strip() for each in among.split(",")]), groups, UNDECIDED[0])
    return Case(components(_normalised(dense)), held.obs[time_].to_numpy(float), groups)


def measured(about: Measured, folder: Path) -> Case:
    """The cells with a stage that are in the largest piece of the graph of neighbors."""
    import anndata

    from cellflow_core.math.neighbors import neighbor_graph

    held: Any = anndata.read_h5ad(folder / about.file)
    time_ = held.obs[about.time]
    if about.stages:
        rank = {name: k for k, names in enumerate(about.stages) for name in names}
        time_ = time_.astype(str).map(rank)
    time_ = time_.to_numpy(float)
    kept = np.isfinite(time_)
    dense = held.X[kept].toarray() if hasattr(held.X, "toarray") else np.asarray(held.X)[kept]
    x = components(np.log1p(dense) if about.log else _normalised(dense))
    island = neighbor_graph(x).connected_components()[1]
    largest = island == np.bincount(island).argmax()
    branch = held.obs[about.branch].astype(str).to_numpy()[kept][largest]
    branch = np.where(np.isin(branch, about.ends), branch, UNDECIDED[0])
    return Case(x[largest], time_[kept][largest], branch, len(kept) - int(largest.sum()))


def _normalised(values: Array) -> Array:
    """Counts log-normalised to the median total; other values as they are."""
    x = np.asarray(values, dtype=np.float64)
    if x.min() < 0 or not np.array_equal(x, np.round(x)):
        return x
    total = x.sum(axis=1, keepdims=True)
    return np.log1p(x / np.maximum(total, 1) * np.median(total))


def components(x: Array) -> Array:
    """The first DIMS principal components."""
    u, s, _ = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
    return (u * s)[:, :DIMS]
