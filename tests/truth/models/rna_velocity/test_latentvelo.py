"""LatentVelo where velocity, time and fate of every cell are known. Each test states its error."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from scipy.stats import rankdata

from cellflow_core.models import registry
from cellflow_core.models.contract import Context
from cellflow_core.models.rna_velocity.latentvelo import LatentVelo, correlation
from cellflow_core.train.trainer import TrainConfig, fit
from tests.truth.models.rna_velocity.simulated_splicing import Simulated, simulated

pytestmark = pytest.mark.truth


def cells() -> Simulated:
    return simulated("splicing-bifurcation", genes=24, cells=400)


@cache
@torch.enable_grad()
def trained(seed: int = 0, steps: int = 400) -> LatentVelo:
    data = cells().data
    model = registry.create("latentvelo", {}, data.spec, seed)
    fit(model, data, TrainConfig.preset("standard", LatentVelo, steps=steps, batch_size=128), seed=seed)
    assert isinstance(model, LatentVelo)
    return model.eval()


def states() -> torch.Tensor:
    return torch.from_numpy(cells().data.x)


@torch.no_grad()
def test_velocity_and_time_of_a_lineage_that_splits():
    """The median cosine over the cells, genes scaled by their standard deviation."""
    (data, space, truth, latent), x, model = cells(), states(), trained()
    found = space.split(model.velocity(torch.zeros(len(x)), x, Context()).numpy())[1]
    scale = space.split(data.x)[1].std(axis=0)
    found, truth = found / scale, truth / scale
    size = np.linalg.norm(found, axis=1) * np.linalg.norm(truth, axis=1)
    assert np.median((found * truth).sum(axis=1) / size) > 0.85
    ranks = [rankdata(each) for each in (model.latent_time(x, Context()), latent)]
    assert np.corrcoef(ranks)[0, 1] > 0.97


@torch.no_grad()
def test_the_path_of_a_cell_ends_where_the_cell_is():
    """Both latent states: the distance is four tenths of the spread of the cells, or less."""
    model = trained()
    at = model.embedded(states())
    z_s, z_u, _ = model.path(at.time, at.fate)
    for there, here in ((z_s, at.spliced), (z_u, at.unspliced)):
        assert (there - here).square().sum() < 0.4**2 * (here - here.mean(dim=0)).square().sum()


@torch.no_grad()
def test_fates_lead_into_the_branch_of_the_cell():
    """From the initial state on: late cells and the ends of their paths are of the same fate, 95 % of them."""
    (_, space, _, latent), model = cells(), trained()
    fate = model.embedded(states()).fate
    end = model.spliced_decoder(model.path(torch.ones(len(fate)), fate)[0]).numpy()
    measured = model.scaled(states())[1].numpy()
    of_a, of_b = ([each.startswith(name) for each in space.genes] for name in ("FateA", "FateB"))
    chosen = [each[:, of_a].mean(axis=1) > each[:, of_b].mean(axis=1) for each in (end, measured)]
    assert np.mean((chosen[0] == chosen[1])[latent > 9]) > 0.95


@torch.no_grad()
def test_velocity_is_that_of_the_decoded_path():
    """Both kinds of RNA, against the difference quotient along the path: 10 % of the velocity."""
    model, x, h = trained(), states(), 1e-2
    at = model.embedded(x)
    ends = [model.path(at.time + by, at.fate) for by in (-h, h)]
    decoded = [(model.unspliced_decoder(z_u), model.spliced_decoder(z_s)) for z_s, z_u, _ in ends]
    u, s = ((b - a) / (2 * h) for a, b in zip(*decoded, strict=True))
    velocity, expected = model.velocity(torch.zeros(len(x)), x, Context()), model.from_scaled(u, s)
    assert (velocity - expected).norm() < 0.1 * expected.norm()


@torch.no_grad()
def test_the_direction_does_not_hang_on_the_seed():
    """Latent time runs forward with three more seeds, in as few steps as the preset "quick" takes."""
    for seed in range(1, 4):
        ranks = [rankdata(each) for each in (trained(seed, 250).latent_time(states(), Context()), cells().latent)]
        assert np.corrcoef(ranks)[0, 1] > 0.9


def test_correlation_is_that_of_every_gene():
    a, b = torch.rand(2, 30, 3, generator=torch.Generator().manual_seed(0))
    a[:, 2] = 0.0
    expected = [np.corrcoef(a[:, k], b[:, k])[0, 1] for k in range(2)]
    np.testing.assert_allclose(correlation(a, b), [*expected, 0.0], atol=1e-5)
