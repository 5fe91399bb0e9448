"""C-NODE on the myeloid circuit, whose 30 edges are known, beside a gene that does nothing."""

from __future__ import annotations

import pytest
import torch

from tests.truth.models.regulatory.simulated import (
    BYSTANDER,
    auroc,
    bystander_share,
    change,
    correlation,
    myeloid,
    right_signs,
    trained,
)

pytestmark = pytest.mark.truth


@pytest.fixture(scope="module")
def cells():
    return myeloid(seed=3, n_times=11)


@pytest.fixture(scope="module")
def model(cells):
    return trained("c-node", cells[0])


def test_edges_rank_above_those_of_correlation(model, cells):
    """AUROC at least 0.8, correlation 0.67; at least 85 % of the signs of true edges are right."""
    data, truth = cells
    network = model.network().numpy()
    assert auroc(network, truth) > max(0.8, auroc(correlation(data), truth) + 0.1)
    assert right_signs(network, truth) > 0.85


def test_a_gene_that_does_nothing_has_no_edges(model):
    """A twentieth of what the genes of the circuit have, in and out."""
    assert bystander_share(model.network().numpy()) < 0.1


def test_a_knock_out_moves_the_targets(model, cells):
    """Without Gata1 its targets fall and the genes of the other side rise; a marker of one fate moves no other."""
    data, _ = cells
    moved = change(model, data, "Gata1", 0.0)
    assert moved["Fog1"] < -0.5 and moved["SCL"] < -0.5
    assert moved["Cebpa"] > 0.2 and moved["Pu.1"] > 0.2
    assert abs(moved[BYSTANDER]) < 0.4
    marker = change(model, data, "EKLF", 0.0)
    assert marker["Fli1"] > 0.2 and max(abs(marker[each]) for each in ("Gata1", "Pu.1", "cJun")) < 0.25


def test_the_seed_decides(cells):
    data, _ = cells
    one, again, other = (trained("c-node", data, seed, {"steps": 20}).network() for seed in (0, 0, 1))
    assert torch.equal(one, again) and not torch.equal(one, other)
