"""Chains from an order, velocities and plans, on a fork that is known. Each test states its error."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from cellflow_core.analysis.transitions.fates import absorption
from cellflow_core.data.simulators.registry import create
from cellflow_core.models import registry
from tests.truth.models.pseudotime.simulated import START, islands, snapshot, trained, tree

pytestmark = pytest.mark.truth
KERNELS = ("own", "cellrank")
ALONE = {"pseudotime": 0.0, "velocity": 0.0, "real_time": 0.0, "connectivity": 0.0}


@pytest.fixture(scope="module")
def fork():
    """(cells of a fork with its drift as velocity, place along it)."""
    data, place = tree(3, n_branchings=1, n_fates=2, cells_per_time=150)
    drift = create("branching-tree", {"n_branchings": 1, "n_fates": 2}).drift(0.0, data.x.astype(float))
    return dataclasses.replace(data, velocity=drift.astype(np.float32)), place


def chances(model, data, states: str = "macrostates") -> dict[str, float]:
    """Mean probability of the cells of each end to be absorbed in the terminal state of that name."""
    found, fate = absorption(model, data, states, ()), np.asarray(data.labels["fate"])
    named = {each: k for k, name in enumerate(found.terminal.names) for each in ("end 1", "end 2") if each in name}
    return {each: float(found.chance[fate == each, k].mean()) for each, k in named.items()}


@pytest.mark.parametrize("kernel", ["pseudotime", "velocity"])
def test_both_ends_are_found_and_cells_go_to_their_own(fork, kernel):
    """Macrostates are named after both ends; cells past the fork go to theirs with a mean probability above 0.85."""
    data, _ = fork
    model = trained("cellrank", data, **ALONE | {kernel: 0.8, "connectivity": 0.2}, **START)
    found = chances(model, data)
    assert set(found) == {"end 1", "end 2"} and min(found.values()) > 0.85


def test_a_mixture_is_the_mean_of_its_kernels(fork):
    data, _ = fork
    parts = [trained("cellrank", data, **ALONE | {each: 1.0}, **START) for each in ("pseudotime", "velocity")]
    mixed = trained("cellrank", data, **ALONE | {"pseudotime": 0.3, "velocity": 0.6}, **START)
    wanted = sum(w * each.transitions().to_dense() for w, each in zip((1 / 3, 2 / 3), parts, strict=True))
    torch.testing.assert_close(mixed.transitions().to_dense(), wanted, atol=1e-6, rtol=0)


def test_plans_lead_from_each_time_to_the_next_and_copies_share(fork):
    """The rows are those of the plan; cells of the last time stay among themselves."""
    data, place = fork
    t = np.digitize(place, [1.0, 2.0]).astype(float)
    x = data.x.copy()
    x[np.flatnonzero(t == 1)[1]] = x[np.flatnonzero(t == 1)[0]]
    timed = dataclasses.replace(data, x=x, t=t).take(np.argsort(t, kind="stable"))
    model = trained("cellrank", timed, **ALONE | {"real_time": 1.0, "plan": "ot-displacement"})
    chain, sizes = model.transitions().to_dense(), np.bincount(t.astype(int))
    first, second = sizes[0], sizes[0] + sizes[1]
    assert chain[:first, :first].sum() == 0 and chain[:first, second:].sum() == 0
    assert chain[first:second, second:].sum() == pytest.approx(sizes[1], abs=1e-3)
    assert chain[second:, second:].sum() == pytest.approx(sizes[2], abs=1e-3)
    torch.testing.assert_close(chain[first], chain[first + 1])
    torch.testing.assert_close(chain[:first, first], chain[:first, first + 1])
    plan = registry.create("ot-displacement", {}, timed.spec, 0)
    assert {"ot-displacement"} == set(model.members) and type(model.members["ot-displacement"]) is type(plan)
    found = chances(model, timed, "fate")
    assert set(found) == {"end 1", "end 2"} and min(found.values()) > 0.9


def test_the_same_seed_gives_the_same_chain_and_a_stored_one_answers_alike(fork):
    data, _ = fork
    model, again = (trained("cellrank", data, **START) for _ in range(2))
    assert torch.equal(again.transitions().values(), model.transitions().values())
    back = registry.create("cellrank", START, data.spec, 1)
    back.load_state_dict(model.state_dict())
    assert torch.equal(back.transitions().to_dense(), model.transitions().to_dense())


def test_what_is_not_there_is_named(fork):
    data, place = fork
    with pytest.raises(ValueError, match="needs an RNA velocity"):
        trained("cellrank", dataclasses.replace(data, velocity=None), velocity=0.5)
    with pytest.raises(ValueError, match="two or more times"):
        trained("cellrank", data, real_time=0.5)
    with pytest.raises(ValueError, match="no kernel"):
        trained("cellrank", data, **ALONE)
    with pytest.raises(ValueError, match="no annotation in numbers 'age'"):
        trained("cellrank", data, order="age")
    with pytest.raises(ValueError, match="2 islands"):
        trained("cellrank", islands())
    aged = dataclasses.replace(data, covariates={"age": place})
    assert not trained("cellrank", aged, order="age").notes() and trained("cellrank", data).notes()
    with pytest.raises(ValueError, match="1 cells have no 'age'"):
        trained("cellrank", dataclasses.replace(data, covariates={"age": np.r_[np.nan, place[1:]]}), order="age")


def test_the_package_is_asked_for_by_a_setting_and_named_where_it_is_missing(fork, monkeypatch):
    monkeypatch.setattr("cellflow_core.models.contract.find_spec", lambda name: None)
    assert registry.create("cellrank", {"kernels": "cellrank"}, fork[0].spec, 0)  # a stored run opens without it
    with pytest.raises(ValueError, match=r"not installed: install it with `make cellrank`, or choose other settings"):
        trained("cellrank", fork[0], kernels="cellrank")


@pytest.mark.filterwarnings("ignore::DeprecationWarning:cellrank")
def test_kernels_of_the_package_are_ours_but_for_what_is_told(fork):
    """The order's kernel is equal to 1e-7; with that of velocities, correlations over 12 axes, ends and fates are found
    as with ours."""
    pytest.importorskip("cellrank", reason="the optional package cellrank is not installed: `make cellrank`")
    data, _ = fork
    axes = np.linalg.qr(np.random.default_rng(0).normal(size=(12, 12)))[0][: data.x.shape[1]].astype(np.float32)
    wide = dataclasses.replace(snapshot(data.x @ axes, **data.labels), velocity=data.velocity @ axes)
    ours, theirs = (trained("cellrank", wide, **ALONE | {"pseudotime": 1.0}, **START, kernels=each) for each in KERNELS)
    torch.testing.assert_close(theirs.transitions().to_dense(), ours.transitions().to_dense(), atol=1e-7, rtol=0)
    mixed = {"velocity": 0.8, "connectivity": 0.2, "kernels": "cellrank"}
    found = chances(trained("cellrank", wide, **ALONE | mixed, **START), wide)
    assert set(found) == {"end 1", "end 2"} and min(found.values()) > 0.85
    with pytest.raises(ValueError, match="2 axes tell no directions apart"):
        trained("cellrank", data, **ALONE | mixed, **START)
