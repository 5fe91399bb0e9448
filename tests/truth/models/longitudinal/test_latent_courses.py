"""Latent courses: doses, forecasts and labels of individuals, where the truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from cellflow_core.data.simulators.individuals.spirals import Settings as SpiralSettings
from cellflow_core.data.simulators.individuals.spirals import Spirals
from cellflow_core.data.trajectories import Trajectories
from tests.truth.models.longitudinal.studies import (
    area,
    at_own_times,
    batch_of,
    concentrations,
    coverage,
    rmspe,
    trained,
)

pytestmark = pytest.mark.truth

STEPS = {"steps": 200}


@pytest.fixture(scope="module")
def people():
    return concentrations(subjects=24, n_times=10, times="irregular", seed=3)


@pytest.fixture(scope="module")
def known(people):
    """Error of forecasts from the first twelve hours, by the reference."""
    return {"last-value": forecast(trained("last-value", people), people)[0]}


def forecast(model, people) -> tuple[float, float]:
    """(error, coverage of 90 % bands) of what is measured after twelve hours."""
    whole = batch_of(people, model)
    early = whole.until(12.0)
    found, later = at_own_times(model, early, draws=100), whole.observed & ~early.observed
    assert found.min() >= 0
    bands = coverage(model.measured(found, torch.Generator().manual_seed(1)), whole.x, later)
    return rmspe(found.mean(dim=0), whole.x, later), bands


def test_doses_count_as_much_as_they_are(people, known):
    """Neural-ODE-PK: a fifth of the error of the last value, and a doubled dose has twice the area, within 1 %."""
    model = trained("neural-ode-pk", people, training=STEPS)
    error, bands = forecast(model, people)
    assert error < known["last-value"] / 5 and bands > 0.75
    nobody, times = batch_of(people, model).until(-np.inf), torch.linspace(0, 48, 40)

    def areas(factor: float) -> torch.Tensor:
        doses = replace(nobody.doses, amount=nobody.doses.amount * factor)
        return area(model.courses(replace(nobody, doses=doses), times, 20, torch.Generator().manual_seed(0)), times)

    torch.testing.assert_close(areas(2.0) / areas(1.0), torch.full((24, 1), 2.0), rtol=0.01, atol=0)


def test_a_latent_ode_forecasts(people, known):
    """A fifth of the error of the last value; with the whole history the fit is within a quarter."""
    model = trained("latent-ode", people, training={"steps": 100})
    error, bands = forecast(model, people)
    assert error < known["last-value"] / 5 and bands > 0.75
    whole = batch_of(people, model)
    assert rmspe(at_own_times(model, whole, draws=50).mean(dim=0), whole.x, whole.observed) < 0.25


def spirals(count: int, kept: float, seed: int) -> Trajectories:
    return Spirals(SpiralSettings(subjects=count, n_times=16, turns=1.0, measured_share=kept, seed=seed)).trajectories()


@pytest.mark.parametrize(("kept", "interpolation", "least"), [(1.0, "linear", 0.98), (0.3, "cubic", 0.93)])
def test_directions_of_spirals_are_recognised(kept, interpolation, least):
    """Accuracy in 200 others: 0.98, and within 0.05 of it where 30 % of the rows are left."""
    data, others = spirals(96, kept, 0), spirals(200, kept, 1)
    training = {"steps": 60, "batch_size": 24, "learning_rate": 0.015}
    model = trained("neural-cde", data, annotation="direction", interpolation=interpolation, training=training)
    batch = batch_of(others, model)
    with torch.no_grad():
        found = model.label_probabilities(batch).argmax(dim=1)
    assert (found == batch.known["label direction"]).float().mean() >= least
    assert model.classes == ("anticlockwise", "clockwise")


def test_a_label_that_is_not_there():
    with pytest.raises(ValueError, match="there are direction"):
        trained("neural-cde", spirals(8, 1.0, 0), annotation="side")
