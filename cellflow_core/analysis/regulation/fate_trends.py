"""One gene over time in simulated cells, apart for each fate that they take."""

from __future__ import annotations

import numpy as np

from cellflow_core.analysis.dynamics import Model, dynamics
from cellflow_core.analysis.regulation.group_trends import group_trends
from cellflow_core.analysis.results import GroupTrends
from cellflow_core.analysis.simulate import simulate
from cellflow_core.analysis.terminal_states import terminal_states
from cellflow_core.data.snapshots import Snapshots

CELLS = 600
"""Cells of the first time that are followed."""
STEPS = 15


def fate_trends(model: Model, data: Snapshots, gene: str, states: str = "", seed: int = 0) -> GroupTrends:
    """Mean of a gene (expression) over time in the cells of the first time that end in each terminal state, with the
    95 % interval of the mean over cells; one training only.

    Raises KeyError where the state space has no such gene, ValueError for a model that follows no cell.
    """
    data.space.index(gene)
    dynamics(model).check_follows()
    ends = terminal_states(data, states)
    first, rng = data.at(data.times[0]), np.random.default_rng(seed)
    x0 = first if len(first) <= CELLS else first[rng.choice(len(first), CELLS, replace=False)]
    times = np.linspace(data.times[0], data.times[-1], STEPS + 1)
    made = simulate(model, x0, times, seed=seed)
    values = data.space.expression(made.x.reshape(-1, data.dim), gene).reshape(made.x.shape[:2])
    fate = np.eye(len(ends.names))[ends.of(made.x[-1])]
    weight = made.weight.astype(float)[:, :, None] * fate * len(x0)
    name = f"time ({data.time_unit})" if data.time_unit else "time"
    found = group_trends(
        gene, values.ravel(), np.repeat(times, len(x0)), weight.reshape(-1, len(ends.names)), ends.names, name
    )
    notes = (
        f"Lines are means over {len(x0):,} cells of the first time, each counted to the fate that it takes in this "
        "simulation; the band is the 95 % interval of the mean over cells and says nothing of the model's error.",
        *ends.notes,
        *made.notes,
    )
    return GroupTrends(gene, found.order, found.names, found.at, found.mean, found.low, found.high, found.cells, notes)
