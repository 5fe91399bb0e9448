"""Does the RNA velocity of a cell recur in other counts of the same cell? Counts are split in two independent halves.

Counts thinned by a fair coin are independent of the rest where counts are Poisson (Neufeld et al. 2022, Biostatistics
25:270, doi:10.1093/biostatistics/kxac047). Neighbors come from the first half alone, so that nothing of the second has
decided who is averaged with whom. In a population that does not change, smoothing makes arrows of noise in the first
half, which point to the center, but none in the second: the two do not agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from cellflow_core.data.preprocessing.moments import COLUMNS, averaged, log1p, neighbor_weights, of_median_size
from cellflow_core.data.preprocessing.splicing_layers import SplicingLayers
from cellflow_core.data.preprocessing.velocity_genes import steady_state
from cellflow_core.data.spaces.pca import principal

Array = np.ndarray
PERMUTATIONS = 5


@dataclass(frozen=True)
class HalvesAgreement:
    """How well the steady-state velocities of both halves of the counts agree in each cell.

    cosine  between them, each gene in units of the standard deviation of its spliced RNA, -1 to 1
    chance  share of the cosines with a second half whose cells are shuffled that are as large, 0 to 1; of velocities
            less their mean over the cells, which a wrong ratio of a gene gives to all cells alike
    """

    cosine: Float[Array, " cells"]
    chance: Float[Array, " cells"]


def halves_agreement(
    layers: SplicingLayers, genes: tuple[str, ...], components: int, neighbors: int, seed: int = 0
) -> HalvesAgreement:
    """Of counts; genes: the velocity genes, in the order of the layers; components, neighbors: as for the moments."""
    rng = np.random.default_rng(seed)
    chosen = np.flatnonzero(np.isin(layers.genes, genes))
    halves = [_thinned(each[:, chosen], rng) for each in (layers.unspliced, layers.spliced)]
    (u1, u2), (s1, s2) = ([of_median_size(half, True) for half in each] for each in halves)
    del halves
    weights = neighbor_weights(principal(log1p(s1), genes, components).state, neighbors)
    found, scale = _velocity(weights, u1, s1)
    first = found / scale
    del found, u1, s1
    cosine, own = _cosines(first, weights, u2, s2, scale)
    orders = (rng.permutation(len(first)) for _ in range(PERMUTATIONS))
    null = [_cosines(first, weights, u2[order], s2[order], scale)[1] for order in orders]
    every = np.sort(np.concatenate(null))
    chance = 1 - np.searchsorted(every, own, side="left") / (len(every) + 1)
    return HalvesAgreement(cosine, chance)


def _thinned(counts: Any, rng: np.random.Generator) -> tuple[Any, Any]:
    """Two tables of counts that add up to the given one, each count of which went to either by a fair coin."""
    if isinstance(counts, np.ndarray):
        first = rng.binomial(counts.astype(np.int64), 0.5).astype(np.float32)
        return first, counts - first
    first, second = counts.copy().astype(np.float32), counts.copy().astype(np.float32)
    first.data = rng.binomial(counts.data.astype(np.int64), 0.5).astype(np.float32)
    second.data -= first.data
    return first, second


def _velocity(weights: Any, u: Any, s: Any) -> tuple[Float[Array, "cells genes"], Float[Array, " genes"]]:
    """(steady-state velocity, standard deviation of the spliced RNA of each gene) of moments."""
    mean_u, mean_s = averaged(weights, u), averaged(weights, s)
    scale = mean_s.std(axis=0)
    return mean_u - steady_state(mean_u, mean_s)[0] * mean_s, np.where(scale > 0, scale, 1.0)


def _cosines(
    first: Float[Array, "cells genes"], weights: Any, u: Any, s: Any, scale: Float[Array, " genes"]
) -> tuple[Float[Array, " cells"], Float[Array, " cells"]]:
    """Cosine between the first velocities and those of these counts, as they are and less their means over the cells;
    the velocities of COLUMNS genes are held at a time."""
    sums = np.zeros((2, 3, len(first)))  # of products and of both squares
    for start in range(0, first.shape[1], COLUMNS):
        part = slice(start, start + COLUMNS)
        a, b = first[:, part], _velocity(weights, u[:, part], s[:, part])[0] / scale[part]
        for own, (x, y) in zip(sums, ((a, b), (a - a.mean(axis=0), b - b.mean(axis=0))), strict=True):
            own += np.stack([np.einsum("cg,cg->c", *pair) for pair in ((x, y), (x, x), (y, y))])
    return tuple(own[0] / np.maximum(np.sqrt(own[1] * own[2]), 1e-30) for own in sums)
