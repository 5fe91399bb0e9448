"""The plans are those of the authors' program, with growth rates per time of the data."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pytest
import torch

from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.models.contract import Context
from cellflow_core.models.couplings.waddington_ot import Settings, WaddingtonOT
from tests import STORED

DAYS = (1.0, 2.5, 4.0)


@pytest.fixture
def stored() -> dict[str, Any]:
    """86 cells of three days with growth rates, and the maps of `wot` 1.0.8.post2 (epsilon 0.05, lambda1 1, lambda2 50,
    no local components) after one and three growth iterations."""
    with np.load(STORED / "wot.npz", allow_pickle=False) as held:
        return dict(held)


def solved(data: Snapshots, **settings: Any) -> WaddingtonOT:
    model = WaddingtonOT(Settings(**settings), data.spec)
    model.prepare(SnapshotTensors.from_snapshots(data), torch.Generator().manual_seed(0))
    return model


def dense(model: WaddingtonOT, data: Snapshots, k: int) -> np.ndarray:
    """Mass at the later time of each pair of cells, where each earlier cell has the mass one."""
    plan = model.coupling(k)
    assert plan.target_mass is not None
    x0, x1 = (data.at(time) for time in (plan.t0, plan.t1))
    found = np.zeros((len(x0), len(x1)))
    row, column = ((each.numpy()[:, None] == x).all(-1).argmax(1) for each, x in ((plan.x0, x0), (plan.x1, x1)))
    np.add.at(found, (row, column), plan.target_mass.numpy())
    return found * len(x0)


def cells(stored: dict[str, Any], **more: Any) -> Snapshots:
    return Snapshots(stored["x"], stored["day"], AffineSpace.coordinates(("a", "b", "c")), "day", **more)


@pytest.mark.parametrize("iterations", [1, 3])
def test_the_plans_are_those_of_wot(stored, iterations):
    data = cells(stored, growth=stored["rate"])
    model = solved(data, growth_iterations=iterations)
    for k in range(2):
        wanted = stored[f"map {iterations} {k}"]
        assert np.abs(dense(model, data, k) - wanted).sum() < 1e-3 * wanted.sum()


@pytest.mark.skipif(importlib.util.find_spec("wot") is None, reason="the package wot, 1.0.8.post2, is not installed")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("epsilon", "lambda1"), [(0.05, 1.0), (0.2, 5.0)])
def test_the_plans_are_those_of_the_installed_wot(stored, epsilon, lambda1):
    import anndata
    import pandas as pd
    import wot.ot  # type: ignore[import-not-found]

    obs = pd.DataFrame({"day": stored["day"], "cell_growth_rate": np.exp(stored["rate"])})
    obs.index = obs.index.astype(str)
    theirs = wot.ot.OTModel(anndata.AnnData(stored["x"], obs), local_pca=0, epsilon=epsilon, lambda1=lambda1)
    data = cells(stored, growth=stored["rate"])
    model = solved(data, growth_iterations=1, epsilon=epsilon, lambda1=lambda1)
    for k in range(2):
        wanted = np.asarray(theirs.compute_transport_map(*DAYS[k : k + 2]).X)
        assert np.abs(dense(model, data, k) - wanted).sum() < 1e-3 * wanted.sum()


def test_without_a_prior_all_cells_have_the_same_expected_growth(stored):
    with_growth, without = cells(stored, growth=stored["rate"]), cells(stored)
    np.testing.assert_array_equal(
        dense(solved(with_growth, prior=False), with_growth, 0), dense(solved(without), without, 0)
    )


def test_cell_numbers_set_the_mean_growth(stored):
    data = cells(stored, growth=stored["rate"], mass=np.array([100.0, 250.0, 50.0]))
    model = solved(data)
    assert dense(model, data, 0).sum() == pytest.approx(2.5 * 28, rel=1e-5)
    assert dense(model, data, 1).sum() == pytest.approx(0.2 * 36, rel=1e-5)


def test_growth_at_a_measured_cell_is_that_of_its_row(stored):
    data = cells(stored, growth=stored["rate"])
    model = solved(data)
    for k, time in enumerate(DAYS[:2]):
        x = torch.from_numpy(data.at(time))
        found = model.growth(torch.full((len(x),), time), x, Context())
        wanted = np.log(dense(model, data, k).sum(axis=1)) / 1.5
        np.testing.assert_allclose(found.numpy(), wanted, atol=1e-4)


def test_sampled_partners_represent_the_whole_plan(stored, monkeypatch):
    data = cells(stored, growth=stored["rate"])
    whole = dense(solved(data), data, 0)
    monkeypatch.setattr("cellflow_core.models.transport.coupling_model.MAX_PAIRS", 900)
    drawn = dense(solved(data), data, 0)
    np.testing.assert_allclose(drawn.sum(axis=1), whole.sum(axis=1), rtol=1e-5)
    assert 0 < (np.abs(drawn - whole) / whole.sum(axis=1, keepdims=True)).max() < 1 / (900 // 28)
