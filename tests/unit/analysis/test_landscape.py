"""Learnt potentials and quasi-potentials."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from cellflow_core.analysis.dynamics import dynamics
from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.fields.helmholtz import non_gradient, share_unexplained
from cellflow_core.analysis.landscape import landscape
from cellflow_core.models.contract import (
    HasVelocity,
)
from tests.unit.analysis.splitting import DATA, VIEW, Hill, Made, NoisyHill, Split


def test_a_learnt_potential_goes_down_where_cells_go():
    made = landscape(Hill(), DATA, VIEW)
    assert made.kind == "learnt potential" and np.nanmin(made.height) == 0 and made.non_gradient == 0
    assert np.nanmax(made.local_non_gradient) == 0 and np.isfinite(made.local_non_gradient).any()
    assert np.corrcoef(made.cell_height, DATA.x[:, 0])[0, 1] < -0.9
    assert made.path_height[0].mean() > made.path_height[-1].mean()
    with pytest.raises(ValueError, match="learnt no potential"):
        landscape(Split(), DATA, VIEW, "potential")


def test_basins_are_named_by_the_cells_in_them_and_hold_the_simulated_ones():
    made = landscape(Split(), DATA, VIEW, by="kind")
    assert set(made.basins) == {"left", "right <b>"} and made.simulated == 120
    share = dict(zip(made.basins, made.settled, strict=True))
    assert share["right <b>"] == pytest.approx(0.75, abs=0.1) and sum(share.values()) > 0.9
    bottom = dict(zip(made.basins, made.bottom, strict=True))
    assert bottom["left"][1] < 0 < bottom["right <b>"][1]
    assert made.barrier.shape == (2,) and (np.isnan(made.barrier) | (made.barrier > 0)).all()
    assert set(landscape(Split(), DATA, VIEW).basins) == {""}


def test_a_surface_ends_where_no_cell_is_near_and_nothing_stands_beside_it():
    made = landscape(Hill(), DATA, VIEW)
    gx, gy = np.meshgrid(made.x, made.y)
    places = np.stack([gx, gy], axis=-1).reshape(-1, 1, 2)
    width = np.array(VIEW.grid(120).width)
    far = np.sqrt((np.square(places - VIEW.points) / width**2).sum(axis=2)).min(axis=1).reshape(gx.shape)
    assert not np.isfinite(made.height[far > 3.5]).any()
    on = np.isfinite(made.cell_height)
    assert on.mean() > 0.95 and np.isfinite(made.height[far < 1.0]).mean() > 0.9


def test_a_surface_that_never_changes_is_not_said_to_change():
    class Moving(Hill):
        def potential(self, t, x, context):
            return super().potential(t, x, context) + t * x[:, 1]

    for model, still in ((Hill(), True), (Moving(), False)):
        notes = " ".join(landscape(model, DATA, VIEW).notes)
        assert ("the same at all times" in notes) == still and ("changes with time" in notes) != still


def test_a_model_that_carries_all_cells_away_has_no_landscape():
    class Away(Made, HasVelocity):
        def velocity(self, t, x, context):
            return torch.full_like(x, 1e3)

    with pytest.raises(ValueError, match="time 2"):
        landscape(Away(), DATA, VIEW, time=2.0)


def test_chance_beside_a_learnt_potential_is_told():
    for model, printed in ((Hill(), False), (NoisyHill(), True)):
        notes = landscape(model, DATA, VIEW).notes
        assert any("also move by chance, which no surface shows" in each for each in notes) == printed


def test_particles_roll_from_the_drawn_region():
    made = landscape(Split(), DATA, VIEW, start_polygon=((-1.0, 0.0), (0.5, 0.0), (0.5, 9.0), (-1.0, 9.0)))
    assert made.kind.startswith("quasi") and (made.paths[0, :, 1] >= 0).all()
    assert np.isfinite(made.path_height).all() and np.isfinite(made.cell_height).all()
    assert "noise" in made.notes[0]


@pytest.mark.parametrize("turning", [0.0, 1.0])
def test_where_cells_go_around_the_local_share_is_one_and_where_they_go_downhill_none(turning):
    """Cells on the right go down a well, those on the left around a centre of their own, or down the same well."""
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal([-3, 0, 0], [1, 1, 0.01], (600, 3)), rng.normal([3, 0, 0], [1, 1, 0.01], (600, 3))])
    data = replace(DATA, x=x.astype(np.float32), t=np.zeros(1200), labels={})
    view = Embedding("pca", ("a", "b"), data.x[:, :2], data.x)

    class Sides(Made, HasVelocity):
        def velocity(self, t, x, context):
            left = turning * torch.sigmoid(-4 * x[:, :1])
            around = torch.stack([-x[:, 1], x[:, 0] + 3, 0 * x[:, 2]], dim=1)
            return left * around - (1 - left) * (x - torch.tensor([3.0, 0.0, 0.0]))

    found = non_gradient(dynamics(Sides()), data.x, 0.0)
    grid = view.grid(40)
    share = found.around(grid, view.points)
    gx = np.broadcast_to(grid.x, share.shape)
    left, right = (share[np.isfinite(share) & here] for here in (gx < -2, gx > 2))
    assert np.median(right) < 0.05 and np.median(left) == pytest.approx(turning, abs=0.12)
    assert found.share == pytest.approx(turning / 2, abs=0.1) and np.isnan(share).any() and share[share >= 0].max() <= 1


def test_a_gradient_is_explained_and_a_rotation_is_not():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 6))
    well = np.stack([-4 * x[:, 0] * (x[:, 0] ** 2 - 1), *(-x[:, 1:].T)], axis=1)
    assert share_unexplained(x[:300], well[:300], x[300:], well[300:]) < 0.05
    turn = np.zeros_like(x)
    turn[:, 0], turn[:, 1] = -x[:, 1], x[:, 0]
    assert share_unexplained(x[:300], turn[:300], x[300:], turn[300:]) > 0.9
    half = share_unexplained(
        x[:300], (turn - x)[:300] * [1, 1, 0, 0, 0, 0], x[300:], (turn - x)[300:] * [1, 1, 0, 0, 0, 0]
    )
    assert half == pytest.approx(0.5, abs=0.1)
