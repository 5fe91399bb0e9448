"""Steady-state and stochastic RNA velocity where the rates are known. Each test states its error."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch

from cellflow_core.analysis.dynamics import dynamics
from cellflow_core.analysis.fields.cell_velocities import velocity_at
from cellflow_core.analysis.rna_velocity.estimates import fitted
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.splicing import SplicingSpace
from cellflow_core.models import registry
from cellflow_core.models.rna_velocity import stochastic
from cellflow_core.models.splicing import estimator
from cellflow_core.models.splicing.kinetics import levels
from cellflow_core.train.trainer import TrainConfig, fit
from tests.truth.models.rna_velocity.simulated import moments

pytestmark = pytest.mark.truth
GAMMA = np.array([0.3, 0.5, 0.8, 1.0, 1.6])
ALPHA = np.array([20.0, 30.0, 12.0, 25.0, 40.0])


@cache
def induced() -> tuple[Snapshots, np.ndarray]:
    """Genes that are switched on together, cells up to 20 splicing times later; and ds/dt of each."""
    t = torch.as_tensor(np.random.default_rng(0).uniform(0, 20, 800))[:, None]
    alpha, gamma = torch.as_tensor(ALPHA), torch.as_tensor(GAMMA)
    u, s = (each.numpy() for each in levels(t, alpha, torch.ones(5).double(), gamma))
    space = SplicingSpace.of(tuple("ABCDE"), u, s)
    moments = {"spliced_squared": s**2 + s, "spliced_unspliced": s * u}  # of independent Poisson counts
    data = Snapshots(space.join(u, s), None, space, unspliced=u, spliced=s, channels=moments)
    return data, u - GAMMA * s


@pytest.mark.parametrize(("name", "error"), [("steady-state", 0.04), ("stochastic", 0.07)])
def test_rates_and_velocity_of_induced_genes(name: str, error: float):
    data, truth = induced()
    model = registry.create(name, {}, data.spec, seed=0)
    fit(model, data, TrainConfig.preset("standard", type(model)), seed=0)
    np.testing.assert_allclose(model.kinetics().values[:, 0].numpy(), GAMMA, rtol=error)
    found = data.space.split(velocity_at(dynamics(model), data.x, 0.0))
    assert np.abs(found[0]).max() == 0  # unspliced RNA stays
    scale = truth.std(axis=0)
    assert np.abs(found[1] - truth).max() < 10 * error * scale.max()


def test_kinetics_solve_their_equation():
    t = torch.linspace(0, 6, 601).double()[:, None]
    alpha, beta, gamma = (torch.tensor(each).double() for each in ([3.0, 2.0], [1.0, 0.7], [0.4, 0.7]))  # one is equal
    u, s = levels(t, alpha, beta, gamma, torch.tensor([5.0, 0.0]).double(), torch.tensor([1.0, 2.0]).double())
    du, ds = (torch.gradient(each, spacing=0.01, dim=0)[0][1:-1] for each in (u, s))
    assert (du - (alpha - beta * u[1:-1])).abs().max() < 1e-4
    assert (ds - (beta * u[1:-1] - gamma * s[1:-1])).abs().max() < 1e-4
    assert u[0].tolist() == [5.0, 0.0] and s[0].tolist() == [1.0, 2.0]


@pytest.mark.parametrize("name", ["steady-state", "stochastic", "consistent-velocity"])
def test_blocks_of_genes_change_nothing(name, monkeypatch):
    data = moments("six-gene-circuit", cells=100)[0]
    whole = fitted(name, data)
    for module in (estimator, stochastic):
        monkeypatch.setattr(module, "GENES_AT_ONCE", 4)
    parts = fitted(name, data)
    assert len(list(estimator.SplicingCells(*map(torch.from_numpy, (data.unspliced, data.spliced))).by_genes())) == 2
    for each in ("gamma", "unit"):
        torch.testing.assert_close(getattr(parts, each), getattr(whole, each), rtol=1e-12, atol=0)
