"""How fast cells multiply at a time, how many there are at each time, and what can be known of it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from cellflow_core.analysis.dynamics import Dynamics, values_at
from cellflow_core.data.snapshots import Snapshots

Array = np.ndarray
DRAWS = 500
FROM_SNAPSHOTS = (
    "Growth was learnt from snapshots: a place fills up because its cells divide or because others come in, and "
    "snapshots cannot tell the two apart. The model weighs one against the other by what it takes as likely."
)


def growth_at(moving: Dynamics, x: Float[Array, "cells dim"], time: float) -> Float[Array, " cells"]:
    """d log mass / dt of states at one time (1 / time). Raises ValueError for a model that has no growth field."""
    ask = moving.growth
    if ask is None:
        raise ValueError(f"{moving.title} has no growth that is known everywhere; a model that learns growth is needed")
    return values_at(ask, x, time, moving.device)


def population_size(log_weight: Float[Array, "steps cells"], seed: int = 0) -> Float[Array, "steps 3"]:
    """Mass of all cells relative to their number, with the 2.5 % and 97.5 % quantiles over bootstrap samples of the
    cells: (low, total, high) at each step."""
    mass = np.exp(log_weight.astype(float))
    cells = mass.shape[1]
    counts = np.random.default_rng(seed).multinomial(cells, np.full(cells, 1 / cells), size=DRAWS)
    drawn = mass @ (counts.T / cells)  # [steps, draws]
    low, high = np.quantile(drawn, [0.025, 0.975], axis=1)
    found = mass.mean(axis=1)
    return np.stack([np.minimum(low, found), found, np.maximum(high, found)], axis=1)


def growth_notes(data: Snapshots) -> tuple[str, ...]:
    """What a reader must know of growth learnt from these data."""
    if data.mass is not None:
        return (f"{FROM_SNAPSHOTS} The counted cell numbers settle how much grew in all, not where.",)
    return (
        FROM_SNAPSHOTS,
        "Nobody counted these cells, so growth is known only against the average cell: more or less of it, the same "
        "for all, would fit as well. Where numbers were counted, say so on the Data page (Estimate growth rates).",
    )
