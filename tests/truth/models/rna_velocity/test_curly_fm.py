"""A cell cycle of mixed phases, whose snapshots are all alike: only the velocities show that it turns."""

from __future__ import annotations

import numpy as np
import pytest

from cellflow_core.analysis.simulate import simulate
from cellflow_core.data.simulators.cell_cycle import CellCycle, Settings
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.models import registry
from cellflow_core.train.trainer import TrainConfig, fit

pytestmark = pytest.mark.truth
PERIOD = 24.0


def turns(name: str, data: Snapshots, **settings) -> tuple[float, float]:
    """(turns in PERIOD hours, mean over the cells of hour 0 until the last time; mean distance from the center)."""
    model = registry.create(name, settings, data.spec, seed=0)
    fit(
        model,
        data,
        TrainConfig.preset("standard", type(model), steps=400, batch_size=64, validation_fraction=0),
        seed=0,
    )
    times = np.linspace(0, data.times[-1], 25)
    x = simulate(model, data.at(0.0)[:100], times).x
    phase = np.unwrap(np.arctan2(x[..., 1], x[..., 0]), axis=0)
    rate = (phase[-1] - phase[0]).mean() / (2 * np.pi) / times[-1]
    return float(rate * PERIOD), float(np.linalg.norm(x[-1], axis=1).mean())


def test_rotation_is_kept_where_transport_by_distance_sees_none():
    """Period within 10 % of 24 h with velocities of 30 % noise; OT-CFM turns less than a tenth of a cycle in 24 h."""
    use = Settings(period=PERIOD, synchrony=0.0, n_times=3, last_time=12.0, cells_per_time=150, with_velocity=True)
    data = CellCycle(use).simulate()
    rate, radius = turns("curly-fm", data)
    assert 1 / rate == pytest.approx(1.0, abs=0.1)
    assert radius == pytest.approx(1.0, abs=0.1)
    assert abs(turns("ot-cfm", data)[0]) < 0.1
