"""The question "least_action" about a trained kernel field, from the stored run to the stored answer."""

from __future__ import annotations

import numpy as np
import pytest

from cellflow_core.analysis.results import LeastAction
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.jobs import analysis_cache
from tests import toys

pytestmark = pytest.mark.truth
TILT = 0.4


def cells() -> Snapshots:
    """1,500 cells with the velocity -grad U of U = (a^2 - 1)^2 - TILT a + b^2 / 2, in two genes a and b."""
    x = np.random.default_rng(0).uniform([-1.6, -0.8], [1.6, 0.8], (1500, 2))
    v = np.stack([TILT - 4 * x[:, 0] * (x[:, 0] ** 2 - 1), -x[:, 1]], axis=1)
    side = np.where(x[:, 0] < 0, "left", "right")
    return Snapshots(x, None, AffineSpace.of_genes(("A", "B")), "day", labels={"side": side}, velocity=v)


def test_the_answer_is_the_barrier_there_and_back():
    """Actions between the wells of a field that dynamo fits to its velocities: barriers of U, to 4 %."""
    run = toys.finished(toys.recipe(toys.stored(cells()), model="dynamo", settings={}, training={}))
    asked = {"start": ("side", "left"), "end": ("side", "right"), "place": "attractor"}
    found = analysis_cache.answer("least_action", run.id, **asked)
    assert isinstance(found, LeastAction)
    left, saddle, right = np.sort(np.roots([4.0, 0.0, -4.0, -TILT]).real)
    height = (np.array([left, saddle, right]) ** 2 - 1) ** 2 - TILT * np.array([left, saddle, right])
    np.testing.assert_allclose(found.action[0], [height[1] - height[0], height[1] - height[2]], rtol=0.04)
    np.testing.assert_allclose(found.x[0, 0, [0, -1]], [[left, 0], [right, 0]], atol=0.03)
    assert found.near.all() and found.converged.all() and found.genes[0] == "A"
    assert np.isnan(found.time) and np.isnan(found.span)
    assert analysis_cache.cache_path("least_action", run.id, asked).exists()
