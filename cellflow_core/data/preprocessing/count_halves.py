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

from cellflow_core.data.preprocessing.moments import averaged, log1p, neighbor_weights, of_median_size
from cellflow_core.data.preprocessing.splicing_layers import SplicingLayers
from cellflow_core.data.preprocessing.velocity_genes import steady_state
from cellflow_core.data.spaces.pca import principal
from cellflow_core.math.velocity_graph import cosines

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
    weights = neighbor_weights(principal(log1p(s1), genes, components).state, neighbors)
    first, scale = _velocity(weights, u1, s1)
    first, second = first / scale, _velocity(weights, u2, s2)[0] / scale
    null = []
    for _ in range(PERMUTATIONS):
        order = rng.permutation(len(first))
        null.append(cosines(_centered(first), _centered(_velocity(weights, u2[order], s2[order])[0] / scale)))
    every = np.sort(np.concatenate(null))
    own = cosines(_centered(first), _centered(second))
    chance = 1 - np.searchsorted(every, own, side="left") / (len(every) + 1)
    return HalvesAgreement(cosines(first, second), chance)


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


def _centered(v: Float[Array, "cells genes"]) -> Float[Array, "cells genes"]:
    return v - v.mean(axis=0)
