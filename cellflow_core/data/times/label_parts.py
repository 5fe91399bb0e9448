"""One label taken apart: quantities with a unit, numbers behind other letters, numbers alone."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cellflow_core.data.times.dates import WHY_NOT
from cellflow_core.data.times.label_units import AFTER, BEFORE, LabelUnit, with_short_units

_TOKEN = re.compile(r"(?P<number>\d+(?:[.,]\d+)?)|(?P<word>[A-Za-z]+)|(?P<gap>[^A-Za-z\d]+)")
_UNIT = "|".join(sorted(AFTER, key=len, reverse=True))
_POINT_BETWEEN = re.compile(rf"([A-Za-z]\d+)\.(\d+(?:{_UNIT})(?![A-Za-z]))", re.I)
"""H9.12h: the point stands between a name and a time, since a number has no letters of a unit on both sides."""
_REPEAT = re.compile(r"(?i:(hpf|hpi|dpf|dpi|hrs?|h|days?|d|w))(rep|R)")
_RANGE_SIGNS = ("–", "—", "to", "through")
_DATE = re.compile(r"(?<!\d)(?:(?:19|20)\d\d[-_./]?[01]\d[-_./]?[0-3]\d|[0-3]?\d[./-][01]?\d[./-](?:19|20)\d\d)(?!\d)")
BOUNDS = re.compile(r"[<>≤≥]|(?:and|or)\s(?:over|above|older|under|below|later)|\d\s?\+(?:\s|$)", re.I)
"""What makes a time one-sided: ">65 years", "80 years and over"."""


@dataclass(frozen=True)
class Quantity:
    """A number with its unit.

    text    the number as written; word: the letters of the unit as written
    sign    "-" where it is surely negative, "?" where a hyphen may be a minus or separate; else ""
    joined  what joins a further number behind it: (sign, number as written), None where none does
    first   place of its first token; last: of its last
    behind  the code that stands right before its letters: "s1" in "s1d6"
    before  does the unit stand before the number?
    """

    value: float
    unit: LabelUnit
    text: str
    word: str
    first: int
    last: int
    before: bool
    sign: str = ""
    joined: tuple[str, str] | None = None
    is_range: bool = False
    behind: str = ""

    @property
    def key(self) -> tuple[str, str, bool]:
        """What it is a quantity of; H9 and 9h are two."""
        return (self.unit.name or self.word.lower(), self.unit.since, self.before)

    @property
    def shown(self) -> str:
        """As it is written."""
        return f"{self.word}{self.text}" if self.before else f"{self.text}{self.word}"


@dataclass(frozen=True)
class Parts:
    """What a label holds.

    codes    letters that are no unit, with their number: ("lps", "2")
    numbers  numbers that no letter stands at, with their sign; ranges as their middle
    words    all words, in lower case
    gaps     text between tokens, by the place of the token
    reason   why nothing in it can be the time ("it gives a bound and no time"), ""
    """

    text: str
    quantities: tuple[Quantity, ...] = ()
    codes: tuple[tuple[str, str], ...] = ()
    numbers: tuple[tuple[str, float, str], ...] = ()
    words: tuple[str, ...] = ()
    tokens: tuple[tuple[str, str], ...] = ()
    reason: str = ""

    @property
    def is_bare(self) -> bool:
        """Is it one number and nothing else but signs?"""
        return not self.words and len(self.numbers) == 1


def number_of(text: str) -> float:
    """The number of digits with a point or a comma."""
    return float(text.replace(",", "."))


def parts_of(label: str) -> Parts:
    """Take a label apart."""
    text = label.strip()
    if _DATE.search(text):
        return Parts(label, reason=WHY_NOT)
    if BOUNDS.search(text):
        return Parts(label, reason="it gives a bound and no time")
    text = _REPEAT.sub(r"\1 \2", _POINT_BETWEEN.sub(r"\1 \2", with_short_units(text)))
    tokens = [(each.lastgroup or "", each.group()) for each in _TOKEN.finditer(text)]
    return _Reader(label, tokens).parts()


class _Reader:
    """Goes through the tokens of one label from left to right; a word is the unit of one number only."""

    def __init__(self, label: str, tokens: list[tuple[str, str]]) -> None:
        self.label, self.tokens = label, tokens
        self.used: set[int] = set()
        self.quantities: list[Quantity] = []
        self.codes: list[tuple[str, str]] = []
        self.numbers: list[tuple[str, float, str]] = []

    def parts(self) -> Parts:
        for at, (kind, text) in enumerate(self.tokens):
            if kind == "number" and at not in self.used:
                self._number(at, text)
        words = tuple(text.lower() for kind, text in self.tokens if kind == "word")
        return Parts(
            self.label, tuple(self.quantities), tuple(self.codes), tuple(self.numbers), words, tuple(self.tokens)
        )

    def _kind(self, at: int) -> str:
        return self.tokens[at][0] if 0 <= at < len(self.tokens) else ""

    def _text(self, at: int) -> str:
        return self.tokens[at][1] if 0 <= at < len(self.tokens) else ""

    def _number(self, at: int, text: str) -> None:
        left, right = self._kind(at - 1) == "word", self._kind(at + 1) == "word"
        if left and at - 1 not in self.used:
            self._behind_letters(at, text)
        elif right and (unit := self._after(at + 1)):
            self._add(at, at + 1, unit, before=False)
        elif left or right:
            self.codes.append((self._text(at - 1) if left else self._text(at + 1), text))
        elif (word := self._word_before(at)) is not None:
            self._add(at, word, BEFORE[self._text(word).lower()], before=True)
        elif (word := self._word_after(at)) is not None:
            self._add(at, word, AFTER[self._text(word).lower()], before=False)
        else:
            self.numbers.append((self._sign(at), number_of(text), text))

    def _behind_letters(self, at: int, text: str) -> None:
        """D3, E8.5a, day2rep1; LPS6h, where the letters behind are the unit; CD8 and T47D, which are codes."""
        before = BEFORE.get(self._text(at - 1).lower())
        behind = self._text(at + 1) if self._kind(at + 1) == "word" else ""
        followed = self._kind(at + 2) == "number"
        if behind and not followed and (unit := self._after(at + 1)) and (unit.sure > 1 or behind.islower()):
            if before is None or not before.name or unit.sure > before.sure:
                return self._add(at, at + 1, unit, before=False)
            before = None  # two units at one number
        if before and (not behind or followed or behind.lower() in ("a", "b", "c", "rep", "r")):
            return self._add(at, at - 1, before, before=True)
        self.codes.append((self._text(at - 1), text))
        return None

    def _after(self, at: int) -> LabelUnit | None:
        return AFTER.get(self._text(at).lower())

    def _word_before(self, at: int) -> int | None:
        """Place of a unit before this number with a small gap between: "day 3", "day_3"."""
        word = at - 2
        fits = self._kind(at - 1) == "gap" and self._kind(word) == "word" and word not in self.used
        known = self._text(word).lower() in BEFORE and len(self._text(at - 1)) < 4
        whole = self._kind(word - 1) != "number"
        return word if fits and known and whole and not set(self._text(at - 1)) - set(" _.:=-+#") else None

    def _word_after(self, at: int) -> int | None:
        """Place of a unit behind this number with a small gap between: "3 days", "12_h", "2-cell"."""
        word = at + 2
        fits = self._text(at + 1) in (" ", "_", "-", " -", "- ") and self._kind(word) == "word"
        if not fits or self._kind(word + 1) == "number" or self._text(word).lower() not in AFTER:
            return None
        if AFTER[self._text(word).lower()].sure > 1:
            return word
        return word if self._kind(word + 1) != "word" and self._kind(at - 1) != "word" else None

    def _add(self, at: int, word: int, unit: LabelUnit, before: bool) -> None:
        self.used |= {at, word}
        text, value, is_range, first = self._text(at), number_of(self._text(at)), False, min(at, word)
        sign = self._sign(at)
        if not before and self._is_gap_of_range(at - 1) and self._kind(at - 2) == "number" and self.numbers:
            low = self.numbers.pop()  # 4-8 h
            value, is_range, sign, first = (low[1] + value) / 2, True, low[0], at - 2
            if low[1] >= number_of(text):
                return self.codes.append((self._text(word), f"{low[2]}{self._text(at - 1)}{text}"))
        joined = self._joined(max(at, word)) if before else None
        if joined and joined[0] in _RANGE_SIGNS:
            high = number_of(joined[1])
            if high > value:
                value, is_range, joined = (value + high) / 2, True, None
        glued = before and self._kind(word - 1) == "number" and self._kind(word - 2) == "word"
        behind = self._text(word - 2) + self._text(word - 1) if glued else ""
        last = max(at, word)
        self.quantities.append(
            Quantity(value, unit, text, self._text(word), first, last, before, sign, joined, is_range, behind)
        )
        return None

    def _is_gap_of_range(self, at: int) -> bool:
        return self._text(at).strip() in ("-", "–", "—")

    def _joined(self, at: int) -> tuple[str, str] | None:
        """The sign and the number that follow at once: E12_5, D3-1, day 3 to 5."""
        if self._kind(at + 1) == "gap" and self._kind(at + 2) == "number" and self._kind(at + 3) != "word":
            sign = self._text(at + 1).strip() or " "
            end = at + 2
        elif self._text(at + 2).lower() in ("to", "through") and self._kind(at + 4) == "number":
            sign, end = "to", at + 4
        else:
            return None
        if sign in ("-", "_", *_RANGE_SIGNS):
            self.used.add(end)
            return sign, self._text(end)
        return None

    def _sign(self, at: int) -> str:
        """ "-" for a minus, "?" for a hyphen right behind letters, "" for none."""
        gap = self._text(at - 1) if self._kind(at - 1) == "gap" else ""
        if not gap.endswith("-"):
            return ""
        if gap == "-" and at > 1:
            return "?"
        return "-" if gap.strip() != "--" else "?"
