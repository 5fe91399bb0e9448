"""The engine against closed forms: moments of a linear equation, reflection, clamps, mass and fates."""

from __future__ import annotations

import numpy as np
import pytest

from cellflow_core.data.simulators import sde
from cellflow_core.data.simulators.contract import HasGrowth

pytestmark = pytest.mark.truth
CELLS = 20_000


class Linear:
    """dx = -2 x dt + (0.5, 1) dW."""

    axes = ("a", "b")

    def drift(self, t, x):
        return -2 * x

    def noise(self, t):
        return np.array([0.5, 1.0])


class Growing(Linear, HasGrowth):
    """Cells with a > 0 grow by 1 a unit of time, the others shrink by 0.5."""

    fates = ("up", "down")

    def drift(self, t, x):
        return np.zeros_like(x)

    def noise(self, t):
        return np.zeros(2)

    def growth(self, t, x):
        return np.where(x[:, 0] > 0, 1.0, -0.5)

    def mass(self, t):
        return float((np.exp(t) + np.exp(-0.5 * t)) / 2)

    def fate_of(self, x):
        return np.where(x[:, 0] > 0, "up", "down")


def either(cells: int, rng: np.random.Generator) -> np.ndarray:
    return rng.choice([-1.0, 1.0], (cells, 2))


def test_moments_of_a_linear_equation():
    """Within 4 standard errors plus the first-order error of a step of 0.005."""
    start = np.tile([1.0, -2.0], (CELLS, 1))
    x, log_mass = sde.final_state(Linear(), start, 1.0, 2.0, np.random.default_rng(0), step=0.005)
    variance = np.array([0.25, 1.0]) / 4 * (1 - np.exp(-4))
    assert np.abs(x.mean(axis=0) - start[0] * np.exp(-2)).max() < 4 * np.sqrt(variance.max() / CELLS) + 0.005
    assert np.abs(x.var(axis=0) / variance - 1).max() < 4 * np.sqrt(2 / CELLS) + 0.02
    assert (log_mass == 0).all() and (start == [1.0, -2.0]).all()


def test_reflection_keeps_the_law_of_the_distance_from_zero():
    """|x| of a symmetric equation is the reflected equation: same mean within 4 standard errors."""
    start = np.full((CELLS, 2), 0.1)
    x, _ = sde.final_state(Linear(), start, 0.0, 1.0, np.random.default_rng(0), step=0.005, positive=True)
    free, _ = sde.final_state(Linear(), start, 0.0, 1.0, np.random.default_rng(1), step=0.005)
    assert (x >= 0).all()
    spread = np.sqrt((x.var(axis=0) + np.abs(free).var(axis=0)) / CELLS)
    assert (np.abs(x.mean(axis=0) - np.abs(free).mean(axis=0)) < 4 * spread).all()


def test_a_clamped_gene_never_moves_and_an_unknown_one_is_named():
    for x, _ in sde.mean_trajectory(
        Linear(), np.zeros((5, 2)), 0.0, 1.0, np.random.default_rng(0), step=0.1, clamp={"b": 0.5}
    ):
        assert (x[:, 1] == 0.5).all()
    with pytest.raises(KeyError, match="Nanog.*a, b"):
        next(
            sde.mean_trajectory(
                Linear(), np.zeros((5, 2)), 0.0, 1.0, np.random.default_rng(0), step=0.1, clamp={"Nanog": 1}
            )
        )


def test_a_population_leans_to_those_that_grow():
    """Shares and mass within 4 standard errors of their closed form."""
    times = np.array([0.0, 0.5, 2.0])
    found = sde.population(Growing(), either, times, CELLS, np.random.default_rng(0), step=0.1, fastest=1.0)
    assert found.x.shape == (3 * CELLS, 2) and found.mass is not None and found.mass.shape == (3,)
    shares = sde.fate_shares(
        Growing(), either(CELLS, np.random.default_rng(1)), 0, 2.0, np.random.default_rng(2), step=1
    )
    for time, mass in zip(times, found.mass, strict=True):
        up = np.exp(time) / (np.exp(time) + np.exp(-0.5 * time))
        assert abs((found.x[found.t == time, 0] > 0).mean() - up) < 4 * np.sqrt(0.25 / CELLS)
        spread = (np.exp(time) - np.exp(-0.5 * time)) / 2
        assert abs(mass / CELLS - Growing().mass(time)) < 4 * spread / np.sqrt(2 * CELLS) + 1e-6
    assert shares["up"] == pytest.approx(np.exp(2) / (np.exp(2) + np.exp(-1)), abs=0.02)


def test_a_bound_of_growth_that_does_not_hold_is_refused():
    with pytest.raises(ValueError, match="stated"):
        sde.population(Growing(), either, np.array([1.0]), 10, np.random.default_rng(0), step=0.1, fastest=0.5)
