"""Numbers and units of time out of the labels of a column ("Day 06-09", "d2"); what is not sure is left open."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cellflow_core.data.times.column_names import is_other_name, is_time_name, numbers_something, unit_of_name
from cellflow_core.data.times.dates import WHY_NOT, days_since_first
from cellflow_core.data.times.label_context import LabelContext, bare_range, total
from cellflow_core.data.times.label_parts import Parts, parts_of
from cellflow_core.data.times.label_units import EMBRYONIC, GESTATIONAL, POSTNATAL, LabelUnit, in_days

DOUBTFUL = 0.5
"""A likeness below this: a column of many numbers that is named like a time goes before it."""
DATES = 0.45
"""Likeness of a column of dates that is not named like a time: they may be those of the processing."""
_CELLS = re.compile(r"(\d+)[\s_-]?(?:c|cells?)(?:[\s_-]?stage)?", re.I)
_BARE = LabelUnit("bare number")
_PLACEHOLDERS = {-1.0, -9.0, -99.0, -999.0, 999.0, 9999.0}
_QUALIFIERS = {"early", "mid", "middle", "late"}


@dataclass(frozen=True)
class Reading:
    """What one label gives: its number and unit, or None and the reason why it is left open."""

    number: float | None
    unit: LabelUnit = _BARE
    reason: str = ""


@dataclass(frozen=True)
class Proposal:
    """What the labels of one column may mean: numbers in `unit`, ascending; labels left open last, by name.

    reasons     label that was left open -> why, as a part of a sentence
    first_date  the date from which days count, where the labels are dates, else ""
    """

    labels: tuple[str, ...]
    numbers: tuple[float | None, ...]
    unit: str
    reasons: Mapping[str, str] = field(default_factory=dict)
    first_date: str = ""


def read_label(label: str, column: str = "") -> tuple[float, str] | None:
    """(number, unit) of one label alone, unit "" where none is given; None where it is left open."""
    found = propose([label], column)
    return None if found.numbers[0] is None else (found.numbers[0], found.unit)


def propose(labels: Iterable[str], column: str = "") -> Proposal:
    """Numbers for the distinct labels of a column, all in one unit: what is not sure has none, and the reason."""
    distinct = sorted(set(labels))
    if dated := days_since_first(distinct):
        order = tuple(sorted(distinct, key=lambda each: (dated.days[each], each)))
        return Proposal(order, tuple(dated.days[each] for each in order), "day", first_date=dated.first)
    if divided := _divisions(distinct):
        return divided
    context = LabelContext(column, [parts_of(each) for each in distinct])
    read = _without_placeholders(dict(zip(distinct, _readings(context), strict=True)))
    unit, numbers, reasons = _in_one_unit(read, column)
    known = sorted((each for each in distinct if numbers[each] is not None), key=lambda each: (numbers[each], each))
    order = (*known, *(each for each in distinct if numbers[each] is None))
    return Proposal(order, tuple(numbers[each] for each in order), unit, reasons)


def _without_placeholders(read: Mapping[str, Reading]) -> dict[str, Reading]:
    """Bare numbers with which people write that nothing is known (-1, -99, 999) beside others are left open."""
    bare = {label: each.number for label, each in read.items() if each.unit is _BARE and each.number is not None}
    found = [label for label, number in bare.items() if number in _PLACEHOLDERS]
    rest = [number for label, number in bare.items() if label not in found]
    if len(found) != 1 or not rest or min(rest) < 0 or 0 <= (bare[found[0]] or 0) < 10 * max(rest):
        return dict(read)
    return {**read, found[0]: Reading(None, reason=f"{found[0]} may mean that the time is not known")}


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


def _readings(context: LabelContext) -> list[Reading]:
    ranges = [bare_range(each.text) for each in context.labels]
    if len(ranges) > 1 and all(each is not None for each in ranges):
        return [Reading(each) for each in ranges]
    shared = set.intersection(*(set(each.words) for each in context.labels)) if len(context.labels) > 1 else set()
    return [_reading(each, context, _QUALIFIERS - shared) for each in context.labels]


def _reading(parts: Parts, context: LabelContext, qualifiers: set[str]) -> Reading:
    if parts.reason:
        return Reading(None, reason=parts.reason)
    if re.fullmatch(r"\s*zygotes?(?:[\s_-]stage)?\s*", parts.text, re.I):
        return Reading(0.0, LabelUnit("cell division"))
    found, doubts = context.quantities(parts)
    if found and (graded := qualifiers & set(parts.words)):
        return Reading(None, reason=f"{min(graded)} and the stage itself may be two times")
    if doubts and not _beside_codes(doubts, found):
        return Reading(None, reason=doubts[0])
    if len(found) > 1:
        one = total(found, parts)
        return Reading(one.value, one.unit) if one else Reading(None, reason="it holds several times")
    if found:
        return Reading(found[0].value, found[0].unit)
    if parts.is_bare:
        sign, number, text = parts.numbers[0]
        if text.startswith("0") and len(text) > 3 and "." not in text:
            return Reading(None, reason=f"{text} looks like an identifier")
        if numbers_something(context.column) and "." not in text:
            return Reading(None, reason=f"it may only number each {context.column}")
        return Reading(-number if sign else number)
    if parts.codes:
        return Reading(None, reason=f"the letters {parts.codes[0][0]!r} are no unit of time")
    return Reading(None, reason="it holds several numbers" if len(parts.numbers) > 1 else _wordless(parts))


def _wordless(parts: Parts) -> str:
    return "its number has no unit" if parts.numbers or parts.quantities else "it holds no number"


def _beside_codes(doubts: Sequence[str], found: Sequence[object]) -> bool:
    """May doubtful letters be passed over, since another part of the label is a time and they are a line or a well?"""
    return bool(found) and all(re.search(r"a cell line|a well|a treatment|^the letters", each) for each in doubts)


def _in_one_unit(read: Mapping[str, Reading], column: str) -> tuple[str, dict[str, float | None], dict[str, str]]:
    """(unit, number of each label, reasons of those left open): the unit of most labels, else that of the name."""
    known = [each for each in read.values() if each.number is not None and each.unit is not _BARE and each.unit.name]
    unit = _most_used([each.unit for each in known]) if known else None
    of_name = unit_of_name(column)
    numbers: dict[str, float | None] = {}
    reasons: dict[str, str] = {}
    for label, each in read.items():
        numbers[label] = None
        if each.number is None:
            reasons[label] = each.reason
        elif unit is None:
            numbers[label] = each.number
        elif each.unit is _BARE or not each.unit.name:
            if each.number == 0 or of_name == unit.name:
                numbers[label] = each.number
            else:
                reasons[label] = f"it has no unit, and others are in {unit.name}s"
        else:
            numbers[label] = _converted(each.number, each.unit, unit)
            if numbers[label] is None:
                reasons[label] = _not_convertible(each.unit, unit)
    return (of_name if unit is None else unit.name), numbers, reasons


def _family(unit: LabelUnit) -> str:
    """Units of one family count from the same event and can be converted."""
    since = "conception" if unit.since == "fertilization" else unit.since
    return f"since {since}" if in_days(unit) is not None and unit.name != GESTATIONAL else unit.name


def _most_used(units: Sequence[LabelUnit]) -> LabelUnit:
    families = Counter(map(_family, units))
    if any(each.name == EMBRYONIC for each in units):
        family = "since conception"
    else:
        family = min(families, key=lambda each: -families[each])
    within = Counter(each for each in units if _family(each) == family)
    return min(within, key=lambda each: (-within[each], in_days(each) or 0.0))


def _converted(number: float, found: LabelUnit, unit: LabelUnit) -> float | None:
    """In `unit`; None where the two cannot be converted, or count from different events."""
    if found.name == unit.name and _family(found) == _family(unit):
        return number
    length, wanted = in_days(found), in_days(unit)
    if length is None or wanted is None:
        return None
    if _family(found) == _family(unit):
        return round(number * length / wanted, 6)
    return 0.0 if number == 0 and not found.since and found.name != GESTATIONAL else None


def _not_convertible(found: LabelUnit, unit: LabelUnit) -> str:
    if found.name == POSTNATAL and unit.name == EMBRYONIC:
        return "postnatal days count from birth, embryonic ones from conception"
    if found.since and unit.since and found.since != unit.since:
        return f"it counts from {found.since}, others from {unit.since}"
    if _family(found).startswith("since") and _family(unit).startswith("since"):
        return f"it is not said that it counts from {found.since or unit.since} as others do"
    return f"its unit is {found.name}, and others are in {unit.name}s"


def likeness(column: str, labels: Sequence[str]) -> float:
    """How much a column looks like a time, 0 (not at all) to 1: by name, units and pattern of the labels."""
    distinct = sorted(set(labels))
    if len(distinct) < 2 or is_other_name(column):
        return 0.0
    found = propose(distinct, column)
    clear = sum(each is not None for each in found.numbers) / len(distinct)
    with_unit = clear if found.unit and found.unit != unit_of_name(column) else _with_unit(distinct)
    by_name = is_time_name(column)
    if found.first_date and not by_name:
        return DATES
    if set(found.reasons.values()) == {WHY_NOT} and not clear:
        return max(DATES / 2, 0.4 * by_name)
    alike = len({re.sub(r"[\d.,]+", "#", each.strip().lower()) for each in distinct}) == 1
    if not by_name and not ((clear == 1 and alike) or with_unit >= 0.5):
        return 0.0
    if len({each for each in found.numbers if each is not None}) < 2 and not by_name:
        return 0.0
    if by_name and "sample" in column.lower():
        return DOUBTFUL / 2 if _codes(distinct) else 0.3 + 0.3 * clear + 0.2 * with_unit + 0.1 * alike
    return 0.4 * by_name + 0.3 * clear + 0.2 * with_unit + 0.1 * alike


def _with_unit(labels: Sequence[str]) -> float:
    return sum(bool(parts_of(each).quantities) for each in labels) / len(labels)


def _codes(labels: Sequence[str]) -> bool:
    """Do the labels hold two codes or more that differ, such as s1d2: site 1, donor 2?"""
    found = [re.findall(r"([a-z]+)[\s_.-]?(\d+)", each, re.I) for each in set(labels)]
    alike = len({tuple(letters.lower() for letters, _ in each) for each in found}) == 1
    return alike and sum(len({number for _, number in part}) > 1 for part in zip(*found, strict=True)) > 1
