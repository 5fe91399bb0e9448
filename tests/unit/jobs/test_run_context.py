"""What answers beside a model."""

from __future__ import annotations

import numpy as np
import pytest

from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.jobs.run_context import RunContext
from tests import toys

pytestmark = pytest.mark.usefixtures("home")


@pytest.mark.parametrize(("model", "settings", "beside"), [("cellrank", {"real_time": 1.0}, 0), ("ensemble", {}, 5)])
def test_members_of_another_kind_are_no_second_opinion(model, settings, beside):
    """The plans behind a chain of transitions have no transitions; the members of an ensemble all have its field."""
    x = np.random.default_rng(0).normal(size=(60, 2))
    data = Snapshots(x, np.repeat([0.0, 1.0], 30), AffineSpace.coordinates(("a", "b")), "h")
    quick = {"steps": 10 if model == "ensemble" else 1, "batch_size": 10}
    run = toys.finished(toys.recipe(toys.stored(data), model=model, settings=settings, training=quick))
    assert len(RunContext(run).ensemble) == 1 + beside


def test_cells_are_read_once_until_their_files_change():
    run = toys.finished(toys.recipe(toys.stored()))
    first = RunContext(run).data
    assert RunContext(run).data is first
    RunContext(run).dataset.rename("another name")
    again = RunContext(run)
    assert again.data is not first and again.dataset.info.label == "another name"
