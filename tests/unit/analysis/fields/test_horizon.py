"""How long cells of one snapshot are followed, and where they end."""

from __future__ import annotations

import numpy as np
import pytest

from cellflow_core.analysis.dynamics import dynamics
from cellflow_core.analysis.fields.horizon import CROSSINGS, final_cells, followed_times, horizon_note
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.models import registry
from cellflow_core.train.trainer import TrainConfig, fit


def along_a_line(times: tuple[float, ...]) -> Snapshots:
    """Cells between 0 and 10 that all move with velocity 2 along the first axis."""
    rng = np.random.default_rng(0)
    x = np.stack([rng.uniform(0, 10, 300), rng.normal(0, 0.1, 300)], axis=1)
    t = np.resize(times, 300) if times else None
    return Snapshots(x, t, AffineSpace.coordinates(("a", "b")), "h", velocity=np.tile([2.0, 0.0], (300, 1)))


def trained(data: Snapshots):
    model = registry.create("dynamo", {"control_points": 60, "bandwidth": 2.0}, data.spec, 0)
    fit(model, data, TrainConfig.preset("standard", type(model)), seed=0)
    return model


@pytest.mark.parametrize("times", [(), (3.0,)], ids=["no time", "one time"])
def test_one_snapshot_is_followed_for_crossing_times(times):
    """RMS distance 10 / sqrt(12) at speed 2: 1.44 h a crossing, to 5 %; cells end at the far end of the line."""
    data = along_a_line(times)
    model = trained(data)
    begin, end = followed_times(dynamics(model), data)
    assert begin == (times[0] if times else 0.0)
    assert end - begin == pytest.approx(CROSSINGS * 10 / 12**0.5 / 2, rel=0.05)
    found = final_cells(model, data)
    assert found is not None and data.x[found, 0].min() > 5
    known = "measured at one time" if times else "No time of the cells is known"
    assert known in horizon_note(dynamics(model), data)[0]


def test_several_times_are_followed_as_they_were_measured():
    data = along_a_line((0.0, 1.0, 3.0))
    model = trained(data)
    assert followed_times(dynamics(model), data).tolist() == [0.0, 1.0, 3.0]
    assert final_cells(model, data) is None and horizon_note(dynamics(model), data) == ()
