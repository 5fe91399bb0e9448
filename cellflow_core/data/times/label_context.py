"""What letters, hyphens and underscores mean in the labels of one column, seen from all of its labels together."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from cellflow_core.data.times.column_names import (
    is_age_name,
    is_measured_time_name,
    is_name_of_individuals,
    is_other_name,
    unit_of_name,
)
from cellflow_core.data.times.label_parts import Parts, Quantity, number_of
from cellflow_core.data.times.label_units import EMBRYONIC, POSTNATAL, LabelUnit
from cellflow_core.time_units import DAYS

_FRACTIONS = {"0", "00", "5", "25", "50", "75"}
_CELL_LINES = {1, 7, 9, 13, 14}
"""Lines of human embryonic stem cells: H1, H7, H9, H13, H14."""
_LONGEST_GESTATION = 25
"""Embryonic days of mouse and rat end before this one."""
Doubt = str


class LabelContext:
    """The labels of one column, and what its name says."""

    def __init__(self, column: str, labels: Sequence[Parts]) -> None:
        self.column, self.labels = column, labels
        self.named_time, self.named_age = is_measured_time_name(column), is_age_name(column)
        self.every = [each for parts in labels for each in parts.quantities]
        self.constant = self._constant()

    def quantities(self, parts: Parts) -> tuple[list[Quantity], list[Doubt]]:
        """Quantities of a label that may be its time, and why others are not taken."""
        found: list[Quantity] = []
        doubts: list[Doubt] = []
        for each in parts.quantities:
            if each.key in self.constant:
                continue
            read = self._read(each)
            if isinstance(read, Quantity):
                found.append(read)
            elif read:
                doubts.append(read)
        return found, doubts

    def _constant(self) -> set[tuple[str, str, bool]]:
        """Keys that hold one number in all labels where another quantity differs: a cell line, a dose, a protocol."""
        numbers: dict[tuple[str, str, bool], set[tuple[float, str]]] = defaultdict(set)
        for each in self.every:
            numbers[each.key].add((each.value, each.sign))
        often = {key for key in numbers if sum(key in self._keys(parts) for parts in self.labels) > 1}
        same = {key for key, held in numbers.items() if len(held) == 1 and (key in often or len(self.labels) == 1)}
        differ = {key for key, held in numbers.items() if len(held) > 1}
        beside = {key for parts in self.labels if self._keys(parts) & differ for key in self._keys(parts)}
        return same & beside

    @staticmethod
    def _keys(parts: Parts) -> set[tuple[str, str, bool]]:
        return {each.key for each in parts.quantities}

    def _read(self, each: Quantity) -> Quantity | Doubt:
        unit = self._unit(each)
        if isinstance(unit, str):
            return unit
        like = [other for other in self.every if other.key == each.key]
        each = replace(each, unit=unit)
        if unit.name == "cell division":
            each = replace(each, value=math.log2(each.value))
        for meaning in (self._joined, self._decimal, self._signed):
            read = meaning(each, like)
            if isinstance(read, str):
                return read
            each = read
        return each

    def _unit(self, each: Quantity) -> LabelUnit | Doubt:
        """The unit that the letters mean here, or why they may mean something else; "" for what is no time at all."""
        word, shown, lower = each.word, each.shown, each.word.lower()
        if each.behind and len({other.behind for other in self.every if other.key == each.key}) > 1:
            return f"{each.behind}{shown} may number a site and a donor"
        if each.unit.name == "cell":
            return self._cells(shown)
        if each.unit.sure > 1:
            return each.unit
        if lower == "d":
            return self._day(each, shown)
        if lower == "e":
            return self._embryonic(each, shown)
        if lower == "p":
            return self._postnatal(each, shown)
        if lower == "m":
            return self._minute_or_month(each, shown)
        if lower == "w" and each.before and (len(each.text) > 2 or not (self.named_time or self._has_zero(each))):
            return f"{shown} may be a week or a well"
        if lower == "t" and not (self.named_time or self._has_zero(each)):
            return f"{shown} may be a time or a treatment"
        if lower == "y" and each.before:
            return f"the letters of {shown} are no unit of time"
        if word == "H" and each.before and not self._has_zero(each):
            line = each.value in _CELL_LINES
            if line or not self.named_time:
                return f"{shown} may be a cell line or an hour"
        return each.unit

    def _has_zero(self, like: Quantity) -> bool:
        return any(each.value == 0 and each.word == like.word and each.before == like.before for each in self.every)

    def _cells(self, shown: str) -> LabelUnit | Doubt:
        cells = [each.value for each in self.every if each.unit.name == "cell"]
        if any(not each.is_integer() or each < 1 or int(each) & (int(each) - 1) for each in cells):
            return f"{shown} counts cells and is no stage between divisions"
        return LabelUnit("cell division")

    def _day(self, each: Quantity, shown: str) -> LabelUnit | Doubt:
        if is_name_of_individuals(self.column):
            return f"{shown} may be a donor"
        if is_other_name(self.column) and not (self._has_zero(each) or any("." in other.text for other in self.every)):
            return f"{shown} may be a day or the number of a {self.column}"
        behind = {other.value for other in self.every if other.word == "D" and not other.before}
        if each.word == "D" and not each.before and behind <= {2, 3} and not self.named_time:
            return f"{shown} may be a culture in two or three dimensions"
        return each.unit

    def _embryonic(self, each: Quantity, shown: str) -> LabelUnit | Doubt:
        like = [other for other in self.every if other.word == each.word and other.before]
        if each.value > _LONGEST_GESTATION and all(other.text[-1] in "05" for other in like if other.value > 25):
            return f"{shown} may be a day or lack its decimal point"
        if any("." in other.text or "," in other.text for other in like) or (self.named_time and each.word == "E"):
            return each.unit
        if each.word == "e" or any(other.value < 3 for other in like) or is_name_of_individuals(self.column):
            return f"{shown} may be an embryonic day or the number of an embryo or experiment"
        return each.unit

    def _postnatal(self, each: Quantity, shown: str) -> LabelUnit | Doubt:
        if "passage" in self.column.lower():
            return LabelUnit("passage")
        beside = any(other.unit.name in (EMBRYONIC, POSTNATAL, "week", "month") for other in self.every)
        point = any("." in other.text for other in self.every if other.word == each.word)
        if each.word == "P" and (beside or point or self.named_age):
            return LabelUnit(POSTNATAL, "birth")
        return f"{shown} may be a postnatal day, a passage or a patient"

    def _minute_or_month(self, each: Quantity, shown: str) -> LabelUnit | Doubt:
        if each.before:
            return f"the letters of {shown} are no unit of time"
        names = {other.unit.name for other in self.every} | {unit_of_name(self.column)}
        if names & {"hour", "minute", "second"}:
            return LabelUnit("minute", sure=1)
        if names & {"day", "week", "month", "year"} or (self.named_age and "stage" not in self.column.lower()):
            return LabelUnit("month", sure=1)
        return f"{shown} may be minutes or months"

    def _joined(self, each: Quantity, like: Sequence[Quantity]) -> Quantity | Doubt:
        """A number behind the time: its decimals, the end of a range, or only the number of a replicate."""
        if each.joined is None:
            return each
        sign, text = each.joined
        pairs = [(other.text, other.joined[1]) for other in like if other.joined and other.joined[0] == sign]
        meaning = _meaning_of_joined(sign, pairs, each.unit.name in (EMBRYONIC, POSTNATAL))
        if meaning == "decimal":
            return replace(each, value=number_of(f"{each.text}.{text}"))
        if meaning == "range":
            return replace(each, value=(number_of(each.text) + number_of(text)) / 2, is_range=True)
        if meaning == "replicate":
            return each
        kinds = "a decimal or a replicate" if sign == "_" else "the end of a range or a replicate"
        return f"{text} behind {each.text}{sign} may be {kinds}"

    def _decimal(self, each: Quantity, like: Sequence[Quantity]) -> Quantity | Doubt:
        """D0.1, D0.2, D3.1, D3.2, or D4, D8.1, D8.2: the digit behind the point may count replicates."""
        behind: dict[str, set[str]] = defaultdict(set)
        for other in like:
            whole, _, part = other.text.partition(".")
            if part:
                behind[whole].add(part)
        counted = [held == {str(k + 1) for k in range(len(held))} for held in behind.values()]
        repeated = len(behind) > 1 or any(len(held) > 1 for held in behind.values())
        if "." in each.text and repeated and all(counted):
            return f"the digit behind the point of {each.text} may be a decimal or a replicate"
        return each

    def _signed(self, each: Quantity, like: Sequence[Quantity]) -> Quantity | Doubt:
        """D-7 beside D7 or D0 is a time before; a hyphen in all labels only separates."""
        if each.sign == "-":
            return replace(each, value=-each.value)
        if each.sign != "?" or not each.before:
            return each
        hyphens = [other for other in like if other.sign == "?"]
        if len(hyphens) == len(like):
            separates = any(other.value == 0 for other in like) or (len(each.word) > 1 and len(like) > 1)
            return each if separates else f"the hyphen of {each.word}-{each.text} may be a minus"
        plain = {other.value for other in like if other.sign != "?"}
        if any(other.value == 0 for other in hyphens):
            return each
        if 0.0 in plain or plain & {other.value for other in hyphens}:
            return replace(each, value=-each.value)
        return f"the hyphen of {each.word}-{each.text} may be a minus"


def _meaning_of_joined(sign: str, pairs: Sequence[tuple[str, str]], of_embryo: bool) -> str:
    """ "decimal", "range", "replicate", or "" where it is not sure."""
    behind: dict[str, set[str]] = defaultdict(set)
    for first, second in pairs:
        behind[first].add(second)
    seconds = {second for _, second in pairs}
    counted = all(held == {str(k + 1) for k in range(len(held))} for held in behind.values())
    rising = all(number_of(first) < number_of(second) for first, second in pairs)
    padded = all(len(first) == len(second) > 1 for first, second in pairs) and any(
        each.startswith("0") for pair in pairs for each in pair
    )
    if sign == "_":
        if seconds <= _FRACTIONS and not counted and not padded:
            return "decimal" if of_embryo else ("replicate" if seconds <= {"0", "00"} else "")
        if padded and rising:
            return "range"
        return "" if seconds & {"25", "75"} and of_embryo and not counted else "replicate"
    if not rising:
        return "" if of_embryo and seconds <= _FRACTIONS else "replicate"
    if padded:
        return "range"
    if any(len(held) > 1 for held in behind.values()) or (len(pairs) > 1 and len(seconds) == 1):
        return "replicate"
    return "range" if len(pairs) > 1 and len(seconds) == len(pairs) else ""


def bare_range(text: str) -> float | None:
    """The middle of "0-3"; None where the text is no rising range of two numbers and nothing else."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s?(?:-|–|—|to)\s?(\d+(?:\.\d+)?)\s*", text)
    if not found or float(found[1]) >= float(found[2]):
        return None
    return (float(found[1]) + float(found[2])) / 2


def total(quantities: Sequence[Quantity], parts: Parts) -> Quantity | None:
    """Several quantities as one: "1 week 3 days", "1w3d", "E6.5-E7.0", the same twice; None where they contradict."""
    first = quantities[0]
    if all(each.key == first.key and each.value == first.value for each in quantities):
        return first
    gaps = [
        "".join(text for _, text in parts.tokens[left.last + 1 : right.first]).strip().lower()
        for left, right in pairwise(quantities)
    ]
    if len(quantities) == 2 and first.key == quantities[1].key and gaps[0] in ("-", "–", "—", "to"):
        last = quantities[1]
        rising = abs(last.value) > abs(first.value)
        return replace(first, value=(first.value + abs(last.value)) / 2, is_range=True) if rising else None
    lengths = [DAYS.get(each.unit.name, 0.0) for each in quantities]
    alike = len({each.before for each in quantities}) == 1 and len({each.unit.since for each in quantities}) == 1
    falling = all(left > right > 0 for left, right in pairwise(lengths))
    if not (alike and falling and set(gaps) <= {"", ",", "and"}):
        return None
    days = sum(each.value * length for each, length in zip(quantities, lengths, strict=True))
    return replace(quantities[-1], value=round(days / lengths[-1], 6))
