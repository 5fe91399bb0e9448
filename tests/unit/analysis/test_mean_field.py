"""Cells that feel each other: moved together, and in pictures amid the measured ones."""

import numpy as np
import pytest
import torch

from cellflow_core.analysis.dynamics import dynamics
from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.fields.cell_velocities import velocity_at
from cellflow_core.analysis.flow import flow_field
from cellflow_core.analysis.landscape import landscape
from cellflow_core.analysis.mean_field import InPopulation
from cellflow_core.analysis.perturbations.clamp import Clamped
from cellflow_core.analysis.simulate import MAX_INTERACTING_CELLS, simulate
from cellflow_core.config import Config
from cellflow_core.data.snapshots import DataSpec, Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.models.contract import DynamicsModel, HasGrowth, HasInteraction, HasNoise, HasScore, HasVelocity

SPEC = DataSpec(dim=2, times=(0.0, 1.0, 2.0), center=(0.0, 0.0), scale=1.0, interval=1.0)


class Drawn(DynamicsModel, HasVelocity, HasInteraction):
    """All cells move by one to the right in a unit of time, and each is pulled to the mean of all at rate 0.7."""

    title = "Drawn together"
    summary = "For tests."
    paper = "none"
    Config = Config

    def __init__(self):
        super().__init__(Config(), SPEC)

    def phases(self):
        return ()

    def velocity(self, t, x, context):
        return torch.tensor([1.0, 0.0]).expand_as(x)

    def interaction(self, t, x, cloud, weight, context):
        return 0.7 * (weight @ cloud - x)


class Jittering(Drawn, HasScore, HasNoise):
    def score(self, t, x, context):
        return torch.zeros_like(x)

    def noise(self, t):
        return torch.full_like(t, 0.5)


class Dividing(Drawn, HasGrowth):
    """Cells that start to the right of zero divide."""

    def velocity(self, t, x, context):
        return torch.zeros_like(x)

    def growth(self, t, x, context):
        return 2.0 * (x[:, 0] > 0)


def cells(count: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, 2)).astype(np.float32)


def test_cells_feel_all_that_move_with_them():
    """Quadratic attraction: the mean moves with the drift, the variance decays as exp(-2 a t), to 1e-4."""
    x0 = cells(300)
    made = simulate(Drawn(), x0, [0.0, 0.5, 2.0])
    for k, t in enumerate((0.0, 0.5, 2.0)):
        np.testing.assert_allclose(made.x[k].mean(axis=0), x0.mean(axis=0) + np.array([t, 0]), atol=1e-4)
        np.testing.assert_allclose(made.x[k].var(axis=0), x0.var(axis=0) * np.exp(-1.4 * t), rtol=1e-4)
    assert "each interacts with all 300 of them" in made.notes[-1]


def test_with_noise_the_variance_settles():
    """d V / dt = sigma^2 - 2 a V: within four standard errors of 4,000 cells, of which CROWD are felt."""
    made = simulate(Jittering(), cells(4000), [0.0, 2.0], steps_per_interval=64)
    still = 0.25 / 1.4
    expected = still + (1 - still) * np.exp(-2.8)
    assert made.x[-1].var(axis=0) == pytest.approx([expected] * 2, rel=4 * (2 / 4000) ** 0.5 + 0.02)
    assert f"the same {MAX_INTERACTING_CELLS:,} random ones" in made.notes[-1]


def test_more_than_a_crowd_moves_as_one_however_many_there_are():
    """Cells beyond one block feel the same cells as those of the first."""
    x0 = np.concatenate([cells(2500), np.full((1, 2), 3.0, np.float32), np.full((1, 2), 3.0, np.float32)])
    x0[0] = 3.0
    made = simulate(Drawn(), x0, [0.0, 1.0])
    np.testing.assert_allclose(made.x[-1][-1], made.x[-1][0], rtol=1e-6)


def test_a_cell_that_divides_pulls_more():
    """Two cells at -1 and 1, of which one multiplies: both gather near it (exact to the step of the weights, 2 %)."""
    made = simulate(Dividing(), np.array([[-1.0, 0.0], [1.0, 0.0]], np.float32), [0.0, 2.0], steps_per_interval=64)
    steps, left, right, log = 20_000, -1.0, 1.0, 0.0
    for _ in range(steps):
        share = np.exp(log) / (1 + np.exp(log))
        mean = (1 - share) * left + share * right
        left, right = left + 0.7 * (mean - left) * 2 / steps, right + 0.7 * (mean - right) * 2 / steps
        log += 4 / steps
    assert made.x[-1, :, 0] == pytest.approx([left, right], abs=0.02)


def test_without_another_cell_nothing_is_felt():
    alone = simulate(Drawn(), np.array([[2.0, 1.0]], np.float32), [0.0, 1.0])
    assert alone.x[-1, 0] == pytest.approx([3.0, 1.0], abs=1e-5)


def test_amid_cells_that_stay_where_they_are():
    cloud, x = np.array([[0.0, 0.0], [4.0, 0.0]]), np.array([[1.0, 1.0]])
    for weight, middle in ((None, 2.0), (np.array([3.0, 1.0]), 1.0)):
        moving = dynamics(InPopulation(Jittering(), cloud, weight))
        assert moving.interaction is None and moving.drift is not None
        assert velocity_at(moving, x, 0.5)[0] == pytest.approx([1 + 0.7 * (middle - 1), -0.7], abs=1e-6)
        drift = moving.drift(torch.zeros(1), torch.tensor([[1.0, 1.0]]))[0]
        assert drift.tolist() == pytest.approx([1 + 0.7 * (middle - 1), -0.7], abs=1e-6)


def test_a_held_gene_is_not_moved_by_others():
    held = Clamped(Drawn(), np.array([1.0, 0.0]), 0.0, 0.5)
    made = simulate(held, cells(50), [0.0, 1.0])
    np.testing.assert_allclose(made.x[..., 0][1:], 0.5, atol=1e-6)
    assert made.x[-1][:, 1].var() == pytest.approx(cells(50)[:, 1].var() * np.exp(-1.4), rel=1e-3)


def test_pictures_feel_the_measured_cells_and_say_so():
    t = np.repeat([0.0, 1.0, 2.0], 400)
    x = np.random.default_rng(1).normal(size=(1200, 2)).astype(np.float32) + np.stack([t, 0 * t], axis=1)
    data = Snapshots(x, t, AffineSpace.coordinates(("a", "b")), "day")
    view = Embedding("state", ("a", "b"), data.x, data.x)
    flow = flow_field(Drawn(), data, view, 1.0)
    assert "which are kept fixed" in " ".join(flow.notes)
    at = np.nonzero(np.isfinite(flow.u))
    expected = 1 + 0.7 * (data.at(1.0)[:, 0].mean() - flow.x[at[1]])
    assert np.abs(flow.u[at] - expected).mean() < 0.1
    land = landscape(Drawn(), data, view, time=1.0)
    assert "the cells measured nearest that time" in " ".join(land.notes)
    assert 0 <= land.non_gradient < 0.05
