"""One gene over time, in simulated and in measured cells."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from cellflow_core.analysis.dynamics import Model
from cellflow_core.analysis.results import GeneTrend
from cellflow_core.analysis.simulate import simulate
from cellflow_core.data.snapshots import Snapshots

Array = np.ndarray
CELLS = 600
STEPS = 24
LEVELS = np.array([0.1, 0.5, 0.9])


def gene_trend(
    model: Model, data: Snapshots, gene: str, measured: Float[Array, " cells"] | None = None, seed: int = 0
) -> GeneTrend:
    """Expression of a gene in cells of the first time, simulated through all times.

    measured  its measured expression in the units of the space, [cells]; None: read from the measured states
    Raises KeyError, with a sentence, where the space does not hold the gene.
    """
    data.space.index(gene)
    cells = data.at(data.times[0])
    if len(cells) > CELLS:
        cells = cells[np.random.default_rng(seed).choice(len(cells), CELLS, replace=False)]
    times = np.linspace(data.times[0], data.times[-1], STEPS + 1) if len(data.times) > 1 else data.times
    made = simulate(model, cells, times, seed=seed)
    levels = data.space.expression(made.x.reshape(-1, data.dim), gene).reshape(made.x.shape[:2])
    read = data.space.expression(data.x, gene)
    truth = np.asarray(read if measured is None else measured, dtype=float)
    frames = [truth[data.t == t] for t in data.times]
    return GeneTrend(
        gene=gene,
        time_unit=data.time_unit,
        times=times,
        mean=(levels * made.weight).sum(axis=1, dtype=float),
        quantiles=np.stack([_quantiles(*each) for each in zip(levels, made.weight, strict=True)]),
        measured_times=data.times,
        measured_mean=np.array([each.mean() for each in frames]),
        measured_quantiles=np.stack([np.quantile(each, LEVELS) for each in frames]),
        notes=(*kept_variance(data, gene, read, truth), *made.notes),
    )


def _quantiles(values: Array, weight: Array) -> Array:
    """10 %, 50 % and 90 % quantiles of weighted values."""
    order = np.argsort(values)
    rank = np.cumsum(weight[order], dtype=float) - weight[order] / 2
    return np.interp(LEVELS, rank, values[order])


def kept_variance(data: Snapshots, gene: str, read: Array, measured: Array) -> tuple[str, ...]:
    """A note on how well the state space knows this gene; none where it is an axis itself."""
    if data.space.kind == "genes":
        return ()
    return (
        f"The {data.dim} axes of the state keep {variance_kept(read, measured):.0%} of the variance of {gene} between "
        "cells: simulated values are read from them, so they spread less than measured ones.",
    )


def variance_kept(read: Array, measured: Array) -> float:
    """Share of the variance of measured expression [cells] that its values read from the state explain, 0 to 1."""
    whole = float(np.var(measured))
    return max(1 - float(np.var(measured - read)) / whole, 0.0) if whole > 0 else 0.0
