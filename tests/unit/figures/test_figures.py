import json

import numpy as np
import plotly.graph_objects as go
import pytest

from cellflow_core.figures import (
    comparison,
    fates,
    flow,
    gene_trend,
    landscape,
    legend,
    losses,
    population_size,
    scatter,
    theme,
    time,
    trajectory_ensemble,
    web_page,
)
from cellflow_core.figures.fields.colourings import growth_colouring
from cellflow_core.figures.lineage import clones
from cellflow_core.figures.perturbations import perturbation
from tests import examples

HISTORY = {
    "step": np.arange(1, 6),
    "total": np.array([5.0, 2.0, 1.0, 0.5, 0.4]),
    "validation": np.array([np.nan, 2.2, np.nan, 0.7, 0.6]),
}


def every(dark: bool = False) -> dict[str, go.Figure]:
    points, t = examples.cells()
    codes, names = scatter.grouped(t)
    return {
        "scatter": scatter.scatter(points, codes, names=names, axes=("PC 1", "PC 2"), title="time", dark=dark),
        "losses": losses.losses(HISTORY, dark=dark),
        "landscape": landscape.landscape(examples.landscape(), dark=dark),
        "flow": flow.flow(examples.flow(), dark=dark),
        "cells_at": time.cells_at(examples.course(), 2.0, points[t == 2], points, dark=dark),
        "error": time.error(examples.course(), dark=dark),
        "trend": gene_trend.trend(examples.trend(), dark=dark),
        "growth on the flow": flow.flow(
            examples.growing_flow(), points, colouring=growth_colouring(examples.growing_flow()), dark=dark
        ),
        "mass": population_size.mass(examples.growing_course(), dark=dark),
        "fates": fates.fates(examples.fates(), dark=dark),
        "grown fates": fates.fates(examples.growing_fates(), dark=dark),
        "likeliest fates": fates.cell_fates(examples.fates(), points, ("PC 1", "PC 2"), dark=dark),
        "one fate": fates.cell_fates(examples.fates(), points, ("PC 1", "PC 2"), 1, dark=dark),
        "fan": trajectory_ensemble.trajectory_fan(examples.futures(), points, dark=dark),
        "split": trajectory_ensemble.split(examples.futures(), dark=dark),
        "clones": clones.clones(examples.clones(), dark=dark),
        "spread": trajectory_ensemble.spread(examples.futures(), dark=dark),
        "before_after": perturbation.before_after(examples.perturbation(), points, dark=dark),
        "change": perturbation.change(examples.perturbation(), dark=dark),
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
    points, _ = examples.cells()
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


def test_a_legend_of_many_names_leaves_the_figure_its_height():
    figure = theme.blank(False, height=340).add_trace(go.Scatter(name="band", showlegend=False))
    figure.add_traces([go.Scatter(name=f"group {k}") for k in range(3)])
    assert legend.with_room(figure).layout["height"] == 340
    figure.add_traces([go.Scatter(name=f"more {k}") for k in range(5)])
    assert legend.with_room(figure).layout["height"] == 340 + 5 * 21


def test_error_leaves_out_the_first_time_and_marks_the_held_out():
    figure = time.error(examples.course())
    assert [len(each.x) for each in figure.data] == [4, 4, 4]
    assert list(figure.data[-1].marker.symbol) == ["circle", "star", "circle", "circle"]
    assert "time 2 (kept from training): model 0.36" in time.describe_error(examples.course())


def test_cells_that_are_predicted_beyond_the_measured_ones_are_in_the_frame():
    square = np.array([[0.0, 0.0], [1.0, 1.0]])
    for wrong, edge in ((1.2, 1.2), (40.0, 1.25)):
        made = examples.course(predicted=np.full((41, 150, 2), wrong))
        low, high = time.cells_at(made, 1.0, square, square).layout.xaxis.range
        assert low < 0 and high == pytest.approx(edge + 0.06 * edge)


def test_a_cell_that_multiplied_is_drawn_larger():
    weight = np.tile(np.where(np.arange(150) < 75, 3.0, 1.0) / 300, (41, 1))
    size = np.asarray(time.cells_at(examples.course(weight=weight), 1.5).data[0].marker.size)
    assert size[0] ** 2 == pytest.approx(3 * size[-1] ** 2, rel=1e-5)


def test_growth_colours_the_cells_evenly_around_none():
    made = examples.growing_flow()
    cells = next(each for each in flow.flow(made, colouring=growth_colouring(made)).data if each.name == "cells")
    assert cells.marker.cmin == -cells.marker.cmax < 0 and "1 / days" in cells.marker.colorbar.title.text
    np.testing.assert_allclose(cells.marker.color, made.growth, rtol=1e-5)
    assert "in nine of ten cells" in flow.describe(made) and "Growth" not in flow.describe(examples.flow())
    with pytest.raises(ValueError, match="knows no growth"):
        growth_colouring(examples.flow())


def test_numbers_of_cells_are_drawn_beside_the_counted_ones():
    figure = population_size.mass(examples.growing_course())
    assert [each.name for each in figure.data][1:] == ["predicted", "counted"]
    assert list(figure.data[-1].marker.symbol).count("star") == 1  # the time kept from training
    assert figure.layout.yaxis.type == "log" and figure.layout.yaxis.ticktext[:4] == ("0.1", "0.2", "0.5", "1")
    assert "16 times as large (14.4 to 17.6)" in population_size.describe(examples.growing_course())
    alone = examples.growing_course(measured_mass=None, mass=np.ones((41, 3)))
    assert len(population_size.mass(alone).data) == 2 and "nobody counted" in population_size.describe(alone)
    assert population_size.mass(alone).layout.yaxis.type != "log"
    with pytest.raises(ValueError, match="knows no growth"):
        population_size.mass(examples.course())


def test_cells_between_measured_times_have_no_measured_trace():
    figure = time.cells_at(examples.course(), 1.5)
    assert [each.name for each in figure.data] == ["predicted"]
    assert len(figure.data[0].x) == 150


def test_change_shows_every_control_gene_in_every_fate():
    bars, controls = perturbation.change(examples.perturbation()).data
    np.testing.assert_allclose(bars.x, [-31, 31], rtol=1e-6)
    assert len(controls.x) == 6
    assert "Erythroid from 62% to 31% (change -31 points, -36 to -26)" in perturbation.describe(examples.perturbation())


def test_before_and_after_share_their_frame():
    layout = perturbation.before_after(examples.perturbation()).layout
    assert layout.xaxis.range == layout.xaxis2.range
    assert layout.yaxis.range == layout.yaxis2.range


def test_names_from_the_user_are_never_markup():
    bad = examples.HOSTILE
    points, _ = examples.cells(20)
    drawn = [
        scatter.scatter(points, np.zeros(20, int), names=[bad], axes=(bad, bad), title=bad),
        gene_trend.trend(examples.trend(gene=bad, time_unit=bad)),
        fates.fates(examples.growing_fates(names=(bad, "ok"))),
        fates.cell_fates(examples.fates(names=(bad, "ok")), points, (bad, bad)),
        fates.cell_fates(examples.fates(names=("ok", bad)), points, ("a", "b"), 1),
        trajectory_ensemble.trajectory_fan(examples.futures(names=(bad, "ok"), axes=(bad, bad)), points),
        trajectory_ensemble.split(examples.futures(names=(bad, "ok"))),
        trajectory_ensemble.spread(examples.futures(time_unit=bad)),
        clones.clones(examples.clones(names=(bad, "ok"))),
        clones.curve(examples.clones(names=("ok", bad))),
        population_size.mass(examples.growing_course(time_unit=bad)),
        flow.flow(examples.growing_flow(), colouring=growth_colouring(examples.growing_flow(time_unit=bad))),
        perturbation.before_after(examples.perturbation(genes=(bad,), axes=(bad, bad))),
        perturbation.change(examples.perturbation(genes=(bad,), names=(bad, "ok"), control_genes=(bad, "b", "c"))),
        flow.flow(examples.flow(axes=(bad, bad), time_unit=bad)),
        landscape.landscape(examples.landscape(axes=(bad, bad), unit=bad)),
        time.cells_at(examples.course(axes=(bad, bad)), 1.0),
        time.error(examples.course(time_unit=bad)),
    ]
    for figure in drawn:
        text = json.dumps(figure.to_plotly_json(), default=str)
        assert "<img" not in text
        assert "<a " not in text
        assert "%{x}<" not in text
        assert "&lt;img" in text


def test_a_comparison_fits_a_phone():
    trivial = {"floor": 0.5, "linear": 1.3, "previous": 1.6}
    figure = comparison.errors({"Wasserstein Lagrangian Flow": [1.0]}, trivial, "w2")
    assert list(figure.data[1].y) == ["Wasserstein<br>Lagrangian Flow"]
    anchors = {each.text.rsplit(" ", 1)[0]: each.xanchor for each in figure.layout.annotations}
    assert anchors == {
        "sampling floor": "left",
        "previous snapshot, mean-shifted": "right",
        "previous snapshot": "right",
    }


def test_export_never_offers_to_upload_the_data():
    page = web_page.write_html(every()["trend"], False, "a trend <b>")
    assert '"showSendToCloud": false' in page and "<title>a trend &lt;b&gt;</title>" in page
    assert "cdn.plot.ly" not in page.split("<script")[0]
    assert '<script src="http' not in page


def test_a_map_has_one_shape_and_asks_for_the_frame_it_fills():
    points, codes = examples.cells()[0], None
    drawn = scatter.scatter(points, codes, axes=("PC 1", "PC 2"))
    assert drawn.layout.yaxis.scaleanchor == "x" and theme.map_shape(drawn) == "wide"
    assert theme.map_shape(scatter.scatter(points[:, ::-1], codes, axes=("PC 2", "PC 1"))) == "even"
    assert theme.map_shape(perturbation.before_after(examples.perturbation())) == "two"
    assert theme.map_shape(time.error(examples.course())) == ""
    assert set(theme.ordered(5, False)).isdisjoint(theme.sequential(False))
