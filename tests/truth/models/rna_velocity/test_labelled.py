"""Latent dynamics of labelled cells where velocity and rates are known, in hours. Each test states its error."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import labelled_fates
import numpy as np
import pytest
import torch

from cellflow_core.analysis.dynamics import dynamics
from cellflow_core.analysis.fields.cell_velocities import velocity_at
from cellflow_core.data.simulators.transcription.metabolic_labelling import MetabolicLabelling
from cellflow_core.data.simulators.transcription.metabolic_labelling import Settings as Pulse
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.steps.labelled import Settings, labelled_moments
from cellflow_core.models import registry
from cellflow_core.models.rna_velocity.labelled import Labelled, degradation, displacement
from cellflow_core.train.trainer import TrainConfig, fit

pytestmark = pytest.mark.truth


class Known(NamedTuple):
    """Labelled cells; true and closed-form ds/dt of their total RNA, [cells, genes] (counts / hour)."""

    data: Snapshots
    truth: np.ndarray
    closed: np.ndarray
    unit: np.ndarray  # standard deviation of the total RNA


@cache
def simulated(cells: int = 1000, pulse: float = 2.0, seed: int = 11) -> Known:
    """Genes are few and rise and fall together, so cells are not brought to one total."""
    made = MetabolicLabelling(Pulse(cells_per_time=cells, pulse=pulse, seed=seed))
    layers, latent, rates = made.layers(), made.simulate().covariates["latent time"][:, None], made.kinetics
    use = Settings(pulse=pulse, efficiency=made.settings.efficiency, values="normalised")
    found = labelled_moments(layers["new"], layers["total"], made.axes, use, lambda stage: None)
    tau = np.full(cells, pulse, np.float32)
    data = Snapshots(
        np.log1p(found.total), None, AffineSpace.of_genes(found.genes), "hour", new_rna=found.new, pulse=tau
    )
    on = (latent >= rates.on) & (latent < rates.off)
    truth = made.settings.scale * (rates.alpha * on - rates.gamma * rates.levels(latent[:, 0])[1])
    gamma = degradation(torch.from_numpy(found.new), torch.from_numpy(found.total), torch.from_numpy(tau)).numpy()
    closed = gamma * found.new / (1 - np.exp(-gamma * pulse)) - gamma * found.total
    return Known(data, truth, closed, found.total.std(axis=0))


@cache
def trained(transcription: str) -> np.ndarray:
    """ds/dt (counts / hour) that a model gives the simulated cells."""
    data = simulated().data
    model = registry.create("labelled", {"transcription": transcription}, data.spec, seed=0)
    fit(model, data, TrainConfig.preset("standard", Labelled, steps=500), seed=0)
    return velocity_at(dynamics(model), data.x, 0.0) * np.exp(data.x)


def cosine(found: np.ndarray) -> float:
    """Median over the cells, genes in standard deviations."""
    known = simulated()
    a, b = found / known.unit, known.truth / known.unit
    return float(np.median((a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)))


def size(found: np.ndarray) -> float:
    """Root mean square of the velocity, in that of the true one."""
    known = simulated()
    return float(np.linalg.norm(found / known.unit) / np.linalg.norm(known.truth / known.unit))


def test_direction_is_nearer_to_the_truth_than_the_closed_form():
    closed, constant, field = (cosine(each) for each in (simulated().closed, trained("constant"), trained("field")))
    assert closed < 0.85 < constant < field and field > 0.9


def test_the_velocity_is_in_hours():
    """Within a quarter; with constant transcription, what changed during the pulse is lost."""
    assert abs(size(trained("field")) - 1) < 0.25 and size(trained("field")) > size(trained("constant")) + 0.1


def test_cells_of_two_branches_keep_their_fate():
    """Velocities to a cosine of 0.9; of the cells half an hour to two hours after the branch, 95 % end in their own."""
    known = labelled_fates.branching(0)
    data, latent, of_a = known.data, known.latent, known.of_a
    model = registry.create("labelled", {}, data.spec, seed=0)
    fit(model, data, TrainConfig.preset("standard", Labelled, steps=600), seed=0)
    moving = dynamics(model)
    assert known.cosine(velocity_at(moving, data.x, 0.0)) > 0.9
    after = (latent > 6.5) & (latent < 8)
    x = data.x[after]
    for _ in range(50):
        x = x + 0.1 * velocity_at(moving, x, 0.0)
    near = np.square(x[:, None] - data.x[None]).sum(axis=2).argmin(axis=1)
    assert (of_a[near] == of_a[after]).mean() > 0.95 and np.median(latent[near]) > 9


def test_degradation_at_steady_state_is_exact():
    gamma, tau = torch.tensor([0.1, 0.5, 2.0]), torch.tensor([2.0] * 100)
    total = torch.linspace(1, 5, 100)[:, None] * torch.ones(3)
    new = total * (1 - torch.exp(-gamma * 2.0))
    torch.testing.assert_close(degradation(new, total, tau), gamma)


def test_new_rna_is_what_was_transcribed_along_the_path():
    """Of z that moves by dz/dt = 1 with s = z: the integral in closed form, to 1 % with four parts of the pulse."""
    data = simulated(cells=60).data
    model = registry.create("labelled", {"latent": 1}, data.spec, seed=0)
    assert isinstance(model, Labelled)
    for each in (*model.field.parameters(), *model.decoder.parameters()):
        torch.nn.init.zeros_(each)
    torch.nn.init.ones_(model.field.last.bias)
    torch.nn.init.ones_(model.decoder.weight)
    model.gamma.fill_(0.5)
    made = model.new_rna(torch.full((1, 1), 3.0), torch.full((1, 1), 2.0), 4)
    r = np.linspace(0, 2, 20_001)
    exact = np.trapezoid(np.exp(-0.5 * r) * (1 + 0.5 * (3 - r)), r)
    assert made.detach().numpy() == pytest.approx(exact, rel=0.01)


def test_displacement_leads_where_the_velocity_points():
    v, steps = torch.tensor([[1.0, 0.0]]), torch.tensor([[[1.0, 0.1], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]])
    found = displacement(v, steps)[0]
    assert found[0] > 0.9 and found[1].abs() < 0.2


def test_a_kinetic_rate_is_that_of_the_equation():
    known = simulated()
    model = registry.create("labelled", {}, known.data.spec, seed=0)
    fit(model, known.data, TrainConfig.preset("standard", Labelled, steps=2), seed=0)
    assert isinstance(model, Labelled)
    rates = MetabolicLabelling(Pulse(seed=11)).kinetics
    turnover = 1 / (1 / rates.beta + 1 / rates.gamma)  # of RNA of both kinds, at steady state
    error = np.abs(np.log(model.kinetics().values[:, 0].numpy() / turnover))
    assert np.median(error) < 0.4


def test_states_below_no_rna_do_not_run_away():
    """There, log(1 + s) would change without bound if s were read from it."""
    data = simulated().data
    model = registry.create("labelled", {}, data.spec, seed=0)
    fit(model, data, TrainConfig.preset("standard", Labelled, steps=2), seed=0)
    below = np.full((3, data.dim), -20.0, dtype=np.float32)
    usual = np.abs(velocity_at(dynamics(model), data.x, 0.0)).max()
    assert np.abs(velocity_at(dynamics(model), below, 0.0)).max() < 100 * usual
