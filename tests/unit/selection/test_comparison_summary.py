"""A comparison says what follows: who is nearest, who loses to no learning at all, and how firm that is."""

import math
from dataclasses import replace

from cellflow_core.data.store import open_dataset
from cellflow_core.figures import comparison as figure
from cellflow_core.reporting.verdict import sentences, untestable
from cellflow_core.selection.comparison_summary import ModelScore, judge
from tests import toy_pk, toys

MEANS = {"previous": 1.27, "next": 1.3, "linear": 1.0, "midpoint": 0.887, "floor": 0.68}
BASELINES = {name: dict.fromkeys((1.0, 2.0, 3.0), mean) for name, mean in MEANS.items()}


def verdict(*scores: ModelScore, **more):
    return sentences(judge(scores, BASELINES, **more), "day")


def test_a_model_that_beats_the_midpoint_is_named_with_its_gain():
    found = verdict(ModelScore("MFM", 0.83, 0.004, 5), ModelScore("OT-CFM", 0.886, 0.003, 5))
    assert found == (
        "MFM comes nearest to the cells of held-out times (W1 0.83 in the state space): 6% below the OT midpoint, "
        "which learns nothing. 22% above the sampling floor.",
    )


def test_a_best_model_that_is_no_better_than_straight_lines_is_not_praised():
    found = verdict(ModelScore("OT-CFM", 0.886, 0.003, 5), ModelScore("[SF]2M", 0.887, 0.003, 5))
    assert len(found) == 1 and "no better than the OT midpoint (0.887 in the state space)" in found[0]
    assert "and [SF]2M within the spread over seeds" in found[0]
    (straight,) = verdict(ModelScore("OT displacement", 0.8869, 0.0, 3))
    assert "no better than the OT midpoint" in straight


def test_models_that_lose_are_named():
    scores = [ModelScore("A", 0.80, 0.01, 3), ModelScore("B", 0.95, 0.01, 3), ModelScore("C", 1.5, 0.1, 3)]
    found = verdict(*scores, ModelScore("D", 1.0, 0.01, 3))
    assert found[1] == "B and D lose to the OT midpoint (0.887 in the state space), which learns nothing."
    assert found[2].startswith("C is no better than the previous snapshot") and "(1.27 in the state space)" in found[2]


def test_times_at_which_no_motion_is_better_are_named():
    best = ModelScore("A", 0.80, 0.01, 3, by_time={1.0: 0.5, 2.0: 1.3, 3.0: 1.27})
    found = verdict(best)
    assert "At day 2 and day 3 A is no better than the previous snapshot" in found[1]
    assert len(verdict(replace(best, by_time={1.0: 0.5, 2.0: 1.2, 3.0: 0.7}))) == 1


def test_a_best_model_that_loses_on_most_benchmark_data_is_not_named_without_saying_so():
    best = ModelScore("TIGON", 0.80, 0.01, 3, losing=5, sets=7)
    assert any("On 5 of 7 benchmark data sets TIGON is no nearer" in each for each in verdict(best))
    assert len(verdict(replace(best, losing=3))) == len(verdict(replace(best, losing=1, sets=1))) == 1


def test_what_was_trained_before_and_is_better_at_some_times_is_named():
    best = ModelScore("A", 0.80, 0.01, 3, by_time={1.0: 0.8, 2.0: 0.8, 3.0: 0.8})
    other = ModelScore("B, careful", 0.6, math.nan, 1, by_time={2.0: 0.6})
    worse = ModelScore("C", 0.9, math.nan, 1, by_time={2.0: 0.9, 9.0: 0.1})
    found = verdict(best, partial=(other, worse))
    assert (
        len(found) == 2
        and "B, careful, trained before on these data, is nearer at day 2: W1 0.6 in the state space" in found[1]
    )


def test_what_is_not_firm_is_stated():
    one = {name: {1.0: mean} for name, mean in MEANS.items()}
    found = sentences(judge([ModelScore("A", 0.80, math.nan, 1)], one))
    assert "Fewer than 3 seeds" in found[1] and "One time was held out" in found[2]
    assert sentences(judge([ModelScore("A", math.nan, math.nan, 0)], one)) == ("No model has been scored yet.",)


def test_data_of_two_times_get_advice_instead_of_a_test(home):
    assert untestable(open_dataset(toys.stored()).info) == ""
    two = untestable(open_dataset(toys.stored(toys.drifting(2))).info)
    assert "has 2 times" in two and "three or more seeds" in two


def test_individuals_measured_at_times_of_their_own_are_compared_by_forecasts(home):
    study = toy_pk.study(subjects=12, n_times=5)
    assert untestable(open_dataset(toys.stored(study.to_snapshots())).info) == ""
    own = replace(study, t=study.t + 0.01 * (study.subject % 3))
    few = untestable(open_dataset(toys.stored(own.to_snapshots())).info)
    assert "has at most 4 samples at one time between others" in few and "Compare forecasts of individuals" in few


def test_the_figure_shows_every_seed_and_every_line():
    seeds = {"OT-CFM": (0.88, 0.89), "<b>x</b>": (0.95,)}
    drawn = figure.errors(seeds, MEANS | {"linear": math.nan}, "w1", dark=True)
    dots, means = drawn.data
    assert sorted(dots.x) == [0.88, 0.89, 0.95] and max(means.x) == 0.95 and means.y[-1] == "OT-CFM"
    assert "<b>" not in "".join(means.y)
    assert sorted(shape.x0 for shape in drawn.layout.shapes) == [0.68, 0.887, 1.27, 1.3]
    summary = figure.describe(seeds, MEANS)
    assert "OT-CFM 0.885, <b>x</b> 0.950" in summary and "OT midpoint 0.887" in summary
