"""GRN-SDE on the toggle switch, whose markers follow their master and act on nothing."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from cellflow_core.analysis.perturbations.clamp import clamped
from cellflow_core.analysis.simulate import simulate
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.simulators.toggle import Toggle
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.steps.network import network_of
from cellflow_core.models import registry
from tests.truth.models.regulatory.simulated import trained

pytestmark = pytest.mark.truth
CIRCUIT = Toggle(Toggle.Config(cells_per_time=300, seed=3))


@cache
def cells() -> Snapshots:
    return replace(CIRCUIT.simulate(), network=network_of(CIRCUIT))


@cache
def model():
    return trained("grn-sde", cells(), training={"steps": 250}, prior="signs")


def shares(held: str = "") -> dict[str, float]:
    """Where 600 cells of the first day end, with a gene at 0."""
    moved = clamped(model(), cells(), {held: 0.0}) if held else model()
    data = cells()
    start = np.resize(data.x[data.t == 0], (600, data.dim))
    ends = CIRCUIT.fate_of(simulate(moved, start, tuple(data.times), seed=0).x[-1])
    return {fate: float((ends == fate).mean()) for fate in CIRCUIT.fates}


def test_cells_end_in_both_fates_as_often_as_in_the_circuit():
    found, truth = shares(), CIRCUIT.fate_shares()
    assert all(abs(found[fate] - truth[fate]) < 0.08 for fate in truth)


def test_the_loss_of_a_master_leaves_the_other_fate_and_that_of_a_marker_changes_none():
    assert shares("MasterA")["fate A"] < 0.02 and shares("MasterA")["fate B"] > 0.95
    before, after = shares(), shares("MarkerA1")
    assert all(abs(after[fate] - before[fate]) < 0.01 for fate in before)


def test_edges_have_the_signs_of_the_prior_network_and_there_are_no_others():
    assert np.array_equal(np.sign(model().network().numpy()), CIRCUIT.network())


def test_the_noise_moves_towards_that_of_the_circuit():
    """0.35; the fit begins at half of it, and these few steps do not reach it."""
    begun = registry.create("grn-sde", {}, cells().spec, 0)
    first, learnt = (each.noise(torch.zeros(1)).item() for each in (begun, model()))
    assert first < 0.18 and 0.2 < learnt < 0.4


def test_a_prior_network_is_asked_for_where_it_is_used():
    kind = registry.find("grn-sde")
    assert DataRequirement.NETWORK not in kind.required_data(kind.Config())
    for prior in ("mask", "signs"):
        assert DataRequirement.NETWORK in kind.required_data(kind.Config(prior=prior))
    unsigned = cells().network
    assert unsigned is not None
    alone = replace(cells(), network=replace(unsigned, weight=abs(unsigned.weight)))
    with pytest.raises(ValueError, match="no edge of the prior network represses, as where a network has no signs"):
        trained("grn-sde", alone, training={"steps": 2}, prior="signs")
    with pytest.raises(ValueError, match="prior network"):
        trained("grn-sde", CIRCUIT.simulate(), training={"steps": 2}, prior="mask")
