"""Words before or after a number that give it a unit of time, and from which event the time counts."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cellflow_core.time_units import DAYS, WORDS


@dataclass(frozen=True)
class LabelUnit:
    """A unit as a label gives it.

    name   "hour", "embryonic day", "Carnegie stage" ...; "" for a time without a unit ("T3")
    since  the event from which it counts ("fertilization"), "" where none is given
    sure   2 for a word that means nothing else, 1 for a single letter
    """

    name: str
    since: str = ""
    sure: int = 2


POSTNATAL, EMBRYONIC, GESTATIONAL = "postnatal day", "embryonic day", "gestational week"
EVENTS = {
    "f": "fertilization",
    "c": "conception",
    "i": "infection or injury",
    "a": "amputation",
    "t": "treatment",
    "h": "hatching",
    "p": "birth",
    "e": "eclosion",
    "l": "lesion",
    "o": "operation",
    "s": "stimulation",
    "v": "vaccination",
    "ci": "cryoinjury",
    "mi": "infarction",
}
"""Last letters of hpf, dpa, wpi ... -> the event."""
_FIRST = {"h": "hour", "d": "day", "w": "week", "m": "month"}
_LETTERS = {each: LabelUnit(unit, sure=1) for each, unit in (("d", "day"), ("h", "hour"), ("w", "week"), ("y", "year"))}
_STAGES = {
    "cs": "Carnegie stage",
    "hh": "Hamburger-Hamilton stage",
    "ts": "Theiler stage",
    "nf": "Nieuwkoop-Faber stage",
    "stage": "stage",
    "passage": "passage",
    "generation": "generation",
    "step": "step",
}
_BOTH = {
    **{word: LabelUnit(unit) for unit, words in WORDS.items() for word in words if len(word) > 1},
    **{f"{first}p{last}": LabelUnit(unit, event) for first, unit in _FIRST.items() for last, event in EVENTS.items()},
    **_LETTERS,
    "pcw": LabelUnit("week", "conception"),
    "wpc": LabelUnit("week", "conception"),
    "pcd": LabelUnit("day", "conception"),
    "gw": LabelUnit(GESTATIONAL),
    "hapf": LabelUnit("hour", "puparium formation"),
    "apf": LabelUnit("hour", "puparium formation"),
    "div": LabelUnit("day", "plating"),
    "hael": LabelUnit("hour", "egg laying"),
    "m": LabelUnit("m", sure=1),
}
BEFORE = {
    **_BOTH,
    **{word: LabelUnit(name) for word, name in _STAGES.items()},
    "e": LabelUnit(EMBRYONIC, "conception", 1),
    "p": LabelUnit("P", sure=1),
    "pn": LabelUnit(POSTNATAL, "birth"),
    "pnd": LabelUnit(POSTNATAL, "birth"),
    "t": LabelUnit("", sure=1),
    "zt": LabelUnit("hour", "lights on"),
    **dict.fromkeys(("time", "timepoint", "tp"), LabelUnit("")),
}
"""Word in lower case -> unit, where it stands before the number. "P" is a postnatal day, a passage or a patient."""
AFTER = {
    **_BOTH,
    **dict.fromkeys(("yo", "yrold"), LabelUnit("year")),
    **dict.fromkeys(("somite", "somites", "ss"), LabelUnit("somite")),
    **dict.fromkeys(("cell", "cells"), LabelUnit("cell")),
}
"""Word in lower case -> unit, where it stands after the number. "m" is a minute or a month."""
_PHRASES = (
    (r"(?:embryonic|embryo)[\s_-]+day(?=[\s_-]*\d)", "E"),
    (r"(?:post[\s_-]?natal)[\s_-]+day", "PND"),
    (r"gestational?[\s_-]+weeks?|weeks?[\s_-]+of[\s_-]+gestation", "GW"),
    (r"post[\s_-]?(?:conception(?:al)?|fertili[sz]ation)[\s_-]+weeks?", "PCW"),
    (r"carnegie[\s_-]+stage(?:[\s_-]+CS)?(?=[\s_-]*\d)", "CS"),
    (r"theiler[\s_-]+stage(?:[\s_-]+TS)?(?=[\s_-]*\d)", "TS"),
    (r"(?:hamburger[\s_-]*(?:and[\s_-]*)?hamilton|HH)[\s_-]+(?:stage[\s_-]*)?(?=\d)", "HH"),
    (r"(?:nieuwkoop[\s_-]*(?:and[\s_-]*)?faber|NF)[\s_-]+(?:stage[\s_-]*)?(?=\d)", "NF"),
    (r"(?<=\d)(?:st|nd|rd|th)(?=[\s_-]+(?:day|week|month|year))", ""),
    (r"(?<=year)[\s_-]+old|(?<=month)[\s_-]+old|(?<=week)[\s_-]+old|(?<=day)[\s_-]+old", ""),
    (r"(?<=\d)\s*h(?:rs?|ours?)?[\s_-]*(?:APF|after[\s_-]+puparium[\s_-]+formation)", "hAPF"),
    (r"minus[\s_-]?(?=\d)", " -"),
    (r"(\d\s*min(?:utes?|s)?[\s,]*\d+)\s*s(?![A-Za-z])", r"\1 sec"),
    (r"(?<![A-Za-z\d])st\.?[\s_]?(?=\d)", "stage "),
)
_POINT = re.compile(r"(?<![A-Za-z])([EPD]\d{1,2})pt?(\d{1,2})(?!\d)")
_AFTER_EVENT = re.compile(
    r"\b(?P<unit>hours?|hrs?|h|days?|d|weeks?|wks?|w|months?)[\s_-]+(?:post|after)[\s_-]*"
    r"(?P<event>fertili[sz]ation|conception|coitum|infection|injection|injury|amputation|treatment|hatching|birth|partum|"
    r"eclosion|lesion|operation|surgery|stimulation|vaccination)\b",
    re.I,
)
_DURATION = re.compile(r"\s*(-?\d+) days?,? (\d{1,2}):(\d\d):(\d\d)(?:\.\d+)?\s*")
"""A duration as pandas writes it: "1 days 06:00:00"."""
_EVENT_LETTER = {"coitum": "c", "injection": "i", "injury": "i", "birth": "p", "partum": "p", "surgery": "o"}


def with_short_units(text: str) -> str:
    """The label with phrases of many words as one unit: "E 8.5" for "embryonic day 8.5"."""
    if found := _DURATION.fullmatch(text):
        days, hours, minutes, seconds = map(int, found.groups())
        return f"{24 * days + hours + minutes / 60 + seconds / 3600:.6f}".rstrip("0").rstrip(".") + " h"
    text = _POINT.sub(r"\g<1>.\g<2>", text)
    for phrase, short in _PHRASES:
        text = re.sub(phrase, short, text, flags=re.I)
    return _AFTER_EVENT.sub(_short, text)


def _short(found: re.Match[str]) -> str:
    event = found["event"].lower()
    return f"{found['unit'][0].lower()}p{_EVENT_LETTER.get(event, event[0])}"


def in_days(unit: LabelUnit) -> float | None:
    """Length in days; None for stages and for times without a unit."""
    if unit.name in (EMBRYONIC, POSTNATAL):
        return 1.0
    return 7.0 if unit.name == GESTATIONAL else DAYS.get(unit.name)
