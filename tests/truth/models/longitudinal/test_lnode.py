"""LNODE: traces of a decay whose solution is known, their derivatives, and parameters from measured traces."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from cellflow_core.analysis.courses.parameters import individual_parameters
from cellflow_core.data.trajectories import Trajectories
from cellflow_core.data.trajectory_batch import TrajectoryBatch, TrajectoryTensors
from cellflow_core.models import registry
from cellflow_core.train.trainer import TrainConfig, fit

pytestmark = pytest.mark.truth
TIMES = np.linspace(0, 2, 7)


def decays(count: int, seed: int) -> Trajectories:
    """x = level exp(-rate t) - 1, with both parameters as covariates and errors of 0.02."""
    rng = np.random.default_rng(seed)
    level, rate = rng.uniform(1.0, 3.0, count), rng.uniform(0.5, 1.5, count)
    x = level[:, None] * np.exp(-rate[:, None] * TIMES) - 1 + 0.02 * rng.standard_normal((count, len(TIMES)))
    who, t = np.repeat(np.arange(count), len(TIMES)), np.tile(TIMES, count)
    known = {"level": level, "rate": rate}
    return Trajectories(who, t, x.reshape(-1, 1), np.ones((len(t), 1), bool), ("x",), "s", covariates=known)


@pytest.fixture(scope="module")
def model():
    data = decays(100, 0)
    made = registry.create("lnode", {"width": 16, "depth": 2}, data.spec, 0)
    fit(made, data, TrainConfig.preset("standard", type(made), steps=250, validation_fraction=0.0, batch_size=32))
    return made


def batch_of(data: Trajectories, model) -> TrajectoryBatch:
    return TrajectoryTensors.from_trajectories(data, spec=model.spec).take(slice(None), torch.Generator())


def test_traces_follow_from_parameters(model) -> None:
    """Of other parameters, between the training times too: to 5 % of the standard deviation of all values."""
    test = decays(30, 1)
    times = np.linspace(0, 2, 11)
    found = model.courses(batch_of(test, model), torch.tensor(times, dtype=torch.float32), 3, torch.Generator())
    level, rate = (test.covariates[each][:, None] for each in ("level", "rate"))
    truth = level * np.exp(-rate * times) - 1
    assert torch.equal(found[0], found[2])
    assert np.sqrt(np.mean((found[0, ..., 0].numpy() - truth) ** 2)) < 0.05 * truth.std()


def test_the_sensitivity_is_the_derivative(model) -> None:
    """dx/d level = exp(-rate t) and dx/d rate = -t x, in standard deviations of the parameter: r above 0.98."""
    test = decays(30, 1)
    found = model.sensitivity(batch_of(test, model), torch.tensor(TIMES, dtype=torch.float32))[:, :, 0].numpy()
    level, rate = (test.covariates[each][:, None] for each in ("level", "rate"))
    sd = model.background.scale.numpy()
    truth = np.stack([np.exp(-rate * TIMES), -TIMES * level * np.exp(-rate * TIMES)], axis=2) * sd
    for k in range(2):
        assert np.corrcoef(found[..., k].ravel(), truth[..., k].ravel())[0, 1] > 0.98


def test_the_page_tells_what_moves_a_variable_most(model) -> None:
    """Root mean squares over people and times, of the derivatives that are known, to 10 %."""
    data = decays(30, 1)
    notes = individual_parameters((model,), data).notes
    level, rate = (data.covariates[each][:, None] for each in ("level", "rate"))
    of_level, of_rate = np.exp(-rate * TIMES), TIMES * level * np.exp(-rate * TIMES)
    sizes = [np.sqrt(np.mean(each**2)) for each in (of_level, of_rate)] * model.background.scale.numpy()
    printed = dict(re.findall(r"(?:by|,) ([\d.]+) with (\w+)", notes[1]))
    assert len(notes) == 2 and {name: float(size) for size, name in printed.items()} == pytest.approx(
        dict(zip(model.parameter_names, sizes, strict=True)), rel=0.1
    )


def test_parameters_are_found_back(model) -> None:
    """90 % intervals hold at least 75 % of the true parameters, and are narrow; without a trace they are the prior."""
    test = decays(40, 2)
    batch = batch_of(test, model)
    drawn = model.individual_parameters(batch, 300, torch.Generator().manual_seed(0)).numpy()
    low, high = np.quantile(drawn, (0.05, 0.95), axis=0)
    truth = np.stack([test.covariates[each] for each in model.spec.covariates], axis=1)
    assert ((low <= truth) & (truth <= high)).mean() >= 0.75
    assert (drawn.std(axis=0).mean(axis=0) < 0.35 * truth.std(axis=0)).all()
    prior = model.individual_parameters(batch.until(-np.inf), 300, torch.Generator().manual_seed(0)).numpy()
    assert prior.std(axis=0).mean(axis=0) == pytest.approx(model.background.scale.numpy(), rel=0.1)


def test_unknown_parameters_come_from_the_trace(model) -> None:
    """A forecast of the second half from the first, both parameters hidden, is near the truth and its draws differ."""
    test = decays(30, 3)
    hidden = replace(test, covariates={each: np.full(30, np.nan) for each in test.covariates})
    batch = batch_of(hidden, model).until(1.0)
    drawn = model.courses(batch, torch.tensor([2.0]), 50, torch.Generator().manual_seed(0))[..., 0, 0]
    truth = test.covariates["level"] * np.exp(-2 * test.covariates["rate"]) - 1
    assert drawn.std(dim=0).min() > 0
    assert np.corrcoef(drawn.mean(dim=0).numpy(), truth)[0, 1] > 0.9
