"""Steps, noise and the choice of what moves the cells."""

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
import pytest
import torch

from cellflow_core.analysis import displacement_interpolation
from cellflow_core.analysis.dynamics import dynamics
from cellflow_core.analysis.simulate import simulate
from cellflow_core.config import Config, setting
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.math.integrate import brownian_increments, integrate, step_error, time_grid
from cellflow_core.models.contract import (
    DynamicsModel,
    HasCoupling,
    HasDrift,
    HasGrowth,
    HasNoise,
    HasScore,
    HasVelocity,
    TransportPlan,
    capabilities,
)

SPEC = DataSpec(dim=2, times=(0.0, 1.0, 3.0), center=(0.0, 0.0), scale=1.0, interval=1.5)


class Made(DynamicsModel):
    title = "Made up"
    summary = "For tests."
    paper = "none"
    Config = Config

    def __init__(self):
        super().__init__(Config(), SPEC)

    def phases(self):
        return ()


class Turning(Made, HasVelocity):
    """A turn of one radian in a unit of time."""

    def velocity(self, t, x, context):
        return torch.stack([-x[:, 1], x[:, 0]], dim=1)


class Pulled(Made, HasDrift, HasNoise):
    """The Ornstein-Uhlenbeck process dx = -2 x dt + 0.6 dW."""

    def drift(self, t, x, context):
        return -2 * x

    def noise(self, t):
        return torch.full_like(t, 0.6)


class Scored(Made, HasVelocity, HasScore, HasNoise):
    """Stationary standard normal: no velocity of the population, but a drift of single cells."""

    def velocity(self, t, x, context):
        return torch.zeros_like(x)

    def score(self, t, x, context):
        return -x

    def noise(self, t):
        return torch.ones_like(t)


class Growing(Turning, HasGrowth):
    def growth(self, t, x, context):
        return t


@dataclass(frozen=True)
class Chosen(Config):
    kind: Literal["still", "noisy"] = setting("still", "whether there is chance")


class Optional(Made, HasVelocity, HasDrift, HasNoise, HasGrowth):
    """A method that has growth and noise with one setting only, and a velocity with the other."""

    Config = Chosen
    conditional_capabilities: ClassVar = {
        "velocity": ("kind", ("still",)),
        "drift": ("kind", ("noisy",)),
        "noise": ("kind", ("noisy",)),
        "growth": ("kind", ("noisy",)),
    }

    def __init__(self, kind):
        DynamicsModel.__init__(self, Chosen(kind=kind), SPEC)

    def velocity(self, t, x, context):
        return torch.ones_like(x)

    def drift(self, t, x, context):
        return -x

    def noise(self, t):
        return torch.ones_like(t)

    def growth(self, t, x, context):
        return t


class Joined(Made, HasCoupling):
    def coupling(self, k):
        left = torch.tensor([[0.0, 0.0], [0.0, 0.0], [5.0, 0.0]]) + (0 if k == 0 else torch.tensor([0.0, 1.0]))
        right = torch.tensor([[0.0, 1.0], [0.0, 1.0], [5.0, 1.0]]) if k == 0 else left + 1.0
        t0, t1 = SPEC.times[k], SPEC.times[k + 1]
        return TransportPlan(t0, t1, left, right, torch.tensor([0.25, 0.25, 0.5]))


class Multiplying(Joined):
    """The pair at the right doubles in the first interval, and no mass is made in the second."""

    def coupling(self, k):
        plan = super().coupling(k)
        return replace(plan, target_mass=plan.weight * torch.tensor([1.0, 1.0, 2.0])) if k == 0 else plan


class Mute(Made, HasGrowth):
    def growth(self, t, x, context):
        return torch.zeros_like(t)


def test_steps_end_at_every_output_and_every_measured_time():
    steps = time_grid([0.5, 2.0, 4.0], SPEC.times, 4)
    assert [steps.times[k] for k in steps.kept] == [0.5, 2.0, 4.0]
    assert {1.0, 3.0} <= set(steps.times)
    assert max(np.diff(steps.times)) <= 0.5 + 1e-12 and min(np.diff(steps.times)) > 0


def test_times_must_ascend():
    with pytest.raises(ValueError, match="ascend"):
        time_grid([1.0, 0.5], SPEC.times, 4)


def test_a_velocity_is_followed_in_order_four():
    x0 = np.array([[1.0, 0.0], [0.0, 2.0]], np.float32)
    made = simulate(Turning(), x0, [0.0, math.pi / 2, math.pi])
    np.testing.assert_allclose(made.x[1], [[0, 1], [-2, 0]], atol=2e-3)
    np.testing.assert_allclose(made.x[2], -x0, atol=2e-3)
    start = torch.tensor(x0, dtype=torch.float64)
    field = lambda t, x: torch.stack([-x[:, 1], x[:, 0]], dim=1)  # noqa: E731
    errors = [step_error(field, start, time_grid([0.0, 3.0], SPEC.times, n)) for n in (4, 8)]
    assert 12 < errors[0] / errors[1] < 20


class Stiff(Made, HasVelocity):
    """Decay to 1 and to 2 at the rates 0.5 and 80: 32 steps in an interval of 3 diverge."""

    def velocity(self, t, x, context):
        return torch.tensor([0.5, 80.0]) * (torch.tensor([1.0, 2.0]) - x)


def test_a_fast_decay_gets_as_many_steps_as_it_takes():
    made = simulate(Stiff(), np.array([[5.0, 5.0]], np.float32), [0.0, 3.0])
    assert made.steps_per_interval > 32 and made.step_error < 0.02
    np.testing.assert_allclose(made.x[-1], [[1 + 4 * math.exp(-1.5), 2.0]], atol=0.02)


def test_noise_and_drift_reach_the_stationary_law_of_the_ornstein_uhlenbeck_process():
    made = simulate(Pulled(), np.zeros((4000, 2), np.float32), [0.0, 3.0], steps_per_interval=64)
    assert made.x[-1].std() == pytest.approx(0.6 / math.sqrt(4), rel=0.04)
    assert abs(made.x[-1].mean()) < 0.02


def test_velocity_and_score_and_noise_make_the_drift_of_the_stochastic_equation():
    moving = dynamics(Scored())
    x = torch.randn(5, 2)
    torch.testing.assert_close(moving.drift(torch.zeros(5), x), -x / 2)
    start = np.random.default_rng(0).normal(size=(4000, 2)).astype(np.float32)
    made = simulate(Scored(), start, [0.0, 3.0])
    assert made.x[-1].std() == pytest.approx(1.0, rel=0.05)
    assert np.abs(made.x[-1] - start).mean() > 0.5
    still = simulate(Scored(), start, [0.0, 3.0], noise=False)
    np.testing.assert_array_equal(still.x[-1], start)


def test_a_model_moves_by_what_its_settings_give():
    assert capabilities(Optional) == {"velocity", "drift", "noise", "growth"}
    still, noisy = Optional("still"), Optional("noisy")
    assert capabilities(still) == {"velocity"} and capabilities(noisy) == {"drift", "noise", "growth"}
    moving = dynamics(still)
    assert moving.kind == "deterministic" and moving.growth is None and moving.drift is None and moving.noise is None
    moving = dynamics(noisy)
    assert moving.kind == "stochastic" and moving.velocity is None and moving.growth is not None
    with pytest.raises(ValueError, match="capability"):
        dynamics(
            type(
                "Bare",
                (Optional,),
                {"conditional_capabilities": dict.fromkeys(Optional.conditional_capabilities, ("kind", ()))},
            )("still")
        )


def test_the_same_seed_gives_the_same_cells_and_another_others():
    x0 = np.zeros((10, 2), np.float32)
    a, b, c = (simulate(Pulled(), x0, [0.0, 1.0], seed=seed).x for seed in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert not np.allclose(a[-1], c[-1])


def test_noise_does_not_depend_on_how_many_blocks_there_are():
    x0 = np.zeros((5000, 2), np.float32)
    few, many = (
        simulate(Pulled(), x0[:2048], [0.0, 1.0], steps_per_interval=8),
        simulate(Pulled(), x0, [0.0, 1.0], steps_per_interval=8),
    )
    np.testing.assert_array_equal(few.x, many.x[:, :2048])
    assert not np.allclose(many.x[-1, :2000], many.x[-1, 2048:4048])


def test_growth_is_gathered_along_the_path():
    made = simulate(Growing(), np.ones((3, 2), np.float32), [0.0, 1.0, 3.0])
    np.testing.assert_allclose(made.log_weight[:, 0], [0.0, 0.5, 4.5], rtol=1e-5)
    np.testing.assert_allclose(made.weight.sum(axis=1), 1.0, rtol=1e-6)
    assert "learnt growth: a cell that divides counts for more" in made.notes[0]


def test_a_plan_moves_cells_along_straight_lines_and_stops_where_it_ends():
    x0 = np.array([[0.1, 0.0], [5.0, 0.0]], np.float32)
    made = simulate(Joined(), x0, [0.0, 0.5, 1.0, 3.0, 4.0])
    np.testing.assert_allclose(made.x[1], [[0.05, 0.5], [5.0, 0.5]], atol=1e-6)
    np.testing.assert_allclose(made.x[2], [[0, 1], [5, 1]], atol=1e-6)
    np.testing.assert_allclose(made.x[3], [[1, 2], [6, 2]], atol=1e-6)
    np.testing.assert_array_equal(made.x[4], made.x[3])
    assert "cells do not move" in made.notes[0]
    middle = simulate(Joined(), np.array([[0.0, 0.5]], np.float32), [0.5, 1.0])
    np.testing.assert_allclose(middle.x[1], [[0, 1]], atol=1e-6)


def test_a_cell_far_from_zero_is_told_from_its_neighbour():
    spots = 1e3 + 1e-3 * np.random.default_rng(0).normal(size=(900, 20)).astype(np.float32)
    cells = spots[np.random.default_rng(1).permutation(900)[:700]]
    assert np.array_equal(spots[displacement_interpolation._nearest(cells, spots)], cells)


def test_cells_of_a_plan_that_grows_carry_its_mass():
    x0 = np.array([[0.1, 0.0], [5.0, 0.0]], np.float32)
    made = simulate(Multiplying(), x0, [0.0, 0.5, 1.0, 2.0, 4.0])
    mass = np.exp(made.log_weight)
    np.testing.assert_allclose(mass[:, 0], 1.0)
    np.testing.assert_allclose(mass[:, 1], [1.0, 2**0.5, 2.0, 2.0, 2.0], rtol=1e-5)
    assert any("counts for more" in each for each in made.notes)
    assert not any("counts for more" in each for each in simulate(Joined(), x0, [0.0, 1.0]).notes)
    assert dynamics(Multiplying()).has_growth and not dynamics(Joined()).has_growth
    later = simulate(Multiplying(), x0, [0.5, 1.0])
    np.testing.assert_allclose(np.exp(later.log_weight[-1]), [1.0, 2**0.5], rtol=1e-5)


def test_a_model_that_moves_nothing_is_refused_by_name():
    with pytest.raises(ValueError, match="growth.*velocity"):
        simulate(Mute(), np.zeros((1, 2), np.float32), [0.0, 1.0])


def test_cells_of_another_space_are_refused():
    with pytest.raises(ValueError, match=r"shape \(4, 3\).*2 coordinates"):
        simulate(Turning(), np.zeros((4, 3), np.float32), [0.0, 1.0])


def test_a_constraint_holds_at_every_output():
    def hold(x):
        return torch.stack([torch.ones(len(x)), x[:, 1]], dim=1)

    x0, steps = torch.randn(6, 2), time_grid([0.0, 0.5, 1.0], SPEC.times, 4)
    x, _ = integrate(
        lambda t, x: -x, x0, steps, sigma=torch.ones_like, constrain=hold, noise=brownian_increments(0, 0, x0.device)
    )
    assert (x[:, :, 0] == 1).all()
