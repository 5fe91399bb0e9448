"""A gene of the initial cells that is shifted, and then left to the model; several at once; wrappers that nest."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.perturbations.clamp import clamped
from cellflow_core.analysis.perturbations.initial_shift import Shifted, shifted
from cellflow_core.analysis.perturbations.knock_out import perturbation
from cellflow_core.analysis.simulate import simulate
from cellflow_core.config import Config
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.models.contract import DynamicsModel, HasCoupling, HasVelocity, TransportPlan
from tests import toys

RNG = np.random.default_rng(0)
CELLS = RNG.normal([1.0, 0.3, 0.0], [1.0, 0.4, 0.5], (240, 3)).astype(np.float32)
DATA = Snapshots(CELLS, np.repeat([0.0, 2.0], 120), AffineSpace.of_genes(("Side", "Fades", "Still")))
VIEW = Embedding("pca", ("a", "b"), DATA.x[:, :2], DATA.x)


class Made(DynamicsModel):
    title = "Made up"
    summary = "For tests."
    paper = "none"
    Config = Config

    def __init__(self):
        super().__init__(Config(), DATA.spec)

    def phases(self):
        return ()


class Runs(Made, HasVelocity):
    """Cells run away from Side = 0; Fades falls to 0 fast and takes no part; Still stays."""

    def velocity(self, t, x, context):
        return torch.stack([2 * torch.tanh(5 * x[:, 0]), -3 * x[:, 1], torch.zeros_like(t)], dim=1)


def test_genes_as_axes_are_set_to_the_score():
    found = shifted(DATA, {"Side": -2.0}, DATA.x)
    np.testing.assert_allclose(found[:, 0], CELLS[:, 0].mean() - 2 * CELLS[:, 0].std(), rtol=1e-5)
    np.testing.assert_array_equal(found[:, 1:], CELLS[:, 1:])


def test_principal_components_take_the_loadings_of_the_gene():
    loadings = np.linalg.qr(RNG.normal(size=(6, 3)))[0].T
    space = AffineSpace("pca", ("1", "2", "3"), tuple("abcdef"), np.arange(6.0), loadings)
    data = Snapshots(CELLS, DATA.t, space)
    read = space.expression(data.x, "c")
    found = shifted(data, {"c": 1.5}, data.x[:40])
    raised = read.mean() + 1.5 * read.std() - read[:40]
    np.testing.assert_allclose(found - data.x[:40], raised[:, None] * loadings[:, 2], atol=1e-5)


def test_a_learnt_space_stays_where_nothing_is_changed():
    space = toys.counted()
    x = (CELLS * 20).astype(np.float32)
    data = Snapshots(x, DATA.t, space)
    read = space.expression(x, "A")
    one = int(np.argmin(np.abs(read - read.mean() - read.std())))
    score = float((read[one] - read.mean()) / read.std())
    np.testing.assert_allclose(shifted(data, {"A": score}, x[one : one + 1]), x[one : one + 1], atol=1e-3)
    moved = space.encode(space.decode(x[:5]) + np.array([1.0, 0.0], np.float32)) - space.encode(space.decode(x[:5]))
    assert (np.sign(shifted(data, {"A": 50.0}, x[:5]) - x[:5]) == np.sign(moved)).all()


def test_a_gene_without_spread_has_no_score():
    same = Snapshots(CELLS * np.array([1.0, 1.0, 0.0], np.float32), DATA.t, DATA.space)
    with pytest.raises(ValueError, match="Still"):
        shifted(same, {"Still": -5.0}, same.x)
    with pytest.raises(KeyError, match="'Nowhere'"):
        shifted(same, {"Nowhere": -5.0}, same.x)


def test_a_shifted_gene_is_let_go_and_a_held_one_is_not():
    """The same start; but only the held gene is still there at the end."""
    to = float(CELLS[:, 1].mean() + 3 * CELLS[:, 1].std())
    let_go = perturbation(Runs(), DATA, VIEW, "Fades", "shift", 3.0)
    held = perturbation(Runs(), DATA, VIEW, "Fades", "over-expression", to)
    np.testing.assert_allclose(let_go.after_paths[0, :, 1], to, rtol=1e-4)
    np.testing.assert_allclose(held.after_end[:, 1], to, rtol=1e-4)
    assert np.abs(let_go.after_end[:, 1]).max() < 0.1 * to
    assert (let_go.levels, let_go.unit) == ((3.0,), "standard deviations")
    assert "set to +3 standard deviations from its mean in the initial cells alone" in let_go.notes[0]
    assert "from time 0 on all follows the model, Fades too" in let_go.notes[0] and "is clamped at" in held.notes[0]


def test_a_shift_across_the_watershed_changes_the_fate():
    early = CELLS[:120]
    cells = np.concatenate([early, simulate(Runs(), early, [0.0, 2.0]).x[-1]])
    data = Snapshots(cells, DATA.t, DATA.space, labels={"kind": np.where(cells[:, 0] > 0, "right", "left")})
    found = perturbation(Runs(), data, VIEW, "Side", "shift", states="kind")
    assert found.levels == (-5.0,)
    after = dict(zip(found.names, found.after, strict=True))
    assert after["right"] == 0.0 and found.before[found.names.index("right")] > 0.7
    assert after["elsewhere"] > 0.9  # they start left of all cells that were measured, and run on
    assert np.abs(found.control_change).max() < 0.05
    again = perturbation(Runs(), data, VIEW, "Still", "shift", 5.0, states="kind")
    np.testing.assert_allclose(again.change, 0.0, atol=0.04)


def test_a_static_plan_is_refused_as_it_is_for_a_held_gene():
    class Plans(Made, HasCoupling):
        def coupling(self, k):
            x0, x1 = (torch.from_numpy(DATA.at(time)) for time in DATA.times)
            return TransportPlan(0.0, 2.0, x0, x1, torch.full((len(x0),), 1 / len(x0)))

    with pytest.raises(ValueError, match="static plan"):
        perturbation(Plans(), DATA, VIEW, "Side", "shift")


def test_several_genes_are_shifted_at_once_and_wrappers_nest():
    both = shifted(DATA, {"Side": -2.0, "Still": 1.0}, DATA.x)
    one_by_one = shifted(DATA, {"Still": 1.0}, shifted(DATA, {"Side": -2.0}, DATA.x))
    np.testing.assert_allclose(both, one_by_one, atol=1e-6)
    start, times = DATA.at(0.0), [0.0, 1.0, 2.0]
    held = clamped(Shifted(Runs(), DATA, {"Side": -2.0}), DATA, {"Fades": 0.5})
    found = simulate(held, start, times)
    np.testing.assert_allclose(found.x[0, :, 0], shifted(DATA, {"Side": -2.0}, start)[:, 0], rtol=1e-5)
    np.testing.assert_allclose(found.x[..., 1], 0.5, atol=1e-5)
    other = Shifted(clamped(Runs(), DATA, {"Fades": 0.5}), DATA, {"Side": -2.0})
    np.testing.assert_allclose(simulate(other, start, times).x, found.x, atol=1e-5)


def test_clamps_around_clamps_hold_all_their_genes():
    loadings = np.linalg.qr(RNG.normal(size=(6, 3)))[0].T
    space = AffineSpace("pca", ("1", "2", "3"), tuple("abcdef"), np.arange(6.0), loadings)
    data = Snapshots(CELLS, DATA.t, space)
    nested = clamped(clamped(Runs(), data, {"a": 0.2}), data, {"b": 1.1})
    at_once = clamped(Runs(), data, {"b": 1.1, "a": 0.2})
    found = [simulate(each, data.x[:50], [0.0, 1.0, 2.0]).x for each in (nested, at_once)]
    np.testing.assert_allclose(found[0], found[1], atol=1e-5)
    for gene, level in (("a", 0.2), ("b", 1.1)):
        np.testing.assert_allclose(space.expression(found[0].reshape(-1, 3), gene), level, atol=1e-4)


@pytest.mark.parametrize("kind", ["knock-out", "over-expression", "shift"])
def test_a_perturbation_of_several_genes_is_compared_with_sets_of_genes(kind):
    genes = tuple(f"g{k}" for k in range(12))
    x = RNG.normal(size=(200, 12)).astype(np.float32)
    data = Snapshots(x, np.repeat([0.0, 1.0], 100), AffineSpace.of_genes(genes))

    class Fixed(DynamicsModel, HasVelocity):
        title, summary, paper, Config = "Fixed", "For tests.", "none", Config

        def phases(self):
            return ()

        def velocity(self, t, x, context):
            return torch.zeros_like(x)

    view = Embedding("pca", ("a", "b"), x[:, :2], x)
    found = perturbation(Fixed(Config(), data.spec), data, view, ("g1", "g2", "g5"), kind)
    assert found.genes == ("g1", "g2", "g5") and len(found.levels) == 3 and found.gene == "g1, g2 and g5"
    assert found.control_genes and len(found.control_genes) == len(found.control_change)
    for each in found.control_genes:
        names = each.split(" + ")
        assert len(set(names)) == 3 and not set(names) & set(found.genes)
    with pytest.raises(ValueError, match="2 levels"):
        perturbation(Fixed(Config(), data.spec), data, view, ("g1", "g2", "g5"), kind, (1.0, 2.0))
