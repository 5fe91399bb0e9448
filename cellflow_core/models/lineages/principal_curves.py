"""Smooth curves through the middle of cells, and the nearest point of a curve to a cell (Hastie & Stuetzle 1989)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

Array = np.ndarray
POINTS = 100
"""Points of a curve, equally spaced in arc length."""
PIECES = 20
"""Polynomial pieces of the spline that a curve is before it is drawn."""
FREE = 10
"""Most degrees of freedom of a curve: cells that it was drawn through before lie nearer to it than new ones, so that
cross-validation alone lets it follow each of them, longer in every round."""
EXTENSION = 0.05
"""Part of its length by which a curve is extended straight on at both ends, so that outer cells keep their order."""
BLOCK = 2**24
"""Numbers held in memory at a time."""


def project(
    points: Float[Array, "points dim"], x: Float[Array, "cells dim"]
) -> tuple[Float[Array, " cells"], Float[Array, " cells"]]:
    """(arc length from the first point to the nearest point of the curve, distance to it), both in units of the state.

    The arc length is negative on the extension before the first point.
    """
    segment = np.linalg.norm(np.diff(points, axis=0), axis=1)
    points = points[np.r_[True, segment > 1e-12 * max(segment.sum(), 1e-300)]]
    if len(points) < 2:
        return np.zeros(len(x)), np.linalg.norm(x - points[0], axis=1)
    step = np.diff(points, axis=0)
    length = np.linalg.norm(step, axis=1)
    before, outer = np.concatenate([[0.0], np.cumsum(length)])[:-1], EXTENSION * length.sum()
    low, high = np.zeros(len(length)), length.copy()
    low[0], high[-1] = -outer, length[-1] + outer
    along, distance = np.empty((2, len(x)))
    rows = max(BLOCK // len(length), 1)
    start, unit = points[:-1], step / length[:, None]
    for first in range(0, len(x), rows):
        part = slice(first, first + rows)
        place = x[part] @ unit.T - (start * unit).sum(axis=1)
        at = np.clip(place, low, high)
        square = ((x[part] ** 2).sum(axis=1)[:, None] - 2 * x[part] @ start.T + (start**2).sum(axis=1)) - place**2
        square = np.maximum(square, 0) + (place - at) ** 2
        nearest = square.argmin(axis=1)
        row = np.arange(len(nearest))
        along[part] = before[nearest] + at[row, nearest]
        distance[part] = np.sqrt(square[row, nearest])
    return along, distance


def smooth(
    along: Float[Array, " cells"], x: Float[Array, "cells dim"], weight: Float[Array, " cells"]
) -> Float[Array, "points dim"]:
    """Points of the smooth curve x(along): a P-spline (Eilers & Marx 1996) of at most FREE degrees of freedom, its
    penalty by cross-validation (GCV)."""
    from scipy.interpolate import BSpline

    used = weight > 0
    along, x, weight = along[used], x[used], weight[used]
    low, high = along.min(), along.max()
    if high - low <= 0:
        return np.average(x, axis=0, weights=weight)[None]
    place = (along - low) / (high - low)
    knots = np.arange(-3, PIECES + 4) / PIECES
    basis = BSpline.design_matrix(np.clip(place, 0, 1 - 1e-12), knots, 3)
    gram = (basis.T @ (basis * weight[:, None])).toarray()
    right = basis.T @ (x * weight[:, None])
    total = float((weight[:, None] * x**2).sum())
    second = np.diff(np.eye(gram.shape[0]), 2, axis=0)
    penalty = second.T @ second
    best, chosen = np.inf, None
    for strength in np.trace(gram) / np.trace(penalty) * np.logspace(-6, 4, 21):
        inverse = np.linalg.solve(gram + strength * penalty, np.c_[right, gram])
        coefficients, smoother = inverse[:, : x.shape[1]], inverse[:, x.shape[1] :]
        residual = total - 2 * (coefficients * right).sum() + np.einsum("kd,kl,ld", coefficients, gram, coefficients)
        freedom = float(np.trace(smoother))
        score = max(residual, 0.0) / max(1 - freedom / len(place), 1e-6) ** 2
        if score < best and freedom <= FREE:
            best, chosen = score, coefficients
    grid = np.clip(np.linspace(0, 1, POINTS), 0, 1 - 1e-12)
    return BSpline.design_matrix(grid, knots, 3) @ chosen


def resampled(points: Float[Array, "points dim"], at: Float[Array, " places"]) -> Float[Array, "places dim"]:
    """The curve at these arc lengths; its last point beyond its end."""
    length = arc_length(points)
    return np.stack([np.interp(at, length, points[:, k]) for k in range(points.shape[1])], axis=1)


def arc_length(points: Float[Array, "points dim"]) -> Float[Array, " points"]:
    """Of each point from the first."""
    return np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
