"""Do estimators of RNA velocity agree, in which cells, and do their arrows point forward in measured time?"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from jaxtyping import Float, Int

from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.fields.cell_velocities import NEIGHBORS
from cellflow_core.analysis.results import VelocityAgreement
from cellflow_core.analysis.rna_velocity.cell_order import cell_order
from cellflow_core.analysis.rna_velocity.drawn_arrows import draw_above
from cellflow_core.analysis.rna_velocity.estimates import Estimates, estimates
from cellflow_core.analysis.rna_velocity.orders import orders, rank_correlations
from cellflow_core.analysis.rna_velocity.uncertainty import velocity_dispersion
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.steps.moments import CHANCE, HALVES
from cellflow_core.math.neighbors import nearest_others
from cellflow_core.math.velocity_graph import VelocityGraph, velocity_graph
from cellflow_core.models.contract import DynamicsModel, HasVelocityUncertainty

Array = np.ndarray
REVERSALS = 1000
FAST = 0.1
"""Share of the genes that count as moving most."""


def agreement(model: DynamicsModel | None, data: Snapshots, view: Embedding, least: float = 0.5) -> VelocityAgreement:
    """The model beside the quick estimators; None: these alone. least: agreement below which a cell has no arrow,
    -1 to 1.

    Raises ValueError, with a sentence, where the data have no moments of velocity genes.
    """
    found = estimates(model, data)
    scaled, x = found.scaled, found.spliced / found.scale
    pairwise, mean = _agreement(scaled)
    halves, chance = data.covariates.get(HALVES), data.covariates.get(CHANCE)
    graph = velocity_graph(x, scaled[0], nearest_others(view.states, NEIGHBORS))
    arrows = graph.displacement(view.points.astype(np.float64))
    order, explained = cell_order(graph)
    forward, by_chance = forward_share(graph, x, scaled[0], data)
    beside = orders(model, data, order)
    values = np.stack(list(beside.values()))
    sure = velocity_dispersion(model, data) if isinstance(model, HasVelocityUncertainty) else (None, None)
    nowhere = np.full((1, 1), np.nan)
    whole = VelocityAgreement(
        view=view.name,
        axes=view.axes,
        time_unit=data.time_unit,
        estimators=found.names,
        pairwise=pairwise,
        agreement=mean,
        halves=halves,
        chance=chance,
        drawn=np.zeros(len(data.x), bool),
        cells=view.points,
        arrows=arrows,
        intrinsic=sure[0],
        extrinsic=sure[1],
        speed=np.linalg.norm(scaled[0], axis=1),
        x=nowhere[0],
        y=nowhere[0],
        u=nowhere,
        v=nowhere,
        order=order,
        order_explained=explained,
        forward=forward,
        forward_chance=by_chance,
        orders=tuple(beside),
        order_values=values,
        order_rho=rank_correlations(values),
        genes=found.genes,
        gene_agreement=_of_genes(found.velocity),
        slope=found.slope,
        r2=_r2(found),
        fast=_fast(scaled),
        rate_names=found.rate_names,
        rates=found.rates,
        notes=(
            *found.notes,
            "Arrows are displacements to neighbors that the velocity points to, over "
            f"{NEIGHBORS} neighbors in the state, and not the velocity itself: their length has no unit.",
            *_alone(data),
        ),
    )
    return draw_above(whole, least)


def forward_share(
    graph: VelocityGraph, x: Float[Array, "cells genes"], v: Float[Array, "cells genes"], data: Snapshots
) -> tuple[float, tuple[float, float]]:
    """(share of arrows that point to later neighbors, 5 and 95 % quantiles with the velocities reversed in half of the
    patches of cells, drawn at random); over cells whose neighbors have several times.

    Cells that stand together share neighbors and have like velocities, so they are reversed together: alone, they would
    count as so many independent witnesses.
    """
    if len(data.times) < 2:
        return float("nan"), (float("nan"), float("nan"))
    times = data.t[:, None]
    mixed = np.ptp(data.t[graph.neighbors], axis=1) > 0
    if not mixed.any():
        return float("nan"), (float("nan"), float("nan"))

    ahead, back = (of.displacement(times)[mixed, 0] > 0 for of in (graph, velocity_graph(x, -v, graph.neighbors)))
    rng = np.random.default_rng(0)
    patch = _patches(graph, rng)[mixed]
    reversed_ = rng.random((REVERSALS, int(patch.max()) + 1)) < 0.5
    null = [float(np.where(each[patch], back, ahead).mean()) for each in reversed_]
    low, high = np.quantile(null, [0.05, 0.95])
    return float(ahead.mean()), (float(low), float(high))


def _patches(graph: VelocityGraph, rng: np.random.Generator) -> Int[Array, " cells"]:
    """Patch of each cell, of as many cells as it has neighbors on average: the nearest of cells drawn at random, in
    steps from neighbor to neighbor; a cell that none is linked to is a patch of its own."""
    from scipy.sparse.csgraph import dijkstra

    cells, k = graph.neighbors.shape
    drawn = rng.choice(cells, max(cells // k, 1), replace=False)
    links = graph.transitions()
    *_, nearest = dijkstra(links + links.T, indices=drawn, unweighted=True, min_only=True, return_predecessors=True)
    nearest = np.where(nearest < 0, np.arange(cells), nearest)
    return np.unique(nearest, return_inverse=True)[1]


def _alone(data: Snapshots) -> tuple[str, ...]:
    """A note where nothing that was measured besides the RNA can speak for the arrows or against them."""
    if len(data.times) > 1 or any(len(np.unique(each)) > 1 for each in data.labels.values()):
        return ()
    return (
        "These cells are of one group and of no more than one time, so nothing measured shows whether arrows lead "
        "forward: import times, or cell types whose order is known, where there are any.",
    )


def _agreement(v: Float[Array, "estimators cells genes"]) -> tuple[Array, Array]:
    """(median cosine of each pair, mean cosine of all pairs in each cell)."""
    unit = v / np.maximum(np.linalg.norm(v, axis=2, keepdims=True), 1e-30)
    pairwise, cosines = np.eye(len(v)), []
    for i, j in combinations(range(len(v)), 2):
        cosine = (unit[i] * unit[j]).sum(axis=1)
        pairwise[i, j] = pairwise[j, i] = np.median(cosine)
        cosines.append(cosine)
    return pairwise, np.mean(cosines, axis=0) if cosines else np.full(v.shape[1], np.nan)


def _of_genes(v: Float[Array, "estimators cells genes"]) -> Float[Array, " genes"]:
    """Mean correlation over the cells between each two estimators, by gene; 0 for a gene that does not move."""
    centered = v - v.mean(axis=1, keepdims=True)
    unit = centered / np.maximum(np.linalg.norm(centered, axis=1, keepdims=True), 1e-30)
    pairs = list(combinations(range(len(v)), 2))
    return np.mean([(unit[i] * unit[j]).sum(axis=0) for i, j in pairs], axis=0) if pairs else np.zeros(v.shape[2])


def _r2(found: Estimates) -> Float[Array, " genes"]:
    """Share of variance of unspliced RNA that the line at steady state explains, of the first estimator with one."""
    slope = next((each for each in found.slope if np.isfinite(each).all()), np.full(len(found.genes), np.nan))
    u, s = found.unspliced.astype(np.float64), found.spliced
    whole = np.square(u - u.mean(axis=0)).sum(axis=0)
    return 1 - np.square(u - slope * s).sum(axis=0) / np.where(whole > 0, whole, 1.0)


def _fast(v: Float[Array, "estimators cells genes"]) -> Array:
    """In how many estimators each gene is among those that move most."""
    size = np.square(v).mean(axis=1)
    count = max(int(np.ceil(FAST * size.shape[1])), 1)
    return (size >= np.sort(size, axis=1)[:, -count, None]).sum(axis=0)
