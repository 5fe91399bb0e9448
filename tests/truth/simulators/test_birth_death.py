"""Birth and death against other roads to the same numbers: cell by cell, Euler steps, differences."""

from __future__ import annotations

import numpy as np
import pytest

from cellflow_core.data.simulators import sde
from cellflow_core.data.simulators.birth_death import LABEL, BirthDeath, Settings

pytestmark = pytest.mark.truth

PROCESSES = {
    "two": BirthDeath(),
    "three": BirthDeath(Settings(states=3, drift_velocity=-1.0)),
    "three of 10 axes": BirthDeath(Settings(states=3, noise_dims=8, birth_1=0.0, within_state_sd=0.2)),
}
each = pytest.mark.parametrize("process", PROCESSES.values(), ids=PROCESSES.keys())


def gillespie(founders: int, birth: float, death: float, last: float, rng: np.random.Generator) -> int:
    """Cells alive at the last time, event by event."""
    cells, t = founders, 0.0
    while cells:
        t += rng.exponential(1 / (cells * (birth + death)))
        if t > last:
            break
        cells += 1 if rng.random() < birth / (birth + death) else -1
    return cells


def test_numbers_of_cells_are_those_of_the_process_run_event_by_event():
    """Mean and variance of 600 cultures both ways, within 4.5 standard errors, and of the closed form."""
    process = BirthDeath(Settings(founders=30, birth_2=0.3, death_2=0.3, last_time=2.0))
    rng = np.random.default_rng(0)
    drawn = np.stack([process.numbers(2.0, rng) for _ in range(4000)])
    for k, (b, d) in enumerate(zip(process.birth, process.death, strict=True)):
        walked = np.array([gillespie(15, b, d, 2.0, rng) for _ in range(600)])
        mean = 15 * np.exp((b - d) * 2)
        variance = 15 * (b + d) / (b - d) * np.exp((b - d) * 2) * np.expm1((b - d) * 2) if b != d else 15 * 2 * b * 2
        for found in (drawn[:, k], walked):
            assert abs(found.mean() - mean) < 4.5 * np.sqrt(variance / len(found))
            assert abs(found.var() / variance - 1) < 4.5 * np.sqrt(3 / len(found))


@each
def test_mass_and_shares_of_the_cells_are_the_closed_form(process):
    """Mass within 4.5 standard deviations of its chance, shares within 4.5 standard errors of a culture of 100,000."""
    use = {**process.settings.as_dict(), "founders": 100_000, "cells_per_time": 4000}
    large = BirthDeath(Settings(**use))
    data = large.simulate()
    founded = 100_000 / large.settings.states
    for t, mass in zip(data.times, data.mass, strict=True):
        rate, total = large.birth - large.death, large.birth + large.death
        chance = np.sqrt((founded * total * t * np.exp(2 * np.maximum(rate, 0) * t)).sum())  # at least the true one
        assert abs(mass - 100_000 * large.mass(float(t))) < 4.5 * chance + 1
        label = data.labels[LABEL][data.t == t]
        for k, fate in enumerate(large.fates):
            share = np.exp(rate[k] * t) / np.exp(rate * t).sum()
            assert abs((label == fate).mean() - share) < 4.5 * np.sqrt(share * (1 - share) / 4000) + 0.01
    share = large.fate_shares()
    last = data.labels[LABEL][data.t == data.times[-1]]
    assert all(abs((last == fate).mean() - share[fate]) < 4.5 * np.sqrt(0.25 / 4000) + 0.01 for fate in large.fates)


@each
def test_euler_steps_with_drift_and_growth_reach_the_same_mixture(process):
    """Mass within 4.5 standard errors; mean and spread of each state within 0.01 and 4.5 standard errors."""
    rng, last, cells = np.random.default_rng(0), process.settings.last_time, 6000
    x, log_mass = sde.final_state(process, process.start_cells(cells, rng), 0.0, last, rng, step=0.02 / process._pull)
    weight = np.exp(log_mass)
    assert abs(weight.mean() - process.mass(last)) < 4.5 * weight.std() / np.sqrt(cells)
    fate, share = process.fate_of(x), process.fate_shares()
    for k, name in enumerate(process.fates):
        kept = x[fate == name]
        assert abs(weight[fate == name].sum() / weight.sum() - share[name]) < 4.5 * np.sqrt(0.25 / cells) * 1.5
        spread = process.settings.within_state_sd
        assert np.abs(kept.mean(axis=0) - process.centres(last)[k]).max() < 4.5 * spread / np.sqrt(len(kept)) + 0.01
        assert np.abs(kept.std(axis=0) / spread - 1).max() < 4.5 * np.sqrt(0.5 / len(kept)) + 0.015


@each
@pytest.mark.parametrize("t", [0.0, 1.5])
def test_the_fields_obey_the_continuity_equation_with_growth(process, t):
    """d p / dt + div(p v) = g p for the unnormalised density, and the score is the slope of its log, by differences."""
    rng, h = np.random.default_rng(0), 1e-5
    spread, rate = process.settings.within_state_sd, process.birth - process.death
    state = rng.integers(process.settings.states, size=300)
    x = process.centres(t)[state] + 1.5 * spread * rng.standard_normal((300, len(process.axes)))

    def log_p(t, x):
        away = ((x[:, None] - process.centres(t)) ** 2).sum(axis=-1)
        return np.logaddexp.reduce(rate * t - away / (2 * spread**2), axis=1)

    eye = np.eye(x.shape[1])
    slope = np.stack([(log_p(t, x + h * e) - log_p(t, x - h * e)) / (2 * h) for e in eye], axis=1)
    np.testing.assert_allclose(process.score(t, x), slope, atol=1e-4)
    change = (log_p(t + h, x) - log_p(t - h, x)) / (2 * h)
    velocity = process.velocity(t, x)
    divergence = sum((process.velocity(t, x + h * e) - process.velocity(t, x - h * e)) @ e / (2 * h) for e in eye)
    np.testing.assert_allclose(change + divergence + (velocity * slope).sum(axis=1), process.growth(t, x), atol=1e-3)


def test_a_held_axis_puts_cells_into_a_state():
    process = PROCESSES["two"]
    assert process.fate_shares({"x1": 2.0}, cells=200) == {"state 1": 0.0, "state 2": 1.0}
    free = process.fate_shares({"x2": 0.0}, cells=4000)
    assert free["state 1"] == pytest.approx(process.fate_shares()["state 1"], abs=4 * np.sqrt(0.25 / 4000))
    with pytest.raises(KeyError, match="Nanog.*x1, x2"):
        process.fate_shares({"Nanog": 0.0})


def test_what_cannot_live_or_grows_beyond_all_bounds_is_refused():
    with pytest.raises(ValueError, match="died"):
        BirthDeath(Settings(founders=30, birth_1=0.0, death_1=3.0, birth_2=0.0, death_2=3.0, last_time=20.0)).simulate()
    with pytest.raises(ValueError, match="lower its births"):
        BirthDeath(Settings(birth_1=3.0, last_time=50.0))
