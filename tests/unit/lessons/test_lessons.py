"""Every lesson: a picture at every setting, an answer that its numbers bear out, the same for the same draw."""

from __future__ import annotations

import re

import numpy as np
import pytest

from cellflow_core.figures import lessons as figures
from cellflow_core.lessons import growth, noise, rotation, solver_steps
from cellflow_core.lessons.catalog import LESSONS, take

TURNS = [(name, k) for name, lesson in LESSONS.items() for k in range(len(lesson.settings))]


@pytest.mark.parametrize(("name", "setting"), TURNS)
def test_a_turn_is_drawn_and_its_answer_is_hidden_before_the_prediction(name, setting):
    lesson, turn = LESSONS[name], take(name, setting, 1)
    assert 0 <= turn.answer < len(lesson.choices) and turn.words == take(name, setting, 1).words
    before, after = (figures.lesson(turn.picture, answered=each) for each in (False, True))
    assert 1 <= len(before.data) < len(after.data)
    ranges = [(each.layout.xaxis.range, each.layout.yaxis.range) for each in (before, after)]
    assert ranges[0] == ranges[1]
    assert "nan" not in turn.words and "{" not in lesson.question.format(setting=lesson.settings[setting])


def percent(words: str) -> float:
    found = re.search(r"(-?\d+)%", words)
    assert found
    return int(found[1]) / 100


def test_the_same_snapshots_have_both_truths():
    turns = [take("pairing", 2, seed) for seed in range(12)]
    stay = ["stay on their side" in each.words for each in turns]
    assert any(stay) and not all(stay) and {each.answer for each in turns} == {3}
    assert all(percent(turn.words) == (1.0 if same else 0.0) for turn, same in zip(turns, stay, strict=True))


def test_one_pair_is_followed_exactly_and_many_are_averaged():
    assert all(take("averaging", 0, seed).answer == 0 for seed in range(5))
    answers = [take("averaging", 3, seed).answer for seed in range(20)]
    assert np.mean(answers) > 0.5  # most cells that cross the others do not arrive


def test_euler_leaves_the_circle_by_the_factor_of_its_steps():
    for k, steps in enumerate(solver_steps.STEPS):
        outward = (1 + (2 * np.pi / steps) ** 2) ** (steps / 2) - 1
        turn = take("solver-steps", k, 0)
        assert percent(turn.words.split("is ")[1]) == pytest.approx(outward, abs=0.006)
        assert turn.answer == (1 if outward > solver_steps.CLOSE else 0)


def test_more_noise_sends_more_cells_over_the_ridge():
    shares = [percent(take("noise", k, 0).words) for k in range(len(noise.SIGMA))]
    assert shares[0] == 0 and shares == sorted(shares) and 0.35 < shares[-1] < 0.5


def test_divisions_change_shares_as_the_exponential_says():
    for k, rate in enumerate(growth.RATES):
        factor = np.exp(rate * growth.DAYS)
        assert percent(take("growth", k, 0).words) == pytest.approx(factor / (1 + factor), abs=0.04)


def test_a_hill_explains_what_is_not_rotation():
    for k, s in enumerate(rotation.SHARES):
        known = (1 - s) ** 2 / ((1 - s) ** 2 + s**2)
        assert percent(take("rotation", k, 0).words) == pytest.approx(known, abs=0.03)


def test_arrows_mean_something_only_where_velocities_do():
    shares = [percent(take("maps", k, 0).words) for k in range(5)]
    assert min(shares[:4]) > 0.75 and shares[4] < 0.5


def test_drivers_change_fates_and_markers_do_not():
    assert [take("markers", k, 0).answer for k in range(5)] == [0, 1, 2, 1, 1]
