"""Labels of a time column in the order that a person gives: times 0, 1, 2 ... for stages of unknown distance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from cellflow_core.data.readers import MISSING

ORDER_UNIT = "stage"
"""Unit of times that only count an order."""


def times_in_order(order: Iterable[str], left_out: Iterable[str] = ()) -> dict[str, float | None]:
    """Label -> 0, 1, 2 ... by its place among the labels that are used, None for those left out."""
    out = set(left_out)
    used = [label for label in dict.fromkeys(order) if label not in out]
    return {**{label: float(k) for k, label in enumerate(used)}, **dict.fromkeys(out, None)}


def order_of_times(labels: Sequence[str], times: Mapping[str, float | None]) -> tuple[list[str], list[str]]:
    """(every label, the earliest first and those without a time last; labels that are left out).

    times  label -> its time, None where it is left out; labels without a time are not in it
    """

    def place(label: str) -> tuple[int, float]:
        time = times.get(label)
        return (0, time) if time is not None else (2 if label in times else 1, 0.0)

    return sorted(labels, key=place), [label for label in labels if label in times and times[label] is None]


def reconcile(labels: Sequence[str], order: Iterable[str], left_out: Iterable[str]) -> tuple[list[str], list[str]]:
    """(order, left out) with each label of the column once: unknown ones are dropped, new ones come last."""
    held = [label for label in dict.fromkeys(order) if label in set(labels)]
    return [*held, *(label for label in labels if label not in held)], [each for each in labels if each in {*left_out}]


def numbers_given(
    labels: Sequence[str],
    proposed: Mapping[str, float | None],
    order: Sequence[str] = (),
    given: Mapping[str, float | None] | None = None,
) -> dict[str, float | None]:
    """Label -> time: what was proposed, or where an `order` is given its places; numbers by hand go before both.

    Labels that are in none of them are not in the answer. Raises ValueError where a label is unknown or twice in the
    order, or where numbers contradict it.
    """
    given = dict(given or {})
    _check_known(labels, [*order, *given])
    twice = sorted({each for each in order if list(order).count(each) > 1})
    if twice:
        raise ValueError(f"the order names {', '.join(twice)} more than once: name each label once")
    places = times_in_order(order)
    missing = {MISSING: None} if MISSING in labels else {}
    numbers = {**(missing | places if order else proposed), **given}
    times = [number for each in order if (number := numbers[each]) is not None]
    if any(left >= right for left, right in pairwise(times)):
        raise ValueError("the numbers given by hand contradict the order: give the order or the numbers")
    return numbers


def _check_known(labels: Sequence[str], named: Iterable[str]) -> None:
    unknown = [each for each in named if each not in labels]
    if unknown and not labels:
        raise ValueError("the column holds many different numbers and no labels: cut it into windows instead")
    if unknown:
        raise ValueError(f"no cell has the label {unknown[0]!r}: the column holds {', '.join(labels)}")
