"""The references of every forecast: last value, linear mixed model, population pharmacokinetics."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from cellflow_core.data.simulators.pkpd import Pkpd
from cellflow_core.data.simulators.pkpd import Settings as PkpdSettings
from cellflow_core.data.trajectories import DoseEvents, Trajectories
from tests.truth.models.longitudinal.studies import (
    area,
    at_own_times,
    batch_of,
    concentrations,
    coverage,
    rmspe,
    theophylline,
    trained,
    warfarin,
    without,
)

pytestmark = pytest.mark.truth


@pytest.fixture(scope="module")
def simulated():
    """People of the linear simulator who were given two doses; the concentration alone."""
    return concentrations(subjects=24, n_times=12, n_doses=2, times="irregular", seed=3)


@pytest.fixture(scope="module")
def fitted(simulated):
    return trained("population-pk", simulated, training={"steps": 100})


def test_population_parameters_are_found(fitted):
    """Clearance, volume and absorption of the typical person within 15 %, their spread within 0.1."""
    typical = fitted.theta.exp()
    found = dict(zip(fitted.names, typical.tolist(), strict=False))
    assert found["CL"] == pytest.approx(2.0, rel=0.15) and found["V"] == pytest.approx(20.0, rel=0.15)
    assert found["ka"] == pytest.approx(1.0, rel=0.25) and found["lag"] < 0.2
    assert fitted.log_omega.exp()[:2].tolist() == pytest.approx([0.3, 0.3], abs=0.12)
    assert "absorbed" in fitted.notes()[0]


def test_the_note_names_what_the_route_has(simulated):
    """Absorption and its lag are of doses that are swallowed only."""
    note = {
        route: trained("population-pk", simulated, training={"steps": 2}, route=route).notes()[0]
        for route in ("oral", "intravenous")
    }
    assert "ka" in note["oral"] and "lag" in note["oral"]
    assert "ka" not in note["intravenous"] and "lag" not in note["intravenous"]


def test_a_doubled_dose_doubles_the_area(fitted, simulated):
    """Of each person, and of the population, within 1 %; nothing is negative."""
    batch, times = batch_of(simulated, fitted), torch.linspace(0, 48, 60)
    for known in (batch, batch.until(-np.inf)):
        doubled = replace(known, doses=replace(known.doses, amount=known.doses.amount * 2))
        once, twice = (fitted.courses(each, times, 40, torch.Generator().manual_seed(0)) for each in (known, doubled))
        assert once.min() >= 0
        if known is not batch:  # another dose than the one that was measured is another history
            torch.testing.assert_close(
                area(twice, times) / area(once, times), torch.full((24, 1), 2.0), rtol=0.01, atol=0
            )


@pytest.mark.parametrize(
    "study", [theophylline, lambda shared: warfarin(shared, False)], ids=["theophylline", "warfarin"]
)
def test_individual_fits(study, shared):
    """A fifth of the values is held out: error of fits at most 10 %, 90 % bands hold 85 to 100 % of those held out; the
    forecast of the later half is below the last value and the linear model."""
    data = study(shared)
    held = np.random.default_rng(0).random(len(data.t)) < 0.2
    model = trained("population-pk", without(data, held), training={"steps": 100})
    batch, whole = batch_of(without(data, held), model), batch_of(data, model)
    found = at_own_times(model, batch)
    assert found.min() >= 0
    assert rmspe(found.mean(dim=0), whole.x, batch.observed) < 0.10
    assert (
        coverage(model.measured(found, torch.Generator().manual_seed(1)), whole.x, whole.observed & ~batch.observed)
        >= 0.85
    )
    errors = {}
    cut = torch.stack([each[seen].median() for each, seen in zip(whole.t, whole.observed.any(dim=2), strict=True)])
    for name in ("last-value", "linear-course", "population-pk"):
        each = model if name == "population-pk" else trained(name, without(data, held))
        known = whole.until(cut)
        errors[name] = rmspe(at_own_times(each, known).mean(dim=0), whole.x, whole.observed & ~known.observed)
    assert errors["population-pk"] < 0.8 * min(errors["last-value"], errors["linear-course"]), errors


def test_relative_errors_of_the_concentration_of_warfarin(shared):
    """Two compartments, absorption in transit and a proportional error: fits miss values by 10 % at most (RMSPE)."""
    data = warfarin(shared, False)
    model = trained(
        "population-pk",
        data,
        training={"steps": 200},
        compartments="two",
        absorption="transit",
        residual="proportional",
    )
    batch = batch_of(data, model)
    found = at_own_times(model, batch).median(dim=0).values
    seen = batch.observed & (batch.x > 0)
    assert float(((found - batch.x) / batch.x)[seen].square().mean().sqrt()) <= 0.10
    names = dict(
        zip(model.parameter_names, model.individual_parameters(batch, 40, torch.Generator()).unbind(2), strict=True)
    )
    assert 1.0 < float(names["MAT"].median()) < 3.0 and model.notes()[0].count("MAT") == 1
    assert "lag" not in names and "ka" not in names


def test_the_response_is_found_and_forecast():
    """Of the simulator with a late effect: turnover within 30 % and C50 within 40 %; the later activity is forecast
    with less than 0.6 of the error of a level of each."""
    data = Pkpd(PkpdSettings(subjects=16, n_times=8, seed=2)).trajectories()
    model = trained("population-pk", data, training={"steps": 50})
    k, factor, half = model.theta[-3:].exp().tolist()
    assert k == pytest.approx(0.15, rel=0.3) and half == pytest.approx(1.5, rel=0.4) and factor < 0.35
    assert "C50 of activity (%)" in model.notes()[0]
    batch = batch_of(data, model)
    known = batch.until(10.0)
    later = batch.observed & ~known.observed
    later[..., 0] = False
    errors = {"turnover": rmspe(at_own_times(model, known, 60).mean(dim=0), batch.x, later)}
    level = trained("population-pk", data, training={"steps": 5}, response="level")
    errors["level"] = rmspe(at_own_times(level, known, 60).mean(dim=0), batch.x, later)
    assert errors["turnover"] < 0.6 * errors["level"], errors


def lines(slope: float = 0.0, noise: float = 0.1) -> Trajectories:
    """Twenty individuals with lines of their own, whose later half rises after a dose."""
    rng = np.random.default_rng(0)
    t = np.tile(np.linspace(0, 9, 10), 20)
    subject = np.repeat(np.arange(20), 10)
    level = rng.normal(0, 1, 20)[subject] + (slope + 0.2 * rng.normal(size=20))[subject] * t
    dosed = subject < 10
    x = level + 2.0 * dosed * (t > 4.5) + noise * rng.normal(size=len(t))
    given = DoseEvents(np.arange(10), np.full(10, 4.5), np.full(10, 1.0))
    return Trajectories(subject, t, x[:, None], np.ones((len(t), 1), bool), ("y",), "d", given)


def test_lines_and_doses_are_found():
    """From the first half: within 0.35 of the later values (standard deviation 2.1), bands hold 80 to 98 %."""
    data = lines(slope=0.3)
    model = trained("linear-course", data)
    batch = batch_of(data, model)
    known = batch.until(4.5)
    found = at_own_times(model, known)
    later = batch.observed & ~known.observed
    assert (found.mean(dim=0) - batch.x)[later].square().mean().sqrt() < 0.35
    assert 0.8 <= coverage(model.measured(found, torch.Generator()), batch.x, later) <= 0.98


def test_years_are_no_other_lines():
    """Measured from the year 2000 on: the same forecasts as from 0 on, to 1e-3."""
    found = []
    for first in (0.0, 2000.0):
        data = lines(slope=0.3)
        data = replace(data, t=data.t + first, doses=replace(data.doses, time=data.doses.time + first))
        model = trained("linear-course", data)
        times = torch.tensor([first + 6.0, first + 9.0])
        rng = torch.Generator().manual_seed(0)
        found.append(model.courses(batch_of(data, model).until(first + 4.5), times, 20, rng))
    torch.testing.assert_close(*found, rtol=0, atol=1e-3)


def test_the_last_value_stays_and_its_band_grows():
    data = lines()
    model = trained("last-value", data)
    known = batch_of(data, model).until(3.0)
    times = torch.tensor([2.0, 3.0, 5.0, 9.0])
    found = model.courses(known, times, 400, torch.Generator().manual_seed(0))
    torch.testing.assert_close(found[:, :, 0], known.x[:, 2].expand(400, -1, -1))
    torch.testing.assert_close(found.mean(dim=0)[:, 3], known.x[:, 3], rtol=0, atol=0.4)
    spread = found.std(dim=0).mean(dim=0)[:, 0].tolist()
    assert spread[1] == 0 and 0 < spread[2] < spread[3]
    none = model.courses(known.until(-np.inf), times, 400, torch.Generator().manual_seed(0))
    assert float(none.mean()) == pytest.approx(0.3, abs=0.5) and torch.equal(none[:, 0], none[:, 0])
