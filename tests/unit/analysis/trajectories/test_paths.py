"""Paths in pictures: no corner that the model has not, and none that shrinks the picture."""

import numpy as np
import pytest
import torch

from cellflow_core.analysis.dynamics import dynamics
from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.landscape import landscape
from cellflow_core.analysis.perturbations.knock_out import perturbation
from cellflow_core.analysis.results.frame import frame, leaving
from cellflow_core.analysis.simulate import simulate
from cellflow_core.analysis.trajectories.paths import path_points, path_times
from cellflow_core.analysis.trajectories.trajectory_ensemble import simulate_ensemble
from cellflow_core.figures import landscape as landscape_figure
from cellflow_core.figures import trajectory_ensemble as fan
from cellflow_core.figures.perturbations import perturbation as perturbation_figure
from cellflow_core.models.contract import HasVelocity
from cellflow_core.reporting.summaries import of_landscape
from tests.unit.analysis.splitting import DATA, VIEW, Made, Noisy, Plans, Split


class Turning(Made, HasVelocity):
    """Two turns around the origin until the last time."""

    def velocity(self, t, x, context):
        return 2 * np.pi * torch.stack([-x[:, 1], x[:, 0], 0 * t], dim=1)


class Leaving(Split):
    """Cells on the left leave everything that was measured."""

    def velocity(self, t, x, context):
        away = 40.0 * (x[:, 1] < 0)[:, None] * torch.tensor([1.0, 0.0, 0.0])
        return super().velocity(t, x, context) + away


def turns(path):
    """Angles between the pieces of a path [steps, 2], in degrees."""
    pieces = np.diff(np.asarray(path, dtype=float), axis=0)
    pieces /= np.linalg.norm(pieces, axis=1, keepdims=True)
    return np.degrees(np.arccos(np.clip((pieces[1:] * pieces[:-1]).sum(axis=1), -1, 1)))


def test_a_velocity_draws_a_path_without_corners():
    cell = int(np.flatnonzero(DATA.t == 0)[3])
    made = simulate_ensemble(Turning(), DATA, VIEW, cell=cell, states="kind")
    path, start = made.paths[:, 0], DATA.x[cell, :2]
    assert turns(path).max() < 8  # 720 degrees in 120 steps; 18 degrees where 40 are drawn
    angle = 2 * np.pi * made.times
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1) * start[0]
    circle += np.stack([-np.sin(angle), np.cos(angle)], axis=1) * start[1]
    np.testing.assert_allclose(path, circle, atol=1e-3)
    assert not any("turn at the measured times" in each for each in made.notes)


def test_a_perturbation_draws_its_paths_without_corners_too():
    made = perturbation(Turning(), DATA, VIEW, "Still", "over-expression", states="kind")
    for paths in (made.before_paths, made.after_paths):
        assert len(paths) == len(made.times) and max(turns(paths[:, k]).max() for k in range(20)) < 8


def test_paths_in_a_picture_that_is_not_linear_do_not_jump_between_neighbours():
    rng = np.random.default_rng(0)
    states = rng.normal(size=(1500, 12)).astype(np.float32)
    states[:, 0] *= 4
    curved = np.stack([states[:, 0], 0.1 * states[:, 0] ** 2], axis=1) + 0.3 * rng.normal(size=(1500, 2))
    view, times = Embedding("umap", ("a", "b"), curved, states), np.linspace(0, 2, 121)
    x = np.zeros((121, 1, 12), np.float32)
    x[:, 0, 0] = np.linspace(-6, 6, 121)
    raw, path = view.project(x)[:, 0], path_points(view, dynamics(Split()), times, x)[:, 0]
    moving = np.linalg.norm(np.diff(raw, axis=0), axis=1) > 0
    assert turns(raw[1:][moving]).max() > 60 and turns(path).max() < 5
    np.testing.assert_allclose(path[[0, -1]], raw[[0, -1]], atol=1e-5)
    assert np.abs(path[:, 1] - 0.1 * path[:, 0] ** 2)[20:-20].max() < 0.8


def test_the_corners_of_a_plan_stay_and_are_named():
    moving = dynamics(Plans())
    times = path_times(moving, 0.0, DATA.times)
    assert set(DATA.times) <= set(times)
    x = simulate(Plans(), DATA.at(0.0)[:5], times, seed=0).x
    path = path_points(VIEW, moving, times, x)
    inner = np.flatnonzero(times == 1.0)[0] - 1
    for k in range(5):
        angle = turns(path[:, k])
        assert angle[inner] == angle.max() > 1 and np.delete(angle, inner).max() < 0.1
    made = simulate_ensemble(Plans(), DATA, VIEW, states="kind")
    assert any("turn at the measured times" in each and "knows nothing" in each for each in made.notes)
    cubed = Embedding("umap", ("a", "b"), VIEW.points**3, DATA.x)
    np.testing.assert_allclose(path_points(cubed, moving, times, x)[inner + 1], cubed.project(x)[inner + 1], atol=1e-4)


def test_a_path_that_leaves_the_map_is_cut_there_and_does_not_shrink_the_scene():
    made, all_there = (landscape(model, DATA, VIEW) for model in (Leaving(), Split()))
    cut = np.isnan(made.paths[..., 0]).any(axis=0)
    assert 0 < cut.sum() < cut.size and not np.isnan(all_there.paths).any()
    np.testing.assert_array_equal(cut, made.paths[0, :, 1] < 0)  # the cells on the left
    gone = np.isnan(made.paths[..., 0])
    assert (np.diff(gone.astype(int), axis=0) >= 0).all() and np.isfinite(made.paths[0]).all()  # cut once, for good
    np.testing.assert_array_equal(gone, np.isnan(made.path_height))
    assert any(each.startswith(f"{cut.sum()} of 120 simulated cells leave the map") for each in made.notes)
    assert not any("leave the map" in each for each in all_there.notes)
    assert f"{cut.mean():.0%} leave the map" in of_landscape(made, "day").answer
    assert f"{cut.sum()} of them leave the map" in landscape_figure.describe(made)
    assert of_landscape(made, "day").trust == "poor" and of_landscape(all_there, "day").trust != "poor"
    for axis in (0, 1):
        low, high = getattr(landscape_figure.landscape(made).layout.scene, "xy"[axis] + "axis").range
        places, step = (
            (made.x, made.y)[axis][np.isfinite(made.height).any(axis=axis)],
            np.diff((made.x, made.y)[axis])[0],
        )
        assert (low, high) == pytest.approx((places[0], places[-1]), abs=2 * step)


def test_where_every_path_leaves_the_map_the_answer_says_so():
    made = landscape(Split(), DATA, VIEW)
    gone = np.array(made.paths)
    gone[5:] = np.nan
    height = np.where(np.isnan(gone[..., 0]), np.nan, made.path_height)
    every = type(made)(**{**vars(made), "paths": gone, "path_height": height})
    found = of_landscape(every, "day")
    assert "all 120 simulated cells leave the map" in found.answer and found.trust == "poor"
    assert landscape_figure.landscape(every).frames and "120 of them leave" in landscape_figure.describe(every)


def test_measured_cells_decide_the_frame_of_paths():
    square = np.array([[0.0, 0.0], [1.0, 1.0]])
    paths = np.zeros((3, 4, 2)) + 0.5
    paths[2, 0] = 60.0
    low, high = frame(square, paths)
    np.testing.assert_allclose((low, high), [[-0.075, -0.075], [1.325, 1.325]])
    assert leaving(paths, low, high) == 1 and leaving(paths[:, 1:], low, high) == 0


def test_far_paths_do_not_shrink_the_figures_of_fates_and_perturbations_and_are_counted():
    some = ((-1.0, -9.0), (0.5, -9.0), (0.5, 9.0), (-1.0, 9.0))
    made = simulate_ensemble(Leaving(), DATA, VIEW, polygon=some, states="kind")
    low, high = frame(VIEW.points, made.paths)
    drawn = fan.trajectory_fan(made, VIEW.points).layout
    assert drawn.xaxis.range == pytest.approx((low[0], high[0])) and high[0] < 5 < made.paths.max()
    gone = int((made.starts[:, 1] < 0).sum())
    assert any(each.startswith(f"{gone} of {made.paths.shape[1]} simulated cells leave") for each in made.notes)
    other = perturbation(Leaving(), DATA, VIEW, "Still", "over-expression", states="kind")
    assert perturbation_figure.before_after(other, VIEW.points).layout.xaxis2.range[1] < 5
    assert any("leave the picture" in each for each in other.notes)
    calm = simulate_ensemble(Noisy(), DATA, VIEW, states="kind")
    assert not any("the picture" in each for each in calm.notes)
