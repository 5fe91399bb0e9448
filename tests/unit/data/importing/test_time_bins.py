"""Windows of equal cell number."""

from __future__ import annotations

import numpy as np
import pytest

from cellflow_core.data.importing.time_bins import quantile_bins


def test_windows_hold_equal_numbers_and_are_named_by_their_mean():
    order = np.random.default_rng(0).permutation(np.linspace(0, 1, 100) ** 3)
    times = quantile_bins(order, 4)
    names, counts = np.unique(times, return_counts=True)
    assert counts.tolist() == [25] * 4
    assert names == pytest.approx(np.sort(order).reshape(4, 25).mean(axis=1), abs=0.06 * np.diff(names).min())
    assert (np.diff(times[np.argsort(order)]) >= 0).all()
    assert all(len(f"{each:g}") <= 6 for each in names)


def test_equal_values_stay_together():
    order = np.repeat([0.0, 1.0, 2.0], [60, 20, 20])
    assert np.unique(quantile_bins(order, 5)).tolist() == [0.0, 1.0, 2.0]


def test_close_windows_keep_different_names():
    assert len(np.unique(quantile_bins(np.linspace(0, 1e-7, 40), 4))) == 4


@pytest.mark.parametrize(
    ("order", "sentence"),
    [
        (np.zeros(30), "30 cells with 1 different values cannot be cut into 4 windows"),
        (np.linspace(0, 1, 12), "leave one with 3 cells: at least 5 are needed"),
        (np.array([0.0, np.inf] * 20), "20 of 40 cells have no place"),
    ],
)
def test_what_cannot_be_cut_is_told(order, sentence):
    with pytest.raises(ValueError, match=sentence):
        quantile_bins(order, 4)
