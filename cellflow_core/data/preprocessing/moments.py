"""Velocity genes, and their unspliced and spliced RNA averaged over the nearest neighbors of each cell.

The steps and the thresholds are those of scVelo (Bergen et al. 2020, Nat. Biotechnol. 38:1408), in our own code: genes
with shared counts, every layer of a cell brought to the median total, the genes that vary most, principal components
of log(1 + spliced), neighbors, first moments, and the genes whose unspliced RNA follows the spliced RNA.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from jaxtyping import Float

from cellflow_core.data.preprocessing.highly_variable_genes import most_variable
from cellflow_core.data.preprocessing.splicing_layers import SplicingLayers, totals
from cellflow_core.data.preprocessing.velocity_genes import KEPT, VelocityGenes, steady_state
from cellflow_core.data.spaces.pca import principal
from cellflow_core.math.neighbors import neighbor_graph

Array = np.ndarray
LEAST_GENES = 5
"""Fewer velocity genes give no direction that could be trusted."""
COLUMNS = 256
"""Genes that are dense in memory at a time."""


class MomentSettings(Protocol):
    """What `moments_of` needs to know; the settings of the step of this name."""

    @property
    def min_shared_counts(self) -> int: ...
    @property
    def variable_genes(self) -> int: ...
    @property
    def components(self) -> int: ...
    @property
    def neighbors(self) -> int: ...
    @property
    def min_slope(self) -> float: ...
    @property
    def min_r2(self) -> float: ...


@dataclass(frozen=True)
class Moments:
    """Moments of the velocity genes, in counts of a cell of median size: means over the neighbors of each cell.

    squared     of the square of the spliced RNA; product: of spliced times unspliced RNA
    table       every gene of the layers, and why it is a velocity gene or none
    components  leading principal components of log(1 + spliced), [cells, k]
    """

    unspliced: Float[Array, "cells genes"]
    spliced: Float[Array, "cells genes"]
    squared: Float[Array, "cells genes"]
    product: Float[Array, "cells genes"]
    table: VelocityGenes
    components: Float[Array, "cells k"]

    @property
    def genes(self) -> tuple[str, ...]:
        return self.table.kept


def moments_of(
    layers: SplicingLayers,
    settings: MomentSettings,
    counts: bool,
    on_progress: Callable[[str], None],
    states: Float[Array, "cells dim"] | None = None,
) -> Moments:
    """Velocity genes and their moments.

    counts  whether the values are counts: others are neither filtered by their sum nor brought to a total
    states  where neighbors are searched, such as states that were corrected for batches; None: in the components

    Raises ValueError, with a sentence, where fewer than LEAST_GENES genes are left.
    """
    on_progress("counting the RNA that both layers share")
    shared = shared_counts(layers)
    reasons = np.full(len(layers.genes), KEPT, dtype=object)
    least = settings.min_shared_counts if counts else 0
    reasons[shared < max(least, 1e-12)] = (
        f"fewer than {least} counts in cells with both kinds of RNA" if least else "no cell with both kinds of RNA"
    )
    chosen = _enough(reasons, settings)
    u, s = (of_median_size(each, counts)[:, chosen] for each in (layers.unspliced, layers.spliced))
    on_progress("finding the most variable genes")
    names = tuple(layers.genes[k] for k in chosen)
    variable = most_variable(log1p(s), names, settings.variable_genes)
    reasons[np.delete(chosen, variable)] = f"not among the {settings.variable_genes:,} most variable genes"
    chosen, u, s = chosen[variable], u[:, variable], s[:, variable]
    on_progress("computing principal components of the spliced RNA")
    components = principal(log1p(s), tuple(names[k] for k in variable), settings.components).state
    on_progress("averaging over neighbors")
    weights = neighbor_weights(components if states is None else states, settings.neighbors)
    mean_u, mean_s = averaged(weights, u), averaged(weights, s)
    slope, r2 = steady_state(mean_u, mean_s)
    low = np.where(
        np.maximum(r2, -1.0) < settings.min_r2, "the unspliced RNA does not follow the spliced RNA (low R²)", KEPT
    )
    reasons[chosen] = np.where(slope < settings.min_slope, "too little unspliced RNA (low slope)", low)
    table = VelocityGenes(
        layers.genes, shared, _all(slope, chosen, len(reasons)), _all(r2, chosen, len(reasons)), tuple(reasons)
    )
    kept = np.flatnonzero(np.isin(chosen, _enough(reasons, settings)))
    u, s = u[:, kept], s[:, kept]
    squared, product = (averaged(weights, _times(s, each)) for each in (s, u))
    return Moments(mean_u[:, kept], mean_s[:, kept], squared, product, table, components)


def shared_counts(layers: SplicingLayers) -> Float[Array, " genes"]:
    """Counts of each gene, of both kinds, in the cells that have both kinds."""
    u, s = layers.unspliced, layers.spliced
    if isinstance(u, np.ndarray) and isinstance(s, np.ndarray):
        return np.asarray(((u + s) * ((u > 0) & (s > 0))).sum(axis=0, dtype=np.float64))
    from scipy.sparse import csc_array

    u, s = csc_array(u), csc_array(s)
    return totals(u.multiply(s > 0), 0) + totals(s.multiply(u > 0), 0)


def neighbor_weights(states: Float[Array, "cells dim"], neighbors: int) -> Any:
    """Weights [cells, cells] (scipy.sparse CSR, rows sum to one): equal for the cell and all whose neighbor it is or
    that are its neighbors."""
    from scipy.sparse import csr_array, eye_array

    linked = csr_array(neighbor_graph(states, neighbors).connectivities) > 0
    weights = csr_array(linked + eye_array(len(states), dtype=bool), dtype=np.float32)
    weights.data[:] = 1.0 / np.repeat(np.diff(weights.indptr), np.diff(weights.indptr))
    return weights


def averaged(weights: Any, values: Any) -> Float[Array, "cells genes"]:
    """Weighted means over neighbors of a numpy or scipy.sparse table [cells, genes]."""
    found = np.empty(values.shape, dtype=np.float32)
    for start in range(0, values.shape[1], COLUMNS):
        part = values[:, start : start + COLUMNS]
        found[:, start : start + COLUMNS] = weights @ (part if isinstance(part, np.ndarray) else part.toarray())
    return found


def of_median_size(x: Any, counts: bool) -> Any:
    """Every cell brought to the median total over the cells that have any; a cell without any stays."""
    return multiplied(x, size_factors(x)) if counts else x


def size_factors(x: Any) -> Float[Array, " cells"]:
    """What brings each cell to the median total over the cells that have any; 1 for a cell without any."""
    size = totals(x, 1)
    return np.where(size > 0, np.median(size[size > 0]) / np.where(size > 0, size, 1.0), 1.0).astype(np.float32)


def multiplied(x: Any, factor: Float[Array, " cells"]) -> Any:
    """Each row of a numpy or scipy.sparse table by its factor."""
    if isinstance(x, np.ndarray):
        return x * factor[:, None]
    from scipy.sparse import diags_array

    return (diags_array(factor) @ x).tocsc()


def _times(x: Any, y: Any) -> Any:
    """Products of the values of two numpy or scipy.sparse tables."""
    return x * y if isinstance(x, np.ndarray) else x.multiply(y).tocsc()


def log1p(x: Any) -> Any:
    """log(1 + x) of a numpy or scipy.sparse table, in the classes that scanpy takes."""
    if isinstance(x, np.ndarray):
        return np.log1p(x)
    from scipy.sparse import csr_matrix

    return csr_matrix(x.log1p())


def _enough(reasons: Array, settings: MomentSettings) -> Array:
    """Indices of the genes that are left. Raises ValueError where they are too few."""
    left = np.flatnonzero(reasons == KEPT)
    if len(left) < LEAST_GENES:
        lost, count = np.unique(reasons[reasons != KEPT], return_counts=True)
        why = "; ".join(f"{number:,} left out: {reason}" for reason, number in zip(lost, count, strict=True))
        raise ValueError(
            f"{len(left)} of {len(reasons):,} genes can be velocity genes and at least {LEAST_GENES} are needed "
            f"({why}): where these cells do change, lower the thresholds or use a file with more genes"
        )
    return left


def _all(values: Array, at: Array, count: int) -> Array:
    """Values of some genes among all of them, NaN for the others."""
    found = np.full(count, np.nan)
    found[at] = values
    return found
