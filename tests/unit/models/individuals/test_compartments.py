"""Absorption in transit: times with a gamma distribution."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import gamma

from cellflow_core.data.trajectory_batch import DoseTensors
from cellflow_core.models.individuals.compartments import concentration, modes

TIMES = torch.tensor([[0.0, 0.5, 2.0, 6.0, 24.0, 120.0]])
TWO = torch.tensor([[0.13, 8.0, 1.3, 0.05, 20.0]]).log()


def dose(amount=100.0):
    at = torch.zeros(1, 1)
    return DoseTensors(at, at + amount, at, at.long())


@pytest.mark.parametrize("parameters", [TWO[:, :3], TWO], ids=["one", "two"])
@pytest.mark.parametrize("shape", [0.6, 1.0, 4.5])
def test_it_is_the_convolution_with_a_gamma_density(parameters, shape):
    found = concentration(parameters, TIMES, dose(), True, shape=torch.tensor([shape]))[0].numpy()
    rates, parts = ([float(each) for each in some] for some in modes(parameters))
    times = gamma(shape, scale=1 / (1.3 + rates[0]))
    for t, level in zip(TIMES[0].tolist(), found, strict=True):
        u = np.linspace(0, 1, 20_001) ** 4 * t  # fine near 0, where the density of a shape below 1 has no limit
        middle, absorbed = (u[1:] + u[:-1]) / 2, np.diff(times.cdf(u))
        left = zip(rates, parts, strict=True)
        expected = 100 * sum(c * (absorbed * np.exp(-fall * (t - middle))).sum() for fall, c in left)
        assert level == pytest.approx(expected, rel=2e-3, abs=1e-5)


def test_the_slope_along_the_shape_is_that_of_the_curve():
    def level(shape):
        return concentration(TWO, TIMES, dose(), True, shape=shape)[0, 2]

    shape = torch.tensor([2.5], requires_grad=True)
    (slope,) = torch.autograd.grad(level(shape), shape)
    assert float(slope) == pytest.approx(float((level(shape + 0.05) - level(shape - 0.05)).detach()) / 0.1, rel=0.02)
    own = TWO.clone().requires_grad_()
    (slopes,) = torch.autograd.grad(concentration(own, TIMES, dose(), True, shape=shape.detach())[0, 2], own)
    for k in range(5):
        step = 0.02 * torch.eye(5)[k]
        higher, lower = (
            concentration(TWO + sign * step, TIMES, dose(), True, shape=shape.detach())[0, 2] for sign in (1, -1)
        )
        assert float(slopes[0, k]) == pytest.approx(float(higher - lower) / 0.04, rel=0.02, abs=1e-3)
