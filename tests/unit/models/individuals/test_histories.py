"""Histories as networks and splines read them: what comes later changes nothing, what is missing is filled in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.interpolate import CubicSpline

from cellflow_core.data.trajectories import DoseEvents, Trajectories
from cellflow_core.data.trajectory_batch import DoseTensors, TrajectoryTensors
from cellflow_core.models import registry
from cellflow_core.models.individuals.controlled import doses_so_far
from cellflow_core.models.individuals.history import divergence, last_dose
from cellflow_core.models.individuals.smooth_path import natural_spline
from cellflow_core.models.networks.gaussian_encoder import Posterior

LATENT = ("latent-ode", "neural-ode-pk", "neural-cde")


def study(last: float = 9.0) -> Trajectories:
    """Three individuals at times of their own until `last`, two variables of which some values are missing."""
    rng = np.random.default_rng(0)
    t = np.concatenate([np.sort(rng.uniform(0, 9, 7)) for _ in range(3)])
    subject, x, observed = np.repeat(np.arange(3), 7), rng.normal(size=(21, 2)), rng.random((21, 2)) < 0.85
    doses = DoseEvents(np.array([0, 0, 1]), np.array([0.5, 8.0, 3.0]), np.array([2.0, 1.0, 1.0]))
    kept = t <= last
    return Trajectories(subject[kept], t[kept], x[kept], observed[kept], ("a", "b"), "h", doses)


def batch(data: Trajectories):
    return TrajectoryTensors.from_trajectories(data).take(slice(None), torch.Generator())


def test_the_last_dose_is_that_before_a_time():
    since, amount = last_dose(torch.tensor([[0.5, 1.0, 9.0]]), batch(study()).doses.take(slice(0, 1)))
    assert since.tolist() == [[0.0, 0.5, 1.0]] and amount.tolist() == [[0.0, 2.0, 1.0]]


def test_doses_so_far_hold_the_part_of_an_infusion_that_is_in():
    times, amount = torch.tensor([[0.5, 1.0]]), torch.tensor([[4.0, 2.0]])
    doses = DoseTensors(times, amount, torch.tensor([[0.0, 4.0]]), torch.tensor([[0, 1]]))
    found = doses_so_far(doses, torch.tensor([[0.5, 1.0, 2.0, 9.0]]), 2)
    assert found.tolist() == [[[0, 0], [4, 0], [4, 0.5], [4, 2]]]
    assert doses_so_far(doses, torch.tensor([[2.0]]), 1).tolist() == [[[4.5]]]


@pytest.mark.parametrize("name", LATENT)
def test_the_one_treatment_may_be_any_of_those_that_have_names(name):
    """Individuals who got the second treatment alone are read as those who got the first."""
    data = study()
    second = replace(data, treatments=("a", "b"), doses=replace(data.doses, treatment=np.ones(3, int)))
    found = []
    for each in (data, second):
        model = registry.create(name, {"hidden": 8, "width": 8}, each.spec, 0)
        model.learn(TrajectoryTensors.from_trajectories(each), torch.Generator())
        found.append(model.courses(batch(each), torch.tensor([3.0, 9.0]), 3, torch.Generator().manual_seed(0)))
    assert torch.equal(*found)


@pytest.mark.parametrize("name", LATENT)
def test_what_comes_later_does_not_change_a_history(name):
    model = registry.create(name, {"hidden": 8, "width": 8}, study().spec, 0)
    model.learn(TrajectoryTensors.from_trajectories(study()), torch.Generator())
    with torch.no_grad():
        whole, early = model.encode(batch(study()).until(5.0)), model.encode(batch(study(5.0)))
        torch.testing.assert_close(whole.mean, early.mean, rtol=1e-4, atol=1e-5)
        assert not torch.allclose(model.encode(batch(study())).mean, early.mean)
        none = model.encode(batch(study()).until(-np.inf))
        assert not none.mean.any() and not none.log_variance.any()


def test_divergence_is_that_of_normal_distributions():
    p, q = (Posterior(torch.randn(4, 3), torch.randn(4, 3)) for _ in range(2))
    sides = [torch.distributions.Normal(each.mean, (0.5 * each.log_variance).exp()) for each in (p, q)]
    torch.testing.assert_close(divergence(p, q), torch.distributions.kl_divergence(*sides).sum(dim=1))


def test_splines_are_natural_and_skip_missing_values():
    held = batch(study())
    times = torch.linspace(0, 9, 40).expand(3, -1)
    found = natural_spline(held.t, held.x, held.observed, times)
    for k, v in np.ndindex(3, 2):
        seen = held.observed[k, :, v].numpy()
        knots, x = held.t[k].numpy()[seen], held.x[k, :, v].numpy()[seen]
        expected = CubicSpline(knots, x, bc_type="natural")(times[k].numpy().clip(knots[0], knots[-1]))
        np.testing.assert_allclose(found[k, :, v].numpy(), expected, atol=2e-4)
    none = natural_spline(held.t, held.x, torch.zeros_like(held.observed), times)
    assert not none.any()
    one = replace(held, observed=held.observed & (torch.arange(7) == 3)[None, :, None])
    level = torch.where(one.observed, one.x, 0).sum(dim=1, keepdim=True)
    torch.testing.assert_close(natural_spline(one.t, one.x, one.observed, times), level.expand(-1, 40, -1))
