"""Ancestors, descendants and composed plans, where they are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.lineage.ancestry import ancestry
from cellflow_core.analysis.lineage.transition_maps import final_mass, links
from cellflow_core.config import Config
from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.models import registry
from cellflow_core.models.contract import DynamicsModel, HasCoupling, HasGrowth, HasVelocity, TransportPlan


def three() -> Snapshots:
    """Two cells, then two, then three."""
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1], [2, 0], [2, 1], [2, 2]], np.float32)
    kind = np.array(["stem", "stem", "a", "b <i>", "a", "a", "b <i>"])
    return Snapshots(
        x, np.array([0, 0, 1, 1, 2, 2, 2.0]), AffineSpace.coordinates(("p", "q")), "day", labels={"kind": kind}
    )


class Planned(DynamicsModel, HasCoupling):
    """The first cell doubles and goes to the third; the second goes to both; the third to the fifth and sixth, the
    fourth, which halves, to the seventh."""

    title, summary, paper = "Planned", "For tests.", "none"
    Config = Config

    def phases(self):
        return ()

    def coupling(self, k: int) -> TransportPlan:
        x = torch.from_numpy(three().x)
        if k == 0:
            row, column, weight, later = [0, 1, 1], [2, 2, 3], [0.5, 0.25, 0.25], [1.0, 0.25, 0.25]
        else:
            row, column, weight, later = [2, 2, 3], [4, 5, 6], [0.25, 0.25, 0.5], [0.25, 0.25, 0.25]
        return TransportPlan(float(k), k + 1.0, x[row], x[column], torch.tensor(weight), torch.tensor(later))


class Moving(DynamicsModel, HasVelocity, HasGrowth):
    """Cells move right; the upper ones multiply."""

    title, summary, paper = "Moving", "For tests.", "none"
    Config = Config

    def phases(self):
        return ()

    def velocity(self, t, x, context):
        return torch.tensor([1.0, 0.0]).expand(len(x), 2)

    def growth(self, t, x, context):
        return x[:, 1] * np.log(2.0)


DATA = three()
VIEW = Embedding("pca", ("p", "q"), DATA.x, DATA.x)


def planned() -> Planned:
    return Planned(Config(), DATA.spec)


def test_descendants_are_the_plans_one_after_the_other():
    found = ancestry(planned(), DATA, VIEW, time=0.0, by="kind")
    np.testing.assert_allclose(
        found.weight, [0.5, 0.5, 1.25 / 1.5, 0.25 / 1.5, 0.625 / 1.375, 0.625 / 1.375, 0.125 / 1.375]
    )
    np.testing.assert_allclose(found.mass, [1.0, 1.5, 1.375])
    assert set(found.names) == {"stem", "a", "b <i>"}
    np.testing.assert_allclose(found.share.sum(axis=1), 1.0)
    np.testing.assert_allclose(found.share[:, found.names.index("a")], [0, 1.25 / 1.5, 1.25 / 1.375])


def test_ancestors_are_the_cells_whose_mass_it_is():
    found = ancestry(planned(), DATA, VIEW, label=("kind", "a"))
    assert found.time == 2.0 and found.chosen == "2 of 3 cells of time 2 with kind = a"
    np.testing.assert_allclose(found.weight, [0.8, 0.2, 1, 0, 0.5, 0.5, 0])
    np.testing.assert_array_equal(found.mass, [np.nan, np.nan, 1.0])
    region = ancestry(planned(), DATA, VIEW, polygon=[(1.5, 1.5), (2.5, 1.5), (2.5, 2.5), (1.5, 2.5)])
    np.testing.assert_allclose(region.weight, [0, 1, 0, 1, 0, 0, 1])


def test_both_ways_from_the_middle():
    found = ancestry(planned(), DATA, VIEW, time=1.0, label=("kind", "b <i>"))
    np.testing.assert_allclose(found.weight, [0, 1, 0, 1, 0, 0, 1])
    np.testing.assert_allclose(found.mass, [np.nan, 1.0, 0.5])


def test_composed_plans_give_the_fates():
    first, second = final_mass(links(planned(), DATA), np.array([[1.0, 0], [1.0, 0], [0, 1.0]]))
    np.testing.assert_allclose(second, [[1, 0], [0, 0.5]])
    np.testing.assert_allclose(first, [[2, 0], [0.5, 0.25]])


def test_a_model_that_moves_cells_links_the_nearest():
    model = Moving(Config(), DATA.spec)
    found = ancestry(model, DATA, VIEW, time=0.0)
    np.testing.assert_allclose(found.weight, [0.5, 0.5, 1 / 3, 2 / 3, 0.2, 0.8, 0], atol=1e-5)
    np.testing.assert_allclose(found.mass, [1.0, 1.5, 2.5], rtol=1e-5)
    assert any("moved every measured cell" in note for note in found.notes)
    late = ancestry(model, DATA, VIEW, label=("kind", "b <i>"))
    assert late.weight[:4].sum() == 0 and any("100% of the mass" in note for note in late.notes)


def test_cells_in_one_place_share_alike():
    x = np.array([[0, 0], [0, 0], [5, 0], [1, 0], [1, 0], [6, 0]], np.float32)
    data = Snapshots(x, np.repeat([0.0, 1.0], 3), AffineSpace.coordinates(("p", "q")))
    model = registry.create("ot-displacement", {}, data.spec, 0)
    model.prepare(SnapshotTensors.from_snapshots(data), torch.Generator().manual_seed(0))  # type: ignore[operator]
    found = ancestry(
        model,
        data,
        Embedding("pca", ("p", "q"), data.x, data.x),
        polygon=[(0.5, -1.0), (2.0, -1.0), (2.0, 1.0), (0.5, 1.0)],
    )
    np.testing.assert_allclose(found.weight, [0.5, 0.5, 0, 0.5, 0.5, 0])
    assert any("knows no growth" in note for note in found.notes)


def test_says_what_is_lacking():
    with pytest.raises(ValueError, match="stem at time 2.* 0$"):
        ancestry(planned(), DATA, VIEW, time=2.0, label=("kind", "stem"))
    with pytest.raises(KeyError, match="'fate'"):
        ancestry(planned(), DATA, VIEW, label=("fate", "a"))
    other = Snapshots(DATA.x + 1, DATA.t, DATA.space)
    with pytest.raises(ValueError, match="not in"):
        ancestry(planned(), other, Embedding("pca", ("p", "q"), other.x, other.x))


def test_survives_the_disk(tmp_path):
    found = ancestry(planned(), DATA, VIEW, by="kind")
    found.save(tmp_path / "a.npz")
    read = type(found).load(tmp_path / "a.npz")
    assert read.names == found.names and read.chosen == found.chosen
    np.testing.assert_array_equal(read.mass, found.mass)
