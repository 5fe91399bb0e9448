"""Ways of weighted points against a search for the way of least action. Each test states its error."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from cellflow_core.math import wasserstein_fisher_rao

pytestmark = pytest.mark.truth


def least_action(gap: float, mass0: float, mass1: float, delta: float, steps: int = 60):
    """(least action, x, mass) of a point between the two, searched for among ways of so many straight steps.

    With r the root of the mass the action is 1/2 int r^2 x'^2 + 4 delta^2 r'^2; r^2 is that half-way of each step.
    """

    def split(free):
        x = np.concatenate([[0.0], free[: steps - 1], [gap]])
        return x, np.concatenate([[mass0**0.5], free[steps - 1 :], [mass1**0.5]])

    def action(free):
        x, root = split(free)
        dx, dr, middle = np.diff(x), np.diff(root), (root[1:] + root[:-1]) / 2
        slope_x, slope_r = steps * middle**2 * dx, steps * middle * dx**2 / 2
        down = 4 * delta**2 * steps * dr
        gradient = np.concatenate([(slope_x[:-1] - slope_x[1:]), slope_r[:-1] + slope_r[1:] + down[:-1] - down[1:]])
        return 0.5 * steps * ((middle * dx) ** 2 + 4 * delta**2 * dr**2).sum(), gradient

    s = np.linspace(0, 1, steps + 1)[1:-1]
    start = np.concatenate([gap * s, (1 - s) * mass0**0.5 + s * mass1**0.5])
    found = minimize(action, start, jac=True, method="L-BFGS-B", options=EXACT)
    x, root = split(found.x)
    return found.fun, x, root**2


def path(gap: float, mass0: float, mass1: float, delta: float, s: np.ndarray, **printed):
    """The closed form at the shares s, along the first of two axes; masses in the unit of mass0."""
    x0, count = torch.zeros(len(s), 2, dtype=torch.float64), len(s)
    x1 = x0 + torch.tensor([gap, 0.0])
    ratio = torch.full((count,), mass1 / mass0, dtype=torch.float64)
    return wasserstein_fisher_rao.wfr_geodesic(x0, x1, ratio, torch.as_tensor(s), delta, **printed)


def distance(gap: float, mass0: float, mass1: float, delta: float) -> float:
    one = torch.ones(1, dtype=torch.float64)
    return float(wasserstein_fisher_rao.distance(gap * one, mass0 * one, mass1 * one, delta))


EXACT = {"maxiter": 50_000, "maxfun": 100_000, "ftol": 0.0, "gtol": 1e-9}
CASES = [(1.0, 1.0, 1.0, 1.0), (2.0, 1.0, 3.0, 1.0), (1.5, 2.0, 0.3, 0.6), (0.4, 1.0, 5.0, 10.0), (9.0, 1.0, 2.0, 4.0)]


@pytest.mark.parametrize(("gap", "mass0", "mass1", "delta"), CASES)
def test_the_closed_form_is_the_least_action(gap, mass0, mass1, delta):
    """Distance within 0.1 %, place within 0.3 % of the way and mass within 0.3 % of the masses, all along."""
    action, x, mass = least_action(gap, mass0, mass1, delta)
    assert distance(gap, mass0, mass1, delta) == pytest.approx(action**0.5, rel=1e-3)
    s = np.linspace(0, 1, len(x))[1:-1]
    found = path(gap, mass0, mass1, delta, s)
    np.testing.assert_allclose(found.x[:, 0], x[1:-1], atol=3e-3 * gap)
    np.testing.assert_allclose(found.mass * mass0, mass[1:-1], atol=3e-3 * max(mass0, mass1))
    assert not found.x[:, 1].any() and not found.velocity[:, 1].any()


@pytest.mark.parametrize(("gap", "mass0", "mass1", "delta"), CASES)
def test_velocity_and_growth_are_slopes_of_place_and_mass_and_add_up_to_the_action(gap, mass0, mass1, delta):
    """Slopes by differences within 1e-6; m (v^2 + delta^2 g^2) / 2 is the same at every moment within 1e-9."""
    s, h = np.linspace(0.05, 0.95, 19), 1e-6
    at, before, after = (path(gap, mass0, mass1, delta, s + shift) for shift in (0, -h, h))
    np.testing.assert_allclose(at.velocity, (after.x - before.x) / (2 * h), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(at.growth, (after.mass.log() - before.mass.log()) / (2 * h), rtol=1e-6, atol=1e-6)
    rate = at.mass * mass0 * (at.velocity[:, 0] ** 2 + delta**2 * at.growth**2) / 2
    np.testing.assert_allclose(rate, distance(gap, mass0, mass1, delta) ** 2, rtol=1e-9)


def test_beyond_the_cut_mass_dies_and_grows_in_place():
    """Exactly: the two halves weigh together what the line of the cone does at a right angle, and none moves."""
    s = np.linspace(0.1, 0.9, 9)
    gone = path(4.0, 1.0, 3.0, 1.0, s)
    grown = path(4.0, 1.0, 3.0, 1.0, s, stays=torch.zeros(9, dtype=torch.bool))
    np.testing.assert_allclose((gone.mass + grown.mass) / 2, (1 - s) ** 2 + 3 * s**2)
    assert not gone.x.any() and (grown.x[:, 0] == 4).all() and not gone.velocity.any() and not grown.velocity.any()
    np.testing.assert_allclose(gone.growth, -2 / (1 - s))
    np.testing.assert_allclose(grown.growth, 2 / s)
    gap, mass = torch.tensor([math.pi, 50.0]), torch.ones(2)
    np.testing.assert_allclose(wasserstein_fisher_rao.distance(gap, mass, 3 * mass, 1.0), math.sqrt(8), rtol=1e-6)
    assert (wasserstein_fisher_rao.cost(gap[None], 1.0) == wasserstein_fisher_rao.MAX_COST).all()


def test_far_prices_give_transport_and_near_ones_growth_alone():
    """Delta 1000: a straight and steady way, its action d^2 / 2 within 1e-5. No way: Hellinger, exactly."""
    found = path(3.0, 1.0, 1.0, 1000.0, np.array([0.25, 0.5]))
    np.testing.assert_allclose(found.x[:, 0], [0.75, 1.5], rtol=1e-5)
    assert distance(3.0, 1.0, 1.0, 1000.0) ** 2 == pytest.approx(4.5, rel=1e-5)
    still = path(0.0, 1.0, 4.0, 1.0, np.array([0.5]))
    assert float(still.mass[0]) == 2.25 and torch.isfinite(still.velocity).all() and not still.x.any()
    assert distance(0.0, 1.0, 4.0, 1.0) == pytest.approx(math.sqrt(2))


def test_the_plan_between_two_points_has_the_least_action():
    """min_P P c + KL(P | m0) + KL(P | m1) over one number P, times 2 delta^2, within 1e-9 of the closed form."""
    for gap, mass0, mass1, delta in CASES[:3]:
        c = float(wasserstein_fisher_rao.cost(torch.tensor([[gap]], dtype=torch.float64), delta))
        best = math.sqrt(mass0 * mass1) * math.exp(-c / 2)

        def total(p, m0=mass0, m1=mass1, c=c):
            return p * c + sum(p * math.log(p / m) - p + m for m in (m0, m1))

        assert total(best) <= min(total(best * 1.001), total(best * 0.999))
        assert 2 * delta**2 * total(best) == pytest.approx(distance(gap, mass0, mass1, delta) ** 2, rel=1e-9)
