"""Ways through all times: smooth at measured cells, never beyond them, straight where nothing else is known."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch

from cellflow_core.analysis.displacement_interpolation import along_plans
from cellflow_core.models.contract import TransportPlan
from cellflow_core.models.paths import spline_paths
from cellflow_core.models.paths.spline_paths import with_spline_paths


def chain(places: list[float] | np.ndarray, times: list[float], cells: int = 40, spread: float = 0.0):
    """Plans that join row i with row i: `places` [times, axes] is where the cloud is at each time."""
    own = spread * torch.randn(cells, np.atleast_2d(places).shape[-1], generator=torch.Generator().manual_seed(0))
    clouds = [own + torch.tensor(np.atleast_1d(each), dtype=torch.float32) for each in places]
    weight = torch.full((cells,), 1 / cells)
    return tuple(
        TransportPlan(t0, t1, x0, x1, weight)
        for t0, t1, x0, x1 in zip(times[:-1], times[1:], clouds[:-1], clouds[1:], strict=True)
    )


def test_a_path_through_a_measured_cell_has_no_corner():
    places = np.array([[0.0, 0.0], [1.0, 2.0], [4.0, 3.0], [5.0, 6.0]])
    straight = chain(places, [0.0, 1.0, 2.5, 3.0])
    made = with_spline_paths(straight)
    for before, after in pairwise(made):
        torch.testing.assert_close(before.velocity_at(before.t1), after.velocity_at(after.t0))
    assert not torch.allclose(straight[0].velocity_at(1.0), straight[1].velocity_at(1.0))
    for plan in made:
        torch.testing.assert_close(plan.interpolate(plan.t0), plan.x0)
        torch.testing.assert_close(plan.interpolate(plan.t1), plan.x1)


def test_no_path_goes_beyond_its_ends_however_unlike_the_gaps_are():
    """Fast at first, then slow: a parabola through three such times overshoots."""
    for plan in with_spline_paths(chain([[0.0], [8.0], [9.0], [9.5]], [0.0, 1.0, 6.0, 30.0])):
        for time in np.linspace(plan.t0, plan.t1, 21):
            x = plan.interpolate(float(time))
            assert (x >= plan.x0 - 1e-5).all() and (x <= plan.x1 + 1e-5).all()


def test_between_two_times_paths_are_straight():
    (plan,) = with_spline_paths(chain([[0.0, 0.0], [1.0, 2.0]], [0.0, 1.0], spread=0.3))
    torch.testing.assert_close(plan.interpolate(0.3), torch.lerp(plan.x0, plan.x1, 0.3))
    assert plan.tangent_offsets is not None


def test_slopes_are_those_of_the_cells_around_and_not_of_one_noisy_partner():
    """Partners are exchanged at random within the cloud: one chain then says nothing of the motion, the mean all."""
    plans = chain([[0.0, 0.0], [3.0, 0.0], [6.0, 0.0]], [0.0, 1.0, 2.0], cells=200, spread=1.0)
    mixed = plans[1].take(torch.arange(200))
    shuffled = torch.randperm(200, generator=torch.Generator().manual_seed(1))
    plans = (plans[0], TransportPlan(1.0, 2.0, mixed.x0, mixed.x1[shuffled], mixed.weight))

    def off(neighbours: int) -> float:
        made = with_spline_paths(plans, neighbours=neighbours)[0].tangent_offsets
        assert made is not None
        return float(made[1].norm(dim=1).mean())

    assert off(20) < 0.7 * off(1)


def test_of_many_cells_some_tell_the_speed(monkeypatch):
    plans = chain([[0.0, 0.0], [1.0, 2.0], [4.0, 3.0]], [0.0, 1.0, 2.0], cells=300, spread=1.0)
    every = with_spline_paths(plans)[0].tangent_offsets
    monkeypatch.setattr(spline_paths, "MAX_ANCHORS", 50)
    some = with_spline_paths(plans)[0].tangent_offsets
    assert every is not None and some is not None
    torch.testing.assert_close(some[1], every[1], atol=1e-4, rtol=0)  # all go alike here


def test_cells_of_a_plan_go_along_its_bent_paths():
    made = with_spline_paths(chain([[0.0, 0.0], [1.0, 2.0], [4.0, 3.0]], [0.0, 1.0, 2.0], spread=0.1))
    cells = made[0].x0[:5].numpy()
    x, log_mass = along_plans(made, cells, [0.0, 0.4, 1.0, 1.5], None)
    np.testing.assert_allclose(x[1], made[0].interpolate(0.4)[:5].numpy(), atol=1e-5)
    np.testing.assert_allclose(x[2], made[0].x1[:5].numpy(), atol=1e-5)
    np.testing.assert_allclose(x[3], made[1].interpolate(1.5)[:5].numpy(), atol=1e-5)
    assert not log_mass.any()


def test_a_cell_that_sets_out_on_the_path_stays_on_it_and_one_beside_it_comes_nearer():
    made = with_spline_paths(chain([[0.0, 0.0], [1.0, 2.0], [4.0, 3.0]], [0.0, 1.0, 2.0], spread=0.1))
    half = made[0].interpolate(0.5)[:5].numpy()
    x, _ = along_plans(made, half + 0.001, [0.5, 0.75, 1.0], None)
    np.testing.assert_allclose(x[1], made[0].interpolate(0.75)[:5].numpy() + 0.0005, atol=1e-5)
    np.testing.assert_allclose(x[2], made[0].x1[:5].numpy(), atol=1e-5)


def test_cells_in_one_place_share_its_partners_out_evenly():
    x0, x1 = torch.zeros(4, 1), torch.arange(4.0)[:, None]
    plan = TransportPlan(0.0, 1.0, x0, x1, torch.tensor([0.5, 0.25, 0.125, 0.125]))
    for seed in range(5):
        x, _ = along_plans([plan], np.zeros((80, 1), np.float32), [0.0, 1.0], np.random.default_rng(seed))
        counts = np.bincount(x[1, :, 0].round().astype(int), minlength=4)
        assert (abs(counts - [40, 20, 10, 10]) <= 1).all()
        assert len(set(x[1, :10, 0])) > 1  # in random order
    drawn = [
        along_plans([plan], np.zeros((1, 1), np.float32), [0.0, 1.0], rng)[0][1, 0, 0]
        for rng in map(np.random.default_rng, range(800))
    ]
    np.testing.assert_allclose(np.bincount(np.round(drawn).astype(int)) / 800, [0.5, 0.25, 0.125, 0.125], atol=0.05)
