"""The composition by group over time in words and tables."""

from __future__ import annotations

import numpy as np

from cellflow_core.analysis.results import Composition, GroupGraphs
from cellflow_core.reporting.result_tables import Rows
from cellflow_core.reporting.summaries import Summary, Trust, at
from cellflow_core.time_units import format_times, heading

CLOSE = 0.1
"""Share of the cells that may be in another group for an answer that can be trusted."""


def of_composition(found: Composition) -> Summary:
    """What changes most, and how far the predicted composition is from the measured one beside no change."""
    change = found.predicted[-1] - found.predicted[0]
    up, down = int(change.argmax()), int(change.argmin())
    first, last = (at(float(each), found.time_unit) for each in found.times[[0, -1]])
    answer = (
        f"From {first} to {last}, {found.names[up]} goes from {found.predicted[0, up]:.0%} to "
        f"{found.predicted[-1, up]:.0%} of the cells, {found.names[down]} from {found.predicted[0, down]:.0%} to "
        f"{found.predicted[-1, down]:.0%}."
    )
    predicted, unchanged = found.misses
    worse = np.where((predicted > unchanged) & (predicted > 2 * found.noise), predicted - unchanged, 0.0)
    k = int(worse.argmax() if worse.any() else 1 + predicted[1:].argmax())
    trust: Trust = "poor" if worse.any() else "good" if predicted[k] <= max(CLOSE, 2 * found.noise[k]) else "fair"
    why = (
        f"At {at(float(found.measured_times[k]), found.time_unit)}, the worst, {predicted[k]:.1%} of the cells are in "
        f"another group than measured; with the composition of the time before it would be {unchanged[k]:.1%}, and "
        f"between two samples of the same cells about {found.noise[k]:.1%}."
    )
    return Summary(answer, trust, why)


def of_flows(found: Composition) -> str:
    """Between which times most of the mass changes its group, and between which groups."""
    if not len(found.flow):
        return "The model leads no cell from one time to the next."
    changes = [1 - float(np.trace(each)) for each in found.flow]
    k = int(np.argmax(changes))
    t0, t1 = format_times(found.link_times)[k : k + 2]
    other = np.where(np.eye(len(found.names), dtype=bool), 0.0, found.flow[k])
    i, j = np.unravel_index(int(other.argmax()), other.shape)
    return (
        f"Most changes from time {t0} to {t1}: {changes[k]:.0%} of the mass goes to another {found.by}, the largest "
        f"part from {found.names[i]} to {found.names[j]} ({other[i, j]:.0%})."
    )


def share_rows(found: Composition) -> Rows:
    """One row a measured time: the predicted and measured share of each group, in percent."""
    rows: Rows = {heading(found.time_unit): [float(each) for each in format_times(found.measured_times)]}
    for k, name in enumerate(found.names):
        rows[f"{name}, predicted (%)"] = [round(100 * float(each), 2) for each in found.at_measured[:, k]]
        rows[f"{name}, measured (%)"] = [round(100 * float(each), 2) for each in found.measured[:, k]]
    return rows


def flow_rows(found: Composition) -> Rows:
    """One row a pair of groups of consecutive times with mass between: its share of all, and of the first group."""
    times = format_times(found.link_times)
    rows: Rows = {each: [] for each in ("from time", "to time", "from", "to", "share of all (%)", "share of group (%)")}
    for k, i, j in np.argwhere(found.flow > 0):
        share = float(found.flow[k, i, j])
        whole = float(found.flow[k, i].sum())
        values = (times[k], times[k + 1], found.names[i], found.names[j], 100 * share, 100 * share / whole)
        for column, value in zip(rows.values(), values, strict=True):
            column.append(value if isinstance(value, str) else round(value, 2))
    return rows


GRAPH_NOTES = (
    "AUPRC: area under precision against recall over all ordered pairs of different groups, by the share of its mass "
    "that a group sends to another. F1: of as many strongest pairs as the tree has edges.",
    "Correlation joins groups of like mean states, from earlier to later; co-occurrence draws partners at random. A "
    "model that does not beat them has found no lineage, however well it forecasts the cells.",
)


def of_graphs(found: GroupGraphs) -> str:
    """Which model comes nearest to the tree, and whether it beats what needs none."""
    best = int(np.argmax(found.auprc[: found.models]))
    trivial = found.models + int(np.argmax(found.auprc[found.models :]))
    beats = "beats" if found.auprc[best] > found.auprc[trivial] else "does not beat"
    return (
        f"{found.rows[best]} comes nearest to the tree (AUPRC {found.auprc[best]:.2f}) and {beats} "
        f"{found.rows[trivial]} ({found.auprc[trivial]:.2f}); a random order has {found.chance:.2f}."
    )


def graph_rows(found: GroupGraphs) -> Rows:
    """One row a graph: of the models, then of what needs none, in brackets, and of a random order."""
    names = [each if k < found.models else f"({each})" for k, each in enumerate(found.rows)]
    return {
        "model": [*names, "(random order)"],
        "AUPRC": [round(float(each), 3) for each in (*found.auprc, found.chance)],
        "F1": [round(float(each), 3) for each in (*found.f1, found.chance)],
    }
