"""The one integrator: order of its methods, noise, direction, and cells with an interval each."""

from __future__ import annotations

import math

import pytest
import torch

from cellflow_core.math.integrate import STAGES, integrate, per_cell, solve, time_grid

ORDER = {"euler": 1, "heun": 2, "midpoint": 2, "rk4": 4}


def grid(start: float, end: float, steps: int) -> list[float]:
    return [start + (end - start) * k / steps for k in range(steps + 1)]


@pytest.mark.parametrize("method", STAGES)
@pytest.mark.parametrize(("start", "end"), [(0.0, 1.0), (1.0, 0.0)])
def test_every_method_has_its_order_forward_and_backward(method, start, end):
    """dx/dt = x cos t has x = x0 exp(sin t); halving the step divides the error by 2^order."""

    def rates(t, state):
        return (state[0] * math.cos(t),)

    x0 = torch.tensor([[1.0], [2.0]], dtype=torch.float64)
    exact = x0 * math.exp(math.sin(end) - math.sin(start))
    errors = []
    for steps in (20, 40):
        *_, (x,) = solve(rates, (x0,), grid(start, end, steps), method)
        errors.append(float((x - exact).abs().max()))
    assert math.log2(errors[0] / errors[1]) == pytest.approx(ORDER[method], abs=0.15)


def test_integrals_along_the_path_are_parts_of_the_state_and_differentiable():
    """Energy of dx/dt = a is a^2 t, and its derivative in a is 2 a t."""
    a = torch.tensor(3.0, requires_grad=True)
    start = (torch.zeros(2, 1), torch.zeros(2))
    *_, (x, energy) = solve(lambda t, y: (a.expand(2, 1), a.square().expand(2)), start, grid(0, 2, 3), "midpoint")
    torch.testing.assert_close((x, energy), (torch.full((2, 1), 6.0), torch.full((2,), 18.0)))
    (slope,) = torch.autograd.grad(energy[0], a)
    assert float(slope) == pytest.approx(12.0)


def test_noise_has_its_variance_and_spares_what_is_integrated_along():
    rng = torch.Generator().manual_seed(0)
    start = (torch.zeros(20_000, 1), torch.zeros(20_000))
    path = solve(
        lambda t, y: (torch.zeros_like(y[0]), torch.ones_like(y[1])),
        start,
        grid(0.0, 4.0, 8),
        sigma=lambda t: torch.full((20_000,), 0.5),
        noise=lambda k, x: torch.randn(x.shape, generator=rng),
    )
    *_, (x, passed) = path
    assert float(x.std()) == pytest.approx(0.5 * 2.0, rel=0.02)
    assert (passed == 4.0).all()


def test_cells_with_an_interval_each_go_together():
    """x' = x from t0 to t1, backward for the last cell."""
    t0, t1 = torch.tensor([0.0, 1.0, 2.0]), torch.tensor([1.0, 3.0, 1.0])
    x0 = torch.tensor([[1.0], [2.0], [3.0]])
    *_, (x,) = solve(per_cell(lambda t, y: (y[0],), t0, t1), (x0,), grid(0.0, 1.0, 20))
    torch.testing.assert_close(x[:, 0], x0[:, 0] * (t1 - t0).exp(), rtol=1e-4, atol=0)


def test_cells_are_constrained_at_the_start_and_after_every_step():
    steps = time_grid([0.0, 1.0], [0.0, 1.0], 4)
    x, _ = integrate(lambda t, x: torch.ones_like(x), torch.zeros(1, 2), steps, constrain=lambda x: x * torch.eye(2)[0])
    torch.testing.assert_close(x[:, 0], torch.tensor([[0.0, 0.0], [1.0, 0.0]]))


@pytest.mark.parametrize("method", ["heun", "midpoint", "rk4"])
def test_a_step_that_ends_at_a_jump_of_the_field_does_not_see_it(method):
    """Speed 1 until the knot and 100 from it on: 0.3 until it, at any knot that 32 bits hold or round."""
    for knot in (0.3, 1.0, 3.0, 0.1 + 0.2):
        field = lambda t, x, knot=knot: torch.where(t < torch.tensor(knot), 1.0, 100.0)[:, None].expand_as(x)  # noqa: E731
        grid = time_grid([knot - 0.3, knot, knot + 0.1], (knot - 0.3, knot, knot + 0.3), 2)
        x, _ = integrate(field, torch.zeros(3, 1), grid, method=method)
        torch.testing.assert_close(x[:, 0, 0], torch.tensor([0.0, 0.3, 10.3]))
