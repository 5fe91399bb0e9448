"""The landscape: a smooth surface with a rim, named basins, a camera that fits, and round levels."""

import numpy as np
import pytest

from cellflow_core.figures import landscape, theme
from cellflow_core.figures.cells.colouring import Colouring
from cellflow_core.figures.scene import camera, relief, surface
from tests import examples


def test_a_surface_ends_on_a_smooth_line_and_its_rim_begins_there():
    x = np.linspace(-1, 1, 41)
    gx, gy = np.meshgrid(x, x)
    body, rim = surface.surface_and_rim(x, x, np.where(gx**2 + gy**2 < 0.6, gx, np.nan))
    there = np.isfinite(body.z)
    outer = there & (np.hypot(body.x, body.y) > 0.6)
    edge = there & ~np.array(
        np.roll(there, 1, 0) & np.roll(there, -1, 0) & np.roll(there, 1, 1) & np.roll(there, -1, 1)
    )
    assert outer.any() and np.hypot(body.x, body.y)[edge].std() < 0.01  # a staircase of this grid: 0.025
    np.testing.assert_allclose(body.z[there], body.x[there], atol=0.06)
    known = np.isfinite(rim.z)
    assert np.hypot(rim.x, rim.y)[known].min() > 0.6 and rim.far[known].max() == 1
    assert (rim.z - rim.x)[known & (rim.far == 1)].mean() > (rim.z - rim.x)[known & (rim.far < 0.2)].mean()


def test_the_landscape_names_its_basins_and_what_lies_on_it():
    made = examples.landscape(cell_height=np.where(np.arange(400) < 3, np.nan, examples.landscape().cell_height))
    figure = landscape.landscape(made, unit="days")
    names = [each.name for each in figure.data]
    assert names == ["landscape", "no cells here", *(f"day {k}" for k in range(5)), "simulated cells"]
    assert sum(len(each.x) for each in figure.data[2:7]) == 397  # three are not on the surface
    named = [each.text for each in figure.layout.scene.annotations]
    assert named == ["<b>Erythroid</b> 65%", "<b>basin 2</b> 33%", "Erythroid | basin 2"]
    assert [each.marker.color for each in figure.data[2:7]] == list(theme.ordered(5, False))
    assert [each.name for each in landscape.landscape(made, on="paths").data][2] == "paths of simulated cells"
    assert "Erythroid with 65% of the simulated cells, a climb of 1.2" in landscape.describe(made)
    with pytest.raises(ValueError, match="not one of cells, paths, nothing"):
        landscape.landscape(made, on="all")


def test_the_surface_tells_the_share_that_is_no_gradient_and_where_it_is_not_known():
    made = examples.landscape()
    body = landscape.landscape(made, by="non-gradient").data[0]
    known = np.isin(body.text, [""], invert=True)
    assert body.cmax == 1 and (body.surfacecolor == relief.UNKNOWN).any() and 0.3 < known.mean() < 0.9
    wrong = np.abs(body.surfacecolor[known] - np.clip(0.2 + 0.2 * body.y[known], 0, 1))
    assert np.quantile(wrong, 0.99) < 0.06  # a step beyond the last known one it is continued
    assert body.x[known].min() > -2.3 and all(each.endswith("% is no gradient") for each in body.text[known])
    with pytest.raises(ValueError, match="no velocity field"):
        landscape.landscape(examples.landscape(local_non_gradient=None), by="non-gradient")
    with pytest.raises(ValueError, match="not one of height, non-gradient"):
        landscape.landscape(made, by="depth")


def test_the_camera_stands_as_near_as_the_whole_scene_fits():
    places = np.random.default_rng(0).uniform(-1, 1, (500, 3)) * [0.8, 0.5, 0.3]
    for ahead in (0.0, 2.0, -1.0):
        found = camera.fitted(places, ahead)
        eye, center = (np.array([found[what][each] for each in "xyz"]) for what in ("eye", "center"))
        away = (eye - center) / np.linalg.norm(eye - center)
        right = np.cross([0, 0, 1], away) / np.linalg.norm(np.cross([0, 0, 1], away))
        depth = (eye - places) @ away
        flat = (places - eye) @ np.stack([right, np.cross(away, right)], axis=1) / depth[:, None] / camera.HALF_VIEW
        extent = np.abs(flat / [camera.FRAME, 1]).max(axis=0)
        assert depth.min() > 0 and (extent < np.array(camera.FILL) + 0.05).all()
        assert (extent > np.array(camera.FILL) - 0.05).any()


@pytest.mark.parametrize(("low", "high", "step"), [(0.0, 5.2, 1.0), (0.0, 0.031, 0.005), (-3.0, 3.0, 1.0)])
def test_levels_are_round_and_hold_the_values(low, high, step):
    found = theme.round_levels(low, high, 7)
    assert found[0] <= low and found[-1] >= high and np.diff(found) == pytest.approx(step)


def test_cells_on_the_surface_take_the_colours_of_groups_or_numbers():
    made = examples.landscape()
    codes = np.where(np.arange(400) < 10, -1, np.arange(400) % 2)
    groups = Colouring("type", codes, ("<b>up</b>", "down"), own={"down": "#123456"})
    cells = landscape.landscape(made, cells=groups).data[2:5]
    assert [each.name for each in cells] == ["&lt;b&gt;up&lt;/b&gt;", "down", "no type"]
    assert [len(each.x) for each in cells] == [195, 195, 10] and cells[1].marker.color == "#123456"
    np.testing.assert_allclose(cells[1].x, made.cells[codes == 1, 0], rtol=1e-6)
    numbers = Colouring("Gata1", np.where(np.arange(400) < 5, np.nan, np.arange(400.0)), span=(0.0, 50.0))
    known, none, *_ = landscape.landscape(made, cells=numbers).data[2:]
    assert (known.marker.cmin, known.marker.cmax, len(known.x), len(none.x)) == (0, 50, 395, 5)
    assert known.marker.color[0] == 5 and known.marker.colorbar.title.text == "Gata1"
    timed = Colouring("time", np.zeros(400, int), ("0",), in_order=True)
    assert landscape.landscape(made, unit="days", cells=timed).data[2].name == "day 0"
