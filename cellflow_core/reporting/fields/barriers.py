"""Barriers between the basins of a landscape in words and as a table. Pure."""

from __future__ import annotations

from typing import Any

import numpy as np

from cellflow_core.analysis.results import Barriers
from cellflow_core.analysis.results.perturbation import joined


def of_barriers(result: Barriers) -> str:
    """The barrier between the two largest basins with a path between them, its spread over trainings, and the basins
    that some trainings lack."""
    found = _largest_pair(result)
    if found is None:
        few = f"one basin ({of_basin(result.names[0])})" if len(result.names) == 1 else f"{len(result.names)} basins"
        return f"The surface has {few} and no path between two: there is no barrier to tell.{_lacking(result)}"
    a, b = found
    there, back = (_words(result, *each) for each in ((a, b), (b, a)))
    one, other = (of_basin(result.names[each]) for each in (a, b))
    unit = "in -log p" if result.unit == "-log p" else result.unit
    barrier = f"From {one} to {other}, cells climb {there} {unit}; back, {back}."
    return f"{barrier}{_order(result, a, b)}{_lacking(result)}"


def _largest_pair(result: Barriers) -> tuple[int, int] | None:
    """The two basins with a path between them that hold the most cells; the larger one first."""
    pairs = np.argwhere(np.triu(np.isfinite(result.climb[0])))
    if not len(pairs):
        return None
    a, b = pairs[result.cells[pairs].sum(axis=1).argmax()].tolist()
    return (a, b) if result.cells[a] >= result.cells[b] else (b, a)


def of_basin(name: str) -> str:
    """A basin by the cells in it, else by its number."""
    return name if name.startswith("basin ") else f"the basin of {name}"


def _words(result: Barriers, a: int, b: int) -> str:
    median, low, high, many = result.spread(a, b)
    least = "at least " if result.unsure[a, b] else ""
    return f"{least}{median:.2g}" + (f" ({low:.2g} to {high:.2g} in {many} trainings)" if many > 1 else "")


def _order(result: Barriers, a: int, b: int) -> str:
    """In how many trainings the higher of two climbs is the same."""
    if len(result.climb) == 1:
        return " One training: its spread over seeds is not known."
    steeper = np.sign(result.climb[:, a, b] - result.climb[:, b, a])
    steeper = steeper[np.isfinite(steeper)]
    same = int((steeper == steeper[0]).sum())
    return f" The higher of the two is the same in {same} of {len(steeper)} trainings." if len(steeper) > 1 else ""


def _lacking(result: Barriers) -> str:
    count = len(result.found)
    found = [
        f"{int((~there).sum())} of {count} trainings have no {of_basin(name).removeprefix('the ')}"
        for name, there in zip(result.names, result.found.T, strict=True)
        if not there.all()
    ]
    found += [f"{many} of {count} have one more, of {name}" for name, many in result.others]
    return f" {joined(found)[0].upper()}{joined(found)[1:]}." if found else ""


def rows(result: Barriers) -> dict[str, list[Any]]:
    """One row a basin and another that a path leads to, the lowest climb first."""
    count, unit = len(result.climb), result.unit
    pairs = [(a, b) for a in range(len(result.names)) for b in range(len(result.names)) if a != b]
    pairs = sorted((each for each in pairs if result.spread(*each)[3]), key=lambda each: result.spread(*each)[0])
    spreads = [result.spread(*each) for each in pairs]
    table: dict[str, list[Any]] = {
        "from": [result.names[a] for a, _ in pairs],
        "to": [result.names[b] for _, b in pairs],
        f"climb in the picture ({unit})": [_short(result.climb[0, a, b]) for a, b in pairs],
    }
    if count > 1:
        for name, place in (("median", 0), ("lowest", 1), ("highest", 2)):
            table[f"{name} ({unit})"] = [_short(each[place]) for each in spreads]
        table[f"trainings with both (of {count})"] = [each[3] for each in spreads]
    return table | {"lower bound": ["yes" if result.unsure[a, b] else "" for a, b in pairs]}


def _short(value: float) -> float:
    return float(f"{value:.4g}")
