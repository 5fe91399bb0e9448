"""Kernels of the optional package cellrank (BSD-3), with its own defaults; `make cellrank` installs it.

Lange et al., Nat. Methods 2022, doi:10.1038/s41592-021-01346-6; Weiler et al., Nat. Methods 2024,
doi:10.1038/s41592-024-02303-9. Ours (math/markov_chains/kernels.py, math/velocity_graph.py) differ in two things: the
package correlates velocities with the steps to other cells, each less the mean of its axes, where ours takes their
cosine; and it divides links between cells by the density of cells around both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from cellflow_core.math.markov_chains.kernels import row_stochastic

Array = np.ndarray
Kernel = Literal["pseudotime", "velocity", "connectivity"]
FEWEST = 3
"""Axes over which a correlation takes more values than -1 and 1."""


def package_kernels(
    x: Float[Array, "cells dim"], links: Any, wanted: Mapping[Kernel, Float[Array, ...] | None]
) -> dict[Kernel, Any]:
    """Transitions of each kernel that is wanted, scipy.sparse CSR [cells, cells], rows sum to one.

    links   of the graph of neighbors, symmetric, above 0, scipy.sparse [cells, cells]
    wanted  what a kernel goes by: the order of the cells, or their velocities, [cells, dim], in the axes of x

    Raises ImportError where the package is not installed, ValueError for velocities of fewer than 3 axes.
    """
    import anndata
    import cellrank  # pyright: ignore[reportMissingImports]
    from scipy.sparse import csr_matrix

    if "velocity" in wanted and x.shape[1] < FEWEST:
        raise ValueError(
            f"the package cellrank correlates velocities over the axes of the state space, and {x.shape[1]} axes "
            "tell no directions apart: take kernels by this app, or a state space of more axes"
        )
    graph = csr_matrix(links)
    states: Any = {"X_state": x}
    cells = anndata.AnnData(x.astype(np.float32), obsm=states)
    cells.obsp["connectivities"] = cells.obsp["distances"] = graph
    cells.uns["neighbors"] = {"params": {}, "connectivities_key": "connectivities", "distances_key": "distances"}
    found: dict[Kernel, Any] = {}
    for name, along in wanted.items():
        if name == "connectivity":
            kernel: Any = cellrank.kernels.ConnectivityKernel(cells)
        elif name == "pseudotime":
            cells.obs["order"] = along
            kernel = cellrank.kernels.PseudotimeKernel(cells, time_key="order")
        else:
            cells.obsm["velocity"] = along
            kernel = cellrank.kernels.VelocityKernel(cells, attr="obsm", xkey="X_state", vkey="velocity")
        quiet = {} if name == "connectivity" else {"show_progress_bar": False}
        found[name] = row_stochastic(kernel.compute_transition_matrix(**quiet).transition_matrix)
    return found
