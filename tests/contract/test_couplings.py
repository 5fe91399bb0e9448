"""A model with a coupling pairs the cells that were measured, interval by interval."""

from __future__ import annotations

import numpy as np
import pytest

from cellflow_core.analysis.dynamics import dynamics
from cellflow_core.models import registry
from cellflow_core.models.contract import capabilities
from tests.contract.test_models import shared, snapshots


@pytest.mark.parametrize("name", [each for each in registry.names() if "coupling" in capabilities(registry.find(each))])
def test_joins_the_cells_that_were_measured(name):
    model, _ = shared(name)
    data = snapshots()
    for k, (t0, t1) in enumerate(zip(data.times[:-1], data.times[1:], strict=True)):
        plan = dynamics(model).plans[k]
        assert (plan.t0, plan.t1) == (t0, t1)
        assert float(plan.weight.sum()) == pytest.approx(1, abs=1e-5) and (plan.weight > 0).all()
        for joined, time in ((plan.x0, t0), (plan.x1, t1)):
            np.testing.assert_array_equal(np.unique(joined.numpy(), axis=0), np.unique(data.at(time), axis=0))


def test_the_last_interval_is_the_last():
    model, _ = shared("ot-displacement")
    with pytest.raises(IndexError, match="plan 2"):
        model.coupling(2)
