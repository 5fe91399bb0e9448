"""A model that needs no times: it is trained on cells of which none is known, and cells can be followed."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from cellflow_core.analysis.simulate import simulate
from cellflow_core.data.snapshots import DataRequirement
from cellflow_core.models import registry
from cellflow_core.models.contract import MOVES_CELLS, capabilities
from tests.contract.test_models import data_for, trained


def required(name: str) -> frozenset[DataRequirement]:
    """What the model needs of the data with the settings it has."""
    kind = registry.find(name)
    return kind.required_data(kind.Config())


@pytest.mark.parametrize(
    "name",
    [each for each in registry.names() if not required(each) & {DataRequirement.TIME, DataRequirement.TIMES}],
)
def test_a_model_that_needs_no_times_is_trained_without_any(name):
    data = dataclasses.replace(data_for(name), t=None)
    model, _ = trained(name, data=data)
    assert model.spec.times == ()
    if not capabilities(model) & MOVES_CELLS:
        return
    found = simulate(model, data.x[:7], [0.0, 1.0, 2.0], seed=0)
    assert found.x.shape == (3, 7, data.dim) and np.isfinite(found.x).all()
