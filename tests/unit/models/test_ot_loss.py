"""How far landed cells are from measured ones, and what a solver counts."""

from __future__ import annotations

import math

import pytest
import torch

from cellflow_core.data.snapshots import DataSpec
from cellflow_core.models.losses.ot_loss import density_loss, minibatch_energy_distance, minibatch_energy_loss, ot_cost
from cellflow_core.models.networks.ode_solver import ODESolver

SPEC = DataSpec(dim=2, times=(0.0, 1.0), center=(0.0, 0.0), scale=2.0, interval=1.0)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def clouds(n: int = 24, m: int = 20) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(n, 2, generator=rng(1)), torch.randn(m, 2, generator=rng(2)) + 1.0


def test_like_clouds_are_not_apart_and_unlike_ones_are_by_the_squared_distance():
    """Means of 200 draws of 64 cells: 0 and 2 * 3^2 a dimension within 0.1 and 0.5; halves are compared with halves."""
    alike, separation = [], []
    for seed in range(200):
        x, y = torch.randn(2, 64, 2, generator=rng(seed))
        alike.append(float(minibatch_energy_distance(x, y, rng())))
        separation.append(float(minibatch_energy_loss([x], [y + 3.0], SPEC, rng())) * 2 * SPEC.scale**2)
    assert sum(alike) / 200 == pytest.approx(0, abs=0.1)
    assert sum(separation) / 200 == pytest.approx(18, abs=0.5)


def test_equal_masses_are_as_none():
    x, y = clouds()
    assert float(minibatch_energy_distance(x, y, rng(), torch.full((24,), 3.0))) == pytest.approx(
        float(minibatch_energy_distance(x, y, rng())), 1e-5
    )


def test_a_mass_of_two_is_a_cell_twice():
    x, y = clouds(4)
    twice = torch.cat([x, x[:1]])
    weights = torch.tensor([2.0, 1.0, 1.0, 1.0]) / 5
    assert float(ot_cost(x, y, rng(), weights)) == pytest.approx(float(ot_cost(twice, y, rng())), 1e-5)


def test_its_slopes_in_cells_and_masses_are_those_of_differences():
    x, y = clouds(6, 6)
    masses = torch.randn(6, generator=rng(3))
    x.requires_grad_()
    masses.requires_grad_()
    in_x, in_masses = torch.autograd.grad(minibatch_energy_distance(x, y, rng(), masses), (x, masses))
    step = 1e-2
    for k in range(6):
        shift = torch.zeros(6).index_fill_(0, torch.tensor(k), step)
        up, down = (
            float(minibatch_energy_distance(x.detach(), y, rng(), masses.detach() + s * shift)) for s in (1, -1)
        )
        assert float(in_masses[k]) == pytest.approx((up - down) / (2 * step), rel=0.02, abs=5e-3)
        shift = torch.outer(shift, torch.tensor([1.0, 0.0]))
        up, down = (
            float(minibatch_energy_distance(x.detach() + s * shift, y, rng(), masses.detach())) for s in (1, -1)
        )
        assert float(in_x[k, 0]) == pytest.approx((up - down) / (2 * step), rel=0.02, abs=5e-3)


@pytest.mark.parametrize(("method", "calls"), [("euler", 20), ("midpoint", 40), ("rk4", 80), ("dopri5", None)])
def test_cells_are_carried_each_along_its_own_path_and_the_calls_are_counted(method, calls):
    """x' = x from t0 to t1 is x exp(t1 - t0), backwards too; what is gathered is the integral."""
    solver = ODESolver(method, 20, 1e-5)
    assert solver.notes() == ()
    x = torch.tensor([[1.0], [2.0], [3.0]])
    t0, t1 = torch.tensor([0.0, 1.0, 2.0]), torch.tensor([1.0, 3.0, 1.0])
    found, passed = solver.integrate(lambda t, state: (state[0], torch.ones_like(t)), (x, torch.zeros(3)), t0, t1)
    off = 0.1 if method == "euler" else 5e-3
    torch.testing.assert_close(found[:, 0], x[:, 0] * (t1 - t0).exp(), rtol=off, atol=0)
    torch.testing.assert_close(passed, t1 - t0)
    if calls:
        assert int(solver.n_evaluations) == calls
    (message,) = solver.notes()
    assert message.startswith(f"Training called the field {int(solver.n_evaluations)} times (solver {method} ")


def test_a_solver_that_finds_no_step_says_what_to_do():
    solver = ODESolver("dopri5", 1, 1e-6)
    with pytest.raises(FloatingPointError, match="dopri5"):
        solver.integrate(
            lambda t, state: (state[0] ** 2,), (torch.full((1, 1), 100.0),), torch.zeros(1), torch.full((1,), math.pi)
        )


def test_weights_from_before_the_count_are_read():
    solver = ODESolver("rk4", 3)
    solver.n_evaluations += 5
    solver.load_state_dict({})
    assert int(solver.n_evaluations) == 0


def test_cells_are_astray_by_their_distance_to_the_nearest_ones_beyond_the_margin():
    cells = torch.tensor([[0.0, 0.0], [8.0, 0.0], [100.0, 0.0]])
    x = torch.tensor([[0.0, 0.0], [4.0, 0.0]])
    unit = SPEC.scale * 2**0.5
    assert float(density_loss(x, cells, SPEC, 1, margin=0.0)) == pytest.approx((0 + 4) / unit / 2)
    assert float(density_loss(x, cells, SPEC, 2, margin=1.0)) == pytest.approx(
        (0 + 8 / unit - 1 + 2 * (4 / unit - 1)) / 4
    )
