"""Do estimators of RNA velocity agree, in which cells, and do their arrows point forward in measured time?"""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from cellflow_core.analysis.dynamics import cell_blocks
from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.fields.cell_velocities import NEIGHBORS
from cellflow_core.analysis.results import VelocityAgreement
from cellflow_core.analysis.rna_velocity.cell_order import cell_order
from cellflow_core.analysis.rna_velocity.drawn_arrows import draw_above
from cellflow_core.analysis.rna_velocity.estimates import Estimates, estimates
from cellflow_core.analysis.rna_velocity.orders import orders, rank_correlations
from cellflow_core.analysis.rna_velocity.second_rise import second_rise
from cellflow_core.analysis.rna_velocity.uncertainty import velocity_dispersion
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.steps.moments import CHANCE, HALVES
from cellflow_core.math.neighbors import nearest_others
from cellflow_core.math.velocity_graph import VelocityGraph, velocity_graph
from cellflow_core.models.contract import DynamicsModel, HasVelocityUncertainty

Array = np.ndarray
REVERSALS = 1000
GENES = 200
FAST = 0.1
"""Share of the genes that count as moving most."""


def agreement(model: DynamicsModel | None, data: Snapshots, view: Embedding, least: float = 0.5) -> VelocityAgreement:
    """The model beside the quick estimators; None: these alone. least: agreement below which a cell has no arrow,
    -1 to 1.

    Raises ValueError, with a sentence, where the data have no moments of velocity genes.
    """
    found = estimates(model, data)
    x, v = found.spliced / found.scale, found.scaled(0)
    pairwise, mean = _agreement(found)
    of_genes = _of_genes(found)
    graph = velocity_graph(x, v, nearest_others(view.states, NEIGHBORS))
    arrows = graph.displacement(view.points.astype(np.float64))
    order, explained = cell_order(graph)
    forward, by_chance = forward_share(graph, x, v, data)
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
        halves=data.covariates.get(HALVES),
        chance=data.covariates.get(CHANCE),
        drawn=np.zeros(len(data.x), bool),
        cells=view.points,
        arrows=arrows,
        intrinsic=sure[0],
        extrinsic=sure[1],
        speed=np.linalg.norm(v, axis=1),
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
        gene_agreement=of_genes.agreement,
        slope=found.slope,
        r2=of_genes.r2,
        fast=_fast(of_genes.size),
        rate_names=found.rate_names,
        rates=found.rates,
        **second_rise(found, order)._asdict(),
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


def _agreement(found: Estimates) -> tuple[Float[Array, "estimators estimators"], Float[Array, " cells"]]:
    """(median cosine of each pair, mean cosine of all pairs in each cell)."""
    count, cells, _ = found.velocity.shape
    pairs = list(combinations(range(count), 2))
    cosine = np.full((max(len(pairs), 1), cells), np.nan, np.float32)
    for part in cell_blocks(cells):
        v = found.velocity[:, part] / found.scale
        unit = v / np.maximum(np.linalg.norm(v, axis=2, keepdims=True), 1e-30)
        for k, (i, j) in enumerate(pairs):
            cosine[k, part] = (unit[i] * unit[j]).sum(axis=1)
    pairwise = np.eye(count)
    for (i, j), each in zip(pairs, cosine, strict=False):
        pairwise[i, j] = pairwise[j, i] = np.median(each)
    return pairwise, cosine.mean(axis=0)


class _OfGenes(NamedTuple):
    """agreement: mean correlation over the cells between each two estimators, 0 for a gene that does not move; r2: of
    unspliced RNA by the line at steady state of the first estimator with one; size: mean square of each velocity, genes
    in standard deviations."""

    agreement: Float[Array, " genes"]
    r2: Float[Array, " genes"]
    size: Float[Array, "estimators genes"]


def _of_genes(found: Estimates) -> _OfGenes:
    """All cells of GENES genes at a time, in double precision."""
    genes = len(found.genes)
    slope = next((each for each in found.slope if np.isfinite(each).all()), np.full(genes, np.nan))
    pairs = list(combinations(range(len(found.names)), 2))
    parts: list[_OfGenes] = []
    for part in (slice(first, first + GENES) for first in range(0, genes, GENES)):
        v = found.velocity[:, :, part].astype(np.float64)
        size = np.square(v).mean(axis=1) / np.square(found.scale[part])
        v -= v.mean(axis=1, keepdims=True)
        v /= np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-30)
        alike = [(v[i] * v[j]).sum(axis=0) for i, j in pairs] or [np.zeros(v.shape[2])]
        u, s = (each[:, part].astype(np.float64) for each in (found.unspliced, found.spliced))
        whole = np.square(u - u.mean(axis=0)).sum(axis=0)
        left = np.square(u - slope[part] * s).sum(axis=0)
        parts.append(_OfGenes(np.mean(alike, axis=0), 1 - left / np.where(whole > 0, whole, 1.0), size))
    return _OfGenes(*(np.concatenate(each, axis=-1) for each in zip(*parts, strict=True)))


def _fast(size: Float[Array, "estimators genes"]) -> Int[Array, " genes"]:
    """In how many estimators each gene is among those that move most."""
    count = max(int(np.ceil(FAST * size.shape[1])), 1)
    return (size >= np.sort(size, axis=1)[:, -count, None]).sum(axis=0)
