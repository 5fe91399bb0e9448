"""In which cells an arrow of RNA velocity is drawn: quick, so that a page can move the limit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cellflow_core.analysis.grid import Grid
from cellflow_core.analysis.results import VelocityAgreement
from cellflow_core.analysis.results.fields import SUPPORTED
from cellflow_core.analysis.results.rna_velocity import recurring

GRID = 40
LEAST_SHARE = 1 / 3
"""Share of the cells around a place that must have an arrow, so that one is drawn there."""


def draw_above(result: VelocityAgreement, least: float) -> VelocityAgreement:
    """The same with arrows where the estimators agree at least so much (-1 to 1) and both halves of the counts do."""
    drawn = result.agreement >= least
    if result.halves is not None and result.chance is not None:
        drawn &= recurring(result.halves, result.chance)
    grid = Grid.over(result.cells, GRID)
    field, opacity = np.full((*grid.shape, 2), np.nan), np.zeros(grid.shape)
    if drawn.any():
        field = grid.average(result.cells[drawn], result.arrows[drawn])
        share = grid.average(result.cells, drawn[:, None].astype(float))[..., 0]
        field[~grid.inside_of(result.cells[drawn]) | ~(share >= LEAST_SHARE)] = np.nan
        agreement = grid.average(result.cells[drawn], result.agreement[drawn])
        opacity = np.clip(np.nan_to_num(agreement), 0, 1) * np.clip(grid.support(result.cells[drawn]) / SUPPORTED, 0, 1)
    return replace(result, drawn=drawn, x=grid.x, y=grid.y, u=field[..., 0], v=field[..., 1], opacity=opacity)
