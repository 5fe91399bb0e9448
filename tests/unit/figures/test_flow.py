"""Flow fields and landscapes: lines, arrows, surfaces and particles."""

from dataclasses import replace

import numpy as np
import pytest

from cellflow_core.analysis.results import FixedPoints
from cellflow_core.figures import (
    flow,
    landscape,
)
from cellflow_core.figures.fields import fixed_point_marks
from cellflow_core.figures.streamlines import field_lines, streamlines
from cellflow_core.reporting.fields import fixed_points
from tests import examples


def test_the_name_of_the_horizontal_axis_stands_below_the_flow():
    figure = flow.flow(examples.flow())
    (name,) = figure.layout.annotations
    assert name.text == examples.flow().axes[0] and (name.y, name.yanchor) == (0, "top")
    assert not figure.layout.xaxis.title.text


def test_landscape_keeps_its_holes_and_animates_the_particles_alone():
    made = examples.landscape()
    figure = landscape.landscape(made, on="paths")
    surface, _, paths, particles = figure.data
    hole = made.height.copy()
    hole[13:22, 13:22] = np.nan
    deeper = landscape.landscape(examples.landscape(height=hole)).data[0]
    assert np.isnan(deeper.z).sum() >= np.isnan(surface.z).sum() + 4  # a ring of a hole is drawn up to its edge
    assert np.isnan(paths.x).sum() == made.paths.shape[1]
    assert len(particles.x) == made.paths.shape[1]
    assert len(figure.frames) == 30
    assert all(list(each.traces) == [3] for each in figure.frames)


def test_flow_lines_stay_where_there_are_cells():
    made = examples.flow()
    lines = streamlines(made.x, made.y, made.u, made.v)
    assert len(lines) > 10
    known = np.isfinite(made.speed)
    for line in lines:
        column = np.rint((line[:, 0] - made.x[0]) / (made.x[1] - made.x[0])).astype(int)
        row = np.rint((line[:, 1] - made.y[0]) / (made.y[1] - made.y[0])).astype(int)
        assert known[row, column].all()
        assert np.isfinite(line).all()


def test_a_streamline_of_a_rotation_is_a_circle():
    x = np.linspace(-1, 1, 41)
    gx, gy = np.meshgrid(x, x)
    lines = streamlines(x, x, -gy, gx)
    for line in lines:
        radius = np.hypot(line[:, 0], line[:, 1])
        assert radius.max() - radius.min() < 0.02


def test_still_or_empty_fields_have_no_lines():
    x = np.linspace(0, 1, 10)
    assert streamlines(x, x, np.zeros((10, 10)), np.zeros((10, 10))) == []
    assert streamlines(x, x, np.full((10, 10), np.nan), np.full((10, 10), np.nan)) == []


def test_flow_arrow_heads_point_along_the_lines():
    heads = [each for each in flow.flow(examples.flow()).data if each.name == "arrow heads"]
    assert sum((np.asarray(each.marker.size) > 0).sum() for each in heads) > 10
    drawn = [np.asarray(each.x) for each in heads if len(each.x) > 1]
    assert all(each[1::2].mean() > each[0::2].mean() for each in drawn)  # it flows right
    (bar,) = (each.marker.colorbar for each in flow.flow(examples.flow()).data if each.name == "speed")
    assert 1 < len(bar.ticktext) < 9 and all(len(each) <= 4 for each in bar.ticktext)  # round numbers


def test_an_empty_flow_is_drawn_and_described():
    empty = np.full((36, 36), np.nan)
    made = examples.flow(u=empty, v=empty, speed=empty)
    assert flow.flow(made).data
    assert "no cells" in flow.describe(made)


def test_arrows_of_the_grid_and_of_cells_have_one_length_and_their_speed_as_colour():
    points = examples.flow().cells
    made = examples.flow(arrows=np.column_stack([2.0 + 0.2 * np.cos(points[:, 1]), np.tanh(points[:, 1])]))
    for style in ("grid", "cells"):
        lines = field_lines(made, style)
        length = [np.hypot(*np.diff(each[:, :2], axis=0)[0]) for each in lines]
        np.testing.assert_allclose(length, length[0], rtol=1e-4)
        assert np.ptp([each[0, 2] for each in lines]) > 0
        heads = [each for each in flow.flow(made, style=style).data if each.name == "arrow heads"]
        assert sum((np.array(each.marker.size) > 0).sum() for each in heads) == len(lines)
    assert len(field_lines(made, "cells", np.arange(len(made.cells)) < 5)) <= 5
    with pytest.raises(ValueError, match="streams, grid or cells"):
        field_lines(made, "dots")


def test_lines_are_faint_where_few_cells_are_behind_them():
    made = examples.flow(support=np.where(examples.flow().u > 2, 20.0, 1.0))
    for style in ("streams", "grid"):
        shown = [each for each in flow.flow(made, style=style).data if each.name == "flow"]
        assert {each.opacity for each in shown} == {0.15, 1.0}
        plain = [each for each in flow.flow(made, style=style, faint=False).data if each.name == "flow"]
        assert {each.opacity for each in plain} == {1.0}
        count = [sum(np.isfinite(each.x).sum() for each in drawn) for drawn in (shown, plain)]
        assert count[1] <= count[0] < 1.3 * count[1]  # a point more at each end of a piece


def test_fixed_points_are_named_and_those_far_from_cells_are_not_drawn():
    found = FixedPoints(
        view="pca",
        time=2.0,
        time_unit="days",
        dim=5,
        places=np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 1.0], [9.0, 9.0]]),
        kinds=("attractor", "attractor", "saddle", "repeller"),
        rotating=np.array([False, True, False, False]),
        supported=np.array([True, True, True, False]),
        rate=np.array([-1.0, -0.2, 0.5, 2.0]),
        unstable=np.array([0, 0, 1, 5]),
        nearest=np.arange(4),
    )
    names = fixed_point_marks.names(found)
    assert names == ("A1", "A2", "S1", "R1")
    drawn = {each.name: each for each in flow.flow(examples.flow(), points=found).data}
    assert list(drawn["attractor"].text) == ["A1", "A2"] and "repeller" not in drawn
    assert [each.name for each in fixed_point_marks.marks(found)] == ["A1", "A2", "S1"]
    words = fixed_points.of_fixed_points(found, names, ("up", "down", "up", "up"))
    assert "2 attractors (where cells settle), 1 saddle" in words and "A2 in down" in words and "1 more far" in words
    rows = fixed_points.rows(found, names, ("up", "down", "up", "up"), "type")
    assert rows["directions it grows in (of 5)"] == [0, 0, 1, 5] and rows["nearest cell (type)"][1] == "down"
    none = replace(found, kinds=(), places=np.zeros((0, 2)), supported=np.zeros(0, bool))
    assert "vanishes nowhere" in fixed_points.of_fixed_points(none, ())
