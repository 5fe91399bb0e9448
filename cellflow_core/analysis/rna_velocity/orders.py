"""Orders of the same cells, beside each other: along the arrows, by latent time, by likeness, by measured time."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from cellflow_core.analysis.regulation.latent_order import latent_time
from cellflow_core.analysis.results.rna_velocity import TIME
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.steps.pseudotime import order_from
from cellflow_core.math.neighbors import neighbor_graph
from cellflow_core.models.contract import DynamicsModel, HasLatentTime

Array = np.ndarray
MOST = 20_000
"""Cells above which no diffusion map is made."""
EARLIEST = 0.02
"""Share of the cells in whose middle diffusion pseudotime begins: the first along the arrows."""


def orders(model: DynamicsModel | None, data: Snapshots, order: Float[Array, " cells"]) -> dict[str, Array]:
    """Name -> value of each cell, higher for later cells; NaN for cells that an order does not reach.

    order  along the arrows, which also says where diffusion pseudotime (Haghverdi et al. 2016) begins
    """
    found = {"order along the arrows": order}
    if isinstance(model, HasLatentTime):
        found[f"latent time of {model.title}"] = latent_time(model, data)
    if len(data.x) <= MOST:
        found["diffusion pseudotime"] = _diffusion(data, order)
    if len(data.times) > 1:
        found[TIME] = np.asarray(data.t, dtype=float)
    return found


def rank_correlations(values: Float[Array, "orders cells"]) -> Float[Array, "orders orders"]:
    """Spearman correlation of each two orders, over the cells that both reach."""
    found = np.eye(len(values))
    for i in range(len(values)):
        for j in range(i):
            both = np.isfinite(values[i]) & np.isfinite(values[j])
            found[i, j] = found[j, i] = spearman(values[i, both], values[j, both])
    return found


def spearman(a: Float[Array, " cells"], b: Float[Array, " cells"]) -> float:
    """NaN where there are fewer than three cells, or one of them does not vary."""
    from scipy.stats import rankdata

    if len(a) < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(np.corrcoef(rankdata(a), rankdata(b))[0, 1])


def _diffusion(data: Snapshots, order: Float[Array, " cells"]) -> Float[Array, " cells"]:
    first = np.argsort(order)[: max(int(EARLIEST * len(order)), 1)]
    middle = np.median(data.x[first], axis=0)
    root = int(first[np.square(data.x[first] - middle).sum(axis=1).argmin()])
    found = order_from(data.x, neighbor_graph(data.x), root, "diffusion", 0, 0, lambda stage: None)
    return np.where(np.isfinite(found), found, np.nan)
