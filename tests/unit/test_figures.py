import json

import numpy as np
import plotly.graph_objects as go
import pytest

from cellflow_core.figures import (
    clones,
    comparison,
    fates,
    flow,
    gene_trend,
    landscape,
    losses,
    perturbation,
    population_size,
    scatter,
    theme,
    time,
    trajectory_ensemble,
)
from cellflow_core.figures.streamlines import streamlines
from tests import made_up

HISTORY = {
    "step": np.arange(1, 6),
    "total": np.array([5.0, 2.0, 1.0, 0.5, 0.4]),
    "validation": np.array([np.nan, 2.2, np.nan, 0.7, 0.6]),
}


def every(dark: bool = False) -> dict[str, go.Figure]:
    points, t = made_up.cells()
    codes, names = scatter.grouped(t)
    return {
        "scatter": scatter.scatter(points, codes, names=names, axes=("PC 1", "PC 2"), title="time", dark=dark),
        "losses": losses.losses(HISTORY, dark=dark),
        "landscape": landscape.landscape(made_up.landscape(), dark=dark),
        "flow": flow.flow(made_up.flow(), dark=dark),
        "cells_at": time.cells_at(made_up.course(), 2.0, points[t == 2], points, dark=dark),
        "error": time.error(made_up.course(), dark=dark),
        "trend": gene_trend.trend(made_up.trend(), dark=dark),
        "growth on the flow": flow.flow(made_up.growing_flow(), points, by="growth", dark=dark),
        "mass": population_size.mass(made_up.growing_course(), dark=dark),
        "fates": fates.fates(made_up.fates(), dark=dark),
        "grown fates": fates.fates(made_up.growing_fates(), dark=dark),
        "likeliest fates": fates.cell_fates(made_up.fates(), points, ("PC 1", "PC 2"), dark=dark),
        "one fate": fates.cell_fates(made_up.fates(), points, ("PC 1", "PC 2"), 1, dark=dark),
        "fan": trajectory_ensemble.trajectory_fan(made_up.futures(), points, dark=dark),
        "split": trajectory_ensemble.split(made_up.futures(), dark=dark),
        "clones": clones.clones(made_up.clones(), dark=dark),
        "spread": trajectory_ensemble.spread(made_up.futures(), dark=dark),
        "before_after": perturbation.before_after(made_up.perturbation(), points, dark=dark),
        "change": perturbation.change(made_up.perturbation(), dark=dark),
    }


@pytest.mark.parametrize("dark", [False, True])
def test_every_figure_has_the_theme_and_draws_numbers(dark):
    for name, figure in every(dark).items():
        assert figure.layout.template == theme.template(dark), name
        assert figure.layout.font.color is None, name  # from the template alone
        drawn = [np.asarray(each.x, float) for each in figure.data if each.x is not None]
        least = 1 if figure.data[0].type == "bar" else 4
        assert sum(np.isfinite(each).sum() for each in drawn) > least, name
        json.loads(figure.to_json())


def test_light_and_dark_are_two_templates():
    light, dark = theme.template(False), theme.template(True)
    assert light.layout.font.color != dark.layout.font.color


def test_arrays_travel_as_float32():
    packed = json.loads(every()["scatter"].to_json())["data"][-1]["x"]
    assert packed["dtype"] == "f4"


def test_scatter_is_one_trace_of_cells_with_a_legend():
    figure = every()["scatter"]
    assert [each.name for each in figure.data] == ["0", "1", "2", "3", "4", "cells"]
    assert len(figure.data[-1].x) == 400
    assert set(figure.data[-1].marker.color) == {0, 1, 2, 3, 4}


def test_scatter_thins_and_says_so():
    points = np.random.default_rng(0).standard_normal((70_000, 2)).astype(np.float32)
    figure = scatter.scatter(points, points[:, 0], axes=("a", "b"), title="value")
    assert len(figure.data[0].x) == scatter.DRAWN_UP_TO
    assert isinstance(figure.data[0], go.Scattergl)
    assert "60,000 of them drawn" in scatter.describe(points, points[:, 0], (), "value")


def test_scatter_draws_the_polygon():
    points, _ = made_up.cells()
    figure = scatter.scatter(points, axes=("a", "b"), polygon=((0, 0), (1, 0), (1, 1)))
    assert figure.layout.shapes[0].path == "M 0.0,0.0 L 1.0,0.0 L 1.0,1.0 Z"


def test_small_groups_are_merged_and_numbers_keep_their_order():
    labels = np.repeat([f"group {k}" for k in range(20)], np.arange(1, 21))
    codes, names = scatter.grouped(labels)
    assert len(names) == 12
    assert names[-1] == "9 other groups"
    assert (codes == 11).sum() == np.arange(1, 10).sum()
    assert scatter.grouped(np.array([10.0, 2.0, 2.0]))[1] == ("2", "10")


def test_losses_skip_what_was_not_measured_and_take_a_log_axis():
    figure = losses.losses(HISTORY)
    assert [len(each.x) for each in figure.data] == [5, 3]
    assert figure.layout.yaxis.type == "log"
    assert losses.describe(HISTORY).startswith("Loss over 5 steps: total went from 5 to 0.4")


def test_colours_of_times_stand_out_from_their_background():
    def light(colour: str) -> float:
        parts = np.array([int(each) for each in colour[4:-1].split(",")]) / 255
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    for dark in (False, True):
        paper = light("rgb({},{},{})".format(*(int(theme.page_color(dark)[k : k + 2], 16) for k in (1, 3, 5))))
        for each in (*theme.ordered(6, dark), *theme.sequential(dark)):
            bright, dull = sorted((light(each), paper), reverse=True)
            assert (bright + 0.05) / (dull + 0.05) > (2 if dark else 1.4), (dark, each)


def test_the_name_of_the_horizontal_axis_stands_below_the_flow():
    figure = flow.flow(made_up.flow())
    (name,) = figure.layout.annotations
    assert name.text == made_up.flow().axes[0] and (name.y, name.yanchor) == (0, "top")
    assert not figure.layout.xaxis.title.text


def test_landscape_keeps_its_holes_and_animates_the_particles_alone():
    made = made_up.landscape()
    figure = landscape.landscape(made)
    surface, _, paths, particles = figure.data
    assert [each.name for each in figure.data] == ["landscape", "cells", "paths", "particles"]
    np.testing.assert_array_equal(np.isnan(surface.z), np.isnan(made.height))
    assert np.isnan(paths.x).sum() == made.paths.shape[1]
    assert len(particles.x) == made.paths.shape[1]
    assert len(figure.frames) == 30
    assert all(list(each.traces) == [3] for each in figure.frames)


def test_flow_lines_stay_where_there_are_cells():
    made = made_up.flow()
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
    heads = [each for each in flow.flow(made_up.flow()).data if each.name == "arrow heads"]
    assert sum((np.asarray(each.marker.size) > 0).sum() for each in heads) > 10
    assert all(np.asarray(each.x)[1::2].mean() > np.asarray(each.x)[0::2].mean() for each in heads)  # it flows right


def test_an_empty_flow_is_drawn_and_described():
    empty = np.full((36, 36), np.nan)
    made = made_up.flow(u=empty, v=empty, speed=empty)
    assert flow.flow(made).data
    assert "no cells" in flow.describe(made)


def test_error_leaves_out_the_first_time_and_marks_the_held_out():
    figure = time.error(made_up.course())
    assert [len(each.x) for each in figure.data] == [4, 4, 4]
    assert list(figure.data[-1].marker.symbol) == ["circle", "star", "circle", "circle"]
    assert "time 2 (kept from training): model 0.36" in time.describe_error(made_up.course())


def test_cells_that_are_predicted_beyond_the_measured_ones_are_in_the_frame():
    square = np.array([[0.0, 0.0], [1.0, 1.0]])
    for wrong, edge in ((1.3, 1.3), (40.0, 1.5)):
        made = made_up.course(predicted=np.full((41, 150, 2), wrong))
        low, high = time.cells_at(made, 1.0, square, square).layout.xaxis.range
        assert low < 0 and high == pytest.approx(edge + 0.06 * edge)


def test_a_cell_that_multiplied_is_drawn_larger():
    weight = np.tile(np.where(np.arange(150) < 75, 3.0, 1.0) / 300, (41, 1))
    size = np.asarray(time.cells_at(made_up.course(weight=weight), 1.5).data[0].marker.size)
    assert size[0] ** 2 == pytest.approx(3 * size[-1] ** 2, rel=1e-5)


def test_growth_colours_the_cells_evenly_around_none():
    made = made_up.growing_flow()
    cells = next(each for each in flow.flow(made, by="growth").data if each.name == "cells")
    assert cells.marker.cmin == -cells.marker.cmax < 0 and "1 / days" in cells.marker.colorbar.title.text
    np.testing.assert_allclose(cells.marker.color, made.growth, rtol=1e-5)
    assert "in nine of ten cells" in flow.describe(made) and "Growth" not in flow.describe(made_up.flow())
    with pytest.raises(ValueError, match="knows no growth"):
        flow.flow(made_up.flow(), by="growth")


def test_numbers_of_cells_are_drawn_beside_the_counted_ones():
    figure = population_size.mass(made_up.growing_course())
    assert [each.name for each in figure.data][1:] == ["predicted", "counted"]
    assert list(figure.data[-1].marker.symbol).count("star") == 1  # the time kept from training
    assert figure.layout.yaxis.type == "log" and figure.layout.yaxis.ticktext[:4] == ("0.1", "0.2", "0.5", "1")
    assert "16 times as large (14.4 to 17.6)" in population_size.describe(made_up.growing_course())
    alone = made_up.growing_course(measured_mass=None, mass=np.ones((41, 3)))
    assert len(population_size.mass(alone).data) == 2 and "nobody counted" in population_size.describe(alone)
    assert population_size.mass(alone).layout.yaxis.type != "log"
    with pytest.raises(ValueError, match="knows no growth"):
        population_size.mass(made_up.course())


def test_fates_with_and_without_growth_have_their_own_intervals():
    grown, once, measured = fates.fates(made_up.growing_fates()).data
    np.testing.assert_allclose(once.error_x.array, 0.06, rtol=1e-5)
    np.testing.assert_allclose(grown.error_x.array, 0.07, rtol=1e-5)
    assert measured.error_x.array is None and len(fates.fates(made_up.fates()).data) == 2
    assert "counted once: Erythroid 50% (44% to 56%)" in fates.describe(made_up.growing_fates())


def test_an_undecided_cell_is_paler_than_a_sure_one():
    made = made_up.fates(probability=np.array([[1.0, 0.0], [0.5, 0.5]]), starts=np.zeros((2, 2)))
    figure = fates.cell_fates(made, np.zeros((3, 2)), ("a", "b"))
    sure, undecided = figure.data[-1].marker.opacity
    assert sure > 0.9 and undecided < 0.4
    assert "For 1 of them no fate is likelier than 75 %" in fates.describe_cells(made)
    assert "to become Myeloid: 25% in the middle" in fates.describe_cells(made, 1)


def test_ways_are_bundled_by_the_fate_they_end_in():
    made = made_up.futures()
    drawn = {str(each.name): each for each in trajectory_ensemble.trajectory_fan(made, made.paths[0]).data}
    assert {"to Erythroid", "Erythroid", "95 % of those to Erythroid", "start"} <= drawn.keys()
    ways = np.asarray(drawn["to Myeloid"].y)
    assert np.nanmin(ways) < -2 and np.isnan(ways).sum() == 20  # a gap after each of the 20
    ring = np.stack([drawn["95 % of those to Myeloid"][axis] for axis in "xy"], axis=1)[-42:-1]
    away = ring - made.mean[1, -1]
    inverse = np.linalg.inv(made.covariance[1, -1])
    np.testing.assert_allclose(np.einsum("ki,ij,kj->k", away, inverse, away), trajectory_ensemble.RADIUS**2, rtol=1e-3)
    assert "60 futures of cell 7 of time 0" in trajectory_ensemble.describe(made)


def test_clones_are_points_of_their_early_cells_mean():
    made = made_up.clones()
    drawn = {str(each.name): each for each in clones.clones(made).data}
    assert [len(drawn[each].x) for each in ("mostly Erythroid", "mostly Myeloid", "as many of either")] == [20, 19, 1]
    first = made.predicted[made.clone == 1].mean()
    assert np.isclose(drawn["mostly Erythroid"].x, first, rtol=1e-5).any()
    away = np.asarray(drawn["mostly Erythroid"].y) - np.asarray(drawn["mostly Erythroid"].customdata)[:, 0]
    heights = np.concatenate([np.asarray(each.y) for each in clones.clones(made).data])
    assert heights.min() >= 0 and heights.max() <= 1  # no share beyond 0 and 1
    assert np.abs(away).max() <= 0.031  # moved a little, so that clones of one share are seen apart
    assert "AUROC 0.79 (0.68 to 0.88)" in clones.describe(made) and "40 clones" in clones.describe(made)
    assert "0.72" in clones.describe(made)  # without growth


def test_the_curve_has_the_area_that_is_told():
    made = made_up.clones()
    counted = made.observed != 0.5
    grown = clones.curve(made).data[0]
    area = np.trapezoid(grown.y, grown.x)
    a, b = made.predicted[made.observed > 0.5], made.predicted[made.observed < 0.5]
    assert area == pytest.approx((a[:, None] > b).mean() + 0.5 * (a[:, None] == b).mean(), abs=1e-5)
    assert counted.sum() == len(a) + len(b)
    assert (
        len(clones.curve(made_up.clones(without_growth=made.predicted)).data) == 2
    )  # no growth: one curve and guessing


def test_a_rare_way_has_no_mean_but_a_name():
    made = made_up.futures(ends=np.where(np.arange(60) == 0, 1, 0))
    drawn = {each.name: each.showlegend for each in trajectory_ensemble.trajectory_fan(made, made.paths[0]).data}
    assert "Myeloid" not in drawn and drawn["to Myeloid"] and drawn["Erythroid"]


def test_one_way_has_no_interval_and_no_ellipse():
    made = made_up.futures()
    one = made_up.futures(
        paths=made.paths[:, :1],
        weight=np.ones((21, 1)),
        ends=made.ends[:1],
        share=np.array([0.0, 1.0]),
        low=np.full(2, np.nan),
        high=np.full(2, np.nan),
    )
    names = [each.name for each in trajectory_ensemble.trajectory_fan(one, made.paths[0]).data]
    assert "Myeloid" in names and not any("95 %" in each for each in names)
    assert trajectory_ensemble.split(one).data[0].error_x.array is None
    assert trajectory_ensemble.describe(one) == "The one future of cell 7 of time 0, followed to time 4: Myeloid 100%."


def test_cells_between_measured_times_have_no_measured_trace():
    figure = time.cells_at(made_up.course(), 1.5)
    assert [each.name for each in figure.data] == ["predicted"]
    assert len(figure.data[0].x) == 150


def test_change_shows_every_control_gene_in_every_fate():
    bars, controls = perturbation.change(made_up.perturbation()).data
    np.testing.assert_allclose(bars.x, [-31, 31], rtol=1e-6)
    assert len(controls.x) == 6
    assert "Erythroid from 62% to 31% (change -31 points, -36 to -26)" in perturbation.describe(made_up.perturbation())


def test_before_and_after_share_their_frame():
    layout = perturbation.before_after(made_up.perturbation()).layout
    assert layout.xaxis.range == layout.xaxis2.range
    assert layout.yaxis.range == layout.yaxis2.range


def test_names_from_the_user_are_never_markup():
    bad = made_up.HOSTILE
    points, _ = made_up.cells(20)
    drawn = [
        scatter.scatter(points, np.zeros(20, int), names=[bad], axes=(bad, bad), title=bad),
        gene_trend.trend(made_up.trend(gene=bad, time_unit=bad)),
        fates.fates(made_up.growing_fates(names=(bad, "ok"))),
        fates.cell_fates(made_up.fates(names=(bad, "ok")), points, (bad, bad)),
        fates.cell_fates(made_up.fates(names=("ok", bad)), points, ("a", "b"), 1),
        trajectory_ensemble.trajectory_fan(made_up.futures(names=(bad, "ok"), axes=(bad, bad)), points),
        trajectory_ensemble.split(made_up.futures(names=(bad, "ok"))),
        trajectory_ensemble.spread(made_up.futures(time_unit=bad)),
        clones.clones(made_up.clones(names=(bad, "ok"))),
        clones.curve(made_up.clones(names=("ok", bad))),
        population_size.mass(made_up.growing_course(time_unit=bad)),
        flow.flow(made_up.growing_flow(time_unit=bad), by="growth"),
        perturbation.before_after(made_up.perturbation(gene=bad, axes=(bad, bad))),
        perturbation.change(made_up.perturbation(gene=bad, names=(bad, "ok"), control_genes=(bad, "b", "c"))),
        flow.flow(made_up.flow(axes=(bad, bad), time_unit=bad)),
        landscape.landscape(made_up.landscape(axes=(bad, bad), unit=bad)),
        time.cells_at(made_up.course(axes=(bad, bad)), 1.0),
        time.error(made_up.course(time_unit=bad)),
    ]
    for figure in drawn:
        text = json.dumps(figure.to_plotly_json(), default=str)
        assert "<img" not in text
        assert "<a " not in text
        assert "%{x}<" not in text
        assert "&lt;img" in text


def test_a_comparison_fits_a_phone():
    trivial = {"floor": 0.5, "linear": 1.3, "previous": 1.6}
    figure = comparison.errors({"Wasserstein Lagrangian Flow": [1.0]}, trivial, "distance")
    assert list(figure.data[1].y) == ["Wasserstein<br>Lagrangian Flow"]
    anchors = {each.text.rsplit(" ", 1)[0]: each.xanchor for each in figure.layout.annotations}
    assert anchors == {
        "sampling floor": "left",
        "time before, mean moved": "right",
        "time before, unmoved": "right",
    }


def test_export_never_offers_to_upload_the_data():
    page = theme.write_html(every()["trend"], dark=False)
    assert '"showSendToCloud": false' in page
    assert "cdn.plot.ly" not in page.split("<script")[0]
    assert '<script src="http' not in page
