"""What was asked about the field of one time: where it vanishes, how it changes around cells, and what they climb."""

from __future__ import annotations

import numpy as np

from cellflow_core.analysis.results import Barriers, FieldDerivatives, FixedPoints, Landscape, MovingLandscape
from cellflow_core.figures import landscape as landscape_figures
from cellflow_core.figures import scatter
from cellflow_core.figures.fields import fixed_point_marks
from cellflow_core.figures.scene import over_time
from cellflow_core.reporting import cell_rows, summaries
from cellflow_core.reporting.fields import barriers as barrier_words
from cellflow_core.reporting.fields import fixed_points as words
from cellflow_core.reporting.fields import moving_landscape as moving_words
from cellflow_core.reporting.views.view import Asked, Picture, View


def chain_landscape(found: Landscape, asked: Asked) -> View:
    figure = landscape_figures.landscape(found, dark=asked.dark, height=560)
    picture = Picture("landscape", figure, landscape_figures.describe(found))
    tables = {"landscape": cell_rows.on_landscape(found, asked.dataset, asked.unit)}
    return View(summaries.of_chain_landscape(found), (picture,), tables, found.notes)


def moving_landscape(found: MovingLandscape, asked: Asked) -> View:
    figure = over_time.over_time(found, unit=asked.unit, dark=asked.dark, height=560)
    picture = Picture("moving_landscape", figure, over_time.describe(found))
    tables = {"moving_landscape": moving_words.rows(found, asked.unit)}
    return View(moving_words.of_moving_landscape(found, asked.unit), (picture,), tables, found.notes)


def fixed_points(found: FixedPoints, asked: Asked) -> View:
    names, by = fixed_point_marks.names(found), asked.groups()
    groups = [str(each) for each in asked.dataset.snapshots().labels[by][found.nearest]] if by else []
    points, axes = asked.dataset.embedding(found.view), asked.dataset.view_axes(found.view)
    figure = scatter.scatter(points, axes=axes, dark=asked.dark)
    figure.add_traces(fixed_point_marks.traces(found, asked.dark))
    answer = words.of_fixed_points(found, names, groups)
    table = words.rows(found, names, groups, by)
    return View(answer, (Picture("fixed_points", figure, answer),), {"fixed_points": table}, found.notes)


def field_derivatives(found: FieldDerivatives, asked: Asked) -> View:
    known = np.isfinite(found.divergence)
    share = float((found.divergence[known] < 0).mean()) if known.any() else float("nan")
    answer = f"Paths come together around {share:.0%} of {known.sum():,} cells (divergence below 0)."
    unit = f"1 / {found.time_unit or 'time unit'}"
    table = {
        "cell": found.rows.tolist(),
        f"divergence ({unit})": found.divergence.tolist(),
        f"rotation ({unit})": found.rotation.tolist(),
    }
    return View(answer, (), {"field_derivatives": cell_rows.named(table, asked.dataset, found.rows)}, found.notes)


def barriers(found: Barriers, asked: Asked) -> View:
    return View(barrier_words.of_barriers(found), (), {"barriers": barrier_words.rows(found)}, found.notes)
