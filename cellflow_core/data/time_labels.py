"""Numbers and units of time out of the labels people write: "Day 06-09", "d2", "12 h", "E8.5", "1 week"."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cellflow_core.time_units import DAYS, UNIT_OF

DOUBTFUL = 0.5
"""A likeness below this: a column of many numbers that is named like a time goes before it."""
_NUMBER = r"\d+(?:[.,]\d+)?"
_RANGE = rf"(?:(?:(?<=\s)|^)-\s?)?{_NUMBER}(?:\s?(?:-|–|—|to)\s?{_NUMBER})?"
_WORD = "|".join(sorted(UNIT_OF, key=len, reverse=True))
_BEFORE = re.compile(rf"(?<![a-z])(?P<unit>{_WORD})(?P<gap>[\s_.:=-]{{0,2}}?)(?P<number>{_RANGE})(?![\d])", re.I)
_AFTER = re.compile(rf"(?<![\d.,])(?P<number>{_RANGE})(?P<gap>\s?-?|_(?=(?:{_WORD})$))(?P<unit>{_WORD})(?![a-z])", re.I)
_BARE = re.compile(_RANGE)
_CELLS = re.compile(r"(\d+)[\s_-]?(?:c|cells?)(?:[\s_-]?stage)?", re.I)
_TIME_NAME = re.compile(
    r"time|(?<![a-z])(?:days?|hours?|hrs?|weeks?|months?|stages?|age|samples?|snapshots?|sample_?labels?|dpf|hpf|dpi|hpi|dpc|t)"
    r"(?![a-z])",
    re.I,
)
_CONTINUOUS_NAME = re.compile(
    r"pseudo_?time|latent_?time|(?<![a-z])(?:dpt|times?|days?|hours?|hrs?|weeks?|months?|age|t)(?![a-z])", re.I
)
_OTHER_NAME = re.compile(
    r"batch|cluster|leiden|louvain|replicate|(?<![a-z])rep(?![a-z])|donor|patient|subject|plate|lane|phase|clone|barcode|"
    r"index|n_genes|n_counts|total|percent|pct|score|well|split|fold|size|cell_?type|cell_?id|weight|perturb|guide|(?<![a-z])(?:runs?|series|lineage|realisations?)(?![a-z])",
    re.I,
)


@dataclass(frozen=True)
class Proposal:
    """What the labels of one column may mean: numbers in `unit`, ascending; labels without a number last, by name."""

    labels: tuple[str, ...]
    numbers: tuple[float | None, ...]
    unit: str


def read_label(label: str) -> tuple[float, str] | None:
    """(number, unit) of one label, unit "" where none is written; the middle of a range; None where no number is clear.

    Several quantities with different units add up ("1 week 3 days" is 10 days).
    """
    text = label.strip()
    after, before = list(_AFTER.finditer(text)), list(_BEFORE.finditer(text))
    doubtful = bool(after) and text[after[-1].end() :][:1].isdigit()  # "s1d6" is day 6, not 1 day
    found = before if len(before) > len(after) or (doubtful and len(before) == len(after)) else after
    quantities = [(_middle(match["number"]), UNIT_OF[match["unit"].lower()]) for match in found]
    if len(quantities) == 1:
        return quantities[0]
    if quantities:
        units = [unit for _, unit in quantities]
        if len(set(units)) != len(units) or not set(units) <= set(DAYS):
            return None
        unit = min(units, key=lambda each: DAYS[each])
        return sum(number * DAYS[each] for number, each in quantities) / DAYS[unit], unit
    bare = _BARE.findall(text)
    return (_middle(bare[0]), "") if len(bare) == 1 else None


def propose(labels: Iterable[str], column: str = "") -> Proposal:
    """Numbers for the distinct labels of a column, all in one unit: the one most labels use, or that the name tells."""
    distinct = sorted(set(labels))
    if divided := _divisions(distinct):
        return divided
    read = {label: read_label(label) for label in distinct}
    named = Counter(found[1] for found in read.values() if found and found[1])
    unit = min(named, key=lambda each: (-named[each], DAYS.get(each, 0.0))) if named else unit_of_name(column)
    numbers = {label: _convert(*found, unit) if found else None for label, found in read.items()}
    known = sorted((label for label in distinct if numbers[label] is not None), key=lambda each: (numbers[each], each))
    order = (*known, *(label for label in distinct if numbers[label] is None))
    return Proposal(order, tuple(numbers[label] for label in order), unit)


def _divisions(labels: Sequence[str]) -> Proposal | None:
    """Embryos of 1C, 2C, 4C ... cells (or "8-cell") by how often they divided, which is even in time; else None."""
    found = [_CELLS.fullmatch(each.strip()) for each in labels]
    if len(labels) < 2 or not all(found):
        return None
    cells = {label: int(each[1]) for label, each in zip(labels, found, strict=True) if each}
    if any(each < 1 or each & (each - 1) for each in cells.values()):
        return None
    order = tuple(sorted(labels, key=lambda each: (cells[each], each)))
    return Proposal(order, tuple(float(cells[each].bit_length() - 1) for each in order), "cell division")


def unit_of_name(column: str) -> str:
    """The unit that the name of a column tells ("day_mid" is day), "" where it tells none."""
    words = [each for each in re.split(r"[^a-z]+", column.lower()) if each]
    if re.search(r"pseudo_?time|latent_?time|(?<![a-z])dpt(?![a-z])", column, re.I):
        return "pseudotime"
    if "stage" in words:
        return "stage"
    return next((UNIT_OF[each] for each in words if len(each) > 1 and each in UNIT_OF), "")


def likeness(column: str, labels: Sequence[str]) -> float:
    """How much a column looks like a time, 0 (not at all) to 1: by name, units and pattern of the labels."""
    if len(set(labels)) < 2:
        return 0.0
    read = [read_label(each) for each in set(labels)]
    clear = sum(each is not None for each in read) / len(read)
    with_unit = sum(each is not None and bool(each[1]) for each in read) / len(read)
    by_name = bool(_TIME_NAME.search(column))
    if _OTHER_NAME.search(column) and not by_name:
        return 0.0
    alike = len({re.sub(r"[\d.,]+", "#", each.strip().lower()) for each in labels}) == 1
    if not by_name and not (clear == 1 and (alike or with_unit == 1)):
        return 0.0
    if by_name and "sample" in column.lower():
        return DOUBTFUL / 2 if _codes(labels) else 0.3 + 0.3 * clear + 0.2 * with_unit + 0.1 * alike
    return 0.4 * by_name + 0.3 * clear + 0.2 * with_unit + 0.1 * alike


def _codes(labels: Sequence[str]) -> bool:
    """Do the labels hold two codes or more that differ, such as s1d2: site 1, donor 2?"""
    found = [re.findall(r"([a-z]+)[\s_.-]?(\d+)", each, re.I) for each in set(labels)]
    alike = len({tuple(letters.lower() for letters, _ in each) for each in found}) == 1
    return alike and sum(len({number for _, number in part}) > 1 for part in zip(*found, strict=True)) > 1


def is_time_name(column: str) -> bool:
    """Is this how people name a column of times?"""
    return bool(_TIME_NAME.search(column))


def is_continuous_name(column: str) -> bool:
    """Is this how people name a column of times or pseudotimes that takes many values?"""
    return bool(_CONTINUOUS_NAME.search(column))


def _convert(number: float, found: str, unit: str) -> float | None:
    """In `unit`; a bare number is taken to be in it already. None where the two cannot be converted."""
    if not found or found == unit:
        return number
    if found in DAYS and unit in DAYS:
        return round(number * DAYS[found] / DAYS[unit], 6)
    return None


def _middle(text: str) -> float:
    negative = text.lstrip().startswith("-")
    numbers = [float(each.replace(",", ".")) for each in re.findall(_NUMBER, text)]
    middle = sum(numbers) / len(numbers)
    return -middle if negative and len(numbers) == 1 else middle
