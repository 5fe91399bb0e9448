"""Paths of least action between groups: known barriers, their asymmetry, support, genes, and what is refused."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from cellflow_core.analysis.dynamics import dynamics
from cellflow_core.analysis.fields.least_action import least_action_path
from cellflow_core.analysis.results import LeastAction
from cellflow_core.jobs.analysis_cache import QUESTIONS
from cellflow_core.jobs.questions import of_fields
from cellflow_core.models.contract import HasDrift, HasNoise, HasVelocity
from tests.unit.analysis.fields.test_barriers import EVERYWHERE, MAP, Wells
from tests.unit.analysis.splitting import Made, Plans

TILT = 0.4
LEFT, RIGHT = ("kind", "left"), ("kind", "right")
LEFT_WELL, SADDLE, RIGHT_WELL = np.sort(np.roots([4.0, 0.0, -4.0, -TILT]).real)


def height(x: float) -> float:
    return (x**2 - 1) ** 2 - TILT * x


UP, DOWN = height(SADDLE) - height(LEFT_WELL), height(SADDLE) - height(RIGHT_WELL)
"""Barriers of U = (x^2 - 1)^2 - TILT x, from the left well and from the right one."""


class Turning(Made, HasVelocity):
    """-grad U and a part that goes around at equal height: the same quasi-potential, another path."""

    def velocity(self, t, x, context):
        down = Wells(1.0, TILT).velocity(t, x, context)
        around = torch.stack([down[:, 1], -down[:, 0], torch.zeros_like(t)], dim=1)
        return down + 0.7 * around


class Noisy(Made, HasDrift, HasNoise):
    """The same wells with noise of 0.5 state / sqrt(time): D = 0.125."""

    def drift(self, t, x, context):
        return Wells(1.0, TILT).velocity(t, x, context)

    def noise(self, t):
        return torch.full_like(t, 0.5)


class Still(Made, HasVelocity):
    """A field that is zero everywhere."""

    def velocity(self, t, x, context):
        return torch.zeros_like(x)


@pytest.fixture
def ask(monkeypatch):
    """The question of the catalogue, of a model that is made up."""
    monkeypatch.setattr(of_fields, "view_of", lambda *_: MAP)

    def asked(model, *siblings, data=EVERYWHERE, start=LEFT, end=RIGHT, **settings) -> LeastAction:
        subject = SimpleNamespace(model=model, data=data, ensemble=(model, *siblings))
        found = QUESTIONS["least_action"](subject, start, end, **settings)
        assert isinstance(found, LeastAction)
        return found

    return asked


@pytest.mark.parametrize(("model", "diffusion"), [(Wells(1.0, TILT), 1.0), (Turning(), 1.0), (Noisy(), 0.125)])
def test_actions_between_wells_are_the_barriers_over_the_noise(ask, model, diffusion):
    """S = (U(saddle) - U(well)) / D, to 2 %, there and back."""
    found = ask(model, place="attractor")
    np.testing.assert_allclose(found.action[0], [UP / diffusion, DOWN / diffusion], rtol=0.02)
    assert found.converged.all() and (found.action <= found.line + 1e-9).all()
    assert np.isnan(found.diffusion) == (diffusion == 1.0)
    assert found.unit == ("" if diffusion != 1.0 else "state² / day")
    np.testing.assert_allclose(found.x[0, 0, [0, -1], 0], [LEFT_WELL, RIGHT_WELL], atol=1e-3)
    np.testing.assert_allclose(found.x[0, 1, [0, -1], 0], [RIGHT_WELL, LEFT_WELL], atol=1e-3)
    away = np.linalg.norm(found.x[0] - np.array([SADDLE, 0, 0]), axis=2).min(axis=1)
    assert (away < 0.06).all(), "both paths lead through the saddle"


def test_a_field_that_goes_around_takes_another_path_back(ask):
    straight, around = ask(Wells(1.0, TILT), place="attractor"), ask(Turning(), place="attractor")
    assert np.abs(straight.x[0, 0] - straight.x[0, 1, ::-1]).max() < 0.05
    assert np.abs(around.x[0, 0] - around.x[0, 1, ::-1]).max() > 0.2
    np.testing.assert_allclose(around.line[0], 1.22 * straight.line[0], rtol=0.35)


def test_a_path_down_takes_no_action_and_back_all(ask):
    """One well, on the right: the field itself leads there."""
    found = ask(Wells(1.0, 3.0))
    assert found.action[0, 0] < 0.02 * found.line[0, 1] < found.action[0, 1]


def test_ranges_are_over_the_trainings_and_one_without_attractors_has_no_path(ask, tmp_path):
    found = ask(Wells(1.0), Wells(2.0), Wells(1.0, 3.0), place="attractor")
    np.testing.assert_allclose(found.action[:2], [[1, 1], [2, 2]], rtol=0.02)
    assert np.isnan(found.action[2]).all() and np.isnan(found.x[2]).all() and not found.converged[2].any()
    assert np.isnan(found.places[2]).all() and "3 trainings" in " ".join(found.notes)
    found.save(tmp_path / "found.npz")
    np.testing.assert_array_equal(LeastAction.load(tmp_path / "found.npz").values, found.values)
    assert ask(Wells(1.0)).notes[-1].startswith("One training")


def test_a_training_without_any_path_leaves_those_of_the_others(ask):
    found = ask(Wells(1.0), Still(), Wells(2.0))
    np.testing.assert_allclose(found.action[2] / found.action[0], 2, rtol=0.05)
    assert np.isnan(found.action[1]).all() and np.isnan(found.x[1]).all()
    assert sum("has no path: the field is zero all along the line" in each for each in found.notes) == 1
    with pytest.raises(ValueError, match="zero all along"):
        ask(Still(), Wells(1.0))


def test_genes_are_those_of_the_path_and_cells_are_near_it(ask):
    found = ask(Wells(1.0, TILT), place="attractor")
    assert found.genes[0] == "Up" and set(found.genes) == {"Up", "Side", "Still"}
    order = [EVERYWHERE.space.genes.index(each) for each in found.genes]
    np.testing.assert_allclose(found.values, found.x[..., order], atol=1e-5)
    assert found.near.all() and found.distance.shape == found.nearest.shape == (2, 41)
    close = np.linalg.norm(EVERYWHERE.x[found.nearest] - found.x[0], axis=2)
    assert close.max() < 0.2
    np.testing.assert_allclose(found.places[0], found.x[0, ..., :2], atol=1e-4)
    lengths = np.linalg.norm(np.diff(found.x[0], axis=1), axis=2)
    np.testing.assert_allclose(lengths, lengths.mean(axis=1, keepdims=True) * np.ones(40), rtol=0.1)
    assert (np.diff(found.times, axis=2) >= 0).all() and (found.duration > 1).all()


def test_a_path_through_a_gap_between_cells_is_told(ask):
    found = ask(Wells(1.0), data=EVERYWHERE.take(np.abs(EVERYWHERE.x[:, 0]) > 0.7))
    middle = np.abs(found.x[0, ..., 0]) < 0.3
    assert not found.near[middle].any() and found.near[np.abs(found.x[0, ..., 0]) > 0.8].all()


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"end": LEFT}, ValueError, "begins and ends in left: choose two different groups"),
        ({"end": ("kind", "nobody")}, ValueError, "no cell has kind = nobody: choose a group that has cells"),
        ({"end": ("kind", "")}, ValueError, "no cell has kind = nothing"),
        ({"end": ("type", "left")}, KeyError, "no annotation 'type'"),
        ({"place": "top"}, ValueError, "neither middle nor attractor"),
    ],
)
def test_groups_that_make_no_path_are_refused(ask, settings, error, words):
    with pytest.raises(error, match=words):
        ask(Wells(1.0), **settings)


def test_models_without_a_field_or_attractors_are_refused(ask):
    with pytest.raises(ValueError, match="no velocity field"):
        ask(Plans())
    with pytest.raises(ValueError, match="does not bring left and right to rest in two different attractors"):
        ask(Wells(1.0, 3.0), place="attractor")


def test_ends_and_points_are_checked():
    moving, here = dynamics(Wells(1.0)), np.zeros(3)
    with pytest.raises(ValueError, match="same state"):
        least_action_path(moving, here, here, 0.0)
    with pytest.raises(ValueError, match="take 3 or more"):
        least_action_path(moving, here, here + 1, 0.0, points=2)
    with pytest.raises(ValueError, match="zero all along the line"):
        least_action_path(dynamics(Still()), here, here + 1, 0.0)


class Vanishing(Made, HasVelocity):
    """The wells, and no motion far from all cells, as the field of a kernel has: there a path takes no action."""

    def velocity(self, t, x, context):
        return Wells(1.0, TILT).velocity(t, x, context) * torch.exp(-((x[:, 1:2] / 1.5) ** 6))


def test_a_path_is_kept_near_cells_where_the_field_vanishes_far_from_them(ask):
    found = ask(Vanishing(), place="attractor")
    assert found.near.all()
    np.testing.assert_allclose(found.action[0], [UP, DOWN], rtol=0.03)
    moving, bow = dynamics(Vanishing().double()), np.array([[LEFT_WELL, 0, 0], [0, 6, 0], [RIGHT_WELL, 0, 0]])
    far = least_action_path(moving, bow[0], bow[2], 0.0, guesses=(bow,))
    assert far.action < 0.8 * UP and far.x[:, 1].max() > 2, "without support, a path far from all cells takes less"
