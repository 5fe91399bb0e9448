"""Transport plans find planted partners, and growth that is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from cellflow_core.analysis.dynamics import dynamics
from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.models import registry
from cellflow_core.models.contract import HasGrowth
from cellflow_core.models.transport.coupling_model import CouplingModel

pytestmark = pytest.mark.truth
GAP = 2.0
RATES = 0.3, -0.2
"""d log mass / dt of the two kinds of cells."""
STEP = np.array([0.1, 0.0, -0.1])


def solved(name: str, data: Snapshots, **settings: Any) -> CouplingModel:
    model = registry.create(name, settings, data.spec, seed=0)
    assert isinstance(model, CouplingModel)
    model.prepare(SnapshotTensors.from_snapshots(data), torch.Generator().manual_seed(0))
    return model


def growing(prior: bool, counted: bool = False) -> Snapshots:
    """400 cells of two kinds, far apart; the same number of one time and, a GAP later, in the shares they grew to."""
    rng = np.random.default_rng(0)
    mass = np.exp(np.array(RATES) * GAP)
    later = np.round(400 * mass / mass.sum()).astype(int)
    kind = np.concatenate([np.repeat([0, 1], 200), np.repeat([0, 1], later)])
    t = np.repeat([0.0, GAP], [400, later.sum()])
    x = rng.normal(0, 0.5, (len(t), 2)) + np.stack([6.0 * kind, t], axis=1)
    return Snapshots(
        x,
        t,
        AffineSpace.coordinates(("a", "b")),
        growth=np.array(RATES)[kind] if prior else None,
        mass=np.array([400.0, 400 * mass.mean()]) if counted else None,
    )


def rates(model: CouplingModel, data: Snapshots) -> tuple[float, ...]:
    """d log mass / dt of all cells of each kind together, by `growth` of each."""
    assert isinstance(model, HasGrowth)
    x = torch.from_numpy(data.at(0.0))
    mass = (dynamics(model).growth(torch.zeros(len(x)), x) * GAP).exp()
    return tuple(float(mass[200 * kind : 200 * (kind + 1)].mean().log()) / GAP for kind in range(2))


@pytest.mark.parametrize(("prior", "counted"), [(True, False), (False, True), (True, True)])
def test_waddington_ot_knows_how_much_each_kind_grows(prior, counted):
    """Given the rates or the numbers of cells; within 0.01 of rates 0.3 and -0.2."""
    data = growing(prior, counted)
    assert rates(solved("waddington-ot", data), data) == pytest.approx(RATES, abs=0.01)


def test_a_spline_knows_how_much_each_kind_grows():
    """At a price of growth below that of the way between the kinds; within 0.01 of rates 0.3 and -0.2."""
    data = growing(prior=False, counted=True)
    assert rates(solved("transport-spline", data, rho=0.5), data) == pytest.approx(RATES, abs=0.01)


def test_waddington_ot_knows_the_difference_without_being_told():
    """Growth is then relative: the two rates differ by 0.5, within 0.01."""
    data = growing(prior=False)
    fast, slow = rates(solved("waddington-ot", data), data)
    assert fast - slow == pytest.approx(RATES[0] - RATES[1], abs=0.01)


@pytest.mark.parametrize("name", ["ot-displacement", "waddington-ot"])
def test_planted_partners_are_found(name):
    """Each cell moves by a little, in another order: all partners are found."""
    rng = np.random.default_rng(1)
    x0 = rng.uniform(0, 10, (150, 3))
    order = rng.permutation(150)
    x1 = (x0 + STEP)[order]
    data = Snapshots(np.concatenate([x0, x1]), np.repeat([0.0, 1.0], 150), AffineSpace.coordinates(("a", "b", "c")))
    plan = solved(name, data, **({"epsilon": 0.002} if name != "ot-displacement" else {})).coupling(0)
    cells = torch.from_numpy(data.at(0.0))
    for k, cell in enumerate(cells):
        own = (plan.x0 == cell).all(1)
        best = plan.x1[own][plan.weight[own].argmax()]
        np.testing.assert_allclose(best.numpy(), cells[k].numpy() + STEP, atol=1e-5)


def test_moslin_keeps_clones_together_where_distance_tells_nothing():
    """Two early clones and two late ones in one place, of 30 and 60 cells: with lineage, nine tenths of the mass of a
    clone go to one clone; without, as much as its share of the cells."""
    rng = np.random.default_rng(2)
    clone = np.concatenate([np.repeat([0, 1], [30, 60]), np.repeat([2, 3], [30, 60])])
    x = rng.normal(size=(180, 2))
    t = np.repeat([0.0, 1.0], 90)
    data = Snapshots(x, t, AffineSpace.coordinates(("a", "b")), lineage=clone)
    shares = {}
    for alpha in (0.0, 0.9):
        plan = solved("moslin", data, alpha=alpha, epsilon=0.05, tau=1.0).coupling(0)
        assert plan.target_mass is None
        first = (plan.x0[:, None] == torch.from_numpy(data.x[clone == 0])).all(-1).any(1)
        there = (plan.x1[:, None] == torch.from_numpy(data.x[clone == 2])).all(-1).any(1)
        shares[alpha] = float(plan.weight[first & there].sum() / plan.weight[first].sum())
    assert shares[0.0] == pytest.approx(1 / 3, abs=0.1)
    assert shares[0.9] > 0.9
