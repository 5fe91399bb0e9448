"""Barriers between basins, over trainings that differ: which basins are the same, and what is climbed between them."""

import numpy as np
import pytest
import torch

from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.fields.barriers import Found, barriers, matched
from cellflow_core.analysis.fields.basins import find_basins
from cellflow_core.analysis.grid import Grid
from cellflow_core.analysis.landscape import Surface
from cellflow_core.analysis.results import Barriers
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.models.contract import HasPotential, HasVelocity
from tests.unit.analysis.splitting import DATA, Made

X = np.linspace(-3, 3, 61)
GX, GY = np.meshgrid(X, X)


def wells(*centers: float) -> Found:
    """Basins along an axis, 100 cells in each third of it."""
    height = np.min([(GX - c) ** 2 for c in centers], axis=0) + GY**2
    cells = np.stack([np.repeat([-2.0, 0.0, 2.0], 100), np.zeros(300)], axis=1)
    grid = Grid(X, X, (0.1, 0.1), cells)
    basins = find_basins(height)
    own = grid.nearest(basins.of, cells)
    return Found(Surface(grid, height, "made", "unit", ()), basins, own, ("",) * len(basins.lowest))


def test_basins_are_the_same_where_they_hold_the_same_cells():
    three, shifted, two = wells(-2, 0, 2), wells(2.2, -1.9, 0.1), wells(-2, 1.4)
    at = matched(three, shifted)
    assert (shifted.basins.lowest[at] // 61 == 30).all() and sorted(at) == [0, 1, 2]
    assert np.abs(X[shifted.basins.lowest[at] % 61] - X[three.basins.lowest[three.kept] % 61]).max() < 0.3
    lacking = matched(three, two)
    assert (lacking >= 0).sum() == 2, "two basins that are one elsewhere are found there once"
    assert (matched(two, three) >= 0).all()


class Wells(Made, HasVelocity, HasPotential):
    """U = barrier (x^2 - 1)^2 - tilt x + y^2 of the first two axes."""

    def __init__(self, barrier: float, tilt: float = 0.0):
        super().__init__()
        self.barrier, self.tilt = barrier, tilt

    def potential(self, t, x, context):
        return self.barrier * (x[:, 0].square() - 1).square() - self.tilt * x[:, 0] + x[:, 1].square()

    def velocity(self, t, x, context):
        steep = self.tilt - 4 * self.barrier * x[:, 0] * (x[:, 0].square() - 1)
        return torch.stack([steep, -2 * x[:, 1], -x[:, 2]], dim=1)


RNG = np.random.default_rng(0)
CELLS = np.concatenate([RNG.uniform([-1.5, -0.5], [1.5, 0.5], (1200, 2)), RNG.normal(0, 0.01, (1200, 1))], axis=1)
KIND = {"kind": np.where(CELLS[:, 0] < 0, "left", "right")}
EVERYWHERE = Snapshots(CELLS.astype(np.float32), np.repeat([0.0, 1.0], 600), DATA.space, "day", labels=KIND)
MAP = Embedding("pca", ("a", "b"), EVERYWHERE.x[:, :2], EVERYWHERE.x)


def test_climbs_are_those_of_the_potential_with_their_range_over_trainings(tmp_path):
    """Wells at -1 and 1 with a saddle 1, 1.5 and 2.5 high: the picture shows the first training."""
    made = barriers(Wells(1.0), EVERYWHERE, MAP, by="kind", siblings=[Wells(2.5), Wells(1.5)])
    assert made.kind == "learnt potential" and sorted(made.names) == ["left", "right"] and made.found.all()
    np.testing.assert_allclose(made.climb[:, 0, 1], [1.0, 2.5, 1.5], rtol=0.15)
    np.testing.assert_allclose(made.spread(1, 0), [1.5, 1.0, 2.5, 3], rtol=0.15)
    assert (
        np.isnan(made.climb[:, 0, 0]).all()
        and not made.unsure.any()
        and "3 trainings" in made.notes[-1]
        and "too low" not in made.notes[-1]
    )
    made.save(tmp_path / "made.npz")
    again = Barriers.load(tmp_path / "made.npz")
    np.testing.assert_array_equal(again.climb, made.climb)
    assert (again.basins, again.numbers, again.others) == (made.basins, made.numbers, made.others)


def test_a_basin_that_a_training_lacks_is_counted_and_one_more_is_named():
    """A tilt of 3 leaves one well of two."""
    two, one = Wells(1.0), Wells(1.0, tilt=3.0)
    made = barriers(two, EVERYWHERE, MAP, by="kind", siblings=[one, two])
    assert made.found.sum(axis=0).tolist() in ([2, 3], [3, 2]) and made.spread(0, 1)[3] == 2 and not made.others
    alone = barriers(one, EVERYWHERE, MAP, by="kind", siblings=[two])
    assert len(alone.names) == 1 and alone.others == (("left", 1),)
    assert "not known" in barriers(one, EVERYWHERE, MAP).notes[-1]


def test_every_training_has_a_surface_of_the_same_kind():
    still = Wells(1.0)
    made = barriers(Quiet(), EVERYWHERE, MAP, siblings=[still])
    assert made.unit == "-log p" and made.climb.shape[0] == 2 and "too low" in made.notes[-1]
    with pytest.raises(ValueError, match="learnt no potential"):
        barriers(Quiet(), EVERYWHERE, MAP, "potential")


class Quiet(Made, HasVelocity):
    """The motion of the wells, without their potential."""

    def velocity(self, t, x, context):
        return Wells(1.0).velocity(t, x, context)
