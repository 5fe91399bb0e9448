"""Derivatives and fixed points of the field of a model at one time, around the cells that a view draws."""

from __future__ import annotations

import numpy as np

from cellflow_core.analysis.dynamics import Dynamics, Model, dynamics
from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.fields.field_geometry import field_geometry
from cellflow_core.analysis.fields.fixed_points import fixed_points
from cellflow_core.analysis.fields.time_range import middle_time
from cellflow_core.analysis.flow import cells_near
from cellflow_core.analysis.mean_field import InPopulation
from cellflow_core.analysis.results import FieldDerivatives, FixedPoints
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.math.neighbors import nearest_neighbors

Array = np.ndarray
CELLS = 4_000
"""Cells around which derivatives are taken, drawn at random where there are more: each costs a gradient an axis."""
HELD = "The field of this one time is held: where it changes in time, cells need not come to rest at these places."


def field_derivatives(model: Model, data: Snapshots, time: float | None = None) -> FieldDerivatives:
    """Divergence and rotation of the field around at most CELLS of the cells measured nearest to `time` (None: the
    middle measured time). Raises ValueError, with a sentence, where the model has no field."""
    time = middle_time(data) if time is None else time
    near = cells_near(data, time)
    rows = near if len(near) <= CELLS else np.sort(np.random.default_rng(0).choice(near, CELLS, replace=False))
    found = field_geometry(_among(model, data, near), data.x[rows], time)
    notes = (f"Derivatives are those of {CELLS:,} of the {len(near):,} cells.",) if len(near) > CELLS else ()
    return FieldDerivatives(
        time=time if len(data.times) else np.nan,
        time_unit=data.time_unit,
        dim=data.dim,
        rows=rows,
        divergence=found.divergence,
        rotation=found.rotation,
        notes=notes,
    )


def fixed_point_map(model: Model, data: Snapshots, view: Embedding, time: float | None = None) -> FixedPoints:
    """The fixed points of the field held at `time`, in a view. Raises ValueError where the model has no field."""
    time = middle_time(data) if time is None else time
    near = cells_near(data, time)
    cells = data.x[near]
    found = fixed_points(_among(model, data, near), cells, time)
    x = np.array([each.x for each in found], dtype=np.float32).reshape(-1, data.dim)
    real = np.array([each.eigenvalues.real for each in found]).reshape(-1, data.dim)
    nearest = nearest_neighbors(cells, 1, x)[1][:, 0] if found else np.zeros(0, np.int64)
    return FixedPoints(
        view=view.name,
        time=time if len(data.times) else np.nan,
        time_unit=data.time_unit,
        dim=data.dim,
        places=view.project(x) if found else np.zeros((0, 2), np.float32),
        kinds=tuple(each.kind for each in found),
        rotating=np.array([each.rotating for each in found], dtype=bool),
        supported=np.array([each.supported for each in found], dtype=bool),
        rate=real.max(axis=1, initial=-np.inf),
        unstable=(real > 0).sum(axis=1),
        nearest=near[nearest],
        notes=(HELD,) if len(data.times) > 1 else (),
    )


def _among(model: Model, data: Snapshots, near: Array) -> Dynamics:
    """What moves the cells, with what these do to each other."""
    return dynamics(InPopulation(model, data.x[near]))
