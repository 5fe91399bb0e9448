"""Fates, trajectory ensembles and clones."""

import dataclasses

import numpy as np
import pytest

from cellflow_core.figures import (
    fates,
    trajectory_ensemble,
)
from cellflow_core.figures.lineage import clones
from cellflow_core.reporting import result_tables
from tests import examples


def test_fates_with_and_without_growth_have_their_own_intervals():
    grown, once, measured = fates.fates(examples.growing_fates()).data
    np.testing.assert_allclose(once.error_x.array, 0.06, rtol=1e-5)
    np.testing.assert_allclose(grown.error_x.array, 0.07, rtol=1e-5)
    assert measured.error_x.array is None and len(fates.fates(examples.fates()).data) == 2
    assert "counted once: Erythroid 50% (44% to 56%)" in fates.describe(examples.growing_fates())


def test_an_undecided_cell_is_paler_than_a_sure_one():
    made = examples.fates(
        probability=np.array([[1.0, 0.0], [0.5, 0.5]]), starts=np.zeros((2, 2)), fate=np.array([0, 1])
    )
    figure = fates.cell_fates(made, np.zeros((3, 2)), ("a", "b"))
    sure, undecided = figure.data[-1].marker.opacity
    assert sure > 0.9 and undecided < 0.4
    assert [each.name for each in figure.data[1:3]] == ["Erythroid (1 cells)", "Myeloid (1 cells)"]
    assert "For 1 of them no fate is likelier than 75 %" in fates.describe_cells(made)
    assert "to become Myeloid: 25% in the middle" in fates.describe_cells(made, 1)


def test_an_open_fate_has_as_many_bits_as_fates_allow():
    made = examples.fates(
        probability=np.array([[1.0, 0.0], [0.5, 0.5]]), starts=np.zeros((2, 2)), fate=np.array([0, 1])
    )
    marker = fates.cell_fates(made, np.zeros((3, 2)), ("a", "b"), by="entropy").data[-1].marker
    np.testing.assert_allclose(marker.color, [0, 1])
    assert marker.cmax == 1 and "of at most 1.00" in fates.describe_cells(made, by="entropy")
    with pytest.raises(ValueError, match="these are simulated"):
        fates.describe_cells(made, by="steps")
    steps = dataclasses.replace(made, steps=np.array([0.0, 40.0]))
    bar = fates.cell_fates(steps, np.zeros((3, 2)), ("a", "b"), by="steps").data[-1].marker
    assert bar.cmax == 40 and "20 steps to a terminal state in the middle" in fates.describe_cells(steps, by="steps")
    rows = result_tables.of_cell_fates(steps, ("a", "b"))
    assert rows["mean first passage time (steps)"] == [0, 40]


def test_paths_are_bundled_by_the_fate_they_end_in():
    made = examples.futures()
    drawn = {str(each.name): each for each in trajectory_ensemble.trajectory_fan(made, made.paths[0]).data}
    assert {"to Erythroid", "Erythroid", "95 % of those to Erythroid", "start"} <= drawn.keys()
    across = np.asarray(drawn["to Myeloid"].y)
    assert np.nanmin(across) < -2 and np.isnan(across).sum() == 20  # a gap after each of the 20
    ring = np.stack([drawn["95 % of those to Myeloid"][axis] for axis in "xy"], axis=1)[-42:-1]
    away = ring - made.mean[1, -1]
    inverse = np.linalg.inv(made.covariance[1, -1])
    np.testing.assert_allclose(np.einsum("ki,ij,kj->k", away, inverse, away), trajectory_ensemble.RADIUS**2, rtol=1e-3)
    assert "60 futures of cell 7 of time 0" in trajectory_ensemble.describe(made)


def test_clones_are_points_of_their_early_cells_mean():
    made = examples.clones()
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
    made = examples.clones()
    counted = made.observed != 0.5
    grown = clones.curve(made).data[0]
    area = np.trapezoid(grown.y, grown.x)
    a, b = made.predicted[made.observed > 0.5], made.predicted[made.observed < 0.5]
    assert area == pytest.approx((a[:, None] > b).mean() + 0.5 * (a[:, None] == b).mean(), abs=1e-5)
    assert counted.sum() == len(a) + len(b)
    assert (
        len(clones.curve(examples.clones(without_growth=made.predicted)).data) == 2
    )  # no growth: one curve and guessing


def test_a_rare_course_has_no_mean_but_a_name():
    made = examples.futures(ends=np.where(np.arange(60) == 0, 1, 0))
    drawn = {each.name: each.showlegend for each in trajectory_ensemble.trajectory_fan(made, made.paths[0]).data}
    assert "Myeloid" not in drawn and drawn["to Myeloid"] and drawn["Erythroid"]


def test_one_course_has_no_interval_and_no_ellipse():
    made = examples.futures()
    one = examples.futures(
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
