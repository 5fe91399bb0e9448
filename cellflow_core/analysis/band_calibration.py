"""How much wider than the simulated cells a band of a gene must be, to hold as many cells as it says between the times.

Simulated cells spread as measured ones do, but a whole population may be predicted at a wrong place, more so the
farther the nearest measured times are. The band is therefore widened around its median, on both sides, by

    f(t) = sqrt(1 + c B(t)),    B(t) = (s - a) (b - s) / (b - a)

s the position of t among all measured times, a and b those of the nearest times that the model was trained on: the
variance of a Brownian bridge between them. c is fitted to copies of the model that were trained without one time: the
smallest for which 80 % of the cells of these times, pooled over genes, are within their bands (split conformal
prediction of quantiles: Romano, Patterson & Candes 2019, arXiv:1905.03222). Cells of a time are not independent, and
the times are few, so that the share is right in the mean and not at each time and gene.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cellflow_core.analysis.dynamics import Model, dynamics
from cellflow_core.analysis.simulate import simulate
from cellflow_core.data.snapshots import Snapshots

Array = np.ndarray
CELLS = 600
"""Most cells that are simulated."""
GENES = 50
"""Most genes that the scores are pooled over."""
LEVELS = np.array([0.1, 0.5, 0.9])
SHARE = 0.8


@dataclass(frozen=True)
class BandCalibration:
    """c above, the held-out times it was fitted on, and the share of their cells in the bands before."""

    c: float
    times: tuple[float, ...]
    coverage: float

    def factor(
        self, times: Float[Array, " steps"], trained: Sequence[float], data: Snapshots
    ) -> Float[Array, " steps"]:
        """f at these times, for a model that was trained on the times `trained`."""
        return np.sqrt(1 + self.c * bridge_variance(times, trained, data))

    def widened(
        self,
        quantiles: Float[Array, "steps 3"],
        factor: Float[Array, " steps"],
        measured: Float[Array, " cells"],
    ) -> Float[Array, "steps 3"]:
        """The outer quantiles, moved away from the median, but not beyond what was measured in any cell."""
        middle = quantiles[:, 1:2]
        wide = middle + (quantiles - middle) * factor[:, None]
        return wide.clip(np.minimum(quantiles, measured.min()), np.maximum(quantiles, measured.max()))


def bridge_variance(times: Float[Array, " steps"], trained: Sequence[float], data: Snapshots) -> Float[Array, " steps"]:
    """B above, in intervals between measured times; beyond the trained times the distance from the last of them."""
    positions = np.arange(len(data.times), dtype=float)
    s, knots = np.interp(times, data.times, positions), np.interp(np.asarray(trained), data.times, positions)
    after = np.clip(np.searchsorted(knots, s, side="right"), 1, len(knots) - 1)
    a, b = knots[after - 1], knots[after]
    outside = np.maximum(knots[0] - s, 0) + np.maximum(s - knots[-1], 0)
    return np.where(outside > 0, outside, np.maximum((s - a) * (b - s), 0) / (b - a))


def calibrated(
    copies: Sequence[tuple[Model, float]], data: Snapshots, start: str = "first", seed: int = 0
) -> BandCalibration | None:
    """From models and the time that each was trained without; None where there is none.

    start  "first" or "previous": the time whose cells are simulated until the time left out
    """
    found = [(scores(model, data, time, start, seed).ravel(), model, time) for model, time in copies]
    if not found:
        return None
    excess = [
        (np.square(score) - 1) / bridge_variance(np.array([time]), dynamics(model).spec.times, data)
        for score, model, time in found
    ]
    c = float(np.quantile(np.concatenate(excess), SHARE))
    inside = float(np.mean([(score <= 1).mean() for score, _, _ in found]))
    return BandCalibration(max(c, 0.0), tuple(sorted(time for _, _, time in found)), inside)


def scores(
    model: Model, data: Snapshots, time: float, start: str = "first", seed: int = 0
) -> Float[Array, "cells genes"]:
    """Distance of each measured value from the median of the simulated cells, in widths of the band on that side: at
    most 1 within the band. Genes are axes of the state where the space has none."""
    trained = np.asarray(dynamics(model).spec.times)
    begin = float(trained[0] if start == "first" else trained[trained < time].max())
    cells = sampled(data.at(begin), seed)
    made = simulate(model, cells, [begin, time], seed=seed)
    low, middle, high = np.stack(
        [weighted_quantiles(each, made.weight[-1]) for each in _values(made.x[-1], data).T], axis=1
    )
    away = _values(data.at(time), data) - middle
    width = np.where(away > 0, high - middle, middle - low)
    return np.abs(away) / np.maximum(width, 1e-12)


def weighted_quantiles(values: Array, weight: Array) -> Float[Array, " 3"]:
    """10 %, 50 % and 90 % quantiles of weighted values."""
    order = np.argsort(values)
    rank = np.cumsum(weight[order], dtype=float) - weight[order] / 2
    return np.interp(LEVELS, rank / weight.sum(dtype=float), values[order])


def sampled(cells: Float[Array, "cells dim"], seed: int) -> Float[Array, "some dim"]:
    """At most CELLS of the cells, at random."""
    if len(cells) <= CELLS:
        return cells
    return cells[np.random.default_rng(seed).choice(len(cells), CELLS, replace=False)]


def _values(states: Float[Array, "cells dim"], data: Snapshots) -> Float[Array, "cells genes"]:
    """Expression of up to GENES genes, evenly spread over their list, read from the states; else the states."""
    names = data.space.genes
    if not names:
        return states
    chosen = [names[k] for k in np.unique(np.linspace(0, len(names) - 1, GENES).astype(int))]
    return np.stack([data.space.expression(states, each) for each in chosen], axis=1)
