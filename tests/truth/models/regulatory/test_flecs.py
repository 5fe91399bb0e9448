"""FLeCS on the myeloid circuit, with and without a prior network."""

from __future__ import annotations

import pytest
import torch

from cellflow_core.data.requirements import DataRequirement
from cellflow_core.models import registry
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
    return myeloid(seed=5, n_times=11)


@pytest.fixture(scope="module")
def model(cells):
    return trained("flecs", cells[0])


def test_edges_rank_above_chance_with_the_right_signs(model, cells):
    """AUROC at least 0.65, about that of correlation; nine of ten signs of true edges are right (correlation: 0.88)."""
    data, truth = cells
    network = model.network().numpy()
    assert auroc(network, truth) > max(0.65, auroc(correlation(data), truth) - 0.02)
    assert right_signs(network, truth) > 0.9


def test_a_gene_that_does_nothing_has_no_edges(model):
    assert bystander_share(model.network().numpy()) < 0.05


def test_a_knock_out_moves_the_targets(model, cells):
    moved = change(model, cells[0], "Gata1", 0.0)
    assert moved["Fog1"] < -0.5 and moved["SCL"] < -0.5 and moved["Pu.1"] > 0.2


def test_a_prior_network_is_all_that_acts(cells):
    """With 12 wrong edges beside the true ones: nothing else has an entry, and true edges are the larger ones."""
    data, truth = cells
    informed = with_prior(data, truth)
    network = trained("flecs", informed, prior="mask").network().numpy()
    allowed = informed.network.matrix(informed.space.genes) != 0
    off_diagonal = ~torch.eye(len(network), dtype=torch.bool).numpy()
    assert (network[~allowed & off_diagonal] == 0).all()
    assert auroc(network, truth) > 0.93


def test_a_prior_network_is_asked_for_where_it_is_used(cells):
    kind = registry.find("flecs")
    assert DataRequirement.NETWORK in kind.required_data(kind.Config(prior="mask"))
    assert DataRequirement.NETWORK not in kind.required_data(kind.Config())
    with pytest.raises(ValueError, match="prior network"):
        trained("flecs", cells[0], training={"steps": 2}, prior="mask")


def test_the_seed_decides(cells):
    one, again, other = (trained("flecs", cells[0], seed, {"steps": 20}).network() for seed in (0, 0, 1))
    assert torch.equal(one, again) and not torch.equal(one, other)
