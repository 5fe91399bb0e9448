"""Landscapes of one time after another."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.fields.moving_landscape import MOST, moving_landscape, shown_times
from cellflow_core.analysis.landscape import landscape
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.figures.scene import over_time
from cellflow_core.models.contract import HasPotential, HasVelocity
from cellflow_core.reporting import summaries
from cellflow_core.reporting.fields import moving_landscape as words
from tests.unit.analysis.splitting import DATA, GENES, VIEW, Made, Split


def plain() -> Snapshots:
    """Cells of three times everywhere over a square; left, middle and right of it at each time but the first, at which
    all are young."""
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.uniform([-1, -1.8], [1, 1.8], (1500, 2)), np.zeros((1500, 1))], axis=1)
    t = np.repeat([0.0, 1.0, 2.0], 500)
    side = np.where(np.abs(x[:, 1]) < 0.4, "middle", np.where(x[:, 1] > 0, "right", "left"))
    return Snapshots(x.astype(np.float32), t, DATA.space, "day", labels={"side": np.where(t > 0, side, "young")})


CELLS = plain()
PLANE = Embedding("pca", ("a", "b"), CELLS.x[:, :2], CELLS.x)


class Parting(Made, HasVelocity, HasPotential):
    """U = (x^2 / 5 + y^4 / 2 - (t - 0.4) y^2) / 2: one valley until 0.4, then two, at y = +-sqrt(t - 0.4)."""

    def potential(self, t, x, context):
        return 0.1 * x[:, 0].square() + x[:, 1] ** 4 / 4 - (t - 0.4) * x[:, 1].square() / 2

    def velocity(self, t, x, context):
        slope = x[:, 1] ** 3 - (t - 0.4) * x[:, 1]
        return -torch.stack([0.2 * x[:, 0], slope, x[:, 2]], dim=1)


def test_one_valley_becomes_two_where_the_potential_parts():
    found = moving_landscape(Parting(), CELLS, PLANE, by="side")
    np.testing.assert_array_equal(found.times, [0.0, 0.5, 1.0, 1.5, 2.0])
    assert found.kind == "learnt potential"
    names = [found.at(k).names for k in range(5)]
    assert names[0] == ("young",) and set(names[3]) == set(names[4]) == {"left", "right"}
    for k in (0, 3, 4):
        valley = np.sqrt(max(found.times[k] - 0.4, 0.0))
        np.testing.assert_allclose(np.abs(found.at(k).bottom[:, 1]), valley, atol=0.12)
    sentence = words.of_moving_landscape(found, "days")
    assert sentence.startswith("At day 0 cells are in one basin (young); from day ")
    assert sentence.endswith("on cells are in 2 basins (left; right).")


def test_cells_and_surface_of_a_time_are_those_of_its_landscape():
    found = moving_landscape(Split(), DATA, VIEW, by="kind")
    one = landscape(Split(), DATA, VIEW, time=2.0, by="kind")
    last = found.at(len(found.times) - 1)
    assert set(last.names) == set(one.names) and last.kind == one.kind
    share, known = (dict(zip(each.names, each.settled, strict=True)) for each in (last, one))
    assert all(share[name] == pytest.approx(known[name], abs=0.05) for name in known)
    grid = np.isfinite(found.height)
    assert (grid == grid[0]).all()  # cells keep their place on the map while the surface moves below them
    moved = found.path_height[:, np.isfinite(found.path_height).all(axis=0)]
    assert moved.shape[1] > 50 and not np.allclose(moved[0], moved[-1])


def test_cells_roll_from_a_group_and_only_later_times_are_shown():
    found = moving_landscape(Split(), DATA, VIEW, start_label=("kind", "left"))
    assert (found.paths[..., 1] < 0).all() and "with kind = left" in " ".join(found.notes)
    alone = landscape(Split(), DATA, VIEW, start_label=("kind", "left"))
    assert (alone.paths[..., 1] < 0).all()


def test_every_frame_has_the_heights_of_its_time():
    found = moving_landscape(Split(), DATA, VIEW, by="kind")
    figure: Any = over_time.over_time(found, unit="days")
    assert [each.name for each in figure.frames] == ["0", "0.5", "1", "1.5", "2"]
    assert [each.label for each in figure.layout.sliders[0].steps] == [each.name for each in figure.frames]
    for k, frame in enumerate(figure.frames):
        inside = np.nanmax(np.asarray(frame.data[0].z))
        assert inside == pytest.approx(np.nanmax(found.height[k]), rel=0.05)
        assert len(frame.data) == len(figure.data)
    rows = words.rows(found, "days")
    assert len({len(each) for each in rows.values()}) == 1 and set(rows["time (days)"]) <= set(found.times.tolist())


def test_few_times_get_more_between_and_many_are_thinned():
    np.testing.assert_array_equal(shown_times(np.array([0.0, 1.0, 4.0])), [0, 0.5, 1, 2.5, 4])
    nine = np.arange(9.0)
    np.testing.assert_array_equal(shown_times(nine), nine)
    many = shown_times(np.arange(40.0))
    assert len(many) == MOST and many[0] == 0 and many[-1] == 39


def test_one_time_is_one_sentence():
    late = Snapshots(DATA.x[DATA.t == 2], DATA.t[DATA.t == 2], DATA.space, "day")
    with pytest.raises(ValueError, match="no two measured times"):
        moving_landscape(Split(), late, Embedding("pca", GENES[:2], late.x[:, :2], late.x))


def test_cells_of_the_last_time_settle_nowhere():
    last = Snapshots(DATA.x, DATA.t, DATA.space, "day", labels={"when": np.where(DATA.t == 2, "end", "before")})
    found = summaries.of_landscape(landscape(Split(), last, VIEW, start_label=("when", "end")), "days")
    assert found.answer == "These cells were measured last, at day 2: nothing follows them." and found.trust == "poor"


def test_basins_without_names_are_counted_and_not_followed():
    found = moving_landscape(Split(), DATA, VIEW)
    sentence = words.of_moving_landscape(found, "days")
    assert "basin 1" not in sentence and "cells are in " in sentence
