"""Protocol loo-v1: how near a model comes to the cells of a time that it was not trained on, beside trivial answers.

For each time but the first and the last: a model that was trained without it starts from all measured cells of the
time before and predicts the cells at the time left out; the exact Wasserstein-1 distance of the two clouds is the
score (state). Training is the caller's, so that evaluation knows no trainer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from cellflow_core.analysis.simulate import Model, simulate
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.split import halves
from cellflow_core.math.ot import exact_plan, wasserstein

PROTOCOL = "loo-v1"
SPLITS = 5
"""Random halvings that the sampling floor is the mean of."""


@dataclass(frozen=True)
class Baselines:
    """Wasserstein-1 distances (state) to the cells of one time, of answers that need no model.

    previous, next  the cells of the time before, of the time after, as they are
    midpoint        those two joined by exact transport and stopped on the straight way at this time (McCann 1997)
    floor           one half of the measured cells against the other: what sampling alone costs at half the cells
    """

    previous: float
    next: float
    midpoint: float
    floor: float


def middle_times(data: Snapshots) -> tuple[float, ...]:
    """The times that can be left out. Raises ValueError where there are under three times."""
    if len(data.times) < 3:
        raise ValueError(
            f"leaving a time out needs cells at three or more times, these data have {len(data.times)}: "
            "the time left out must lie between two others"
        )
    return tuple(float(each) for each in data.times[1:-1])


def score(model: Model, data: Snapshots, time: float, seed: int = 0, noise: bool = True) -> float:
    """W1 between the measured cells of `time` and those of the time before, moved there by the model.

    noise  False follows the velocity of a stochastic model, as in `simulate`
    """
    before, _ = _neighbours(data, time)
    found = simulate(model, data.at(before), [before, time], seed=seed, noise=noise)
    return wasserstein(found.x[-1], data.at(time), weight=found.weight[-1])


def baselines(data: Snapshots, time: float, seed: int = 0) -> Baselines:
    """What a model has to beat at this time."""
    before, after = _neighbours(data, time)
    x0, x1, cells = data.at(before), data.at(after), data.at(time)
    row, column, mass = exact_plan(torch.from_numpy(x0), torch.from_numpy(x1), torch.Generator().manual_seed(seed))
    share = (time - before) / (after - before)
    between = (1 - share) * x0[row.numpy()] + share * x1[column.numpy()]
    return Baselines(
        previous=wasserstein(x0, cells),
        next=wasserstein(x1, cells),
        midpoint=wasserstein(between, cells, weight=mass.numpy()),
        floor=float(np.mean([wasserstein(*halves(data, time, seed + k)) for k in range(SPLITS)])),
    )


def _neighbours(data: Snapshots, time: float) -> tuple[float, float]:
    """The measured times before and after."""
    if time not in middle_times(data):
        raise ValueError(
            f"time {time:g} cannot be left out: it must be one of "
            f"{', '.join(f'{each:g}' for each in middle_times(data))}, which lie between two others"
        )
    at = int(np.searchsorted(data.times, time))
    return float(data.times[at - 1]), float(data.times[at + 1])
