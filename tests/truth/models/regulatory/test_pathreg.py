"""PathReg on the myeloid circuit, and its gates by themselves."""

from __future__ import annotations

import pytest
import torch

from cellflow_core.models.gene_fields.hard_concrete import HardConcrete
from tests.truth.models.regulatory.simulated import (
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
    return myeloid(seed=4, n_times=11)


@pytest.fixture(scope="module")
def model(cells):
    return trained("pathreg", cells[0])


def test_gates_open_as_often_as_they_say():
    """Shares of 20,000 draws: within 0.02 of the closed form."""
    gates = HardConcrete((20_000,), 0.5)
    with torch.no_grad():
        for log_alpha in (-2.0, 0.0, 2.0):
            gates.log_alpha.fill_(log_alpha)
            drawn = gates.sample(torch.Generator().manual_seed(0))
            assert drawn.min() >= 0 and drawn.max() <= 1
            assert float((drawn > 0).float().mean()) == pytest.approx(float(gates.open_probability()[0]), abs=0.02)


def test_edges_rank_above_those_of_correlation(model, cells):
    """AUROC at least 0.76, correlation 0.66; at least 80 % of the signs of true edges are right."""
    data, truth = cells
    network = model.network().numpy()
    assert auroc(network, truth) > max(0.76, auroc(correlation(data), truth) + 0.1)
    assert right_signs(network, truth) > 0.8


def test_paths_are_shut(model):
    """A sixth of the entries or more are below a thousandth of the largest; a gene of noise has next to none."""
    size = model.network().abs()
    assert float((size < 1e-3 * size.max()).float().mean()) > 0.16
    assert bystander_share(size.numpy()) < 0.15


def test_more_weight_shuts_more(cells):
    few = trained("pathreg", cells[0], training={"steps": 600}, gate_weight=1.0).network()
    many = trained("pathreg", cells[0], training={"steps": 600}, gate_weight=0.0).network()
    assert (few == 0).sum() > (many == 0).sum() + 10


def test_a_knock_out_moves_the_targets(model, cells):
    moved = change(model, cells[0], "Gata1", 0.0)
    assert moved["Fog1"] < -0.5 and moved["SCL"] < -0.5
    assert moved["Cebpa"] > 0.2 and moved["Pu.1"] > 0.2


def test_the_seed_decides(cells):
    one, again, other = (trained("pathreg", cells[0], seed, {"steps": 20}).network() for seed in (0, 0, 1))
    assert torch.equal(one, again) and not torch.equal(one, other)
