"""The velocity of measured cells, and which neighbor it points to."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, Int

from cellflow_core.analysis.dynamics import Dynamics, cell_blocks, values_at
from cellflow_core.analysis.fields.time_range import cells_of_time, first_time
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.splicing import SplicingSpace
from cellflow_core.data.state_space import StateSpace
from cellflow_core.math.neighbors import nearest_others
from cellflow_core.math.velocity_graph import VelocityGraph, velocity_graph

Array = np.ndarray
NEIGHBORS = 30


def velocity_at(moving: Dynamics, x: Float[Array, "cells dim"], time: float) -> Float[Array, "cells dim"]:
    """The velocity (the drift, for a model without one) of states at one time (state / time)."""
    return values_at(moving.field, x, time, moving.device)


def velocities_of(moving: Dynamics, data: Snapshots) -> Float[Array, "cells dim"]:
    """The velocity (the drift, for a model without one) of every measured cell at its own time (state / time)."""
    found = np.empty(data.x.shape, dtype=np.float32)
    for here, velocity in velocity_blocks(moving, data):
        found[here] = velocity
    return found


def velocity_blocks(
    moving: Dynamics, data: Snapshots
) -> Iterator[tuple[Int[Array, " some"], Float[Array, "some dim"]]]:
    """(rows of measured cells, the velocity of each at its own time), BLOCK cells of one time after the other."""
    for time in data.times if len(data.times) else (first_time(data),):
        here = np.flatnonzero(cells_of_time(data, float(time)))
        for part in cell_blocks(len(here)):
            yield here[part], velocity_at(moving, data.x[here[part]], float(time))


def state_graph(space: StateSpace, x: Float[Array, "cells dim"], v: Float[Array, "cells dim"]) -> VelocityGraph:
    """Which of its NEIGHBORS nearest cells each cell goes to, from states and velocities.

    Of spliced and unspliced RNA, steps and velocities are those of the spliced RNA, each gene in units of its standard
    deviation. The width of the kernel is the median size of the cosines (Lange et al. 2022).
    """
    near = nearest_others(x, NEIGHBORS)
    return velocity_graph(*compared(space, x, v), near, sigma=None)


def compared(
    space: StateSpace, x: Float[Array, "cells dim"], v: Float[Array, "cells dim"]
) -> tuple[Float[Array, "cells axes"], Float[Array, "cells axes"]]:
    """States and velocities in the axes in which cosines between them are taken."""
    if not isinstance(space, SplicingSpace):
        return x, v
    x, v = (space.split(each)[1] for each in (x, v))
    spread = x.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    return x / scale, v / scale
