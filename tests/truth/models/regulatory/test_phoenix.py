"""PHOENIX on the myeloid circuit, with and without a prior network."""

from __future__ import annotations

import pytest
import torch

from tests.truth.models.regulatory.simulated import (
    auroc,
    bystander_share,
    change,
    correlation,
    myeloid,
    right_signs,
    trained,
    with_prior,
)

pytestmark = pytest.mark.truth


@pytest.fixture(scope="module")
def cells():
    return myeloid(seed=4, n_times=11)


@pytest.fixture(scope="module")
def model(cells):
    return trained("phoenix", cells[0])


def test_edges_rank_above_those_of_correlation(model, cells):
    """AUROC at least 0.7, correlation 0.66; three of four signs of true edges are right."""
    data, truth = cells
    network = model.network().numpy()
    assert auroc(network, truth) > max(0.7, auroc(correlation(data), truth) + 0.03)
    assert right_signs(network, truth) > 0.75


def test_a_gene_that_does_nothing_has_no_edges(model):
    assert bystander_share(model.network().numpy()) < 0.05


def test_a_knock_out_moves_the_targets(model, cells):
    moved = change(model, cells[0], "Gata1", 0.0)
    assert moved["Fog1"] < -0.5 and moved["SCL"] < -0.5 and moved["Pu.1"] > 0.2


def test_a_prior_network_draws_the_edges_to_it(cells, model):
    """12 of its edges are wrong: AUROC 0.1 above that without it, and all signs are right."""
    data, truth = cells
    network = trained("phoenix", with_prior(data, truth), prior="soft").network().numpy()
    assert auroc(network, truth) > auroc(model.network().numpy(), truth) + 0.1
    assert right_signs(network, truth) > 0.95


def test_the_seed_decides(cells):
    one, again, other = (trained("phoenix", cells[0], seed, {"steps": 20}).network() for seed in (0, 0, 1))
    assert torch.equal(one, again) and not torch.equal(one, other)
