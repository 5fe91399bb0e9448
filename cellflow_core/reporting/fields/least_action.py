"""Paths of least action in words and as tables. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from cellflow_core.analysis.results import LeastAction
from cellflow_core.analysis.results.perturbation import joined
from cellflow_core.reporting.result_tables import Rows
from cellflow_core.reporting.summaries import Summary
from cellflow_core.time_units import format_duration

Array = np.ndarray
ALIKE = 1.1
"""Ratio of two actions below which they count as alike."""
FREE = 0.01
"""Action, as a share of that of the straight line, below which the field itself leads along the path."""
FAR = 0.2
"""Share of a path far from every cell of its time above which it is not trusted."""
SLIGHT = 0.1
"""Range of a gene on a path, as a share of the largest, below which it is in no picture."""
DIRECTIONS = ("there", "back")


def of_least_action(found: LeastAction) -> Summary:
    """Which direction takes more action and by how much, beside the straight line; and where no cell is near."""
    known = found.action[np.isfinite(found.action).all(axis=1)]
    share = known[0] / np.maximum(found.line[0], 1e-30)
    answer = _compared(found, share < FREE)
    if len(known) > 1:
        harder = np.sign(known[:, 1] - known[:, 0])
        answer += f" The same direction takes more in {int((harder == harder[0]).sum())} of {len(known)} trainings."
    answer += f" The straight line takes {_times(share[0])} the action of the path there, and {_times(share[1])} back."
    if (share > ALIKE).any():
        answer += " It takes less where it leads far from every cell, which the path does not."
    return Summary(answer, *_trust(found))


def _compared(found: LeastAction, free: Bool[Array, " 2"]) -> str:
    """The actions there and back. free: whether the field itself leads there, and back."""
    ends, unit = (found.start, found.end), f" {found.unit}" if found.unit else ""
    text = [_ranged(found.action[:, k]) for k in (0, 1)]
    if free.all():
        return f"The field itself leads from {ends[0]} to {ends[1]} and back: actions of {text[0]} and {text[1]}{unit}."
    if free.any():
        k = int(free.argmax())
        leads = f"The field itself leads from {ends[k]} to {ends[1 - k]}, with an action of {text[k]}"
        return f"{leads}; going back takes {text[1 - k]}{unit}."
    k = int(found.action[0].argmax())
    ratio = float(found.action[0, k] / found.action[0, 1 - k])
    if ratio < ALIKE:
        both = f"Going from {ends[0]} to {ends[1]} takes about as much action as going back"
        return f"{both}: {text[0]} and {text[1]}{unit}."
    going = f"Going from {ends[k]} to {ends[1 - k]} takes {ratio:.2g} times the action of going back"
    return f"{going}: {text[k]} against {text[1 - k]}{unit}."


def _times(share: float) -> str:
    return f"{1 / share:.2g} times" if share > 0.01 else "more than 100 times"


def _ranged(action: Float[Array, " trainings"]) -> str:
    known = action[np.isfinite(action)]
    text = f"{known[0]:.2g}"
    return text if len(known) < 2 else f"{text} ({known.min():.2g} to {known.max():.2g} in {len(known)} trainings)"


def _trust(found: LeastAction) -> tuple[Any, str]:
    """How far to trust it, the worst first."""
    reasons, poor = [], False
    if not found.converged[0].all():
        poor = True
        reasons.append("The search for a path ended before it had settled: its action is an upper bound.")
    far = {name: outside(found, k) for k, name in enumerate(DIRECTIONS)}
    if any(far.values()):
        poor = poor or bool((~found.near).mean(axis=1).max() > FAR)
        where = joined([f"{each} at {' and '.join(parts)} of its length" for each, parts in far.items() if parts])
        reasons.append(f"The path leads where no cell of this time is near ({where}): there the field is a guess.")
    else:
        reasons.append("Cells of this time are near all along both paths.")
    long = found.duration[0].max()
    if np.isfinite(found.span) and long > found.span:
        took, span = (format_duration(each, found.time_unit) for each in (long, found.span))
        reasons.append(f"A path takes up to {took} of the held field, and the cells were measured over {span}.")
    reasons.append("No measured cell confirms a path: it is what this field and the same noise everywhere would make.")
    lost = int(np.isnan(found.action).any(axis=1).sum())
    if lost:
        what = "such attractors" if found.place == "attractor" else "path"
        reasons.append(f"{lost} of {len(found.action)} trainings have no {what}.")
    return ("poor" if poor else "fair"), " ".join(reasons)


def outside(found: LeastAction, direction: int) -> list[str]:
    """The parts of a path that are far from every cell of its time, as "40% to 60%"."""
    parts, first = [], 0
    for far, points in groupby(~found.near[direction]):
        last = first + len(list(points)) - 1
        if far:
            parts.append(f"{found.share[first]:.0%} to {found.share[last]:.0%}")
        first = last + 1
    return parts


def passed(groups: Sequence[str]) -> str:
    """The groups of the nearest cells along a path, as a sentence; groups [points], "" for none."""
    runs = [name for name, _ in groupby(each for each in groups if each)]
    return f"The nearest cells along the path there are of {', then '.join(runs)}." if runs else ""


def path_rows(found: LeastAction, groups: Sequence[Sequence[str]] = (), by: str = "") -> Rows:
    """One row a point of the paths of the picture. groups [2][points] of the nearest cells, by the annotation `by`."""
    count = len(found.share)
    table: Rows = {
        "direction": [f"{a} to {b}" for a, b in _directions(found) for _ in range(count)],
        "share of the path (%)": [round(100 * each, 2) for each in np.tile(found.share, 2)],
        f"time along it ({found.time_unit or 'time'})": _short(found.times[0]),
        **{axis: _short(found.places[0, ..., k]) for k, axis in enumerate(found.axes)},
        "distance to the nearest cell (1 counts as near)": _short(found.distance),
        "cells near": ["yes" if each else "no" for each in found.near.ravel()],
    }
    return table | ({f"nearest cell ({by})": [str(each) for part in groups for each in part]} if by else {})


def action_rows(found: LeastAction) -> Rows:
    """One row a training and direction."""
    unit = found.unit or "no unit"
    pairs = [(n, k) for n in range(len(found.action)) for k in (0, 1) if np.isfinite(found.action[n, k])]
    names = [f"{a} to {b}" for a, b in _directions(found)]
    return {
        "training": [n + 1 for n, _ in pairs],
        "direction": [names[k] for _, k in pairs],
        f"least action ({unit})": [float(f"{found.action[each]:.4g}") for each in pairs],
        f"action of the straight line ({unit})": [float(f"{found.line[each]:.4g}") for each in pairs],
        f"duration ({found.time_unit or 'time'})": [float(f"{found.duration[each]:.4g}") for each in pairs],
        "search settled": ["yes" if found.converged[each] else "no" for each in pairs],
    }


def _directions(found: LeastAction) -> tuple[tuple[str, str], tuple[str, str]]:
    return (found.start, found.end), (found.end, found.start)


class Changes(NamedTuple):
    """How genes change along a path: size [genes] (highest less lowest), how in a word each, and at [genes]: share of
    the path at which half of the change is made, or the turn is reached."""

    size: Float[Array, " genes"]
    how: tuple[str, ...]
    at: Float[Array, " genes"]


def changes(share: Float[Array, " points"], values: Float[Array, "points genes"]) -> Changes:
    """A gene rises or falls where its ends differ by half of its range or more, else it turns back on the path."""
    size, moved = np.ptp(values, axis=0), values - values[0]
    net, turn = moved[-1], np.abs(moved).argmax(axis=0)
    straight: Bool[Array, " genes"] = np.abs(net) >= size / 2
    at = share[turn]
    for gene in np.flatnonzero(straight & (size > 0)):
        done = moved[:, gene] / net[gene]
        k = int(np.argmax(done >= 0.5))
        at[gene] = np.interp(0.5, done[k - 1 : k + 1], share[k - 1 : k + 1])
    up = np.where(straight, net > 0, moved[turn, np.arange(len(net))] > 0)
    words = {(True, True): "rises", (True, False): "falls", (False, True): "rises, then falls"}
    how = tuple(words.get((bool(a), bool(b)), "falls, then rises") for a, b in zip(straight, up, strict=True))
    return Changes(size, how, at)


def gene_rows(found: LeastAction) -> Rows:
    """One row a gene, that which changes most along the path there first."""
    values = found.values[0, 0]
    made = changes(found.share, values)
    table: Rows = {
        "gene": list(found.genes),
        f"at {found.start}": _short(values[0]),
        f"at {found.end}": _short(values[-1]),
        "lowest": _short(values.min(axis=0)),
        "highest": _short(values.max(axis=0)),
        "on the path it": list(made.how),
        "half of the change, or its turn, at (% of the path)": [round(100 * each, 1) for each in made.at],
    }
    if len(found.action) > 1:
        change = found.values[:, 0, -1] - found.values[:, 0, 0]
        size = np.ptp(found.values[:, 0], axis=1)
        table |= {
            "range on the path, lowest of the trainings": _short(np.nanmin(size, axis=0)),
            "range on the path, highest of the trainings": _short(np.nanmax(size, axis=0)),
            "trainings in which it rises in all": np.nansum(change > 0, axis=0).tolist(),
        }
    return table


def in_order(found: LeastAction, most: int) -> list[int]:
    """Places in found.genes of the first `most` that change more than slightly, by where on the path they do."""
    made = changes(found.share, found.values[0, 0][:, :most])
    return [k for k in np.argsort(made.at, kind="stable").tolist() if made.size[k] >= SLIGHT * made.size.max()]


def of_genes(found: LeastAction, most: int = 5) -> str:
    """The genes that change most along the path there, in the order in which they do; "" where none are known."""
    if not found.genes:
        return ""
    made, first = changes(found.share, found.values[0, 0]), in_order(found, most)
    listed = ", ".join(f"{found.genes[k]} {made.how[k]} ({made.at[k]:.0%})" for k in first)
    return (
        f"Genes that change most from {found.start} to {found.end}, by the place on the path where half of their "
        f"change is made, or where they turn: {listed}."
    )


def gene_trace_rows(found: LeastAction, gene: str, values: Float[Array, "trainings 2 points"]) -> Rows:
    """One row a point of the paths of every training."""
    known, count = np.flatnonzero(np.isfinite(found.action).all(axis=1)), len(found.share)
    names = [f"{a} to {b}" for a, b in _directions(found)]
    return {
        "training": (np.repeat(known, 2 * count) + 1).tolist(),
        "direction": [name for _ in known for name in names for _ in range(count)],
        "share of the path (%)": [round(100 * each, 2) for each in np.tile(found.share, 2 * len(known))],
        gene: _short(values[known]),
    }


def _short(values: Array) -> list[float]:
    return [float(f"{each:.4g}") for each in np.asarray(values, dtype=float).ravel()]
