"""One gene over time, in simulated and in measured cells."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from cellflow_core.analysis.band_calibration import LEVELS, BandCalibration, calibrated, sampled, weighted_quantiles
from cellflow_core.analysis.dynamics import Model, dynamics
from cellflow_core.analysis.results import GeneTrend
from cellflow_core.analysis.simulate import simulate
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.time_units import format_times

Array = np.ndarray
STEPS = 24


def gene_trend(
    model: Model,
    data: Snapshots,
    gene: str,
    measured: Float[Array, " cells"] | None = None,
    seed: int = 0,
    siblings: Sequence[Model] = (),
    copies: Sequence[tuple[Model, float]] = (),
) -> GeneTrend:
    """Expression of a gene in cells of the first time, simulated through all times.

    measured  its measured expression in the units of the space, [cells]; None: read from the measured states
    siblings  other trainings, whose cells the band holds as well; the mean is that of `model`
    copies    of the model, each with the time it was trained without: the band is widened until it holds their cells
    Raises KeyError, with a sentence, where the space does not hold the gene.
    """
    data.space.index(gene)
    cells = sampled(data.at(data.times[0]), seed)
    times = np.linspace(data.times[0], data.times[-1], STEPS + 1) if len(data.times) > 1 else data.times
    every = [simulate(each, cells, times, seed=seed) for each in (model, *siblings)]
    levels = [data.space.expression(each.x.reshape(-1, data.dim), gene).reshape(each.x.shape[:2]) for each in every]
    made, pooled, weight = every[0], np.hstack(levels), np.hstack([each.weight for each in every])
    quantiles = np.stack([weighted_quantiles(*each) for each in zip(pooled, weight, strict=True)])
    read = data.space.expression(data.x, gene)
    truth = np.asarray(read if measured is None else measured, dtype=float)
    calibration = calibrated(copies, data, seed=seed)
    if calibration is not None:
        trained = dynamics(model).spec.times
        quantiles = calibration.widened(quantiles, calibration.factor(times, trained, data), truth)
    frames = [truth[data.t == t] for t in data.times]
    return GeneTrend(
        gene=gene,
        time_unit=data.time_unit,
        times=times,
        mean=(levels[0] * made.weight).sum(axis=1, dtype=float),
        quantiles=quantiles,
        measured_times=data.times,
        measured_mean=np.array([each.mean() for each in frames]),
        measured_quantiles=np.stack([np.quantile(each, LEVELS) for each in frames]),
        notes=(_band(calibration, len(siblings)), *kept_variance(data, gene, read, truth), *made.notes),
    )


def _band(calibration: BandCalibration | None, siblings: int) -> str:
    """What the band holds."""
    of = f" of {siblings + 1} trainings that differ by seed or method" if siblings else ""
    band = f"The band holds 80 % of the simulated cells{of}"
    if calibration is None:
        return (
            f"{band}. How wrong the prediction is between the times is not in it, since no copy of the model was "
            "trained without a time: such bands hold too few cells."
        )
    times = " and ".join(format_times(calibration.times))
    return (
        f"{band}, widened between the measured times: of the cells of held-out time {times}, copies of the model had "
        f"{100 * calibration.coverage:.0f} % in their bands, and 80 % in widened ones (mean over genes)."
    )


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
