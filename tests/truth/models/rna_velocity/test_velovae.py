"""VeloVAE where velocity and time of every cell are known. Each test states its error."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from scipy.stats import rankdata

from cellflow_core.analysis.dynamics import dynamics
from cellflow_core.analysis.fields.cell_velocities import velocity_at
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.models import registry
from cellflow_core.models.contract import Context
from cellflow_core.models.rna_velocity.velovae import VeloVAE
from cellflow_core.models.splicing.earlier_cells import EarlierCells
from cellflow_core.models.splicing.estimator import SplicingCells
from cellflow_core.models.splicing.shared_time import log_likelihood, posterior_mean, shared_time
from cellflow_core.train.trainer import TrainConfig, fit
from tests.truth.models.rna_velocity.simulated_splicing import correlations, simulated

pytestmark = pytest.mark.truth


def train(data: Snapshots) -> VeloVAE:
    model = registry.create("velovae", {"width": 64}, data.spec, seed=0)
    fit(model, data, TrainConfig.preset("standard", VeloVAE, steps=400, batch_size=128), seed=0)
    assert isinstance(model, VeloVAE)
    return model


@cache
def trained() -> VeloVAE:
    return train(simulated().data)


def states() -> torch.Tensor:
    return torch.from_numpy(simulated().data.x)


def cells(data: Snapshots) -> SplicingCells:
    assert data.unspliced is not None and data.spliced is not None
    return SplicingCells(torch.from_numpy(data.unspliced).double(), torch.from_numpy(data.spliced).double())


def spearman(a: torch.Tensor, b: np.ndarray) -> float:
    return float(np.corrcoef(rankdata(a), rankdata(b))[0, 1])


def test_velocity_and_time_of_genes_that_are_switched_on_and_off():
    data, space, truth, latent = simulated()
    found = space.split(velocity_at(dynamics(trained()), data.x, 0.0))[1]
    assert np.median(correlations(found, truth)) > 0.95
    time = trained().latent_time(states(), Context()).detach()
    assert spearman(time, latent) > 0.98


def test_rates_are_those_of_the_simulator_in_latent_time():
    """Their ratio to 10 % in most genes; both by one factor, that of the units of time, to 20 %."""
    data, space, truth, _ = simulated()
    _, beta, gamma = trained().kinetics().values.T.double().numpy()
    u, s = (each.T for each in space.split(data.x))
    true = [np.linalg.lstsq(np.stack([a, -b], axis=1), v, rcond=None)[0] for a, b, v in zip(u, s, truth.T, strict=True)]
    of_beta, of_gamma = np.log(np.stack([beta, gamma]) / np.transpose(true))
    assert np.median(np.abs(of_beta - of_gamma)) < np.log(1.1)
    assert of_gamma.std() < np.log(1.2)


def test_velocity_of_boosted_genes():
    """Transcription that rises a second time: constant rates read a gene before that as repressed."""
    data, space, truth, latent = simulated("transcriptional-boosting", genes=20)
    model = train(data)
    found = space.split(velocity_at(dynamics(model), data.x, 0.0))[1]
    boosted = [k for k, name in enumerate(space.genes) if name.startswith("Boosted")]
    assert np.median(correlations(found[:, boosted], truth[:, boosted])) > 0.8
    assert spearman(model.latent_time(torch.from_numpy(data.x), Context()).detach(), latent) > 0.95


def test_time_runs_forwards():
    """The other direction fits worse by far."""
    data, _, _, latent = simulated()
    some = cells(data)
    found, margin = shared_time(some)
    likely = log_likelihood(torch.stack([some.unspliced, some.spliced]), found.curves, found.sd)
    assert spearman(posterior_mean(likely), latent) > 0.98 and margin > 5


def test_cells_that_do_not_change_have_no_direction():
    """Curves of switched genes explain cells that differ by noise alone no better than constant genes do."""
    for genes, noise in ((6, 0.3), (20, 0.1), (20, 0.03)):
        draw = torch.randn(2, 500, genes, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        u, s = (1 + noise * draw).clamp_min(0)
        assert shared_time(SplicingCells(u, s))[1] == 0.0


def test_draws_scatter_around_the_velocity():
    model, x = trained(), states()[:50]
    velocity = model.velocity(torch.zeros(50), x, Context())
    draws = model.velocity_samples(torch.zeros(50), x, Context(), 40, torch.Generator().manual_seed(0))
    again = model.velocity_samples(torch.zeros(50), x, Context(), 40, torch.Generator().manual_seed(0))
    assert torch.equal(draws, again) and (draws.std(dim=0).mean(dim=0) > 0).all()
    assert torch.cosine_similarity(draws.mean(dim=0), velocity, dim=1).median() > 0.95


def test_earlier_cells_are_near_and_in_the_window():
    """Two lines of cells: RNA is the time on the one and its negative on the other, so it shows whom a mean is of."""
    time = torch.linspace(0, 1, 2001).repeat(2)
    line = torch.arange(2.0).repeat_interleave(2001)[:, None]
    earlier = EarlierCells(1, 1, (0.03, 0.06))
    earlier.fill(line, time, torch.where(line > 0, -time[:, None], time[:, None]))
    found = earlier(torch.tensor([[0.0], [1.0], [0.0]]), torch.tensor([0.5, 0.5, 0.001]))
    assert (found.time[:2] >= 0.44).all() and (found.time[:2] <= 0.47).all()
    torch.testing.assert_close(found.rna[:2, 0], found.time[:2] * torch.tensor([1.0, -1.0]))
    assert found.time[2] < 0.02
