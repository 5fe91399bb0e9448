"""How often cells cross the pass of a double well: Kramers' formula, the exact time, and cells that are followed."""

from __future__ import annotations

import numpy as np
import pytest

from cellflow_core.analysis.dynamics import Model
from cellflow_core.analysis.simulate import simulate
from cellflow_core.data.simulators.double_well import DoubleWell
from cellflow_core.data.simulators.double_well import Settings as Wells
from tests.truth.exact import Exact

pytestmark = pytest.mark.truth


def crossings(model: Model, process: DoubleWell, days: float, cells: int, per_gap: int) -> tuple[float, int]:
    """(cells that get from the bottom of the left valley to that of the right one in a day, how many did in all)."""
    states = process.steady_states()
    times = np.arange(0.0, days, 0.1)
    made = simulate(model, np.tile(states["left"].astype(np.float32), (cells, 1)), times, steps_per_interval=per_gap)
    there = made.x[:, :, 0] >= states["right"][0]
    crossed = there.any(axis=0)
    followed = np.where(crossed, times[there.argmax(axis=0)], times[-1])
    return float(crossed.sum() / followed.sum()), int(crossed.sum())


def test_cells_that_are_followed_cross_as_kramers_says():
    """A pass 5.6 D high: the crossings of `simulate` are within 15 % of Kramers' formula and 6 % of the exact time.

    About 1,200 crossings: their own standard error is 3 %.
    """
    process = DoubleWell(Wells(noise=0.6))
    found, many = crossings(Exact(process), process, days=100.0, cells=4000, per_gap=200)
    assert many > 900
    assert found == pytest.approx(process.kramers_rate(), rel=0.15)
    assert found == pytest.approx(process.escape_rate(), rel=0.06)


def test_the_formula_comes_near_to_the_exact_rate_as_the_pass_rises():
    """Within 13 % at a pass of 4.7 D, 6 % at 8 D, 1.5 % at 50 D, from above; cells stay longer where it is lower."""
    for noise, close in ((0.65, 0.13), (0.5, 0.06), (0.2, 0.015)):
        process = DoubleWell(Wells(noise=noise))
        assert 0 < process.kramers_rate() / process.escape_rate() - 1 < close
        assert process.escape_rate("left") == pytest.approx(process.escape_rate("right"), rel=1e-6)
    tilted = DoubleWell(Wells(tilt=0.1, noise=0.6))
    for rate in (tilted.escape_rate, tilted.kramers_rate):
        gap = tilted.potential(np.stack(list(tilted.steady_states().values()))) / 0.18
        assert rate("left") / rate("right") == pytest.approx(np.exp(gap[0] - gap[1]), rel=0.05)


def test_the_share_in_each_valley_follows_from_the_rate():
    """Two valleys exchange cells: share left = (1 + exp(-2 rate t)) / 2, within 0.03 of 10,000 cells."""
    process = DoubleWell(Wells(noise=0.7, last_time=20.0))
    share = process.fate_shares()
    assert share["left"] == pytest.approx((1 + np.exp(-2 * process.escape_rate() * 20)) / 2, abs=0.03)
    data = process.simulate()
    assert float((data.labels["valley"][data.t == 0] == "left").mean()) == 1.0


def test_the_drift_is_downhill_of_the_potential():
    process = DoubleWell(Wells(dims=3, tilt=0.05, barrier=2.0))
    x, step = np.random.default_rng(0).normal(size=(50, 3)), 1e-5
    for axis in range(3):
        kick = step * np.eye(3)[axis]
        slope = (process.potential(x + kick) - process.potential(x - kick)) / (2 * step)
        np.testing.assert_allclose(process.drift(0.0, x)[:, axis], -slope, atol=1e-6)
