"""Cells that feel each other against closed forms: mean, variance, one pair, and a population at rest."""

from __future__ import annotations

import numpy as np
import pytest

from cellflow_core.data.simulators.interacting_particles import POPULATION, InteractingParticles, Settings

pytestmark = pytest.mark.truth


@pytest.mark.parametrize(("attraction", "confinement"), [(0.8, 0.0), (0.3, 0.5), (0.0, 0.8)])
def test_the_variance_under_quadratic_attraction(attraction, confinement):
    """V(t) of the module within four standard errors of the cells, and 3 % for the step and the finite population."""
    use = Settings(
        attraction=attraction, confinement=confinement, repulsion=0.0, cells_per_time=2000, n_times=3, noise=0.4, seed=3
    )
    data = InteractingParticles(use).simulate()
    rate = 2 * (attraction + confinement)
    first = np.array([use.initial_sd**2 + use.initial_distance**2 / 4, use.initial_sd**2])
    for t in data.times:
        path = np.exp(-rate * t)
        expected = first * path + use.noise**2 * (1 - path) / rate
        assert data.at(t).var(axis=0) == pytest.approx(expected, rel=4 * (2 / 2000) ** 0.5 + 0.03)


def test_the_mean_follows_its_own_equation():
    """Forces cancel in pairs: within four standard errors of u t, whatever the kernel."""
    process = InteractingParticles(Settings(cells_per_time=1000, n_times=3, confinement=0.4))
    data = process.simulate()
    for t in data.times:
        cells, path = data.at(t), process.mean_trajectory(np.array([t]))[0]
        assert (np.abs(cells.mean(axis=0) - path) < 4 * cells.std(axis=0) / 1000**0.5 + 0.01).all()


def test_the_force_is_the_slope_of_its_potential():
    use = Settings(attraction=0.7, repulsion=1.5, repulsion_range=0.8)
    process, r, h = InteractingParticles(use), np.linspace(0.1, 4, 9), 1e-5

    def potential(r):
        return 0.7 * r**2 / 2 + 1.5 * 0.64 * np.exp(-(r**2) / 1.28)

    np.testing.assert_allclose(process.force(r), -(potential(r + h) - potential(r - h)) / (2 * h), rtol=1e-6)


def test_the_seen_cells_have_the_law_of_the_population():
    """Mean distance to the middle at the last time, within 5 %: the seen cells are no other kind of cells."""
    process = InteractingParticles(Settings(cells_per_time=POPULATION, n_times=2))
    data = process.simulate()
    middle = process.mean_trajectory(data.times[-1:])[0]
    seen, interaction = (np.linalg.norm(x - middle, axis=1).mean() for x in (data.at(2.0), process.population(2.0)))
    assert seen == pytest.approx(interaction, rel=0.05)


def test_two_groups_merge_by_attraction_alone():
    """Groups 3 apart end within 1.3 of each other with attraction, and stay 3 apart without."""
    together, never = (
        InteractingParticles(Settings(attraction=a, repulsion=0.0, n_times=2)).simulate().at(2.0)[:, 0].std()
        for a in (0.8, 0.0)
    )
    assert 2 * together < 1.3 and 2 * never > 2.9
