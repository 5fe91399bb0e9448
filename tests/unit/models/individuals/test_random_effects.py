"""Draws of individuals, where their posterior is known: a normal mean with a normal prior."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from cellflow_core.data.trajectories import DoseEvents, Trajectories
from cellflow_core.data.trajectory_batch import TrajectoryTensors
from cellflow_core.models.individuals.blocks import in_blocks, some
from cellflow_core.models.individuals.measurement import Measurement
from cellflow_core.models.individuals.random_effects import posterior_draws

X = torch.tensor([[1.0, 2.0, 0.5], [-0.4, 0.3, 0.0]])


def batch():
    data = Trajectories(
        torch.arange(6).numpy() // 3,
        torch.arange(6.0).numpy(),
        X.flatten()[:, None].numpy(),
        torch.ones(6, 1, dtype=torch.bool).numpy(),
        ("y",),
        doses=DoseEvents(),
    )
    return data, TrajectoryTensors.from_trajectories(data).take(slice(None), torch.Generator())


@pytest.mark.parametrize("seen", [3, 0])
def test_draws_are_those_of_the_normal_posterior(seen):
    """y = 3 u + 0.5 e with u ~ N(0, 1): mean and standard deviation of 4,000 draws within 0.05 of one."""
    data, held = batch()
    measurement = Measurement(data.spec, additive=0.5 - 1e-3, proportional=1e-6)
    measurement.size.fill_(1.0)
    held = replace(held, observed=held.observed & (torch.arange(3) < seen)[:, None])
    drawn = posterior_draws(
        lambda u: 3 * u[..., None].expand(*u.shape[:-1], 3, 1),
        measurement,
        held,
        1,
        4000,
        torch.Generator().manual_seed(0),
    )
    precision = 1 + seen * 9 / 0.25
    mean = (3 * X / 0.25 * (torch.arange(3) < seen)).sum(dim=1) / precision
    u = drawn.resampled(4000, torch.Generator().manual_seed(1))[..., 0]
    torch.testing.assert_close(u.mean(dim=0), mean, rtol=0, atol=0.05)
    torch.testing.assert_close(u.std(dim=0) * precision**0.5, torch.ones(2), rtol=0.05, atol=0)


def test_values_below_the_limit_and_residual_errors():
    data, held = batch()
    measurement = Measurement(data.spec, additive=0.5, proportional=0.2)
    assert measurement.learn(held) and not measurement.learn(held) and not measurement.positive.any()
    f, x = torch.tensor([[1.0]]), torch.tensor([[0.3]])
    sd, yes, no = measurement.sd(f), torch.tensor([[True]]), torch.tensor([[False]])
    below = measurement.log_likelihood(f, x, yes, yes)
    torch.testing.assert_close(below, torch.distributions.Normal(f, sd).cdf(x).log())
    density = measurement.log_likelihood(f, x, yes, no)
    torch.testing.assert_close(density, torch.distributions.Normal(f, sd).log_prob(x))
    assert not measurement.log_likelihood(f, x, no, no).any()
    drawn = measurement.measured(f.expand(20_000, 1), torch.Generator().manual_seed(0))
    torch.testing.assert_close(drawn.std(), sd.squeeze(), rtol=0.03, atol=0)
    measurement.positive.fill_(True)
    assert measurement.measured(torch.zeros(100, 1), torch.Generator().manual_seed(0)).min() == 0


def test_blocks_are_the_individuals_in_their_order():
    _, held = batch()
    whole = in_blocks(lambda block: block.x.sum(dim=1)[None], held, 10_000_000)
    assert torch.equal(whole, held.x.sum(dim=1)[None])
    assert torch.equal(some(held, torch.tensor([1])).t, held.t[1:])
