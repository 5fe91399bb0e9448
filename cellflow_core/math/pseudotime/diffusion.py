"""Diffusion pseudotime (Haghverdi et al. 2016, Nat Methods 13:845, doi:10.1038/nmeth.3971)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from cellflow_core.math.neighbors import NeighborGraph

Array = np.ndarray
COMPONENTS = 15


def diffusion_scales(x: Float[Array, "cells dim"], found: NeighborGraph, seed: int = 0) -> Float[Array, "cells axes"]:
    """Diffusion components weighted by lambda / (1 - lambda), the constant one left out: distances between rows are
    those over walks of all lengths. The largest component comes first.

    The diffusion map is scanpy's, of a graph in one connected piece.
    """
    import scanpy as sc

    cells = found.annotated(x)
    sc.tl.diffmap(cells, n_comps=min(COMPONENTS, len(x) - 2), random_state=seed)
    values = np.asarray(cells.uns["diffmap_evals"], dtype=np.float64)[1:]
    vectors = np.asarray(cells.obsm["X_diffmap"], dtype=np.float64)[:, 1:]
    return vectors * (values / np.maximum(1 - values, 1e-7))


def diffusion_order(scales: Float[Array, "cells axes"], root: int) -> Float[Array, " cells"]:
    """Diffusion pseudotime (eq. 15 of the supplement) from a root cell, scaled to 0..1.

    scanpy's `dpt` takes eigenvalues above 0.9994 for separate islands, which a clean long path has too; the cells here
    are in one connected piece, so the formula is used for every eigenvalue below the first.
    """
    order = np.linalg.norm(scales - scales[root], axis=1)
    return order / (order.max() or 1.0)
