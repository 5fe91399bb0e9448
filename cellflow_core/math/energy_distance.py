"""Energy distance between two groups of cells, with a permutation test and intervals by the bootstrap.

E = 2 mean |x - y| - mean |x - x'| - mean |y - y'| with Euclidean distances, over pairs of different cells (Székely &
Rizzo 2013, doi:10.1016/j.jspi.2013.03.018; for perturbations Peidli et al. 2024, doi:10.1038/s41592-023-02144-y). Pairs
of one cell with itself are left out, so that two samples of one law have an expectation of 0, whatever their size.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from jaxtyping import Float

Array = np.ndarray


def energy(
    distances: Float[Array, "n n"], first: Float[Array, "n draws"], second: Float[Array, "n draws"]
) -> Float[Array, " draws"]:
    """Energy distance of two weighted groups of the same n cells, for each column of weights.

    A weight counts how often a cell is in the group, as in a bootstrap sample.
    """
    first, second = (each.astype(np.float32) for each in (first, second))
    to_first, to_second = distances @ first, distances @ second

    def mean(weight: Array, to: Array, other: Array, same: bool) -> Array:
        pairs = weight.sum(axis=0, dtype=np.float64) * other.sum(axis=0, dtype=np.float64)
        pairs -= np.square(weight).sum(axis=0, dtype=np.float64) if same else 0.0
        return (weight * to).sum(axis=0, dtype=np.float64) / pairs

    across = mean(first, to_second, second, same=False)
    return 2 * across - mean(first, to_first, first, same=True) - mean(second, to_second, second, same=True)


def energy_of_labels(distances: Float[Array, "n n"], chosen: Float[Array, "n draws"]) -> Float[Array, " draws"]:
    """Energy distance of the cells that are chosen (1) from all others (0), for each column; every column chooses as
    many. The same as `energy` with one product instead of two."""
    chosen = chosen.astype(np.float32)
    n, size = len(distances), float(chosen[:, 0].sum())
    row = distances.sum(axis=1, dtype=np.float64)
    inside = (chosen * (distances @ chosen)).sum(axis=0, dtype=np.float64)
    to_all = row @ chosen
    across, outside = to_all - inside, row.sum() - 2 * to_all + inside
    rest = n - size
    return 2 * across / (size * rest) - inside / (size * (size - 1)) - outside / (rest * (rest - 1))


def sampled_weights(groups: Iterable[int], draws: int, rng: np.random.Generator) -> Float[Array, "n draws"]:
    """How often each cell is drawn, with replacement, in each of `draws` bootstrap samples of groups of these sizes,
    one behind the other."""
    parts = [rng.multinomial(size, np.full(size, 1 / size), draws).T for size in groups]
    return np.concatenate(parts).astype(np.float32)


def permuted_labels(size: int, chosen: int, draws: int, rng: np.random.Generator) -> Float[Array, "size draws"]:
    """`draws` random choices of `chosen` of `size` cells, 1 where chosen."""
    order = rng.random((size, draws)).argsort(axis=0)
    return (order < chosen).astype(np.float32)
