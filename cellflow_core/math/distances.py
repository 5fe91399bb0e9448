"""How far apart two clouds of cells are, by several measures: x is predicted and may carry weights, y is measured.

Wasserstein-p       W_p^p = min over plans of sum pi_ij |x_i - y_j|^p (Kantorovich 1942); exact up to a limit of points,
                    above it the mean over random blocks of both clouds, which is an upper bound.
Sliced Wasserstein  mean over random directions of the W_1 of the projections, in one dimension the area between the
                    distribution functions (Bonneel et al. 2015, doi:10.1007/s10851-014-0506-3). For any number.
MMD                 root of sum a_i a_j k(x_i, x_j) - 2 sum a_i b_j k(x_i, y_j) + sum b_i b_j k(y_i, y_j) (Gretton et
                    al. 2012, JMLR 13:723, the biased estimate) with k = exp(-d^2 / 2h^2), and h the median distance of
                    two measured cells, so that the kernel is the same for every prediction (0 to sqrt 2, no unit).
Density, coverage   Naeem et al. 2020, arXiv:2002.09797. Around each measured cell lies the ball to its k-th neighbour
                    among the measured cells. Coverage: share of the balls that hold a predicted cell. Density: balls
                    that a predicted cell lies in, over k. Two samples of one law have density 1 and coverage
                    1 - (m-1)...(m-k) / ((n+m-1)...(n+m-k)), about 1 - 2^-k for n = m.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float

from cellflow_core.math import ot
from cellflow_core.math.ot import EXACT_LIMIT

Array = np.ndarray
EXACT_BLOCK = 1024
"""Most points a side of a block where the clouds are cut for an exact plan of each."""
BLOCK = 2048
"""Rows of a distance table that are held at once."""
DIRECTIONS = 256
NEIGHBOURS = 5
"""k of density and coverage, as its authors choose it."""
SAMPLE = 8192
"""Points a side up to which MMD, density and coverage see all; above it, a random sample of so many."""


def wasserstein(
    x: Float[Array, "n dim"],
    y: Float[Array, "m dim"],
    p: int = 1,
    weight: Float[Array, " n"] | None = None,
    limit: int = EXACT_LIMIT,
    seed: int = 0,
) -> float:
    """Wasserstein-p distance with Euclidean ground distance (state): exact up to `limit` points a side, else in blocks.

    weight  share of the mass of each point of x, scaled to sum to one; in blocks it is drawn with, see `equal`
    """
    if max(len(x), len(y)) <= limit:
        return ot.wasserstein(x, y, p=p, weight=weight)
    x = equal(x, weight, seed)
    blocks = min(-(-max(len(x), len(y)) // min(EXACT_BLOCK, limit)), len(x), len(y))
    rng = np.random.default_rng(seed)
    left = np.array_split(rng.permutation(len(x)), blocks)
    right = np.array_split(rng.permutation(len(y)), blocks)
    parts = [len(i) / len(x) * ot.wasserstein(x[i], y[j], p=p) ** p for i, j in zip(left, right, strict=True)]
    return float(sum(parts)) ** (1 / p)


def sliced(
    x: Float[Array, "n dim"],
    y: Float[Array, "m dim"],
    weight: Float[Array, " n"] | None = None,
    directions: int = DIRECTIONS,
    seed: int = 0,
) -> float:
    """Sliced Wasserstein-1 distance over random directions (state)."""
    axes = np.random.default_rng(seed).normal(size=(directions, x.shape[1]))
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    share = np.concatenate([_share(x, weight), -_share(y, None)])
    both = np.concatenate([x, y]).astype(np.float64)
    total = 0.0
    for axis in axes:
        along = both @ axis
        order = np.argsort(along)
        total += float(np.abs(np.cumsum(share[order])[:-1]) @ np.diff(along[order]))
    return total / directions


def mmd(
    x: Float[Array, "n dim"], y: Float[Array, "m dim"], weight: Float[Array, " n"] | None = None, seed: int = 0
) -> float:
    """Maximum mean discrepancy with a Gaussian kernel as wide as the median distance of two measured cells."""
    a = _share(x, weight)
    if len(x) > SAMPLE:
        x = _few(equal(x, weight, seed), SAMPLE, seed)
        a = _share(x, None)
    y = _few(y, SAMPLE, seed)
    b = _share(y, None)
    some = _few(y, BLOCK // 2, seed)
    squares = next(_squares(some, some))[1][np.triu_indices(len(some), 1)]
    width = float(np.median(squares)) if len(squares) else 0.0
    if not width:
        raise ValueError(f"most of the {len(y)} measured cells stand in one place: no width of a kernel fits them")

    def mean(left: Array, by: Array, right: Array, also: Array) -> float:
        return sum(float(by[rows] @ np.exp(-part / (2 * width)) @ also) for rows, part in _squares(left, right))

    return max(0.0, mean(x, a, x, a) - 2 * mean(x, a, y, b) + mean(y, b, y, b)) ** 0.5


def density_coverage(
    x: Float[Array, "n dim"],
    y: Float[Array, "m dim"],
    weight: Float[Array, " n"] | None = None,
    neighbours: int = NEIGHBOURS,
    seed: int = 0,
) -> tuple[float, float]:
    """(density, coverage) of the measured cells y by the predicted ones; see the top of this file.

    Both are nan where there are no more measured cells than neighbours.
    """
    x, y = _few(equal(x, weight, seed), SAMPLE, seed), _few(y, SAMPLE, seed)
    if len(y) <= neighbours:
        return float("nan"), float("nan")
    inside, covered = 0, 0
    for rows, own in _squares(y, y):
        own[np.arange(len(own)), np.arange(rows.start, rows.start + len(own))] = -1.0  # the cell itself comes first
        radius = np.partition(own, neighbours, axis=1)[:, neighbours]
        _, there = next(_squares(y[rows], x))
        held = there <= radius[:, None]
        inside += int(held.sum())
        covered += int(held.any(axis=1).sum())
    return inside / (neighbours * len(x)), covered / len(y)


def equal(x: Float[Array, "n dim"], weight: Float[Array, " n"] | None, seed: int = 0) -> Float[Array, "n dim"]:
    """As many cells of equal weight that stand for weighted ones: each is taken n times its share, rounded up or down
    (systematic resampling, Carpenter et al. 1999, doi:10.1049/ip-rsn:19990255)."""
    if weight is None or np.ptp(weight) <= 1e-6 * weight.max():
        return x
    ends = np.cumsum(_share(x, weight))
    aim = (np.random.default_rng(seed).random() + np.arange(len(x))) / len(x)
    return x[np.minimum(np.searchsorted(ends, aim, side="right"), len(x) - 1)]


def _share(x: Array, weight: Array | None) -> Array:
    share = np.ones(len(x)) if weight is None else np.asarray(weight, dtype=np.float64)
    return share / share.sum()


def _few(x: Array, most: int, seed: int) -> Array:
    return x if len(x) <= most else x[np.random.default_rng(seed).choice(len(x), most, replace=False)]


def _squares(x: Array, y: Array) -> Iterator[tuple[slice, Array]]:
    """Squared distances of some rows of x to all of y at a time, measured from the mean of y to keep digits."""
    middle = y.mean(axis=0, dtype=np.float64)
    x, y = x - middle, y - middle
    own = np.einsum("ij,ij->i", y, y)
    for first in range(0, len(x), BLOCK):
        rows = slice(first, min(first + BLOCK, len(x)))
        part = np.einsum("ij,ij->i", x[rows], x[rows])[:, None] + own - 2 * x[rows] @ y.T
        yield rows, np.maximum(part, 0.0)
