"""The RNA velocity as a loss term of models that do without it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.models import registry
from cellflow_core.models.context import Context
from cellflow_core.models.contract import DynamicsModel, HasVelocity
from cellflow_core.train.trainer import TrainConfig, fit

MODELS = ("ot-cfm", "neural-ode")


def cells(velocity: bool = True) -> Snapshots:
    """A cloud that stays where it is, while every cell has the velocity (1, 0)."""
    rng = np.random.default_rng(0)
    x, t = rng.normal(size=(90, 2)), np.repeat([0.0, 2.0, 4.0], 30)
    v = np.tile([1.0, 0.0], (90, 1)) if velocity else None
    return Snapshots(x, t, AffineSpace.coordinates(("a", "b")), "h", velocity=v)


def trained(name: str, data: Snapshots, steps: int, **settings) -> tuple[DynamicsModel, list[str]]:
    model, terms = registry.create(name, {"width": 16, "depth": 1, **settings}, data.spec, seed=0), []
    fit(
        model,
        data,
        TrainConfig.preset("standard", type(model), steps=steps, batch_size=16, learning_rate=1e-2),
        lambda progress: terms.extend(progress.losses),
        seed=0,
    )
    return model, terms


@pytest.mark.parametrize("name", MODELS)
def test_with_weight_0_the_velocity_of_the_data_changes_nothing(name):
    one, terms = trained(name, cells(), 10)
    other, _ = trained(name, cells(velocity=False), 10, velocity_weight=0.0)
    for a, b in zip(one.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)
    assert "RNA velocity" not in terms


@pytest.mark.parametrize("name", MODELS)
def test_with_a_large_weight_the_velocity_is_that_of_the_cells(name):
    """Measured velocity 1 per hour, 2 per interval of the clock: to 0.2."""
    model, terms = trained(name, cells(), 100, velocity_weight=100.0)
    assert isinstance(model, HasVelocity) and "RNA velocity" in terms
    for time in (0.0, 2.0):
        t = torch.full((30,), time)
        position, speed = model.clock.position(t), model.clock.speed(t)
        found = speed[:, None] * model.velocity(position, torch.from_numpy(cells().at(time)), Context())
        assert found.mean(dim=0).tolist() == pytest.approx([1.0, 0.0], abs=0.2)


@pytest.mark.parametrize("name", MODELS)
def test_data_without_velocities_are_refused_with_this_setting_alone(name):
    kind = registry.find(name)
    usual, weighted = kind.Config(), kind.Config.from_dict({"velocity_weight": 1.0})
    assert DataRequirement.VELOCITY not in kind.required_data(usual)
    assert kind.missing_data(usual, cells(velocity=False).has) == ""
    assert "RNA velocity" in kind.missing_data(weighted, cells(velocity=False).has)
