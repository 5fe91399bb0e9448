"""The ensemble is the mean of its members, each trained as it would be alone."""

from __future__ import annotations

import pytest
import torch

from cellflow_core.data.snapshots import Snapshots
from cellflow_core.models import registry
from cellflow_core.models.contract import Context, DynamicsModel
from cellflow_core.models.ensembles.ensemble import STEPS
from cellflow_core.train import trainer
from cellflow_core.train.trainer import TrainConfig, fit
from tests.toys import drifting

TWO = {"mmfm": False, "metric_fm": False, "tigon": False}


@pytest.fixture(scope="module")
def data() -> Snapshots:
    return drifting()


@pytest.fixture(scope="module")
def model(data: Snapshots) -> DynamicsModel:
    model = registry.create("ensemble", TWO, data.spec, 3)
    fit(model, data, TrainConfig(steps=130, batch_size=16), seed=3)
    return model.eval()


def test_the_velocity_is_the_mean_of_the_members(model: DynamicsModel, data: Snapshots):
    t, x = torch.full((20,), 0.5), torch.from_numpy(data.x[:20])
    each = torch.stack([member.velocity(t, x, Context()) for member in model.members.values()])
    assert [*model.members] == ["ot-cfm", "neural-ode"]
    assert torch.allclose(model.velocity(t, x, Context()), each.mean(dim=0))
    assert (each[0] - each[1]).abs().max() > 1e-3
    drawn = model.velocity_samples(t, x, Context(), 50, torch.Generator().manual_seed(0))
    assert all((torch.isclose(drawn, one).all(dim=(1, 2))).any() for one in each)


def test_steps_are_shared_out_as_members_have_them_alone(model: DynamicsModel):
    phases = model.phases()
    assert [each.name.split(":")[0] for each in phases] == ["OT-CFM", "Neural ODE"]
    assert trainer.steps_by_phase(phases, 2600) == [2000, 600]
    assert TrainConfig().steps == STEPS
    assert phases[0].training == {}
    assert phases[1].training == {"batch_size": 128, "learning_rate": 5e-3, "ema_decay": 0.98}


def test_a_member_trains_with_its_own_settings(data: Snapshots):
    asked: list[int] = []

    class Watched(type(registry.create("neural-ode", {}, data.spec, 0))):
        def loss(self, batch):
            asked.append(batch.x.shape[1])
            return super().loss(batch)

    model = registry.create("ensemble", TWO, data.spec, 0)
    model.members["neural-ode"].__class__ = Watched
    fit(model, data, TrainConfig(steps=13, batch_size=8, validation_fraction=0.0))
    assert asked and set(asked) == {128}


def test_one_member_is_no_ensemble(data: Snapshots):
    with pytest.raises(ValueError, match="at least two members"):
        registry.create("ensemble", TWO | {"neural_ode": False}, data.spec, 0)
