"""What can be asked of a training on individuals that are followed over time."""

from __future__ import annotations

from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.train_validation_split import held_out_later
from cellflow_core.data.trajectories import Trajectories
from cellflow_core.models import registry
from cellflow_core.models.contract import capabilities
from cellflow_core.time_units import measured_time


def followed(model: str, data: Snapshots, lacking: str) -> Trajectories:
    """The individuals. lacking: what ValueError says cannot be done where the model does not know their courses."""
    kind = registry.find(model)
    if "courses" not in capabilities(kind):
        raise ValueError(f"{kind.title} does not know the courses of individuals, so {lacking}")
    return Trajectories.from_snapshots(data)


def later_time(model: str, data: Snapshots, asked: float) -> float:
    """The time after which measurements are held out, as the data have it. ValueError where it does not fit."""
    lacking = "no later part of them can be held out: choose a longitudinal model, or hold out a time"
    found = followed(model, data, lacking)
    after = measured_time(asked, found.times)
    held_out_later(found, after)
    return after
