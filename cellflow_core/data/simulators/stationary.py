"""Stationary law of a two-variable stochastic equation, from its Fokker-Planck equation in finite volumes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

Array = np.ndarray


def stationary_law(
    drift: Callable[[Float[Array, "points 2"]], Float[Array, "points 2"]],
    noise: float,
    x: Float[Array, " columns"],
    y: Float[Array, " rows"],
) -> Float[Array, "rows columns"]:
    """Density p of dz = drift(z) dt + noise dW with reflecting walls half a grid step beyond the outermost centres.

    x, y are equally spaced cell centres. The flux through a face is exact for a constant drift between two centres
    (Scharfetter & Gummel 1969), so p stays positive at any grid step. Sums to one over the area.
    """
    from scipy.sparse import coo_array, csc_array
    from scipy.sparse.linalg import splu

    diffusion = noise**2 / 2
    index = np.arange(len(x) * len(y)).reshape(len(y), len(x))
    rows, columns, rates = [], [], []
    for axis, grid in ((0, x), (1, y)):
        step = grid[1] - grid[0]
        low = (index[:, :-1] if axis == 0 else index[:-1]).ravel()
        high = (index[:, 1:] if axis == 0 else index[1:]).ravel()
        centre = np.stack([x[low % len(x)], y[low // len(x)]], axis=1)
        centre[:, axis] += step / 2
        peclet = drift(centre)[:, axis] * step / diffusion
        for start, end, z in ((low, high, -peclet), (high, low, peclet)):
            rate = diffusion / step**2 * _bernoulli(z)
            rows += [end, start]
            columns += [start, start]
            rates += [rate, -rate]
    size = index.size
    operator = coo_array((np.concatenate(rates), (np.concatenate(rows), np.concatenate(columns))), (size, size))
    # The columns sum to zero: fix p = 1 at one point and solve for the others, then normalise.
    pinned = size // 2
    free = np.delete(np.arange(size), pinned)
    full = csc_array(operator.tocsc())
    p = np.ones(size)
    p[free] = splu(full[free][:, free].tocsc()).solve(-full[free][:, [pinned]].toarray().ravel())
    p = np.maximum(p, 0).reshape(index.shape)
    return p / (p.sum() * (x[1] - x[0]) * (y[1] - y[0]))


def _bernoulli(z: Array) -> Array:
    """z / (exp(z) - 1), one at zero."""
    small = np.abs(z) < 1e-6
    safe = np.where(small, 1.0, np.clip(z, -500, 500))
    return np.where(small, 1 - z / 2, safe / np.expm1(safe))
