"""The repressilator against the paper's criterion of oscillation, a fixed-step integration and its own equations."""

from __future__ import annotations

import numpy as np
import pytest

from cellflow_core.data.simulators.repressilator import Repressilator, Settings

pytestmark = pytest.mark.truth
DEFAULT = Settings()


def stepped(ring: Repressilator, end: float, dt: float) -> np.ndarray:
    """Runge and Kutta's fourth order with a fixed step, [steps, dim]."""
    x, found = ring.mean_trajectory(np.array([0.0, 1e-9]))[:1], []
    for _ in range(round(end / dt)):
        found.append(x[0])
        a = ring.drift(0.0, x)
        b = ring.drift(0.0, x + dt / 2 * a)
        c = ring.drift(0.0, x + dt / 2 * b)
        d = ring.drift(0.0, x + dt * c)
        x = x + dt / 6 * (a + 2 * b + 2 * c + d)
    return np.array(found)


def test_course_and_period_agree_with_another_integration() -> None:
    ring, dt = Repressilator(), 0.05
    found = stepped(ring, 4000.0, dt)
    np.testing.assert_allclose(ring.mean_trajectory(np.arange(4000) * dt), found[:4000], atol=1e-5)
    late = found[-40_000:, 3] - found[-40_000:, 3].mean()
    rises = np.flatnonzero((late[:-1] < 0) & (late[1:] >= 0)) * dt
    assert ring.period() == pytest.approx(np.diff(rises).mean(), abs=0.05)


@pytest.mark.parametrize("hill", [1.5, 2.0, 3.0])
@pytest.mark.parametrize("transcription", [3.0, 30.0, 300.0])
@pytest.mark.parametrize("protein_life", [3.0, 15.0, 100.0])
def test_it_oscillates_where_the_paper_says(hill: float, transcription: float, protein_life: float) -> None:
    """Elowitz & Leibler 2000, box 1: the state of rest is stable where (beta + 1)^2 / beta > 3 X^2 / (4 + 2 X)."""
    use = Settings(hill=hill, transcription=transcription, protein_lifetime=protein_life, leak=0.0)
    low, high = 0.0, transcription
    for _ in range(200):
        rest = (low + high) / 2
        low, high = (rest, high) if rest * (1 + rest**hill) < transcription else (low, rest)
    slope = -transcription * hill * rest ** (hill - 1) / (1 + rest**hill) ** 2
    ratio = use.mrna_lifetime / use.protein_lifetime
    stable = slope > -2 and (ratio + 1) ** 2 / ratio > 3 * slope**2 / (4 + 2 * slope)
    assert (Repressilator(use).period() == 0) == stable


def test_any_gene_that_is_held_stops_the_clock() -> None:
    ring = Repressilator()
    assert ring.period() > 60
    for gene in ring.axes:
        assert ring.period({gene: 0.0}) == 0 == ring.period({gene: 5.0}), gene
    stopped = ring.mean_trajectory(np.linspace(0, 2000, 200), {"LacI protein": 0.0})
    assert (stopped[:, 3] == 0).all() and np.ptp(stopped[-50:], axis=0).max() < 1e-6
    with pytest.raises(KeyError, match="lacZ.*LacI RNA"):
        ring.mean_trajectory(np.array([0.0, 1.0]), {"lacZ": 0.0})


def test_the_network_has_the_signs_of_the_drift() -> None:
    ring, x = Repressilator(), np.full((1, 6), 2.0)
    jacobian = np.array([(ring.drift(0.0, x + 1e-5 * e) - ring.drift(0.0, x - 1e-5 * e))[0] for e in np.eye(6)]).T
    np.fill_diagonal(jacobian, 0)
    assert (np.sign(jacobian.round(9)) == ring.network()).all()


def test_cells_with_little_noise_follow_the_course() -> None:
    ring = Repressilator(Settings(noise=0.001, cells_per_time=200, step=0.01, last_time=60.0, n_times=4))
    data = ring.simulate()
    start = ring.start_cells(1000, np.random.default_rng(0)).mean(axis=0)
    np.testing.assert_allclose(start, ring.mean_trajectory(np.array([0.0, 1.0]))[0], rtol=0.02, atol=1e-9)
    for time, truth in zip(data.times, ring.mean_trajectory(data.times), strict=True):
        np.testing.assert_allclose(data.at(time).mean(axis=0), truth, rtol=0.08, atol=0.1)


def test_cells_out_of_step_are_spread_over_the_cycle() -> None:
    ring = Repressilator(Settings(synchrony=False, cells_per_time=600, n_times=2, noise=0.0))
    data = ring.simulate()
    cycle = ring.mean_trajectory(np.concatenate([[0.0], np.linspace(4000, 4000 + ring.period(), 2000)]))[1:]
    for time in data.times:  # the law of a cell at a random moment does not change
        np.testing.assert_allclose(data.at(time).mean(axis=0), cycle.mean(axis=0), rtol=0.2)
    assert np.ptp(data.at(0.0)[:, 3]) > 0.9 * np.ptp(cycle[:, 3])
