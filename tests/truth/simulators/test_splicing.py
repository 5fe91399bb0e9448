"""Splicing kinetics: the closed form against integration of the equations, and cells against the closed form."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from cellflow_core.data.simulators.transcription.splicing import LATENT, Kinetics, Settings, Splicing

pytestmark = pytest.mark.truth


def integrated(kinetics: Kinetics, gene: int, times: np.ndarray) -> np.ndarray:
    """(u, s) [2, times] by an ODE solver, piece by piece between the switches."""
    alpha, beta, gamma, on, off = (
        float(each[gene]) for each in (kinetics.alpha, kinetics.beta, kinetics.gamma, kinetics.on, kinetics.off)
    )
    y = [alpha / beta, alpha / gamma] if np.isinf(on) else [0.0, 0.0]
    edges = [0.0, *sorted(each for each in (on, off) if 0 < each < times[-1]), times[-1]]
    found = np.empty((2, len(times)))
    for start, end in itertools.pairwise(edges):
        made = alpha if on <= (start + end) / 2 < off else 0.0
        solved = solve_ivp(
            lambda _, y, made=made: [made - beta * y[0], beta * y[0] - gamma * y[1]],
            (start, end),
            y,
            dense_output=True,
            rtol=1e-10,
            atol=1e-10,
        )
        there = (start <= times) & (times <= end)
        found[:, there], y = solved.sol(times[there]), solved.y[:, -1]
    return found


def test_the_closed_form_solves_the_equations() -> None:
    made = Splicing(Settings(genes=6, seed=3))
    times = np.linspace(0, 12, 25)
    u, s = made.kinetics.levels(times)
    for gene in range(6):
        np.testing.assert_allclose(
            np.stack([u[:, gene], s[:, gene]]), integrated(made.kinetics, gene, times), atol=1e-6
        )
        free = [k for k, t in enumerate(times) if t < min(made.kinetics.on[gene].clip(0), made.kinetics.off[gene])]
        assert (s[free, gene] == s[0, gene]).all()


def test_equal_rates_are_no_exception() -> None:
    one = np.ones(1)
    equal, close = (Kinetics(one, one, one * gamma, 0 * one, 3 * one) for gamma in (1.0, 1.0 + 1e-6))
    times = np.linspace(0, 8, 30)
    np.testing.assert_allclose(equal.levels(times), close.levels(times), atol=1e-5)


def test_the_velocity_is_the_slope_of_the_course_and_the_drift() -> None:
    made = Splicing(Settings(cells_per_time=50, measurement_error_sd=0.0))
    data = made.simulate()
    latent, step = data.covariates[LATENT], 1e-5
    slope = (made.mean_trajectory(latent + step) - made.mean_trajectory(latent - step)) / (2 * step)
    switching = np.abs(latent[:, None] - np.concatenate([made.kinetics.on, made.kinetics.off])).min(axis=1) < 1e-4
    assert data.velocity is not None
    np.testing.assert_allclose(data.velocity[~switching], slope[~switching], atol=1e-2)
    for cell in (0, 99, 249):
        drift = made.drift(float(latent[cell]), made.mean_trajectory(latent[cell : cell + 1]))
        np.testing.assert_allclose(drift[0], data.velocity[cell], atol=1e-4)
    assert (made.noise(0.0) == 0).all()
    np.testing.assert_allclose(data.x, np.abs(made.mean_trajectory(latent)), atol=1e-3)


def test_genes_rise_fall_or_both() -> None:
    made = Splicing(Settings(genes=9, last_time=40.0))
    course = made.mean_trajectory(np.linspace(0, 40, 400))
    assert made.axes[::3] == ("Induced1", "Transient1", "Repressed1") and len(made.axes) == 9
    assert (course[0, :6] == 0).all() and (course[-1, :3] > 0.9 * course[:, :3].max(axis=0)).all()
    assert (course[-1, 3:6] < 0.5 * course[:, 3:6].max(axis=0)).all()
    assert (course[0, 6:] == course[:, 6:].max(axis=0)).all() and (course[-1, 6:] < 0.5 * course[0, 6:]).all()


def test_counts_are_poisson_around_the_course() -> None:
    made = Splicing(Settings(measured="counts", cells_per_time=4000, n_times=2, latent_time_sd=0.0, capture_rate=0.5))
    data, layers = made.simulate(), made.layers()
    assert (data.x == layers["spliced"]).all() and (layers["unspliced"] == layers["unspliced"].round()).all()
    truth = made.layer_courses(np.array([12.0]))
    for name in ("spliced", "unspliced"):
        last, mean = layers[name][data.t == 12.0], truth[name][0]
        assert (np.abs(last.mean(axis=0) - mean) < 5 * np.sqrt(mean / 4000) + 1e-3).all()
        assert np.allclose(last.var(axis=0), mean, rtol=0.15, atol=0.05)


def test_one_snapshot_holds_cells_of_all_stages() -> None:
    made = Splicing(Settings(n_times=1, cells_per_time=2000))
    data = made.simulate()
    assert data.times.tolist() == [0.0]
    spread = np.histogram(data.covariates[LATENT], 4, (0, 12))[0]
    assert (np.abs(spread - 500) < 100).all()


def test_the_same_settings_make_the_same_cells() -> None:
    first, again, other = (Splicing(Settings(cells_per_time=20, seed=seed)).simulate() for seed in (1, 1, 2))
    assert (first.x == again.x).all() and not (first.x == other.x).all()
    with pytest.raises(KeyError, match="Sox2.*Induced1"):
        Splicing().mean_trajectory(np.zeros(1), {"Sox2": 0.0})
