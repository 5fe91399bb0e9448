"""DeepVelo (Chen et al. 2022) on a toggle switch whose field is known. Each test states its error."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cellflow_core.analysis.dynamics import dynamics
from cellflow_core.analysis.fields.fixed_points import fixed_points
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.models import registry
from cellflow_core.models.context import Context
from cellflow_core.models.rna_velocity.deepvelo import DeepVelo
from cellflow_core.train.trainer import TrainConfig, fit

pytestmark = pytest.mark.truth


def toggle(x: np.ndarray) -> np.ndarray:
    """Two genes that activate themselves and repress each other; wells near (1.99, 0.06) and (0.06, 1.99)."""
    on, off = x**4 / (1 + x**4), 1 / (1 + x**4)
    return on + off[:, ::-1] - x


def cells(noise: float, times: tuple[float, ...] = ()) -> Snapshots:
    """1,000 cells with velocities that have Gaussian noise of this size, in root mean squares."""
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 2.5, (1000, 2))
    v = toggle(x)
    v = v + noise * np.sqrt(np.square(v).mean()) * rng.normal(size=x.shape)
    t = np.resize(times, len(x)) if times else None
    return Snapshots(x, t, AffineSpace.of_genes(("A", "B")), "day", velocity=v.astype(np.float32))


def trained(data: Snapshots, seed: int = 0, **settings) -> DeepVelo:
    model = registry.create("deepvelo", settings, data.spec, seed=seed)
    assert isinstance(model, DeepVelo)
    fit(model, data, TrainConfig.preset("standard", type(model), steps=800), seed=seed)
    return model.eval()


def velocity(model: DeepVelo, x: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return model.velocity(torch.zeros(len(x)), torch.from_numpy(x.astype(np.float32)), Context()).numpy()


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(((a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)).mean())


def test_noise_is_averaged_out():
    """Velocities with noise as large as themselves have a cosine of 0.6 with the truth, the field above 0.9."""
    data = cells(noise=1.0)
    new = np.random.default_rng(1).uniform(0.2, 2.3, (400, 2))
    assert cosine(data.velocity, toggle(data.x)) < 0.65
    assert cosine(velocity(trained(data), new), toggle(new)) > 0.9


def test_with_little_noise_both_wells_are_found():
    """To 0.1, and the saddle between them."""
    data = cells(noise=0.05, times=(0.0, 1.0))
    found = [each for each in fixed_points(dynamics(trained(data)), data.x, 0.0) if each.supported]
    wells = sorted(each.x.tolist() for each in found if each.kind == "attractor")
    np.testing.assert_allclose(wells, [[0.06, 1.99], [1.99, 0.06]], atol=0.1)
    assert any(each.kind == "saddle" and np.abs(each.x - 1).max() < 0.1 for each in found)


def test_the_published_weight_of_the_kl_divergence_loses_most_of_the_field():
    """For velocities in root mean squares the field has less than a third of their standard deviation."""
    data = cells(noise=0.05)
    found = velocity(trained(data, kl_weight=1.0), data.x)
    assert found.std(axis=0).max() < data.velocity.std() / 3


def test_velocities_that_are_all_zero_are_refused():
    data = cells(noise=0.0)
    still = Snapshots(data.x, None, data.space, "day", velocity=np.zeros_like(data.x))
    with pytest.raises(ValueError, match="velocity of every cell is 0"):
        trained(still)


def test_the_title_says_which_deepvelo():
    assert "Science Advances 2022" in DeepVelo.title and "Cui" not in DeepVelo.paper
