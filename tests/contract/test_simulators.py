"""What every simulator keeps to, found by itself: cells, every answer in shape and finite, settings within bounds."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from cellflow_core.data.simulators import registry
from cellflow_core.data.simulators.contract import (
    CAPABILITIES,
    HasCounterfactuals,
    HasCourse,
    HasDrift,
    HasFates,
    HasGrowth,
    HasInteraction,
    HasLandscape,
    HasLayers,
    HasMarginal,
    HasNetwork,
    HasNonGradient,
    HasPeriod,
    HasResponse,
    HasScore,
    HasStates,
    HasTrajectories,
    HasVelocity,
    Simulator,
    capabilities,
)
from cellflow_core.data.trajectories import DoseEvents, Trajectories

QUICK = {"cells_per_time": 20, "subjects": 6, "n_times": 3}
NAMES = registry.names()
every = pytest.mark.parametrize("name", NAMES)


def quick(name: str, **changes) -> Simulator:
    """With few cells; a setting that this simulator does not have is left out."""
    known = {each.name for each in registry.find(name).Config.settings()}
    return registry.create(name, {**{key: value for key, value in QUICK.items() if key in known}, **changes})


@cache
def cells(name: str):
    process = quick(name)
    return process, process.simulate()


def that_know(answer: type) -> list[str]:
    return [name for name in NAMES if registry.knows_of(name, answer)]


def finite(values: np.ndarray, *shape: int) -> bool:
    return values.shape == shape and bool(np.isfinite(values).all())


def test_the_simulators_that_were_promised_are_there():
    promised = "ornstein-uhlenbeck gaussian-bridge toggle branching-tree cell-cycle birth-death krumsiek splicing"
    of_rna = "six-gene-circuit splicing-bifurcation transcriptional-boosting unchanging-population metabolic-labelling"
    assert {*promised.split(), *of_rna.split(), "repressilator", "pkpd", "double-well", "interacting-particles"} <= set(
        NAMES
    )
    assert all(capabilities(registry.find(name)) for name in NAMES)
    assert all(that_know(answer) for answer in CAPABILITIES.values())
    assert not registry.knows_of("", HasFates) and not registry.knows_of("krumsiek11", HasFates)


@every
def test_it_says_what_it_is(name):
    kind = registry.find(name)
    assert len(kind.title) > 3 and kind.summary.endswith(".") and kind.paper and kind.time_unit
    assert not kind.paper.lower().startswith("after"), "pages write: After {paper}"
    settings = {each.name: each for each in kind.Config.settings()}
    assert "seed" in settings and kind().settings == kind.Config()
    for each in settings.values():
        assert each.help and "'" not in each.name, each
        if each.kind in ("int", "float") and each.name != "seed":
            assert each.low is not None and each.high is not None, each


@every
def test_default_settings_make_cells(name):
    process = registry.create(name)
    data = process.simulate()
    assert np.isfinite(data.x).all() and data.space.axes == tuple(process.axes) and data.time_unit == process.time_unit
    settings = process.settings.as_dict()
    if "n_times" in settings:
        assert len(data.times) == settings["n_times"]
    if {"n_times", "last_time"} <= set(settings) and settings["n_times"] > 1:
        assert data.times[0] == 0 and data.times[-1] == pytest.approx(settings["last_time"])
    if "cells_per_time" in settings:
        assert all((data.t == t).sum() == settings["cells_per_time"] for t in data.times)
    assert data.x.std(axis=0).max() > 0


@every
def test_the_seed_decides(name):
    process, data = cells(name)
    assert quick(name).simulate().fingerprint == data.fingerprint == process.simulate().fingerprint
    assert quick(name, seed=5).simulate().fingerprint != data.fingerprint


@every
def test_settings_out_of_bounds_are_refused(name):
    kind = registry.find(name)
    with pytest.raises(ValueError, match="no_such"):
        registry.create(name, {"no_such": 1})
    for each in kind.Config.settings():
        if each.low is not None:
            with pytest.raises(ValueError, match=rf"must be a .*number .*\(setting {each.name}\)"):
                registry.create(name, {each.name: each.low - 1})
        if each.high is not None:
            with pytest.raises(ValueError, match=rf"must be a .*number .*\(setting {each.name}\)"):
                registry.create(name, {each.name: each.high + 1})


@pytest.mark.slow
@every
def test_settings_at_their_bounds_make_cells_or_one_sentence(name):
    unlike = ("seed", "cells_per_time", "subjects", "founders", "last_time", "step")  # they cost time alone
    for each in registry.find(name).Config.settings():
        values = each.choices or (each.low, each.high)
        for value in () if each.name in unlike or each.kind in ("bool", "str") else values:
            message = ""
            try:
                data = quick(name, **{each.name: value}).simulate()
            except ValueError as error:
                message = str(error)
            if message:
                assert 20 < len(message) < 300, (each.name, value, message)
                continue
            assert np.isfinite(data.x).all() and np.abs(data.x).max() < 1e6, (each.name, value)


@pytest.mark.parametrize("name", that_know(HasDrift))
def test_drift_and_noise(name):
    process, data = cells(name)
    for t in data.times:
        assert finite(process.drift(float(t), data.at(t).astype(float)), *data.at(t).shape)
        noise = process.noise(float(t))
        assert finite(noise, data.dim) and (noise >= 0).all()


@pytest.mark.parametrize("name", that_know(HasMarginal))
def test_the_marginal(name):
    process, data = cells(name)
    for t in data.times:
        mean, covariance = process.marginal(float(t))
        assert finite(mean, data.dim) and finite(covariance, data.dim, data.dim)
        np.testing.assert_allclose(covariance, covariance.T, atol=1e-12)
        assert np.linalg.eigvalsh(covariance).min() > 0


@pytest.mark.parametrize("answer", [HasScore, HasVelocity])
def test_scores_and_velocities(answer):
    for name in that_know(answer):
        process, data = cells(name)
        for t in data.times:
            field = process.score if answer is HasScore else process.velocity
            assert finite(field(float(t), data.at(t).astype(float)), *data.at(t).shape)


@pytest.mark.parametrize("name", that_know(HasGrowth))
def test_growth_and_mass(name):
    process, data = cells(name)
    assert process.mass(float(data.times[0])) == pytest.approx(1.0)
    assert data.mass is not None and finite(np.asarray(data.mass), len(data.times)) and (data.mass > 0).all()
    for t in data.times:
        assert finite(process.growth(float(t), data.at(t).astype(float)), len(data.at(t)))
        assert 0 < process.mass(float(t)) < np.inf


@pytest.mark.parametrize("name", that_know(HasInteraction))
def test_the_interaction(name):
    process, data = cells(name)
    first = data.at(float(data.times[0])).astype(float)
    assert finite(process.force(np.linspace(0, 3, 7)), 7)
    drift = process.interaction(first, first)
    assert finite(drift, *first.shape) and np.abs(drift.mean(axis=0)).max() < 1e-9 * np.abs(drift).max()
    pair = np.zeros((2, data.dim))
    pair[1, 0] = 1.3
    np.testing.assert_allclose(2 * process.interaction(pair, pair)[1, 0], process.force(np.array([1.3])))


@pytest.mark.parametrize("name", that_know(HasLandscape))
def test_the_landscape(name):
    process, _ = cells(name)
    land = process.landscape(40)
    assert finite(land.x, 40) and finite(land.y, 40) and land.height.shape == (40, 40)
    assert np.nanmin(land.height) == 0 and np.isfinite(land.height).mean() > 0.2 and not np.isinf(land.height).any()
    assert finite(land.stable, len(land.stable), 2) and set(land.axes) <= set(process.axes)


@pytest.mark.parametrize("name", that_know(HasNetwork))
def test_the_network(name):
    process, _ = cells(name)
    acts = process.network()
    assert acts.shape == (len(process.axes),) * 2 and set(np.unique(acts)) <= {-1, 0, 1} and acts.any()


@pytest.mark.parametrize("name", that_know(HasFates))
def test_fates(name):
    process, data = cells(name)
    assert set(process.fate_of(data.x.astype(float))) <= set(process.fates)
    share = process.fate_shares(cells=200)
    assert tuple(share) == tuple(process.fates) and sum(share.values()) == pytest.approx(1.0)
    assert process.fate_shares(cells=200) == share == registry_shares(name, process)
    held = process.fate_shares({process.axes[0]: 0.0}, cells=200)
    assert sum(held.values()) == pytest.approx(1.0)
    with pytest.raises(KeyError, match=rf"Nanog.*{process.axes[0]}"):
        process.fate_shares({"Nanog": 0.0}, cells=200)


def registry_shares(name: str, process: Simulator) -> dict[str, float]:
    """The same by the name of the simulator, as pages ask."""
    again = registry.create(name, process.settings.as_dict())
    assert isinstance(again, HasFates)
    return again.fate_shares(cells=200)


def test_fates_are_asked_by_name():
    share = registry.fate_shares("birth-death", {"birth_1": 1.0}, {"x1": 2.0})
    assert share == {"state 1": 0.0, "state 2": 1.0}
    with pytest.raises(ValueError, match="'cell-cycle'"):
        registry.fate_shares("cell-cycle", {})


@pytest.mark.parametrize("name", that_know(HasStates))
def test_states_of_rest(name):
    process, _ = cells(name)
    states = process.steady_states()
    assert states and all(finite(each, len(process.axes)) for each in states.values())
    if isinstance(process, HasDrift):
        assert np.abs(process.drift(1e6, np.stack(list(states.values())))).max() < 1e-4


@pytest.mark.parametrize("name", that_know(HasCourse))
def test_the_course(name):
    process, data = cells(name)
    times = np.linspace(0, data.times[-1], 7)
    assert finite(process.mean_trajectory(times), 7, data.dim)
    held = process.mean_trajectory(times, {process.axes[0]: 0.5})
    assert finite(held, 7, data.dim) and np.allclose(held[:, 0], 0.5)
    with pytest.raises(KeyError, match="Nanog"):
        process.mean_trajectory(times, {"Nanog": 0.0})


@pytest.mark.parametrize("name", that_know(HasPeriod))
def test_the_period(name):
    process, _ = cells(name)
    assert process.period() > 0 and process.period({process.axes[0]: 0.0}) >= 0
    with pytest.raises(KeyError, match="Nanog"):
        process.period({"Nanog": 0.0})


@pytest.mark.parametrize("name", that_know(HasNonGradient))
def test_the_share_that_is_no_slope(name):
    assert 0 <= cells(name)[0].non_gradient() <= 1 + 1e-12


@pytest.mark.parametrize("name", that_know(HasLayers))
def test_layers(name):
    process, data = cells(name)
    layers = process.layers()
    assert layers and all(finite(each, len(data.x), len(process.axes)) and each.min() >= 0 for each in layers.values())


@pytest.mark.parametrize("name", that_know(HasResponse))
def test_the_response_to_a_dose(name):
    process, data = cells(name)
    assert finite(process.dose_response(np.linspace(0, 5, 4), 10.0), 4, data.dim)
    assert finite(process.counterfactual(10.0), len(data.x), data.dim)


@pytest.mark.parametrize("name", that_know(HasTrajectories))
def test_trajectories(name):
    process, data = cells(name)
    made = process.trajectories()
    assert len(made.x) == len(data.x) and made.variables == tuple(process.axes) and made.time_unit == process.time_unit
    assert Trajectories.from_snapshots(data).fingerprint == made.fingerprint


@pytest.mark.parametrize("name", that_know(HasCounterfactuals))
def test_counterfactual_courses(name):
    process, _ = cells(name)
    made = process.trajectories()
    times = np.linspace(0, float(made.times[-1]), 4)
    given, none = (process.counterfactual_courses(times, doses) for doses in (made.doses, DoseEvents()))
    assert finite(given, len(made.subjects), 4, len(made.variables)) and finite(none, *given.shape)
    np.testing.assert_array_equal(given[:, 0], none[:, 0])
    assert np.abs(given - none).max() > 0
