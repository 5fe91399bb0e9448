"""The dynamical model of the optional package scvelo (BSD-3): Bergen et al. 2020, doi:10.1038/s41587-020-0591-3.

`make scvelo` installs it. The package gets the moments of the cells as they are, and neighbors in the principal
components of log(1 + spliced moments); nothing is filtered or normalised again.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float

from cellflow_core.data.spaces.pca import principal
from cellflow_core.math.neighbors import neighbor_graph

if TYPE_CHECKING:
    from anndata import AnnData

Array = np.ndarray
COMPONENTS = 30
"""Principal components in which neighbors are searched."""
MIN_LIKELIHOOD = 0.1
"""Likelihood of a gene from which on it counts for the latent time: the package's own threshold."""


@dataclass(frozen=True)
class VelocityFit:
    """What the package found; RNA in counts of a cell of median size, time in its own unit.

    unspliced, spliced   rates of change (RNA / time), NaN for a gene that was not fitted
    genes                the genes that the package uses for the velocities of cells, and for their directions
    rates                transcription, splicing, degradation; [genes, 3], NaN where there is none
    likelihood           of each gene, NaN for one that was not fitted
    latent_time          between 0 and 1
    found_roots          whether root cells were found, from which the latent time is counted
    """

    unspliced: Float[Array, "cells genes"]
    spliced: Float[Array, "cells genes"]
    genes: Bool[Array, " genes"]
    rates: Float[Array, "genes 3"]
    likelihood: Float[Array, " genes"]
    latent_time: Float[Array, " cells"]
    found_roots: bool


def fit(
    unspliced: Float[Array, "cells genes"],
    spliced: Float[Array, "cells genes"],
    *,
    neighbors: int = 30,
    iterations: int = 10,
    scaling: bool = True,
) -> VelocityFit:
    """The dynamical model of the moments of velocity genes.

    neighbors   of each cell, over which times are averaged
    iterations  of expectation maximisation
    scaling     fit the scale of unspliced RNA relative to spliced RNA, else it is 1

    Raises ValueError where the package can fit no gene.
    """
    cells = annotated(unspliced, spliced, neighbors)
    with _quiet() as scvelo:
        scvelo.tl.recover_dynamics(cells, max_iter=iterations, fit_scaling=scaling, n_jobs=1, show_progress_bar=False)
        if not scaling:
            cells.var["fit_scaling"] = 1.0
        likelihood = cells.var["fit_likelihood"].to_numpy(np.float64)
        if not np.isfinite(likelihood).any():
            raise ValueError(
                f"scvelo could fit the dynamics of none of {cells.n_vars:,} genes: their unspliced RNA does not follow "
                "their spliced RNA; take the step “Velocity genes and moments” with other thresholds"
            )
        scvelo.tl.velocity(cells, mode="dynamical")
        scvelo.tl.velocity_graph(cells, approx=True, n_jobs=1, show_progress_bar=False)
        found_roots = _find_roots(scvelo, cells)
        scvelo.tl.latent_time(cells, min_likelihood=min(MIN_LIKELIHOOD, float(np.nanmax(likelihood))))
    return VelocityFit(
        unspliced=np.asarray(cells.layers["velocity_u"], np.float64),
        spliced=np.asarray(cells.layers["velocity"], np.float64),
        genes=cells.var["velocity_genes"].to_numpy(bool),
        rates=np.stack([cells.var[f"fit_{each}"].to_numpy(np.float64) for each in ("alpha", "beta", "gamma")], axis=1),
        likelihood=likelihood,
        latent_time=cells.obs["latent_time"].to_numpy(np.float64),
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


def _find_roots(scvelo: Any, cells: AnnData) -> bool:
    """Root cells by the random walk along the velocities, and whether it has any. Where it does not converge there are
    none, and the package counts from the cells with the earliest times."""
    from scipy.sparse.linalg import ArpackError

    try:
        scvelo.tl.terminal_states(cells)
    except ArpackError:
        cells.obs["root_cells"] = 0.0
    return bool((cells.obs["root_cells"].to_numpy(np.float64) > 1 - 1e-3).any())


@contextmanager
def _quiet() -> Iterator[Any]:
    """The package, without its log and without what it warns of deprecated calls."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import scvelo  # type: ignore[import-not-found]

        scvelo.settings.verbosity = 0
        yield scvelo
