"""Points on paths between pairs, and the losses that are fitted to them."""

from __future__ import annotations

import math

import pytest
import torch

from cellflow_core.data.snapshots import DataSpec
from cellflow_core.models.losses.bridge_matching_loss import bridge_matching_loss
from cellflow_core.models.losses.flow_matching_loss import flow_matching_loss
from cellflow_core.models.paths.brownian_bridge import with_bridge_noise
from cellflow_core.models.paths.path_sample import PathSample, straight_path
from cellflow_core.models.transport.pair_sampler import Pairs

SPEC = DataSpec(dim=2, times=(0.0, 2.0), center=(0.0, 0.0), scale=1.5, interval=2.0)


def pairs(n: int = 6, growth: torch.Tensor | None = None) -> Pairs:
    x = torch.randn(2, n, 2, generator=torch.Generator().manual_seed(0))
    return Pairs(torch.zeros(n), torch.full((n,), 2.0), x[0], x[1], growth)


def rng() -> torch.Generator:
    return torch.Generator().manual_seed(1)


def test_points_of_straight_paths():
    joined = pairs()
    at = straight_path(joined, rng())
    torch.testing.assert_close(at.t, 2 * at.s)
    torch.testing.assert_close(at.x, torch.lerp(joined.x0, joined.x1, at.s[:, None]))
    torch.testing.assert_close(at.x + (2 - at.t)[:, None] * at.velocity, joined.x1)
    assert at.growth is None and at.mass is None and at.epsilon is None


def test_the_loss_is_zero_at_the_velocity_and_growth_of_the_path_only():
    growth = torch.linspace(-0.5, 0.5, 6)
    at = straight_path(pairs(growth=growth), rng())
    exact = flow_matching_loss(lambda t, x: at.velocity, at, SPEC, lambda t, x: growth[:, None])
    assert float(exact.total) == 0.0 and set(exact.terms) == {"velocity", "growth"}
    off = flow_matching_loss(lambda t, x: at.velocity + 0.75, at, SPEC)
    assert at.mass is not None
    assert float(off.total) == pytest.approx(float(at.mass.mean()))  # 0.75 is one typical speed


def test_a_growth_rate_is_fitted_to_pairs_that_grow():
    at = straight_path(pairs(), rng())
    with pytest.raises(ValueError, match="unbalanced"):
        flow_matching_loss(lambda t, x: x, at, SPEC, lambda t, x: x[:, :1])


def test_a_bridge_has_the_width_of_brownian_motion_and_its_score():
    """sigma^2 T s (1-s), widest at s = 1/2; -sigma eps / (2 sqrt(T s (1-s))) is the scaled score of one bridge."""
    n = 20_000
    middle = PathSample(
        torch.ones(n), torch.full((n,), 0.5), torch.full((n,), 2.0), torch.zeros(n, 2), torch.zeros(n, 2)
    )
    at = with_bridge_noise(middle, 0.4, rng())
    assert float(at.x.std()) == pytest.approx(0.4 * math.sqrt(0.5), rel=0.02)
    epsilon = at.epsilon
    assert epsilon is not None
    loss = bridge_matching_loss(
        lambda t, x: at.velocity, lambda t, x: -0.4 * epsilon / (2 * math.sqrt(0.5)), at, 0.4, SPEC
    )
    assert float(loss.total) < 1e-10


def test_groups_of_pairs_become_one_list():
    x = torch.randn(3, 4, 2)
    times = torch.tensor([0.5, 1.0, 1.5])
    groups = PathSample(times, times / 2, torch.full((3,), 2.0), x, x, torch.zeros(3, 4), torch.ones(3, 4))
    flat = groups.flatten()
    assert flat.x.shape == (12, 2) and flat.t.tolist() == [0.5] * 4 + [1.0] * 4 + [1.5] * 4 and flat.epsilon is None
    torch.testing.assert_close(groups.share.sum(dim=1), torch.ones(3))
