"""A comparison says what follows: who is nearest, who loses to no learning at all, and how firm that is."""

import math

from cellflow_core.figures import comparison as figure
from cellflow_core.selection.comparison_summary import ModelScore, verdict

TRIVIAL = {"previous": 1.27, "next": 1.3, "linear": 1.0, "midpoint": 0.887, "floor": 0.68}


def test_a_model_that_beats_the_midpoint_is_said_so():
    message = verdict([ModelScore("MFM", 0.83, 0.004, 5), ModelScore("OT-CFM", 0.886, 0.003, 5)], TRIVIAL, 3)
    assert message == (
        "MFM comes nearest to the cells it never saw (error 0.83): 6% below the OT midpoint, which learns nothing. "
        "22% above what sampling alone costs.",
    )


def test_a_best_model_that_is_no_better_than_straight_lines_is_not_praised():
    message = verdict([ModelScore("OT-CFM", 0.886, 0.003, 5), ModelScore("[SF]2M", 0.887, 0.003, 5)], TRIVIAL, 3)
    assert len(message) == 1 and "no better than the OT midpoint (0.887)" in message[0]
    assert "and [SF]2M within the spread over seeds" in message[0]


def test_straight_lines_themselves_are_not_praised():
    (message,) = verdict([ModelScore("OT displacement", 0.8869, 0.0, 3)], TRIVIAL, 3)
    assert "no better than the OT midpoint" in message


def test_losers_are_told():
    standings = [ModelScore("A", 0.80, 0.01, 3), ModelScore("B", 0.95, 0.01, 3), ModelScore("C", 1.5, 0.1, 3)]
    message = verdict([*standings, ModelScore("D", 1.0, 0.01, 3)], TRIVIAL, 3)
    assert message[1] == "B and D lose to the OT midpoint (0.887), which learns nothing."
    assert message[2] == "C is no better than not moving the cells at all (1.27)."


def test_what_is_not_firm_is_said():
    message = verdict([ModelScore("A", 0.80, math.nan, 1)], TRIVIAL, 1)
    assert "Fewer than 3 seeds" in message[1] and "One time was left out" in message[2]
    assert verdict([ModelScore("A", math.nan, math.nan, 0)], TRIVIAL, 1) == ("No model has been scored yet.",)


def test_the_figure_shows_every_seed_and_every_line():
    seeds = {"OT-CFM": (0.88, 0.89), "<b>x</b>": (0.95,)}
    drawn = figure.errors(seeds, TRIVIAL | {"linear": math.nan}, "W1", dark=True)
    dots, means = drawn.data
    assert sorted(dots.x) == [0.88, 0.89, 0.95] and max(means.x) == 0.95 and means.y[-1] == "OT-CFM"
    assert "<b>" not in "".join(means.y)
    assert sorted(shape.x0 for shape in drawn.layout.shapes) == [0.68, 0.887, 1.27, 1.3]
    message = figure.describe(seeds, TRIVIAL)
    assert "OT-CFM 0.885, <b>x</b> 0.950" in message and "OT midpoint 0.887" in message
