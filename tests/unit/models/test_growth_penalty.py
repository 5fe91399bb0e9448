"""The unbalanced penalty rho: small where cells grow unevenly, large where they only move, and kept with the model."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cellflow_core.analysis import evaluate
from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.simulators.birth_death import BirthDeath, Settings
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.models import registry
from cellflow_core.models.contract import Context
from cellflow_core.models.transport import growth_penalty, held_out_time
from cellflow_core.models.transport.growth_penalty import (
    DEFAULT_PENALTY,
    PENALTY_GRID,
    GrowthPenalty,
    select_growth_penalty,
)
from cellflow_core.models.transport.ot_solvers import Unbalanced
from cellflow_core.train.trainer import TrainConfig, fit

EPSILON = 0.02


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def moving(times: tuple[float, ...] = (0.0, 1.0, 2.0, 3.0), cells: int = 250, sizes: np.ndarray | None = None):
    """A Gaussian that moves by three standard deviations a unit of time along both axes."""
    t = np.repeat(times, cells)
    x = np.random.default_rng(0).normal(size=(len(t), 2)) + 3 * t[:, None]
    return Snapshots(x, t, AffineSpace.coordinates(("a", "b")), mass=sizes)


@pytest.mark.parametrize("counted", [True, False])
def test_uneven_growth_selects_a_small_penalty(counted):
    data = BirthDeath(Settings(cells_per_time=250, n_times=3)).simulate()
    if not counted:
        data = Snapshots(data.x, data.t, data.space)
    assert select_growth_penalty(SnapshotTensors.from_snapshots(data), EPSILON, "source", generator()) == min(
        PENALTY_GRID
    )


@pytest.mark.parametrize("sizes", [None, np.array([1.0, 3.0, 9.0, 27.0])])
@pytest.mark.parametrize("relax", ["source", "both"])
def test_populations_that_only_move_select_a_large_penalty(sizes, relax):
    """Also where all cells triple from time to time: uniform growth has no penalty."""
    assert (
        select_growth_penalty(SnapshotTensors.from_snapshots(moving(sizes=sizes)), EPSILON, relax, generator()) >= 3.0
    )


def test_among_ties_the_largest_penalty_is_selected(monkeypatch):
    errors = dict(zip(PENALTY_GRID, (1.3, 1.004, 1.0), strict=True))
    monkeypatch.setattr(growth_penalty, "interpolation_error", lambda frames, k, solver, rng: errors[solver.rho])
    assert select_growth_penalty(SnapshotTensors.from_snapshots(moving()), EPSILON, "source", generator()) == 3.0
    errors[10.0] = 1.0
    assert select_growth_penalty(SnapshotTensors.from_snapshots(moving()), EPSILON, "source", generator()) == 10.0


def test_a_state_that_empties_while_another_fills_selects_a_small_penalty_on_both_marginals():
    """No cell is ever between the two states, so that paths between them are far off."""
    rng = np.random.default_rng(1)
    t = np.repeat([0.0, 1.0, 2.0, 3.0], 200)
    share = np.array([0.95, 0.65, 0.35, 0.05])[t.astype(int)]
    x = rng.normal(size=(len(t), 2)) + np.where(rng.random(len(t)) < share, 0.0, 12.0)[:, None]
    frames = SnapshotTensors.from_snapshots(Snapshots(x, t, AffineSpace.coordinates(("a", "b"))))
    found = select_growth_penalty(frames, EPSILON, "both", generator())
    near, moved = (
        growth_penalty.interpolation_error(frames, 1, Unbalanced(EPSILON, each, "both"), generator())
        for each in (found, 10.0)
    )
    assert found == min(PENALTY_GRID) and near < 0.5 * moved


def test_without_an_inner_time_none_is_selected():
    assert (
        select_growth_penalty(SnapshotTensors.from_snapshots(moving((0.0, 1.0))), EPSILON, "source", generator())
        == DEFAULT_PENALTY
    )


def test_the_random_draws_of_training_stay_as_they_were():
    rng, frames = generator(3), SnapshotTensors.from_snapshots(moving(cells=40))
    before = rng.get_state()
    first = growth_penalty.interpolation_error(frames, 1, Unbalanced(EPSILON, 0.3), rng)
    assert first == growth_penalty.interpolation_error(frames, 1, Unbalanced(EPSILON, 0.3), rng)
    assert torch.equal(before, rng.get_state())
    assert first != growth_penalty.interpolation_error(frames, 1, Unbalanced(EPSILON, 0.3), generator(4))


def test_large_populations_are_compared_on_some_of_their_cells(monkeypatch):
    monkeypatch.setattr(growth_penalty, "CELLS", 50)
    seen = []
    monkeypatch.setattr(held_out_time, "wasserstein", lambda x, y: seen.append((len(x), len(y))) or 1.0)
    select_growth_penalty(SnapshotTensors.from_snapshots(moving()), EPSILON, "source", generator())
    assert seen == [(50, 50)] * 2 * growth_penalty.DRAWS * len(PENALTY_GRID)


def test_a_penalty_is_selected_once_and_reported(monkeypatch):
    made, frames = GrowthPenalty(0.0, EPSILON), SnapshotTensors.from_snapshots(moving(cells=30))
    assert made.notes() == ()
    monkeypatch.setattr(growth_penalty, "select_growth_penalty", lambda *_: 3.0)
    assert made.coupling(frames, generator()) == Unbalanced(EPSILON, 3.0)
    monkeypatch.setattr(growth_penalty, "select_growth_penalty", lambda *_: 0.1)  # of the validation cells
    assert made.coupling(frames, generator()) == Unbalanced(EPSILON, 3.0)
    back = GrowthPenalty(0.0, EPSILON)
    back.load_state_dict(made.state_dict())
    assert back.notes() == made.notes() and made.notes()[0].startswith("The unbalanced penalty rho = 3 (")


def test_a_penalty_that_is_set_is_used(monkeypatch):
    monkeypatch.setattr(growth_penalty, "select_growth_penalty", lambda *_: pytest.fail("a penalty was set"))
    made, frames = GrowthPenalty(0.3, EPSILON), SnapshotTensors.from_snapshots(moving(cells=30))
    assert made.coupling(frames, generator()) == Unbalanced(EPSILON, 0.3)
    assert made.notes() == () and not made.state_dict()  # weights from before a penalty could be selected load


@pytest.mark.parametrize(("name", "settings"), [("uot-cfm", {}), ("metric-fm", {"coupling": "unbalanced"})])
def test_scores_report_the_selected_penalty(name, settings):
    data = moving(cells=30)
    seen = data.without(1.0)
    model = registry.create(name, {"width": 8, "depth": 1, **settings}, seen.spec, seed=0)
    fit(model, seen, TrainConfig(steps=4, batch_size=8), seed=0)
    assert model.notes() and evaluate.scores(model, data, 1.0).notes[0] == model.notes()[0]


def test_a_balanced_model_learns_no_growth():
    model = registry.create("metric-fm", {"width": 8, "depth": 1}, moving(cells=9).spec, seed=0)
    with pytest.raises(ValueError, match="no growth"):
        model.growth(torch.zeros(2), torch.zeros(2, 2), Context())  # type: ignore[attr-defined]
