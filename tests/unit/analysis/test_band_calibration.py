"""Bands of genes hold as many cells as they say, also where whole populations are predicted at a wrong place."""

import numpy as np
import pytest
import torch

from cellflow_core.analysis.band_calibration import (
    BandCalibration,
    bridge_variance,
    calibrated,
    scores,
    weighted_quantiles,
)
from cellflow_core.analysis.gene_trend import gene_trend
from cellflow_core.config import Config
from cellflow_core.data.snapshots import DataSpec, Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.models.contract import DynamicsModel, HasVelocity

TIMES = (0.0, 1.0, 2.0, 4.0)
SHIFT = np.array([0.0, 1.5, -1.2, 0.5])
"""How far from a straight course the cells of each time are, the same in both genes, in standard deviations."""


def measured() -> Snapshots:
    rng = np.random.default_rng(0)
    t = np.repeat(TIMES, 400)
    x = rng.normal(size=(len(t), 2)) + np.repeat(SHIFT, 400)[:, None]
    return Snapshots(x, t, AffineSpace.of_genes(("Up", "Down")), "day")


class Still(DynamicsModel, HasVelocity):
    """Cells stay where they are, whatever was measured."""

    title, summary, paper, Config = "Still", "It stays.", "none", Config

    def phases(self):
        return ()

    def velocity(self, t, x, context):
        return torch.zeros_like(x)


def without(data: Snapshots, time: float) -> tuple[DynamicsModel, float]:
    return Still(Config(), data.without(time).spec), time


def test_the_variance_of_a_bridge_between_trained_times():
    data = measured()
    at = np.array([0.0, 0.5, 1.0, 3.0, 4.0, 6.0])
    np.testing.assert_allclose(bridge_variance(at, TIMES, data), [0, 0.25, 0, 0.25, 0, 0])
    np.testing.assert_allclose(bridge_variance(at, (0.0, 2.0, 4.0), data)[:3], [0, 0.375, 0.5])
    np.testing.assert_allclose(bridge_variance(np.array([2.0, 4.0]), (0.0, 1.0), data), [1, 2])


def test_scores_are_widths_of_the_band():
    data = measured()
    found = scores(without(data, 1.0)[0], data, 1.0)
    assert found.shape == (400, 2)
    expected = (np.abs(data.at(1.0)) <= 1.2816).mean()  # the start is standard normal
    assert (found <= 1).mean() == pytest.approx(expected, abs=0.03)


def test_calibrated_bands_hold_eight_of_ten_cells():
    data = measured()
    found = calibrated([without(data, 1.0), without(data, 2.0)], data)
    assert found is not None and found.times == (1.0, 2.0) and found.coverage < 0.55
    inside = []
    for time in (1.0, 2.0):
        model = without(data, time)[0]
        factor = found.factor(np.array([time]), model.spec.times, data)
        inside.append((scores(model, data, time) <= factor).mean())
    assert np.mean(inside) == pytest.approx(0.8, abs=0.005)
    assert calibrated([], data) is None


def test_a_trend_is_wider_between_measured_times_only():
    data = measured()
    spec: DataSpec = data.spec
    plain = gene_trend(Still(Config(), spec), data, "Up")
    wide = gene_trend(Still(Config(), spec), data, "Up", copies=[without(data, 1.0), without(data, 2.0)])
    ratio = (wide.quantiles[:, 2] - wide.quantiles[:, 0]) / (plain.quantiles[:, 2] - plain.quantiles[:, 0])
    measured_at = np.isin(plain.times, TIMES)
    np.testing.assert_allclose(ratio[measured_at], 1)
    assert (ratio[~measured_at] > 1).all()
    np.testing.assert_allclose(wide.quantiles[:, 1], plain.quantiles[:, 1])
    assert "hold too few cells" in plain.notes[0] and "held-out time 1 and 2" in wide.notes[0]


def test_a_band_does_not_leave_what_was_measured():
    found = BandCalibration(8.0, (1.0,), 0.5)
    made = found.widened(np.array([[0.5, 1.0, 2.0], [-1.0, 1.0, 2.0]]), np.array([3.0, 3.0]), np.array([0.0, 3.0]))
    np.testing.assert_allclose(made, [[0, 1, 3], [-1, 1, 3]])


def test_other_trainings_widen_the_band():
    data = measured()

    class Shifted(Still):
        def velocity(self, t, x, context):
            return torch.ones_like(x)

    one = gene_trend(Still(Config(), data.spec), data, "Up")
    two = gene_trend(Still(Config(), data.spec), data, "Up", siblings=[Shifted(Config(), data.spec)])
    assert two.quantiles[-1, 2] > one.quantiles[-1, 2] + 2
    np.testing.assert_allclose(two.mean, one.mean)


def test_quantiles_of_equal_weights_are_those_of_the_values():
    values = np.arange(101.0)
    np.testing.assert_allclose(weighted_quantiles(values, np.ones(101)), [9.6, 50, 90.4], atol=0.2)
