from dataclasses import replace

import numpy as np
import pytest

from cellflow_core.data.store import open_dataset
from cellflow_core.figures.perturbations import perturbation
from cellflow_core.reporting import perturbation_summaries, result_tables, summaries
from cellflow_core.reporting.texts import three_texts
from pages.parts.views import cell_selection, perturbation_truth
from pages.parts.widgets import background, chart
from tests import examples, toys


def test_a_lasso_becomes_an_outline_of_few_corners():
    angle = np.linspace(0, 2 * np.pi, 500)
    found = chart.outline({"lasso": [{"x": np.cos(angle).tolist(), "y": np.sin(angle).tolist()}], "box": []})
    assert 3 < len(found) <= 64
    assert found[0] == (1.0, 0.0)


def test_a_box_becomes_its_four_corners():
    assert chart.outline({"lasso": [], "box": [{"x": [0, 2], "y": [1, 3]}]}) == ((0, 1), (2, 1), (2, 3), (0, 3))


def test_a_click_on_the_surface_surrounds_the_cells_there():
    points, _ = examples.cells()
    here = cell_selection.around(points, *points[0])
    assert 0 < cell_selection.inside(points, here) < 100
    assert cell_selection.usable(points, here) == here
    assert cell_selection.usable(points, cell_selection.around(points, 50.0, 50.0)) == ()


def test_no_selection_is_no_outline():
    assert chart.outline({"lasso": [], "box": [], "points": []}) == ()


def test_a_camera_survives_its_link():
    camera = {"eye": {"x": -1.25, "y": 0.5, "z": 1e-17}, "center": {"x": 0, "y": 0, "z": -0.2}}
    found = chart.camera_of(chart.link_of(camera))
    assert found == {"eye": {"x": -1.25, "y": 0.5, "z": 1e-17}, "center": {"x": 0.0, "y": 0.0, "z": -0.2}}


@pytest.mark.parametrize(
    "link", ["", "1,2,3", "1,2,3,4,5,x", "1..2,1,1,1,1,1", "1,2,3,4,5,6,7", "1,2,3,4,5,6,", "nan,1,1,1,1,1"]
)
def test_a_damaged_camera_is_none(link):
    assert chart.camera_of(link) is None


@pytest.mark.parametrize(
    ("share", "trust"),
    [(0.0, "good"), (0.2, "good"), (0.35, "fair"), (0.9, "poor")],
    ids=["none", "some", "half", "most"],
)
def test_a_landscape_is_trusted_as_far_as_it_explains_the_motion(share, trust):
    quasi = examples.landscape(kind="quasi-potential -log p", non_gradient=share)
    message = summaries.of_landscape(quasi, "days")
    assert message.trust == trust
    assert message.answer == (
        "By day 4, 65% of 600 simulated cells settle in the basin of Erythroid and 33% in basin 2."
    )
    assert f"{share:.0%} goes around" in message.why


def test_cells_that_leave_the_map_or_settle_nowhere_are_in_the_answer_of_a_landscape():
    height = examples.landscape().path_height.copy()
    height[-1, :6] = np.nan
    message = summaries.of_landscape(examples.landscape(path_height=height), "days")
    assert message.answer.endswith("33% in basin 2 and 25% leave the map of measured cells.")
    assert message.trust == "poor" and "what becomes of them" in message.why
    nowhere = examples.landscape(basins=(), bottom=np.zeros((0, 3)), barrier=np.zeros(0), settled=np.zeros(0))
    assert "600 simulated cells settle in no basin" in summaries.of_landscape(nowhere, "days").answer


def test_a_model_that_can_only_go_downhill_proves_nothing_by_it():
    message = summaries.of_landscape(examples.landscape(kind="quasi-potential -log p", non_gradient=np.nan), "days")
    assert message.trust == "fair" and "no velocity field" in message.why
    message = summaries.of_landscape(examples.landscape(kind="learnt potential", non_gradient=0.0), "days")
    assert message.trust == "fair"
    assert "can steer cells downhill only" in message.why


def test_a_held_out_time_counts_before_times_of_training():
    message = summaries.of_course(examples.course(), 2.0, (), "days")
    assert message.trust == "good"
    assert "day 2, which it never saw, predicted cells lie 0.36" in message.answer
    assert "two halves of the measured cells differ by " in message.answer  # the noise below which no model can be
    assert "day 2, which was held out, the prediction explains 93%" in message.why


def test_times_of_training_alone_are_called_flattering():
    message = summaries.of_course(examples.course(in_training=np.ones(5, bool)), 1.0, (), "days")
    assert message.trust == "fair"
    assert "flatters" in message.why


def test_a_copy_that_never_saw_the_time_speaks_for_the_model():
    held = (summaries.HeldOut(2.0, 0.5, 2.1, 0.22),)
    message = summaries.of_course(examples.course(), 2.0, held, "days")
    assert message.answer.startswith(
        "A copy of this model that never saw day 2 predicts its cells to within a mean distance of 0.5"
    )
    assert "explains 85%" in message.why and "held out" in message.why


def test_a_model_worse_than_no_motion_is_not_trusted():
    message = summaries.of_course(examples.course(w1=np.array([np.nan, 2.0, 2.2, 2.2, 2.1])), 1.0, (), "days")
    assert message.trust == "poor"
    assert "At day 1, day 2, day 3 and day 4 the prediction is no better than no motion" in message.why


def test_one_bad_time_is_enough_to_distrust_a_roll_out():
    bad = examples.course(w1=np.array([np.nan, 0.31, 0.36, 0.42, 2.2]))
    message = summaries.limited(summaries.Summary("All is well.", "good", "So it seems."), bad, "days")
    assert message.trust == "poor" and message.answer == "All is well."
    assert message.why.startswith("So it seems. At day 4 the prediction is no better than no motion: at day 4")
    assert summaries.of_course(bad, 2.0, (), "days").trust == "poor"
    held = (summaries.HeldOut(2.0, 0.5, 2.1, 0.22),)
    assert summaries.of_course(bad, 2.0, held, "days").trust == "poor"


def test_a_time_that_was_trained_on_gives_no_green_tick():
    trained = examples.course(in_training=np.ones(5, bool))
    assert summaries.limited(summaries.Summary("a", "good", "b"), trained, "days").trust == "fair"
    assert summaries.limited(summaries.Summary("a", "good", "b"), examples.course(), "days").trust == "good"
    assert summaries.limited(summaries.Summary("a", "good", "b"), None, "days").trust == "good"


def test_a_time_nobody_measured_is_called_a_prediction():
    message = summaries.of_course(examples.course(), 1.5, (), "days")
    assert message.answer == "Nobody measured day 1.5: these 150 cells are the model's prediction."


def test_an_effect_beyond_the_controls_is_trusted():
    message = perturbation_summaries.of_perturbation(examples.perturbation())
    assert message.trust == "fair"
    assert "cause or a marker" in message.why
    assert "Erythroid from 62% to 31% of cells (-31 points, 95 % interval -36 to -26)" in message.answer
    drawn = "drawn from those that vary about as much, changes Erythroid by 2 (at most 3) points"
    assert f"3 other genes, {drawn}" in message.why
    both = perturbation_summaries.of_perturbation(examples.perturbation(genes=("Gata1", "Klf1"), levels=(0.0, 0.0)))
    assert f"3 sets of 2 other genes, {drawn}" in both.why
    assert "Whether Gata1 and Klf1 are causes or markers" in both.why


def test_where_all_genes_are_changed_there_are_none_to_compare_with():
    none = {"control_change": np.zeros((0, 2)), "control_total_change": np.zeros(0), "control_time_shift": np.zeros(0)}
    alone = perturbation_summaries.of_perturbation(examples.perturbation(control_genes=(), **none))
    assert "There are no genes to compare with." in alone.why and "Erythroid from 62% to 31%" in alone.answer


def test_a_shift_of_the_start_is_told_from_a_gene_that_is_held(home):
    made = examples.perturbation(kind="shift", levels=(-5.0,), unit="standard deviations")
    message = perturbation_summaries.of_perturbation(made).answer
    assert message.startswith("Starting with Gata1 at -5 standard deviations, and holding nothing afterwards, takes")
    assert "With Gata1 shifted to -5 SD, starting from" in perturbation.describe(made)
    assert perturbation_truth.shares(replace(open_dataset(toys.stored()).info, truth="toggle"), made) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"extrapolated_fraction": 0.51}, "50% of the changed cells lie outside"),
        ({"low": np.array([-0.36, -0.1]), "high": np.array([0.02, 0.36])}, "includes no change"),
        ({"control_change": np.full((3, 2), 0.4), "control_total_change": np.ones(3)}, "nothing special about Gata1"),
        ({"kept_variance": 0.05}, "axes of the state keep 5%"),
    ],
    ids=["outside", "interval", "controls", "axes"],
)
def test_doubts_are_told(change, message):
    found = perturbation_summaries.of_perturbation(examples.perturbation(**change))
    assert found.trust == "poor"
    assert message in found.why


def test_a_speed_is_told_beside_the_width_of_the_map():
    made = examples.flow()
    width = np.ptp(made.x)
    share = f"{np.nanmedian(made.speed) / width:.0%} of its width)"
    assert share in summaries.of_flow(made, "days", None).answer
    assert "of its width" not in summaries.of_flow(examples.flow(speed_axes="the state"), "days", None).answer


def test_no_motion_to_show_is_said():
    empty = np.full((36, 36), np.nan)
    assert summaries.of_flow(examples.flow(speed=empty), "days", None).trust == "poor"


def test_the_truth_is_compared_where_the_states_are_the_same():
    made = examples.perturbation()
    message = perturbation_summaries.of_truth(
        made, {"Erythroid": 0.6, "Myeloid": 0.4}, {"Erythroid": 0.2, "Myeloid": 0.8}
    )
    assert "off by at most 11 points" in message
    assert "count cells by their true fate" in perturbation_summaries.of_truth(made, {"A": 1.0}, {"A": 1.0})


@pytest.mark.parametrize(
    "columns",
    [
        result_tables.of_landscape(examples.landscape(), "days"),
        result_tables.of_flow(examples.flow()),
        result_tables.of_course(examples.course()),
        result_tables.of_trend(examples.trend()),
        result_tables.of_growth(examples.growing_flow()),
        result_tables.of_mass(examples.growing_course()),
        result_tables.of_fates(examples.fates()),
        result_tables.of_fates(examples.growing_fates()),
        result_tables.of_cell_fates(examples.fates(), ("PC 1", "PC 2")),
        result_tables.of_futures(examples.futures()),
        result_tables.of_clones(examples.clones()),
        result_tables.of_ancestry(examples.ancestry()),
        result_tables.of_perturbation(examples.perturbation()),
    ],
    ids=[
        "landscape",
        "flow",
        "course",
        "trend",
        "growth",
        "mass",
        "fates",
        "grown fates",
        "fates of cells",
        "futures",
        "clones",
        "ancestry",
        "perturbation",
    ],
)
def test_tables_have_columns_of_one_length_without_gaps(columns):
    assert len({len(each) for each in columns.values()}) == 1
    assert all(np.isfinite(each).all() for each in columns.values() if isinstance(each[0], float))


def test_the_table_of_a_perturbation_shows_the_truth_where_states_are_the_same():
    truth = ({"Erythroid": 0.6, "Myeloid": 0.4}, {"Erythroid": 0.2, "Myeloid": 0.8})
    assert result_tables.of_perturbation(examples.perturbation(), truth)["true after (%)"] == [20.0, 80.0]
    assert "true after (%)" not in result_tables.of_perturbation(examples.perturbation(), ({"A": 1.0}, {"A": 1.0}))


@pytest.mark.parametrize("page", ["landscape", "flow", "time", "fates", "perturb"])
def test_every_view_has_its_three_texts(page):
    assert list(three_texts(page)) == ["What it shows", "How to read it", "What it cannot tell"]


def test_of_stages_that_tell_how_far_one_thing_is_the_last_is_shown():
    message = ("reading", "training: step 25, loss 3", "training: step 50, loss 2", "storing")
    lines = background._steps(message)
    assert [each.split(": ", 1)[1] for each in lines] == ["reading", "training: step 50, loss 2", "storing"]
    assert ["check" in each for each in lines] == [True, True, False]
