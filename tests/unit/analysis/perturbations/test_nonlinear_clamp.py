"""Genes held in a learnt state space, where they are curved functions of the state."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import numpy as np
import pytest
import torch

from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.gene_trend import gene_trend
from cellflow_core.analysis.perturbations.clamp import NonlinearClamp, clamped
from cellflow_core.analysis.perturbations.knock_out import perturbation
from cellflow_core.analysis.simulate import simulate
from cellflow_core.config import Config
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.neural import NeuralSpace
from cellflow_core.models.contract import DynamicsModel, HasDrift, HasNoise, HasVelocity

GENES = tuple(f"g{k}" for k in range(30))


def curved(output: Literal["linear", "rate"], dim: int = 3) -> Snapshots:
    """Cells of two times in a space whose genes are gentle curves."""
    rng = np.random.default_rng(2)

    def layers(*widths: int) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
        return tuple((rng.normal(size=(a, b)) / a**0.5, 0.3 * rng.normal(size=b)) for a, b in pairwise(widths))

    outputs = len(GENES) + (output == "rate")
    space = NeuralSpace("vae", ("z1", "z2", "z3"), GENES, layers(30, 8, dim), layers(dim, 16, outputs), output)
    x = rng.normal(size=(200, dim)).astype(np.float32)
    return Snapshots(x, np.repeat([0.0, 1.0], 100), space)


def moving(data: Snapshots, noisy: bool) -> DynamicsModel:
    class Made(DynamicsModel):
        title = summary = paper = "made"
        Config = Config

        def phases(self):
            return ()

    class Flow(Made, HasVelocity):
        def velocity(self, t, x, context):
            return torch.stack([x[:, 1], -x[:, 0], 0.5 - x[:, 2]], dim=1)

    class Noisy(Made, HasDrift, HasNoise):
        def drift(self, t, x, context):
            return torch.stack([x[:, 1], -x[:, 0], 0.5 - x[:, 2]], dim=1)

        def noise(self, t):
            return torch.full_like(t, 0.2)

    return (Noisy if noisy else Flow)(Config(), data.spec)


@pytest.mark.parametrize("output", ["linear", "rate"])
@pytest.mark.parametrize("noisy", [False, True])
def test_a_gene_stays_at_its_level_all_along(output, noisy):
    data = curved(output)
    level = float(np.quantile(data.space.expression(data.x, "g3"), 0.8))
    held = clamped(moving(data, noisy), data, {"g3": level})
    made = simulate(held, data.at(0.0), np.linspace(0, 1, 5))
    found = data.space.expression(made.x.reshape(-1, 3), "g3")
    spread = data.space.expression(data.x, "g3").std()
    assert np.abs(found - level).max() < 2e-3 * spread


def test_the_velocity_along_the_gradient_is_taken_away_and_no_other():
    data = curved("linear")
    held = clamped(moving(data, False), data, {"g3": 0.0, "g7": 0.0})
    assert isinstance(held, NonlinearClamp)
    x, v = torch.from_numpy(data.x), torch.randn(200, 3, generator=torch.Generator().manual_seed(0))
    kept = held.project_tangent(x, v).numpy()
    for gene in ("g3", "g7"):
        assert np.abs((data.space.gradient(data.x, gene) * kept).sum(axis=1)).max() < 1e-2
    np.testing.assert_allclose(held.project_tangent(x, torch.from_numpy(kept)).numpy(), kept, atol=2e-2)


def test_a_level_that_no_state_has_leaves_cells_near_the_others():
    data = curved("rate")
    made = clamped(moving(data, False), data, {"g3": -5.0})
    assert isinstance(made, NonlinearClamp)
    moved = made.project(torch.from_numpy(data.x)).numpy()
    assert np.isfinite(moved).all()
    assert np.linalg.norm(moved, axis=1).max() < 12 * np.linalg.norm(data.x, axis=1).max()
    assert (data.space.expression(moved, "g3") <= data.space.expression(data.x, "g3") + 1e-4).all()


def test_a_perturbation_and_a_trend_say_that_the_clamp_is_local():
    data = curved("rate")
    view = Embedding("pca", ("a", "b"), data.x[:, :2], data.x)
    made = perturbation(moving(data, False), data, view, "g3")
    read = data.space.expression(data.x, "g3")
    assert made.levels[0] == pytest.approx(read.min())
    assert any("along its local gradient" in each for each in made.notes)
    assert any("a knock-out means that level" in each for each in made.notes)
    assert len(made.control_genes) == 20
    trend = gene_trend(moving(data, False), data, "g3")
    assert trend.measured_mean == pytest.approx([read[:100].mean(), read[100:].mean()], rel=1e-4)
