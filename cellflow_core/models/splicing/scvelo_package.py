"""Runs the package scvelo on moments of cells: fits of some genes at a time, then the directions of the cells.

Bergen et al., "Generalizing RNA velocity to transient cell states through dynamical modeling", Nat. Biotechnol.
38:1408, 2020, doi:10.1038/s41587-020-0591-3. It gets the moments as they are, and neighbors in the principal components
of log(1 + spliced moments); nothing is filtered or normalised again. Of all genes at once, the package holds several
tables of cells and genes; by some genes at a time, three remain.
"""

from __future__ import annotations

import warnings
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float
from scipy.sparse import csr_matrix, vstack

from cellflow_core.data.spaces.pca import principal
from cellflow_core.math.neighbors import neighbor_graph

if TYPE_CHECKING:
    from anndata import AnnData

Array = np.ndarray
COMPONENTS = 30
"""Principal components in which neighbors are searched."""
MIN_LIKELIHOOD = 0.1
"""Likelihood of a gene from which on it counts for the latent time: the package's own threshold."""
FEWEST = 2
"""Genes without which the package has no direction of a cell."""
BLOCK = 25
"""Genes that are fitted between two reports."""
CELLS = 2000
"""Cells that are compared with their neighbors at a time."""
TABLES = ("fit_t", "velocity", "velocity_u")
"""What is kept of each cell and gene: time, and rates of change of spliced and of unspliced RNA."""


@dataclass(frozen=True)
class VelocityFit:
    """What the package found; RNA in counts of a cell of median size, time in its own unit.

    unspliced, spliced   rates of change (RNA / time), NaN for a gene that was not fitted
    genes                the genes that the package uses for the velocities of cells, and for their directions
    rates                transcription, splicing, degradation; [genes, 3], NaN where there is none
    likelihood           of each gene, NaN for one that was not fitted
    latent_time          between 0 and 1
    switch               time of the switch, and RNA counted as unspliced for each that the rates speak of; [genes, 2]
    lowest               unspliced and spliced RNA at which the course of a gene begins; [genes, 2]
    found_roots          whether root cells were found, from which the latent time is counted
    """

    unspliced: Float[Array, "cells genes"]
    spliced: Float[Array, "cells genes"]
    genes: Bool[Array, " genes"]
    rates: Float[Array, "genes 3"]
    likelihood: Float[Array, " genes"]
    latent_time: Float[Array, " cells"]
    switch: Float[Array, "genes 2"]
    lowest: Float[Array, "genes 2"]
    found_roots: bool


def fit(
    unspliced: Float[Array, "cells genes"],
    spliced: Float[Array, "cells genes"],
    *,
    neighbors: int = 30,
    iterations: int = 10,
    scaling: bool = True,
) -> Generator[float, None, VelocityFit]:
    """The dynamical model of the moments of velocity genes; yields the part of the genes that is fitted.

    neighbors   of each cell, over which times are averaged
    iterations  of expectation maximisation
    scaling     fit the scale of unspliced RNA relative to spliced RNA, else it is 1

    Raises ValueError where the package can fit no gene, or find no direction from a cell.
    """
    cells = annotated(unspliced, spliced, neighbors)
    _check_distances(cells.obsp["distances"])
    with _quiet() as scvelo:
        # the genes that are fitted, and their R2
        scvelo.tl.velocity(cells, mode="deterministic", perc=[5, 95], r2_adjusted=True)
        cells.var["fit_r2"] = cells.var["velocity_r2"]
        genes = cells.var_names[_used(cells)]
        if len(genes) < FEWEST:
            raise ValueError(
                f"scvelo can use {len(genes)} of {cells.n_vars:,} genes, and needs {FEWEST} for directions of cells: "
                "take the step “Velocity genes and moments” with more genes"
            )
        tables = {name: np.full(cells.shape, np.nan, np.float32) for name in TABLES}
        for name in [each for each in cells.layers if "velocity" in each]:
            del cells.layers[name]  # of the genes' slopes
        for first in range(0, len(genes), BLOCK):
            part = cells[:, genes[first : first + BLOCK]].copy()
            _take(cells, tables, _fitted(scvelo, part, iterations, scaling))
            yield min(first + BLOCK, len(genes)) / len(genes)
        nothing = np.full(cells.n_vars, np.nan)
        likelihood = np.asarray(cells.var.get("fit_likelihood", nothing), np.float64)
        if not np.isfinite(likelihood).any():
            raise ValueError(
                f"scvelo could fit the dynamics of none of {cells.n_vars:,} genes: their unspliced RNA does not follow "
                "their spliced RNA; take the step “Velocity genes and moments” with other thresholds"
            )
        cells.layers["velocity"] = tables["velocity"]
        cells.var["velocity_genes"] = _of_use(likelihood, *_columns(cells, "r2", "scaling").T)
        cells.uns["velocity_params"]["mode"] = "dynamical"
        _find_directions(scvelo, cells)
        found_roots = _find_roots(scvelo, cells)
        cells.layers["fit_t"] = tables.pop("fit_t")
        _find_latent_time(scvelo, cells, min(MIN_LIKELIHOOD, float(np.nanmax(likelihood))))
    return VelocityFit(
        unspliced=tables["velocity_u"],
        spliced=tables["velocity"],
        genes=_used(cells),
        rates=_columns(cells, "alpha", "beta", "gamma"),
        likelihood=likelihood,
        latent_time=cells.obs["latent_time"].to_numpy(np.float64),
        switch=_columns(cells, "t_", "scaling"),
        lowest=np.nan_to_num(_columns(cells, "u0", "s0")),
        found_roots=found_roots,
    )


def annotated(
    unspliced: Float[Array, "cells genes"], spliced: Float[Array, "cells genes"], neighbors: int = 30
) -> AnnData:
    """The moments as the package takes them, with the graph of the cells."""
    import anndata
    import pandas as pd

    names = tuple(f"gene {k}" for k in range(spliced.shape[1]))
    u, s = np.asarray(unspliced, np.float32), np.asarray(spliced, np.float32)
    index = pd.Index([f"cell {k}" for k in range(len(s))])
    cells = anndata.AnnData(s, pd.DataFrame(index=index), pd.DataFrame(index=pd.Index(names)))
    cells.layers.update({"Mu": u, "Ms": s, "unspliced": u, "spliced": s})
    states = principal(np.log1p(s.astype(np.float64)), names, COMPONENTS).state
    graph = neighbor_graph(states, min(neighbors, len(s) - 1))
    cells.obsm["X_pca"] = states
    cells.obsp["distances"], cells.obsp["connectivities"] = graph.distances, graph.connectivities
    params = {"n_neighbors": min(neighbors, len(s) - 1), "method": "umap", "metric": "euclidean", "use_rep": "X_pca"}
    keys = {"connectivities_key": "connectivities", "distances_key": "distances"}
    cells.uns["neighbors"] = {**keys, "params": params}
    return cells


def _check_distances(distances: Any) -> None:
    copies = int((np.asarray((distances > 0).sum(axis=1)) == 0).sum())
    if copies:
        raise ValueError(
            f"{copies:,} cells have the same RNA as all of their nearest cells, so that scvelo finds no direction from "
            "them: take the step “Velocity genes and moments” with more genes, or leave out these cells"
        )


def _fitted(scvelo: Any, part: AnnData, iterations: int, scaling: bool) -> AnnData:
    """Those of some genes that can be fitted, with parameters, times and velocities."""
    found = {"max_iter": iterations, "fit_scaling": scaling, "t_max": False, "return_model": False}
    scvelo.tl.recover_dynamics(part, list(part.var_names), n_jobs=1, show_progress_bar=False, **found)
    if not scaling:
        part.var["fit_scaling"] = 1.0
    at = np.flatnonzero(part.var["fit_likelihood"].notna())
    part = part[:, np.repeat(at, 2) if len(at) == 1 else at].copy()  # the package fails on a single gene
    if len(at):
        scvelo.tl.align_dynamics(part)
        scvelo.tl.velocity(part, mode="dynamical")
    return part


def _take(cells: AnnData, tables: dict[str, Array], part: AnnData) -> None:
    """Adds what was found of some genes to the parameters and to the tables of all."""
    at = cells.var_names.get_indexer(part.var_names)
    for name in [str(each) for each in part.var if str(each).startswith("fit_")]:
        values = np.array(cells.var.get(name, np.full(cells.n_vars, np.nan)), np.float64)
        values[at] = part.var[name]
        cells.var[name] = values
    for name in tables.keys() & part.layers.keys():
        tables[name][:, at] = part.layers[name]


def _of_use(
    likelihood: Float[Array, " genes"], r2: Float[Array, " genes"], scaling: Float[Array, " genes"]
) -> Bool[Array, " genes"]:
    """The genes that the package uses: by its own thresholds, of which that of the scale is one among all genes."""
    low, high = np.nanpercentile(scaling, [10, 90])
    return (likelihood > 0.001) & (r2 > 0.01) & (scaling > min(low, 0.03)) & (scaling < max(high, 3))


def _used(cells: AnnData) -> Bool[Array, " genes"]:
    """The genes that the package uses; where it uses all of them it leaves the column out."""
    nothing = np.ones(cells.n_vars, bool)
    return np.asarray(cells.var.get("velocity_genes", nothing), bool)


def _columns(cells: AnnData, *names: str) -> Float[Array, "genes columns"]:
    return np.stack([cells.var[f"fit_{each}"].to_numpy(np.float64) for each in names], axis=1)


def _find_roots(scvelo: Any, cells: AnnData) -> bool:
    """Root cells by the random walk along the velocities, and whether it has any. Where it does not converge there are
    none, and the package counts from the cells with the earliest times."""
    from scipy.sparse.linalg import ArpackError

    try:
        scvelo.tl.terminal_states(cells)
    except ArpackError:
        cells.obs["root_cells"] = 0.0
    return bool((cells.obs["root_cells"].to_numpy(np.float64) > 1 - 1e-3).any())


def _find_directions(scvelo: Any, cells: AnnData) -> None:
    """The graph of the cells by their velocities.

    The package keeps one Python number for every two cells that it compares, hundreds for each cell: here those of some
    cells at a time.
    """
    package: Any = import_module("scvelo.tools.velocity_graph")

    def compute_cosines(graph: Any, **_: Any) -> None:
        count, parts = len(graph.X), []
        for first in range(0, count, CELLS):
            some = range(first, min(first + CELLS, count))
            _, *found = graph._compute_cosines(some, None)
            values, rows, columns = (np.hstack(each) if each else np.empty(0) for each in found)
            values, at = np.nan_to_num(values), (rows.astype(np.int64) - first, columns.astype(np.int64))
            parts.append(package.vals_to_csr(values, *at, shape=(len(some), count), split_negative=True))
        graph.graph, graph.graph_neg = (csr_matrix(vstack(each)) for each in zip(*parts, strict=True))
        largest = graph.graph.max(1).toarray().ravel()
        graph.self_prob = np.clip(np.percentile(largest, 98) - largest, 0, 1)

    with _replaced(package.VelocityGraph, "compute_cosines", compute_cosines):
        scvelo.tl.velocity_graph(cells, approx=True, n_jobs=1, show_progress_bar=False)


def _find_latent_time(scvelo: Any, cells: AnnData, least: float) -> None:
    """Latent time by the genes of the `least` likelihood and more, without any table of the cells but the times.

    The package counts the times of all genes from a root in eight tables of cells and genes: here some genes at a time,
    each of which it counts by itself.
    """
    for name in cells.layers.keys() - {"fit_t"}:
        del cells.layers[name]
    package: Any = import_module("scvelo.tools._em_model_utils")
    of_all = package.root_time

    def rooted(times: Float[Array, "cells genes"], root: int | np.integer) -> tuple[Array, Array]:
        found, switch = np.empty(times.shape), np.empty(times.shape[1])
        for first in range(0, times.shape[1], BLOCK):
            block = slice(first, first + BLOCK)
            found[:, block], switch[block] = of_all(times[:, block], root=root)
        return found, switch

    with _replaced(package, "root_time", rooted):
        scvelo.tl.latent_time(cells, min_likelihood=least)


@contextmanager
def _replaced(owner: Any, name: str, function: Any) -> Iterator[None]:
    """A function of the package by one that finds the same in parts."""
    own = getattr(owner, name)
    setattr(owner, name, function)
    try:
        yield
    finally:
        setattr(owner, name, own)


@contextmanager
def _quiet() -> Iterator[Any]:
    """The package, without its log and without what it warns of deprecated calls."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scvelo: Any = import_module("scvelo")
        scvelo.settings.verbosity = 0
        yield scvelo
