"""veloVI where velocity and time of every cell are known. Each test states its error."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from scipy.stats import rankdata
from torch.distributions import Dirichlet, kl_divergence

from cellflow_core.analysis.dynamics import dynamics
from cellflow_core.analysis.fields.cell_velocities import velocity_at
from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.models import registry
from cellflow_core.models.contract import Context
from cellflow_core.models.rna_velocity.velovi import CONCENTRATION, VeloVI, _dirichlet_divergence
from cellflow_core.train.trainer import TrainConfig, fit
from tests.truth.models.rna_velocity.simulated_splicing import correlations, simulated

pytestmark = pytest.mark.truth


@cache
def trained() -> VeloVI:
    data = simulated().data
    model = registry.create("velovi", {"width": 64}, data.spec, seed=0)
    fit(model, data, TrainConfig.preset("standard", VeloVI, steps=400, batch_size=128), seed=0)
    assert isinstance(model, VeloVI)
    return model


def states() -> torch.Tensor:
    return torch.from_numpy(simulated().data.x)


def test_velocity_and_time_of_genes_that_are_switched_on_and_off():
    data, space, truth, latent = simulated()
    model = trained()
    found = space.split(velocity_at(dynamics(model), data.x, 0.0))[1]
    assert np.median(correlations(found, truth)) > 0.9
    ranks = [rankdata(each) for each in (model.latent_time(states(), Context()).detach(), latent)]
    assert np.corrcoef(ranks)[0, 1] > 0.7


def test_rates_are_those_of_the_steady_state():
    """A gene that is still on at the end has u = alpha / beta there, in RNA."""
    (data, space, _, _), model = simulated(), trained()
    alpha, beta, gamma = model.kinetics().values.T.numpy()
    induced = [k for k, name in enumerate(space.genes) if name.startswith("Induced")]
    u, s = (np.percentile(each, 99, axis=0) for each in space.split(data.x))
    np.testing.assert_allclose((alpha / beta)[induced], u[induced], rtol=0.15)
    np.testing.assert_allclose((alpha / gamma)[induced], s[induced], rtol=0.35)


def test_draws_scatter_around_the_velocity():
    model, x = trained(), states()[:50]
    velocity = model.velocity(torch.zeros(50), x, Context())
    draws = model.velocity_samples(torch.zeros(50), x, Context(), 40, torch.Generator().manual_seed(0))
    again = model.velocity_samples(torch.zeros(50), x, Context(), 40, torch.Generator().manual_seed(0))
    assert torch.equal(draws, again) and (draws.std(dim=0).mean(dim=0) > 0).all()
    close = torch.cosine_similarity(draws.mean(dim=0), velocity, dim=1)
    assert close.median() > 0.95


def test_a_gene_without_dynamics_has_a_low_permutation_score():
    data, space, _, _ = simulated()
    u, s = space.split(data.x)
    u[:, 0] = np.random.default_rng(0).permutation(u[:, 0])
    x = torch.from_numpy(space.join(u, s).astype(np.float32))
    scores = trained().permutation_scores(x, torch.zeros(len(x), dtype=torch.int64), torch.Generator().manual_seed(0))
    assert scores.shape == (1, 9) and scores[0, 0] < 0.5 * scores[0, 1:].min()


def test_rna_is_scaled_by_some_genes_at_a_time(monkeypatch):
    data = simulated().data
    monkeypatch.setattr("cellflow_core.models.splicing.estimator.GENES_AT_ONCE", 4)
    monkeypatch.setattr("cellflow_core.models.splicing.scaled.GENES_AT_ONCE", 4)
    model = registry.create("velovi", {}, data.spec, seed=0)
    found = model.read_scaled(SnapshotTensors.from_snapshots(data))
    for each, values in ((found.unspliced, data.unspliced), (found.spliced, data.spliced)):
        expected = (values - values.min(axis=0)) / np.ptp(values, axis=0)
        np.testing.assert_allclose(each.numpy(), expected, atol=1e-6)
    assert model.read_scaled(SnapshotTensors.from_snapshots(data)) is None


def test_divergence_of_the_states_is_that_of_dirichlet_distributions():
    a = torch.rand(3, 5, 4, generator=torch.Generator().manual_seed(0)) + 0.05
    expected = kl_divergence(Dirichlet(a), Dirichlet(torch.full_like(a, CONCENTRATION)))
    torch.testing.assert_close(_dirichlet_divergence(a), expected, rtol=1e-4, atol=1e-4)
