"""What a model on its own clock says, in measured time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from cellflow_core.analysis.dynamics import dynamics
from cellflow_core.analysis.flow import flow_field
from cellflow_core.analysis.simulate import simulate
from cellflow_core.models.clock import Clock
from cellflow_core.models.contract import HasDrift, HasGrowth, HasNoise, HasPotential, HasSampler, HasVelocity
from tests.unit.analysis.splitting import DATA, VIEW, Made

SQUARED = replace(DATA, t=DATA.t**2)
"""The same cells at 0, 1 and 4: intervals of 1 and 3."""


class Even(Made, HasVelocity, HasGrowth, HasPotential):
    """One unit of the first axis in each interval, growth by e in each."""

    def velocity(self, t, x, context):
        return torch.eye(3)[:1].expand(len(x), -1)

    def growth(self, t, x, context):
        return torch.ones_like(t)

    def potential(self, t, x, context):
        return -x[:, 0]


class Shaken(Made, HasDrift, HasNoise):
    """Noise of one state in each interval."""

    def drift(self, t, x, context):
        return torch.zeros_like(x)

    def noise(self, t):
        return torch.ones_like(t)


class Drawn(Made, HasSampler):
    """The position on the clock, on the first axis."""

    def sample(self, x0, times, rng, context):
        return torch.stack([torch.full_like(x0, time) for time in times])


def on_clock(kind: type[Made]) -> Made:
    model = kind()
    model.clock = Clock.of(SQUARED.spec)
    model.spec = model.clock.inner(SQUARED.spec)
    return model


def test_rates_are_by_measured_time_and_the_integral_is_by_interval():
    moving = dynamics(on_clock(Even))
    t, x = torch.tensor([0.0, 0.5, 1.0, 2.5, 4.0, 9.0]), torch.zeros(6, 3)
    speed = torch.tensor([1.0, 1.0, 1 / 3, 1 / 3, 1 / 3, 1 / 3])
    assert moving.velocity and moving.growth and moving.potential
    torch.testing.assert_close(moving.velocity(t, x)[:, 0], speed)
    torch.testing.assert_close(moving.growth(t, x), speed)
    torch.testing.assert_close(moving.potential(t, x + 3), -3 * speed)
    assert moving.spec == SQUARED.spec
    found = simulate(on_clock(Even), np.zeros((4, 3)), [0.0, 0.5, 1.0, 2.5, 4.0, 7.0])
    np.testing.assert_allclose(found.x[:, 0, 0], [0, 0.5, 1, 1.5, 2, 3], atol=1e-5)
    np.testing.assert_allclose(found.log_weight[:, 0], [0, 0.5, 1, 1.5, 2, 3], atol=1e-5)


def test_noise_spreads_as_much_in_a_long_interval_as_in_a_short_one():
    moving = dynamics(on_clock(Shaken))
    assert moving.noise
    assert moving.noise(torch.tensor([0.0, 1.0])).tolist() == pytest.approx([1.0, 3**-0.5])
    found = simulate(on_clock(Shaken), np.zeros((4000, 3)), [0.0, 1.0, 4.0], seed=0)
    np.testing.assert_allclose(found.x[1:].var(axis=(1, 2)), [1, 2], rtol=0.05)


def test_a_sampler_is_asked_by_position():
    found = simulate(on_clock(Drawn), np.zeros((2, 3)), [0.0, 1.0, 2.5, 4.0])
    np.testing.assert_allclose(found.x[:, 0, 0], [0, 1, 1.5, 2], atol=1e-6)
    assert found.times.tolist() == [0.0, 1.0, 2.5, 4.0]


def test_the_jump_of_speeds_is_told_on_uneven_times_only():
    jump = "speeds drop at once"
    assert any(jump in note for note in flow_field(on_clock(Even), SQUARED, VIEW, 1.0).notes)
    assert not any(jump in note for note in flow_field(Even(), DATA, VIEW, 1.0).notes)
