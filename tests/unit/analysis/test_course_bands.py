"""How much wider than its draws a band must be for individuals that a model has not seen."""

from __future__ import annotations

import numpy as np
import pytest

from cellflow_core.analysis.courses.band_calibration import BandCalibration, check_folds, factor, of_forecasts
from cellflow_core.analysis.courses.forecast import Forecasts


def forecast(people: int, spread: float, rng: np.random.Generator, first: int = 0) -> Forecasts:
    """Values of individuals that differ by more than a model with draws of N(0, 1) knows: N(0, spread^2) each."""
    subject = np.repeat(np.arange(first, first + people), 6)
    own = rng.standard_normal(people)[subject - first]
    observed = spread * (0.8 * own + 0.6 * rng.standard_normal(len(subject)))
    cut = np.where(np.arange(len(subject)) % 2 == 0, -np.inf, 1.0)
    normal = np.sort(np.random.default_rng(0).standard_normal(400))[:, None]
    return Forecasts(subject, cut, cut, observed, np.broadcast_to(normal, (400, len(subject))))


def test_each_individual_counts_the_same():
    """Nine individuals with one value of score 1 to 9, one of them with a hundred: the quantile of nine."""
    subject = np.concatenate([np.arange(9), np.zeros(99, int)])
    score = np.concatenate([np.arange(1.0, 10.0), np.ones(99)])
    assert factor(subject, score) == 9.0  # (0.9 * 10 - 0.5) / 9 = 0.94
    assert factor(np.arange(19), np.arange(1.0, 20.0)) == 18.0  # (0.9 * 20 - 0.5) / 19 = 0.92
    assert factor(np.arange(8), np.ones(8)) is None


def test_a_new_individual_is_in_its_band_nine_times_of_ten():
    """Over 300 studies of 12 individuals, drawn 1.7 times too narrow: 0.9 +- 1/26."""
    rng, held, drawn = np.random.default_rng(1), [], []
    for _ in range(300):
        bands = of_forecasts([forecast(6, 1.7, rng), forecast(6, 1.7, rng, 6)])
        new = forecast(1, 1.7, rng, 20)
        low, high = np.quantile(bands.widened(new.draws, np.isfinite(new.cut)), (0.05, 0.95), axis=0)
        held.append(((low <= new.observed) & (new.observed <= high)).mean())
        drawn.append((np.abs(new.observed) <= 1.645).mean())
    assert np.mean(drawn) < 0.7
    assert np.mean(held) == pytest.approx(0.9, abs=1 / 26 + 0.02)


def test_moved_draws_keep_their_median_and_are_not_negative_where_none_was():
    bands = BandCalibration(before=2.0, after=0.5, people=12, held_before=0.7, held_after=0.99)
    drawn = np.array([[0.0, -1.0], [1.0, 0.0], [2.0, 1.0]])
    np.testing.assert_allclose(bands.widened(drawn, True), [[0.5, -0.5], [1.0, 0.0], [1.5, 0.5]])
    np.testing.assert_allclose(bands.widened(drawn, np.array([False, False])), [[0.0, -2.0], [1.0, 0.0], [3.0, 2.0]])
    assert "narrowed 0.50-fold" in bands.words and "12 individuals" in bands.words and "99%" in bands.words
    assert BandCalibration.from_dict(bands.as_dict()) == bands


def test_too_few_individuals_are_refused():
    check_folds(9, 3)
    for people, folds in ((8, 3), (12, 1), (12, 13)):
        with pytest.raises(ValueError, match=f"there are {people} in training, asked for {folds} parts"):
            check_folds(people, folds)
