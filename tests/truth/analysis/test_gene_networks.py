"""Networks of simulators whose edges are known. Each test states its error."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cellflow_core.analysis.regulation.gene_network import gene_network
from cellflow_core.config import Config
from cellflow_core.data.simulators.contract import HasDrift, HasNetwork
from cellflow_core.data.simulators.registry import create
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.models import registry
from cellflow_core.models.contract import DynamicsModel, HasVelocity
from cellflow_core.train.trainer import TrainConfig, fit

pytestmark = pytest.mark.truth
STEP = 1e-3


class Differences(torch.autograd.Function):
    """A field of numpy, with central differences as its derivatives."""

    @staticmethod
    def forward(ctx, x, field):
        at = x.detach().double().numpy()
        moved = [(field(at + STEP * e) - field(at - STEP * e)) / (2 * STEP) for e in np.eye(at.shape[1])]
        ctx.save_for_backward(torch.from_numpy(np.stack(moved, axis=2)).to(x))
        return torch.from_numpy(field(at)).to(x)

    @staticmethod
    def backward(ctx, *gradients):
        (jacobian,) = ctx.saved_tensors
        return torch.einsum("ci,cij->cj", gradients[0], jacobian), None


class TrueDrift(DynamicsModel, HasVelocity):
    """The drift of the simulator itself."""

    title = "true drift"
    Config = Config

    def phases(self):
        return ()

    def velocity(self, t, x, context):
        return Differences.apply(x, lambda at: self.process.drift(0.0, at))


@pytest.mark.parametrize("name", ["toggle", "krumsiek", "gene-circuit"])
def test_the_jacobian_of_the_true_drift_is_the_true_network(name):
    """Every true edge stands before every other pair (AUROC above 0.97), with at least 95 % of the right signs."""
    process = create(name, {"cells_per_time": 200})
    data, model_type = process.simulate(), TrueDrift
    assert isinstance(process, HasNetwork) and isinstance(process, HasDrift)
    model = model_type(Config(), data.spec)
    model.process = process
    result = gene_network(model, data, data.x, truth=process.network())
    assert result.scores is not None
    _, auroc, _, signs, _ = result.scores[0]
    assert auroc > 0.97
    assert np.isnan(signs) or signs >= 0.95


def auroc(name: str, settings: dict[str, object], shuffled: bool = False) -> tuple[float, float]:
    """(of the model, of correlation), median over three draws of the myeloid circuit with the true velocity of each
    cell, or with that of other cells."""
    found = []
    for seed in range(3):
        process = create("krumsiek", {"cells_per_time": 150, "seed": seed})
        data, rng = process.simulate(), np.random.default_rng(seed)
        assert isinstance(process, HasNetwork) and isinstance(process, HasDrift)
        velocity = process.drift(0.0, data.x).astype(np.float32)
        velocity = rng.permutation(velocity) if shuffled else velocity
        data = Snapshots(data.x, None, data.space, data.time_unit, velocity=velocity)
        model = registry.create(name, settings, data.spec, seed)
        fit(model, data, TrainConfig.preset("quick", type(model)), seed=seed)
        result = gene_network(model, data, data.x, truth=process.network())
        assert result.scores is not None
        found.append(result.scores[:2, 1])
    own, correlation = np.median(found, axis=0)
    return float(own), float(correlation)


@pytest.mark.parametrize(("name", "settings"), [("rna-ode", {"network": True, "trees": 5}), ("dynamo", {})])
def test_networks_are_learnt_from_velocities_and_not_from_those_of_other_cells(name, settings):
    """AUROC above 0.75 and 0.1 more than correlation, for a network of forests and for a Jacobian; within 0.15 of 0.5
    where each cell has the velocity of another."""
    own, correlation = auroc(name, settings)
    assert own > 0.75 and own > correlation + 0.1
    assert abs(auroc(name, settings, shuffled=True)[0] - 0.5) < 0.15
