"""The plans are those of the authors' program, with growth rates per time of the data."""

from __future__ import annotations

import importlib.util
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from sklearn.decomposition import PCA

from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.models.contract import Context
from cellflow_core.models.couplings.waddington_ot import Settings, WaddingtonOT, transport_map
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
@pytest.mark.parametrize(("epsilon", "lambda1", "local_pca"), [(0.05, 1.0, 0), (0.2, 5.0, 0), (0.05, 1.0, 1)])
def test_the_plans_are_those_of_the_installed_wot(stored, epsilon, lambda1, local_pca):
    """The program subtracts the mean of each cell over its genes before its PCA: here that mean is 0."""
    import anndata
    import pandas as pd
    import wot.ot  # type: ignore[import-not-found]

    obs = pd.DataFrame({"day": stored["day"], "cell_growth_rate": np.exp(stored["rate"])})
    obs.index = obs.index.astype(str)
    x = stored["x"] - stored["x"].mean(axis=1, keepdims=True)
    chosen = {"local_pca": local_pca, "epsilon": epsilon, "lambda1": lambda1}
    theirs = wot.ot.OTModel(anndata.AnnData(x, obs), **chosen)
    data = cells(stored | {"x": x}, growth=stored["rate"])
    model = solved(data, growth_iterations=1, **chosen)
    for k in range(2):
        wanted = np.asarray(theirs.compute_transport_map(*DAYS[k : k + 2]).X)
        assert np.abs(dense(model, data, k) - wanted).sum() < 1e-3 * wanted.sum()


def noisy(stored: dict[str, Any]) -> Snapshots:
    """The stored cells with a fourth axis: wide at the first two days, of no spread from the second to the third."""
    rng = np.random.default_rng(0)
    fourth = np.where(stored["day"] == DAYS[0], 30 * rng.normal(size=len(stored["day"])), 7.0)
    x = np.column_stack([stored["x"], fourth])
    return Snapshots(x, stored["day"], AffineSpace.coordinates(("a", "b", "c", "d")), "day", growth=stored["rate"])


def test_local_components_leave_out_an_axis_that_does_not_vary_in_the_interval(stored):
    """Of four axes one is constant between the second and the third day: three components give the plan of the other
    three, within 1e-5 of the mass. Between the first and the second day it is the widest, and is kept."""
    three, four = cells(stored, growth=stored["rate"]), noisy(stored)
    found, without = solved(four, local_pca=3), solved(three)
    wanted = dense(without, three, 1)
    assert np.abs(dense(found, four, 1) - wanted).sum() < 1e-5 * wanted.sum()
    assert np.abs(dense(found, four, 0) - dense(without, three, 0)).sum() > 0.1 * len(four.at(DAYS[0]))


@pytest.mark.parametrize("count", [1, 2])
def test_the_cost_is_that_of_the_principal_components_of_the_two_times(stored, count):
    """Plans by hand on the scores of scikit-learn's PCA of the cells of each pair of days, within 1e-5 of the mass."""
    data = noisy(stored)
    model = solved(data, local_pca=count)
    for k, (t0, t1) in enumerate(pairwise(DAYS)):
        x0, x1 = data.at(t0).astype(np.float64), data.at(t1).astype(np.float64)
        pca = PCA(count).fit(np.concatenate([x0, x1]))
        cost = torch.from_numpy(cdist(pca.transform(x0), pca.transform(x1), "sqeuclidean"))
        growth = torch.from_numpy(np.exp(stored["rate"][stored["day"] == t0].astype(np.float64) * (t1 - t0)))
        wanted = len(x0) * transport_map(cost, growth, Settings()).matrix.numpy()
        assert np.abs(dense(model, data, k) - wanted).sum() < 1e-5 * wanted.sum()


def test_as_many_local_components_as_axes_are_all_axes(stored):
    data = cells(stored, growth=stored["rate"])
    np.testing.assert_array_equal(dense(solved(data, local_pca=30), data, 0), dense(solved(data), data, 0))


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
