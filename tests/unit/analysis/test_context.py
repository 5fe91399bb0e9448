"""What a field depends on besides time and state reaches it cell by cell, and doses are knots of the integration."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cellflow_core.analysis.simulate import simulate
from cellflow_core.config import Config
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.trajectory_batch import DoseTensors
from cellflow_core.models.contract import Context, DynamicsModel, HasInteraction, HasVelocity

X = np.random.default_rng(0).normal(size=(6, 2)).astype(np.float32)
DATA = Snapshots(X, np.repeat([0.0, 4.0], 3), AffineSpace.coordinates(("a", "b")))


class Dosed(DynamicsModel, HasVelocity):
    """Each cell moves along the first axis with its dose, from the time of the dose on, and along the second with its
    covariate and its perturbation."""

    title, summary, paper, Config = "Dosed", "For tests.", "none", Config
    times: set[float]

    def __init__(self) -> None:
        super().__init__(Config(), DATA.spec)
        self.times = set()

    def phases(self):
        return ()

    def velocity(self, t, x, context):
        self.times |= {float(each) for each in t}
        doses = context.doses
        given = torch.where(t[:, None] >= doses.time, doses.amount, torch.zeros_like(doses.amount)).sum(dim=1)
        return torch.stack([given, context.covariates["age"] + context.perturbation["KO"]], dim=1)


def context() -> Context:
    at_once = torch.zeros(6, 1)
    doses = DoseTensors(torch.full((6, 1), 1.3), torch.arange(6.0)[:, None], at_once, at_once.long())
    return Context({"age": torch.arange(6.0)}, {"KO": torch.tensor([0.0, 1, 0, 1, 0, 1])}, doses)


def test_each_cell_gets_its_own_row() -> None:
    model = Dosed()
    found = simulate(model, X, [0.0, 4.0], context=context(), steps_per_interval=4)
    np.testing.assert_allclose(found.x[1, :, 1] - X[:, 1], 4 * (np.arange(6) + np.arange(6) % 2), rtol=1e-5)
    few = context().take(torch.tensor([5, 1]))
    assert (
        few.covariates["age"].tolist() == [5, 1] and few.doses is not None and few.doses.amount.tolist() == [[5], [1]]
    )
    again = simulate(model, X[[5, 1]], [0.0, 4.0], context=few, steps_per_interval=4)
    np.testing.assert_allclose(again.x[1], found.x[1][[5, 1]], rtol=1e-6)


def test_steps_end_at_the_times_of_doses() -> None:
    model = Dosed()
    assert context().knots == pytest.approx((1.3,))
    simulate(model, X, [0.0, 4.0], context=context(), steps_per_interval=4)
    assert any(each == pytest.approx(1.3) for each in model.times)


def test_mass_at_the_start_is_carried_and_weighs_in_an_interaction() -> None:
    class Drawn(Dosed, HasInteraction):
        def interaction(self, t, x, cloud, weight, context):
            return (weight[:, None] * cloud).sum(dim=0) - x

    start = Context(context().covariates, context().perturbation, context().doses, torch.tensor([0.0, 9, 0, 0, 0, 0]))
    found = simulate(Drawn(), X, [0.0, 1.0], context=start, steps_per_interval=4)
    np.testing.assert_allclose(found.log_weight, np.tile([0.0, 9, 0, 0, 0, 0], (2, 1)))
    assert np.argmax(found.weight[1]) == 1
    alike = simulate(Drawn(), X, [0.0, 1.0], context=context(), steps_per_interval=4)
    assert np.abs(alike.log_weight).max() == 0 and not np.allclose(alike.x[1], found.x[1])
