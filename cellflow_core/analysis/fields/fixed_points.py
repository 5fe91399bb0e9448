"""Where a field vanishes, and what kind of place that is: an attractor, a saddle or a repeller."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from cellflow_core.analysis.dynamics import Dynamics
from cellflow_core.analysis.fields.field_geometry import field_geometry
from cellflow_core.math.neighbors import nearest_neighbors

Array = np.ndarray
STARTS = 200
"""Cells from which a fixed point is sought."""
STEPS = 60
RESIDUAL = 1e-3
"""Speed at a fixed point, in root mean square speeds of the cells, above which it is none."""
SAME = 0.05
"""Distance, in standard deviations (pooled), below which two fixed points are one."""
SUPPORT = 2.0
"""A fixed point has support where the nearest cell is no farther than this many times the distance within which 99 % of
the cells have their nearest."""


@dataclass(frozen=True)
class FixedPoint:
    """x [dim] (state); eigenvalues of the Jacobian there [dim] (1 / time), that of the largest real part first.

    kind       "attractor": all real parts below 0; "repeller": all above 0; "saddle": of both signs
    rotating   whether cells circle it: the leading eigenvalue has an imaginary part
    supported  whether there are cells around it: a field means nothing where no cell was measured
    """

    x: Float[Array, " dim"]
    eigenvalues: Array
    kind: Literal["attractor", "saddle", "repeller"]
    rotating: bool
    supported: bool


def fixed_points(
    moving: Dynamics, cells: Float[Array, "cells dim"], time: float, seed: int = 0
) -> tuple[FixedPoint, ...]:
    """The fixed points of the field held at one time, by damped Newton steps (Levenberg-Marquardt) from random cells.

    Those that are far from every cell are kept and marked. Sorted: attractors, then saddles, then repellers.
    Raises ValueError where the model has no field.
    """
    rng = np.random.default_rng(seed)
    starts = cells[rng.choice(len(cells), min(STARTS, len(cells)), replace=False)]
    speed = np.sqrt(np.square(field_geometry(moving, cells[:2000], time).velocity).sum(axis=1).mean())
    x, speeds = _roots(moving, starts.astype(np.float64), time)
    center = cells.mean(axis=0, dtype=np.float64)
    inside = (
        np.abs(x - center).max(axis=1) < 3 * np.abs(cells - center).max()
    )  # kernel fields vanish far from all cells
    places: list[Array] = []
    for place in x[inside & (speeds < RESIDUAL * speed)]:
        if all(np.linalg.norm(place - each) > SAME * moving.spec.scale for each in places):
            places.append(place)
    return _described(moving, places, cells, time)


def support_radius(cells: Float[Array, "cells dim"]) -> float:
    """Largest distance to the nearest cell at which a place has support (state), see SUPPORT."""
    own, _ = nearest_neighbors(cells, 2)
    return SUPPORT * float(np.quantile(own[:, -1], 0.99))


def _roots(moving: Dynamics, x: Array, time: float) -> tuple[Float[Array, "starts dim"], Float[Array, " starts"]]:
    """(places, speeds there) after STEPS from each start: a step that slows the cell is taken and the damping of the
    start lowered, else raised."""
    at = field_geometry(moving, x, time)
    f, jacobian = at.velocity.astype(np.float64), at.jacobian.astype(np.float64)
    size = max(np.square(jacobian).sum(axis=(1, 2)).mean(), 1e-12)  # a field that is the same everywhere has none
    damping, eye = np.full(len(x), 1e-2), np.eye(x.shape[1])
    for _ in range(STEPS):
        system = jacobian.swapaxes(1, 2) @ jacobian + (damping * size)[:, None, None] * eye
        step = np.linalg.solve(system, np.einsum("nij,ni->nj", jacobian, f)[..., None])[..., 0]
        there = field_geometry(moving, x - step, time)
        better = np.square(there.velocity).sum(axis=1) < np.square(f).sum(axis=1)
        x = np.where(better[:, None], x - step, x)
        f = np.where(better[:, None], there.velocity, f)
        jacobian = np.where(better[:, None, None], there.jacobian, jacobian)
        damping = np.clip(np.where(better, damping / 4, damping * 4), 1e-12, 1e6)
    return x, np.linalg.norm(f, axis=1)


def _described(moving: Dynamics, places: Sequence[Array], cells: Array, time: float) -> tuple[FixedPoint, ...]:
    if not places:
        return ()
    there = np.stack(places).astype(np.float32)
    jacobians = field_geometry(moving, there, time).jacobian
    supported = nearest_neighbors(cells, 1, there)[0][:, 0] <= support_radius(cells)
    found = []
    for x, jacobian, near in zip(there, jacobians, supported, strict=True):
        values = np.linalg.eigvals(jacobian.astype(np.float64))
        values = values[np.argsort(-values.real)]
        kind = "attractor" if values.real.max() < 0 else "repeller" if values.real.min() > 0 else "saddle"
        rotating = bool(abs(values[0].imag) > 1e-6 * max(float(np.abs(values).max()), 1e-30))
        found.append(FixedPoint(x, values, kind, rotating, bool(near)))
    order = {"attractor": 0, "saddle": 1, "repeller": 2}
    return tuple(sorted(found, key=lambda each: (not each.supported, order[each.kind], *each.x.tolist())))
