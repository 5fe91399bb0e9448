"""TE-CDE: an effect that is known, none where there is none, and which direction the classifier pulls in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from cellflow_core.data.trajectories import DoseEvents, Trajectories
from cellflow_core.data.trajectory_batch import TrajectoryBatch, TrajectoryTensors
from cellflow_core.models import registry
from cellflow_core.train.trainer import TrainConfig, fit

pytestmark = pytest.mark.truth
SUBJECTS = 120


def study(effect: float) -> Trajectories:
    """Two measurements of each; between them a treatment, given more often to large values, that lowers by `effect`."""
    rng = np.random.default_rng(0)
    first = rng.normal(10.0, 1.0, SUBJECTS)
    treated = rng.random(SUBJECTS) < 1 / (1 + np.exp(-1.5 * (first - 10)))
    second = first - effect * treated + 0.1 * rng.standard_normal(SUBJECTS)
    who = np.flatnonzero(treated)
    return Trajectories(
        np.repeat(np.arange(SUBJECTS), 2),
        np.tile([0.0, 1.0], SUBJECTS),
        np.stack([first, second], axis=1).reshape(-1, 1) - 20.0,  # also below 0
        np.ones((2 * SUBJECTS, 1), bool),
        ("outcome",),
        "day",
        DoseEvents(who, np.zeros(len(who)), np.ones(len(who))),
    )


def batch_of(data: Trajectories, model) -> TrajectoryBatch:
    return TrajectoryTensors.from_trajectories(data, spec=model.spec).take(
        slice(None), torch.Generator().manual_seed(3)
    )


def created(data: Trajectories, **settings):
    return registry.create("te-cde", {"hidden": 4, "width": 16, "horizon": 1.0, **settings}, data.spec, 0)


@pytest.mark.parametrize(("effect", "balancing"), [(2.0, "adversarial"), (0.0, "none")])
def test_the_effect_of_a_treatment(effect: float, balancing: str) -> None:
    """Mean difference of the outcome with and without: -2 within 0.5 though the treated had larger values, and 0."""
    data = study(effect)
    model = created(data, balancing=balancing, balancing_weight=0.1)
    fit(model, data, TrainConfig(steps=150, batch_size=60, learning_rate=2e-2, ema_decay=0.9, validation_fraction=0.0))
    everyone = DoseEvents(np.arange(SUBJECTS), np.zeros(SUBJECTS), np.ones(SUBJECTS))

    def mean(doses: DoseEvents) -> float:
        asked = batch_of(replace(data, doses=doses), model).until(0.0)
        return float(model.courses(asked, torch.tensor([1.0]), 20, torch.Generator().manual_seed(0)).mean())

    treated, untreated = mean(everyone), mean(replace(everyone, amount=np.zeros(SUBJECTS)))
    assert treated - untreated == pytest.approx(-effect, abs=0.5)


def test_gradients_of_the_classifier_are_reversed_or_added() -> None:
    """In the weights that read the history it is minus the released one; in the classifier both are the same."""
    data, found = study(1.0), {}
    for balancing in ("adversarial", "released"):
        model = created(data, balancing=balancing, balancing_weight=1.0, dropout=0.0)
        model.learn(TrajectoryTensors.from_trajectories(data, spec=model.spec), torch.Generator())
        for name, loss in (("watched", model.loss_of_outcomes), ("pulled", model.loss)):
            model.zero_grad()
            loss(batch_of(data, model)).total.backward()
            found[balancing, name] = model.embed.weight.grad.clone(), model.classifier.last.weight.grad.clone()
    pull = {each: found[each, "pulled"][0] - found[each, "watched"][0] for each in ("adversarial", "released")}
    assert pull["released"].abs().max() > 1e-4
    torch.testing.assert_close(pull["adversarial"], -pull["released"], rtol=1e-3, atol=1e-6)
    torch.testing.assert_close(found["adversarial", "pulled"][1], found["released", "pulled"][1])


def test_the_next_treatment_is_known() -> None:
    """Given at 0, decisions a day apart: the treated are treated next at 0 and not at 1."""
    data = study(1.0)
    model = created(data)
    model.learn(TrajectoryTensors.from_trajectories(data, spec=model.spec), torch.Generator())
    batch = batch_of(data, model)
    found = model._next_treatments(batch.t, batch.doses)[..., 0]
    treated = np.isin(np.arange(SUBJECTS), data.doses.subject)
    np.testing.assert_array_equal(found[:, 0].numpy() == 1, treated)
    assert not found[:, 1].any() and float(model.decision) == 1.0
