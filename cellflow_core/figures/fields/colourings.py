"""What a field says of cells, as colours: speed, growth, divergence and rotation."""

from __future__ import annotations

import numpy as np

from cellflow_core.analysis.results import FieldDerivatives, FlowField
from cellflow_core.figures import theme
from cellflow_core.figures.cells.colouring import Colouring


def speed_unit(result: FlowField) -> str:
    """The unit of speed, after a number."""
    return f" units of {result.speed_axes} / {theme.safe(result.time_unit) or 'time unit'}"


def speed_colouring(result: FlowField) -> Colouring:
    """The speed at each grid point, row by row."""
    return Colouring(f"speed ({speed_unit(result).strip()})", result.speed.ravel())


def growth_colouring(result: FlowField) -> Colouring:
    """The growth of each cell. Raises ValueError for a model that knows none."""
    if result.growth is None:
        raise ValueError("this model knows no growth, so its cells cannot be coloured by it")
    return Colouring(f"growth (1 / {result.time_unit or 'time unit'})", result.growth, signed=True)


def derivative_colouring(result: FlowField, found: FieldDerivatives, what: str) -> Colouring:
    """The "divergence" or the "rotation" around each cell of the result; none where they were not taken."""
    place = np.searchsorted(found.rows, result.rows) if result.rows is not None else np.zeros(0, int)
    place = np.minimum(place, len(found.rows) - 1)
    known = found.rows[place] == result.rows
    values = np.where(known, getattr(found, what)[place], np.nan)
    unit = f"1 / {result.time_unit or 'time unit'}"
    name = "divergence" if what == "divergence" else "curl" if found.dim == 2 else "size of the rotation"
    return Colouring(f"{name} ({unit})", values, signed=what == "divergence" or found.dim == 2)
