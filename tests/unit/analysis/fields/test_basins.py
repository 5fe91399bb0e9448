"""Basins of surfaces that are written down."""

import numpy as np
import pytest

from cellflow_core.analysis.fields.basins import common_labels, find_basins

X = np.linspace(-2, 2, 81)
GX, GY = np.meshgrid(X, X[::2])
WELLS = (GX**2 - 1) ** 2 + 0.2 * GX + GY**2
"""Two wells at -1 and 1, the left one deeper by 0.4; the saddle between them is at height 1, near 0."""


def test_two_wells_and_the_saddle_between_them_are_found():
    found = find_basins(WELLS)
    assert len(found.lowest) == 2 and found.of.shape == WELLS.shape
    assert GX.ravel()[found.lowest] == pytest.approx([-1, 1], abs=0.06) and np.abs(GY.ravel()[found.lowest]).max() < 0.1
    assert found.barrier == pytest.approx([1.2, 0.8], abs=0.03)
    assert (found.of[GX < -0.2] == 0).all() and (found.of[GX > 0.2] == 1).all()


def test_the_climb_between_two_basins_is_that_of_the_lowest_path_by_others():
    """Wells at -2, 0 and 2 with saddles 1 and 3 high: from the first to the last the path leads over the second."""
    x = np.linspace(-3, 3, 121)
    gx, gy = np.meshgrid(x, x[::4])
    high = np.interp(gx, [-3, -2, -1, 0, 1, 2, 3], [4, 0, 1, 0.2, 3, 0.4, 4]) + gy**2
    found = find_basins(high)
    assert gx.ravel()[found.lowest] == pytest.approx([-2, 0, 2], abs=0.06)
    assert found.climb == pytest.approx(np.array([[np.nan, 1, 3], [0.8, np.nan, 2.8], [2.6, 2.6, np.nan]]), nan_ok=True)
    assert found.barrier == pytest.approx([1, 0.8, 2.6])
    assert gx.ravel()[found.saddle[[0, 0, 1], [1, 2, 2]]] == pytest.approx([-1, 1, 1], abs=0.06)


def test_dips_of_noise_are_no_basins_and_parts_that_do_not_touch_have_no_saddle():
    rng = np.random.default_rng(0)
    assert len(find_basins(WELLS + 0.1 * rng.random(WELLS.shape)).lowest) == 2
    parted = np.where(np.abs(GX) < 0.3, np.nan, WELLS)
    found = find_basins(parted)
    assert len(found.lowest) == 2 and np.isnan(found.barrier).all() and (found.of[np.isnan(parted)] == -1).all()
    assert len(find_basins(np.zeros((5, 6))).lowest) == 1


def test_a_basin_has_the_commonest_label_of_its_low_cells_or_the_first_two():
    labels = np.array(["a", "a", "b", "", "c", "c", "d", "d", "e"], dtype=object)
    basin, low = np.array([0, 0, 0, 0, 1, 1, 1, 1, 2]), np.array([1, 1, 0, 1, 1, 1, 1, 1, 0], bool)
    assert common_labels(labels, basin, low, 3) == ("a", "c and d", "")
