"""The numbers behind a figure as columns of a table. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cellflow_core.analysis.results import (
    Ancestry,
    CellLineages,
    ClonalBias,
    FateGenes,
    Fates,
    FlowField,
    GeneTrend,
    Landscape,
    Perturbation,
    TimeCourse,
    TrajectoryEnsemble,
)
from cellflow_core.distance_units import heading
from cellflow_core.time_units import format_times
from cellflow_core.time_units import heading as time_heading

Rows = dict[str, list[Any]]


def of_landscape(result: Landscape, time_unit: str) -> Rows:
    """One row a measured cell on the surface."""
    (x, y), there = result.axes, np.isfinite(result.cell_height)
    return {
        x: _short(result.cells[there, 0]),
        y: _short(result.cells[there, 1]),
        **({} if np.isnan(result.cell_time).all() else {time_heading(time_unit): _times(result.cell_time[there])}),
        f"height ({result.unit})": _short(result.cell_height[there]),
    }


def of_flow(result: FlowField) -> Rows:
    """One row a grid point where there are cells."""
    known = np.isfinite(result.speed)
    gx, gy = np.meshgrid(result.x, result.y)
    (x, y), unit = result.axes, f"units of {result.speed_axes} / {result.time_unit or 'time unit'}"
    return {
        x: _short(gx[known]),
        y: _short(gy[known]),
        f"velocity along {x} ({unit})": _short(result.u[known]),
        f"velocity along {y} ({unit})": _short(result.v[known]),
        f"speed ({unit})": _short(result.speed[known]),
    }


def of_growth(result: FlowField) -> Rows:
    """One row a measured cell: its place and growth rate. Raises ValueError where the model has none."""
    if result.growth is None:
        raise ValueError("this model has no growth rate")
    x, y = result.axes
    return {
        x: _short(result.cells[:, 0]),
        y: _short(result.cells[:, 1]),
        f"growth (1 / {result.time_unit or 'time unit'})": _short(result.growth),
    }


def of_course(result: TimeCourse) -> Rows:
    """One row a measured time."""
    there = np.isfinite(result.w1)
    return {
        time_heading(result.time_unit): _times(result.measured_times[there]),
        "in training": ["yes" if each else "held out" for each in result.in_training[there]],
        heading("w1", "of this model"): _short(result.w1[there]),
        heading("w1", "of the previous snapshot"): _short(result.w1_previous[there]),
        heading("w1", "of the sampling floor"): _short(result.w1_floor[there]),
    }


def of_mass(result: TimeCourse) -> Rows:
    """One row a measured time: population size relative to the first one. Raises ValueError for a model without
    growth."""
    if result.mass is None:
        raise ValueError("this model has no growth rate")
    at = [int(np.argmin(np.abs(result.times - time))) for time in result.measured_times]
    low, number, high = result.mass[at].T
    rows: Rows = {time_heading(result.time_unit): _times(result.measured_times), "predicted": _short(number)}
    rows |= {"from": _short(low), "to": _short(high)}
    if result.measured_mass is not None:
        rows |= {"counted": _short(result.measured_mass)}
        rows |= {"in training": ["yes" if each else "held out" for each in result.in_training]}
    return rows


def of_trend(result: GeneTrend) -> Rows:
    """One row a simulated time."""
    names = ("10 % quantile", "median", "90 % quantile")
    columns = {name: _short(result.quantiles[:, k]) for k, name in enumerate(names)}
    return {time_heading(result.time_unit): _times(result.times), "mean": _short(result.mean), **columns}


def of_fates(result: Fates) -> Rows:
    """One row a terminal state, shares in percent."""
    rows: Rows = {
        "state": list(result.names),
        "predicted (%)": _percent(result.share),
        "from": _percent(result.low),
        "to": _percent(result.high),
    }
    if result.without_growth is not None:
        names = ("without growth, from", "without growth (%)", "without growth, to")
        rows |= {name: _percent(values) for name, values in zip(names, result.without_growth.T, strict=True)}
    if not np.isfinite(result.measured).all():
        return rows
    return rows | {"measured at the last time (%)": _percent(result.measured)}


def of_lineages(result: CellLineages) -> Rows:
    """One row a lineage; one for all cells where there are no branches."""
    if not result.names:
        return {"lineage": ["all cells"], "cells": [len(result.order)]}
    return {
        "lineage": list(result.names),
        "cells on it alone": [int((result.own == k).sum()) for k in range(len(result.names))],
        "cells on it and others": [
            int(((result.own < 0) & (result.weight[:, k] > 0)).sum()) for k in range(len(result.names))
        ],
        "length (state)": _short(result.lengths),
    }


def of_cell_lineages(result: CellLineages, points: np.ndarray) -> Rows:
    """One row a cell: its row in the data set, its place in the view, its order and its weight on each lineage."""
    rows: Rows = {"cell": list(range(len(result.order)))}
    rows |= {name: _short(values) for name, values in zip(result.axes, points.T, strict=True)}
    rows["order"] = _short(result.order)
    if result.other_order is not None:
        rows["order from the other end"] = _short(result.other_order)
    if not result.names:
        return rows
    rows["lineage"] = [result.names[k] if k >= 0 else "several" for k in result.own]
    return rows | {f"weight on {name}": _short(result.weight[:, k]) for k, name in enumerate(result.names)}


def of_cell_fates(result: Fates, axes: tuple[str, str]) -> Rows:
    """One row a cell: its row in the data set, its place, the probability of each state in percent, and how open its
    fate is and how far off."""
    rows: Rows = {} if result.rows is None else {"cell": result.rows.tolist()}
    rows |= {axes[0]: _short(result.starts[:, 0]), axes[1]: _short(result.starts[:, 1])}
    rows |= {f"{name} (%)": _percent(result.probability[:, k]) for k, name in enumerate(result.names)}
    rows |= {"entropy (bits)": _short(result.entropy)}
    return rows if result.steps is None else rows | {"mean first passage time (steps)": _short(result.steps)}


def of_fate_genes(result: FateGenes, fate: str, most: int | None = None) -> Rows:
    """One row a gene, those that go most with the fate first; `most` of them."""
    k = result.names.index(fate)
    order = np.argsort(-result.correlation[k], kind="stable")[:most]
    rows: Rows = {
        "gene": [result.genes[g] for g in order],
        "correlation": _short(result.correlation[k, order]),
        "from": _short(result.low[k, order]),
        "to": _short(result.high[k, order]),
    }
    if len(result.estimators) > 1:
        rows[f"among the first 50 of (of {len(result.estimators)} estimators)"] = result.counted[k, order].tolist()
    return rows


def of_futures(result: TrajectoryEnsemble) -> Rows:
    """One row a trajectory: its endpoint, its terminal state and its share of the mass."""
    end, (x, y) = result.paths[-1], result.axes
    return {
        "trajectory": list(range(len(end))),
        "ends in": [result.names[k] for k in result.ends],
        x: _short(end[:, 0]),
        y: _short(end[:, 1]),
        "share of the mass (%)": [float(f"{100 * each:.4g}") for each in result.weight[-1]],
    }


def of_fate_proportions(result: TrajectoryEnsemble) -> Rows:
    """One row a terminal state: the share of the trajectories that end in it, in percent."""
    shares = (_percent(each) for each in (result.share, result.low, result.high))
    return {"state": list(result.names), **dict(zip(("trajectories (%)", "from", "to"), shares, strict=True))}


def of_simulation(times: np.ndarray, x: np.ndarray, weight: np.ndarray, axes: Sequence[str], follows: bool) -> Rows:
    """One row a cell and time: its number where the model `follows` cells, time, share of the mass, each axis.

    times [times], x [times, cells, dim], weight [times, cells]; the values are not rounded.
    """
    count, cells, dim = x.shape
    rows: Rows = {"cell": np.tile(np.arange(cells), count).tolist()} if follows else {}
    rows |= {"time": np.repeat(times, cells).tolist(), "weight": weight.ravel().tolist()}
    return rows | dict(zip(axes, x.reshape(-1, dim).T.tolist(), strict=True))


def of_clones(result: ClonalBias) -> Rows:
    """One row an early cell: its clone, and the share of the first fate in percent, predicted and observed."""
    a = result.names[0]
    return {
        "clone": [int(each) for each in result.clone],
        time_heading(result.time_unit): _times(result.time),
        f"predicted {a} (%)": _percent(result.predicted),
        f"predicted {a}, without growth (%)": _percent(result.without_growth),
        f"{a} among later cells of the clone (%)": _percent(result.observed),
        "later cells": [int(each) for each in result.later],
    }


def of_ancestry(result: Ancestry) -> Rows:
    """One row a time: mass of the descendants for a mass of one, and the part of each group in percent."""
    mass = ["" if np.isnan(each) else f"{each:.4g}" for each in result.mass]
    rows: Rows = {time_heading(result.time_unit): _times(result.times), "mass": mass}
    return rows | {f"{name} (%)": _percent(result.share[:, k]) for k, name in enumerate(result.names)}


def of_perturbation(result: Perturbation, truth: tuple[dict[str, float], dict[str, float]] | None = None) -> Rows:
    """One row a terminal state, shares in percent, changes in percentage points; no interval where it means nothing.

    truth  true shares (before, after) by name
    """
    rows: Rows = {
        "state": list(result.names),
        "before (%)": _percent(result.before),
        "after (%)": _percent(result.after),
        "change (points)": _percent(result.change),
    }
    if result.has_interval:
        rows |= {"from": _percent(result.low), "to": _percent(result.high)}
    if len(result.control_genes):
        rows["control genes, lowest"] = _percent(result.control_change.min(axis=0))
        rows["control genes, highest"] = _percent(result.control_change.max(axis=0))
    if truth and set(result.names) <= set(truth[0]):
        before, after = (np.array([each[name] for name in result.names]) for each in truth)
        rows |= {"true before (%)": _percent(before), "true after (%)": _percent(after)}
    return rows


def of_changed_genes(result: Perturbation) -> Rows:
    """One row a gene, the largest change first: mean at the end without and with the change (expression), their
    difference, and that by control genes."""
    order = np.argsort(-np.abs(result.gene_change), kind="stable")
    rows: Rows = {
        "gene": [result.read_genes[k] for k in order],
        "perturbed": ["yes" if result.read_genes[k] in result.genes else "" for k in order],
        "without": _short(result.gene_mean[0, order]),
        "with": _short(result.gene_mean[1, order]),
        "change": _short(result.gene_change[order]),
    }
    if result.has_interval:
        rows |= {"from": _short(result.gene_low[order]), "to": _short(result.gene_high[order])}
    if len(result.control_genes):
        lowest, highest = result.gene_control[order].T
        rows |= {"control genes, lowest": _short(lowest), "control genes, highest": _short(highest)}
    return rows


def of_control_genes(result: Perturbation) -> Rows:
    """One row a control gene: what the same change made to it does to each state (percentage points), the time that
    cells resemble, and all genes together (standard deviations)."""
    changes = zip(result.names, result.control_change.T, strict=True)
    rows: Rows = {"gene": list(result.control_genes)}
    rows |= {f"{name} (points)": _percent(values) for name, values in changes}
    if result.has_times:
        rows[f"shift in time ({result.time_unit or 'time units'})"] = _short(result.control_time_shift)
    return rows | {"change of genes (SD)": _short(result.control_total_change)}


def first_rows(rows: Rows, count: int) -> Rows:
    """At most so many rows of a table."""
    return {name: values[:count] for name, values in rows.items()}


def _times(values: np.ndarray) -> list[float]:
    """Times with as many decimals as tell them apart."""
    known, code = np.unique(values, return_inverse=True)
    written = [float(each) for each in format_times(known)]
    return [written[k] for k in code]


def _short(values: np.ndarray) -> list[float]:
    return [float(f"{each:.5g}") for each in values]


def _percent(values: np.ndarray) -> list[float]:
    return [round(100 * float(each), 2) for each in values]
