"""How the basins of a landscape come and go, in words and as a table. Pure."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from cellflow_core.analysis.results import MovingLandscape
from cellflow_core.time_units import format_time, singular

MOST = 4
"""Stretches of time in the sentence, at most."""


def of_moving_landscape(result: MovingLandscape, unit: str) -> str:
    """Which basins hold cells, and from which of the shown times on."""
    named = any(result.basins)  # numbers go by depth: they follow no basin from time to time
    names = [tuple(sorted(result.at(k).names)) for k in range(len(result.times))]
    alike = groupby(range(len(names)), lambda k: names[k] if named else len(names[k]))
    stretches = [next(own) for _, own in alike]
    word = singular(unit) or "time"
    parts = [
        f"{'from' if k else 'at'} {word} {format_time(result.times[k])} {'on ' if k else ''}cells are in "
        f"{_basins(names[k], named)}"
        for k in stretches[:MOST]
    ]
    more = len(stretches) - MOST
    rest = f" They change {more} more time{'s' if more > 1 else ''} later." if more > 0 else ""
    sentence = "; ".join(parts)
    return f"{sentence[0].upper()}{sentence[1:]}.{rest}"


def _basins(names: tuple[str, ...], named: bool) -> str:
    if not names:
        return "no basin of the surface"
    count = "one basin" if len(names) == 1 else f"{len(names)} basins"
    return f"{count} ({'; '.join(names)})" if named else count


def rows(result: MovingLandscape, unit: str) -> dict[str, list[Any]]:
    """A row for each basin of each time."""
    names = [each for k in range(len(result.times)) for each in result.at(k).names]
    one, other = result.axes
    return {
        f"time ({unit})" if unit else "time": result.times[result.of].tolist(),
        "basin": names,
        "share of the simulated cells": result.holds.tolist(),
        f"barrier ({result.unit})": result.barrier.tolist(),
        one: result.bottom[:, 0].tolist(),
        other: result.bottom[:, 1].tolist(),
    }
