"""Equations of the genes on the myeloid circuit, whose 30 edges are known, beside a gene that does nothing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
import torch

from cellflow_core.data.requirements import DataRequirement
from cellflow_core.models import registry
from cellflow_core.models.gene_fields.hard_concrete import HardConcrete
from tests.truth.models.regulatory.simulated import (
    BYSTANDER,
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
FEW = {"steps": 1000}


@dataclass(frozen=True)
class Bar:
    """Least AUROC, how far it is above that of correlation, least share of right signs, most of the bystander."""

    auroc: float
    above: float
    signs: float
    bystander: float


BARS = {
    "c-node": Bar(0.76, 0.08, 0.8, 0.1),
    "pathreg": Bar(0.74, 0.08, 0.8, 0.15),
    "phoenix": Bar(0.7, 0.03, 0.75, 0.05),
    "flecs": Bar(0.65, -0.02, 0.9, 0.05),
}
PRIORS = {"phoenix": "soft", "flecs": "mask"}
"""How each of these uses a prior network."""


@cache
def cells():
    return myeloid(seed=4, n_times=11)


@cache
def model(name: str):
    return trained(name, cells()[0], training=FEW)


@pytest.mark.parametrize("name", BARS)
def test_edges_are_found_with_their_signs(name):
    """Above correlation (0.66; FLeCS, whose sums have no gates, about that), and a gene of noise has next to none."""
    data, truth = cells()
    network, bar = model(name).network().numpy(), BARS[name]
    assert auroc(network, truth) > max(bar.auroc, auroc(correlation(data), truth) + bar.above)
    assert right_signs(network, truth) > bar.signs
    assert bystander_share(network) < bar.bystander


@pytest.mark.parametrize("name", BARS)
def test_a_knock_out_moves_the_targets(name):
    """Without Gata1 its targets fall and the genes of the other side rise."""
    moved = change(model(name), cells()[0], "Gata1", 0.0)
    assert moved["Fog1"] < -0.5 and moved["SCL"] < -0.5 and moved["Pu.1"] > 0.2
    assert abs(moved[BYSTANDER]) < 0.4


def test_a_marker_of_one_fate_moves_no_other():
    marker = change(model("c-node"), cells()[0], "EKLF", 0.0)
    assert marker["Fli1"] > 0.2 and max(abs(marker[each]) for each in ("Gata1", "Pu.1", "cJun")) < 0.25


@pytest.mark.parametrize("name", PRIORS)
def test_a_prior_network_draws_the_edges_to_it(name):
    """12 of its edges are wrong: AUROC 0.1 above that without it; as a mask, nothing else has an entry."""
    data, truth = cells()
    informed = with_prior(data, truth)
    network = trained(name, informed, training=FEW, prior=PRIORS[name]).network().numpy()
    assert auroc(network, truth) > auroc(model(name).network().numpy(), truth) + 0.1
    assert right_signs(network, truth) > 0.9
    if PRIORS[name] == "mask":
        allowed = (informed.network.matrix(informed.space.genes) != 0) | np.eye(len(network), dtype=bool)
        assert (network[~allowed] == 0).all()


def test_a_prior_network_is_asked_for_where_it_is_used():
    kind = registry.find("flecs")
    assert DataRequirement.NETWORK in kind.required_data(kind.Config(prior="mask"))
    assert DataRequirement.NETWORK not in kind.required_data(kind.Config())
    with pytest.raises(ValueError, match="prior network"):
        trained("flecs", cells()[0], training={"steps": 2}, prior="mask")


def test_gates_open_as_often_as_they_say():
    """Shares of 20,000 draws: within 0.02 of the closed form."""
    gates = HardConcrete((20_000,), 0.5)
    with torch.no_grad():
        for log_alpha in (-2.0, 0.0, 2.0):
            gates.log_alpha.fill_(log_alpha)
            drawn = gates.sample(torch.Generator().manual_seed(0))
            assert drawn.min() >= 0 and drawn.max() <= 1
            assert float((drawn > 0).float().mean()) == pytest.approx(float(gates.open_probability()[0]), abs=0.02)


def test_paths_are_shut_by_their_weight():
    """With a weight of 1 at least ten entries more are 0 than with 0.05."""
    few = trained("pathreg", cells()[0], training={"steps": 600}, gate_weight=1.0).network()
    assert (few == 0).sum() > (model("pathreg").network() == 0).sum() + 10
