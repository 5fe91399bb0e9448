"""CytoBridge against cells whose pair force, drift and growth are known. Each test states its error."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from cellflow_core.analysis.simulate import simulate
from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.simulators.birth_death import BirthDeath
from cellflow_core.data.simulators.birth_death import Settings as Lives
from cellflow_core.data.simulators.interacting_particles import InteractingParticles, Settings
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.models import registry
from cellflow_core.train.trainer import TrainConfig, fit

pytestmark = pytest.mark.truth


def made(process: InteractingParticles, data: Snapshots, **settings) -> Any:
    """With the true noise, and a reach that holds both groups of the start; its clock is measured time, so that its
    force is the true one."""
    sigma = process.settings.noise * data.spec.interval**0.5 / data.spec.scale
    given = {"sigma": sigma, "cutoff": 3.0, "growth": False, **settings}
    return registry.create("cytobridge", given, replace(data.spec, positions=()), 0)


def with_force(process: InteractingParticles) -> tuple[Snapshots, Any]:
    data = process.simulate()
    model = made(process, data)
    model.fit_interaction(SnapshotTensors.from_snapshots(data), torch.Generator().manual_seed(0))
    return data, model


def trained(model: Any, data: Snapshots, steps: int) -> Any:
    fit(
        model,
        data,
        TrainConfig.preset("standard", type(model), steps=steps, validation_fraction=0.0, batch_size=128),
        seed=0,
    )
    return model.eval()


def force_error(model, process: InteractingParticles, data: Snapshots) -> tuple[float, float]:
    """Root mean square error over that of the truth: of the force between any two measured cells of a time, and of what
    a measured cell feels of all others of its time."""
    off, whole = np.zeros(2), np.zeros(2)
    for t in data.times:
        x = data.at(t).astype(float)
        r = np.linalg.norm(x[:, None] - x, axis=2)[np.triu_indices(len(x), 1)]
        true = process.force(r), process.interaction(x, x)
        states = torch.from_numpy(data.at(t))
        even = torch.full((len(x),), 1 / len(x))
        found = model.force.rate(torch.from_numpy(r).float()).numpy() * r, model.force(states, states, even).numpy()
        for k in range(2):
            off[k] += np.square(found[k] - true[k]).mean()
            whole[k] += np.square(true[k]).mean()
    pair, total = np.sqrt(off / whole)
    return float(pair), float(total)


@pytest.mark.parametrize("dims", [2, 5])
def test_finds_attraction_and_repulsion(dims):
    """Groups that merge and keep their distance: the pair force within 18 %, what cells feel within 13 %."""
    process = InteractingParticles(Settings(dims=dims))
    data, model = with_force(process)
    pair, total = force_error(model, process, data)
    assert pair < 0.18 and total < 0.13
    at = torch.tensor([0.2, 2.0])
    push, pull = model.force.rate(at).tolist()
    assert push > 0 > pull


def test_finds_quadratic_attraction():
    """f = -0.8 at every distance: within 0.15 where pairs are many, the sum within 15 %."""
    process = InteractingParticles(Settings(repulsion=0.0))
    data, model = with_force(process)
    assert force_error(model, process, data)[1] < 0.15
    assert model.force.rate(torch.linspace(0.3, 2.5, 9)).tolist() == pytest.approx([-0.8] * 9, abs=0.15)


def test_gives_company_what_a_place_does_as_the_work_is_least_so():
    """Cells that all go to a middle, which moves, and feel nothing: snapshots cannot tell, and the model takes it for
    attraction (within 25 % of the confinement). What it cannot take for that, the travel of all, stays with the cells:
    forces cancel in the mean."""
    process = InteractingParticles(Settings(attraction=0.0, repulsion=0.0, confinement=0.6))
    data, model = with_force(process)
    off, whole = 0.0, 0.0
    for t in data.times:
        x = torch.from_numpy(data.at(t))
        total, alone = model.force(x, x, torch.full((len(x),), 1 / len(x))), -0.6 * (x - x.mean(0))
        off, whole = off + float((total - alone).square().mean()), whole + float(alone.square().mean())
        assert total.mean(0).abs().max() < 1e-4
    assert (off / whole) ** 0.5 < 0.25


def test_a_group_without_the_other_is_not_drawn_to_where_the_other_was():
    """A field has no notion of company: it sends the left group to the middle, though nothing is there to draw it.
    Truth for the left group alone: its middle stays at -1.5 and travels 1.0 along the second axis; within 0.3, 0.15."""
    process = InteractingParticles(Settings(cells_per_time=300))
    data = process.simulate()
    left = data.at(0.0)[data.at(0.0)[:, 0] < 0]
    ends = {}
    for interaction in (True, False):
        model = trained(made(process, data, interaction=interaction), data, 500)
        ends[interaction] = simulate(model, left, [0.0, 2.0], seed=0).x[-1].mean(axis=0)
    assert abs(ends[True][0] + 1.5) < 0.3 and abs(ends[True][1] - 1.0) < 0.15
    assert ends[False][0] > -0.8


def test_mass_grows_as_it_was_counted():
    """Birth and death: mass at each time within 5 % of the exact one, with and without interaction."""
    process = BirthDeath(Lives(cells_per_time=300))
    data = process.simulate()
    model = registry.create("cytobridge", {"rho": 0.3, "sigma": 0.2}, data.spec, 0)
    trained(model, data, 500)
    found = np.exp(simulate(model, data.at(0.0), data.times, seed=0).log_weight.astype(float)).mean(axis=1)
    assert found == pytest.approx([process.mass(float(t)) for t in data.times], rel=0.05)
