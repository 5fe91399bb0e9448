"""Edges that are cut: what targets no longer see, and what stays."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cellflow_core.analysis.dynamics import dynamics
from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.perturbations.edges_cut import edges_cut
from cellflow_core.analysis.perturbations.knock_out import perturbation
from cellflow_core.analysis.perturbations.levels import knocked_down, strength_of
from cellflow_core.analysis.simulate import simulate
from cellflow_core.config import Config
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.models.contract import Context, DynamicsModel, HasVelocity
from tests.unit.analysis.splitting import Plans

RATES = torch.tensor([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 1.0, -1.0]])
"""dx/dt = RATES x: A acts on B and C, B on C, and C decays."""


class Chain(DynamicsModel, HasVelocity):
    title, summary, paper, Config = "Chain", "A chain.", "none", Config

    def phases(self):
        return ()

    def velocity(self, t, x, context):
        return x @ RATES.T


def cells() -> Snapshots:
    x = np.random.default_rng(0).uniform(1, 2, (60, 3)).astype(np.float32)
    return Snapshots(x, np.repeat([0.0, 1.0], 30), AffineSpace.of_genes(("A", "B", "C")))


def test_a_target_sees_the_level_and_all_others_the_gene():
    data = cells()
    model = Chain(Config(), data.spec)
    field = dynamics(edges_cut(model, data, {"A": 0.0}, ["B", "A"])).velocity
    x = torch.tensor([[2.0, 3.0, 4.0]])
    assert field is not None and field(torch.zeros(1), x).tolist() == [[0.0, 0.0, 1.0]]
    both = dynamics(edges_cut(model, data, {"A": 0.5, "B": 0.0}, ["C"])).velocity
    assert both is not None and both(torch.zeros(1), x).tolist() == [[0.0, 2.0, -3.5]]


def test_the_source_follows_the_model_and_the_result_says_what_was_cut():
    data = cells()
    model = Chain(Config(), data.spec)
    view = Embedding("pca", ("A", "B"), data.x[:, :2], data.x)
    found = perturbation(model, data, view, "A", "edges", targets=("B",))
    change = dict(zip(found.read_genes, found.gene_change, strict=True))
    start = data.at(0.0)
    end = simulate(model, start, [0.0, 1.0]).x[-1]
    assert change["A"] == 0 and change["B"] == pytest.approx(-start[:, 0].mean(), rel=1e-3)
    np.testing.assert_allclose(found.gene_mean[0], end.mean(axis=0), rtol=1e-2)
    assert found.targets == ("B",) and "equations of B see A at 0" in found.notes[0]


def test_axes_have_to_be_genes_and_a_plan_has_no_equation():
    data = cells()
    plain = Snapshots(data.x, data.t, AffineSpace.coordinates(("a", "b", "c")))
    with pytest.raises(ValueError, match="genes are the axes"):
        edges_cut(Chain(Config(), plain.spec), plain, {}, ["a"])
    with pytest.raises(ValueError, match="static plan"):
        dynamics(edges_cut(Plans(), data, {"A": 0.0}, ["B"]), Context())


def test_a_knock_down_leaves_the_rest_of_the_mean():
    read = np.array([0.0, 1.0, 2.0, 5.0])
    assert [knocked_down(read, each) for each in (1.0, 0.5, 0.0)] == pytest.approx([0.0, 1.0, 2.0])
    assert strength_of(read, knocked_down(read, 0.3)) == pytest.approx(0.3)
    assert strength_of(np.zeros(4), 0.0) == 1.0
