"""Numbers and states as people say them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from cellflow_core.plural import counted

STATES = {
    "queued": (":material/hourglass_empty:", "gray"),
    "starting": (":material/hourglass_top:", "blue"),
    "running": (":material/autorenew:", "blue"),
    "lost": (":material/link_off:", "orange"),
    "done": (":material/check_circle:", "green"),
    "failed": (":material/error:", "red"),
    "cancelled": (":material/cancel:", "gray"),
}


def badge(state: str) -> str:
    """The state of a run as a coloured badge in Markdown."""
    icon, colour = STATES[state]
    return f":{colour}-badge[{icon} {state}]"


def duration(seconds: float) -> str:
    """Rounded as a person would: "a few seconds", "40 seconds", "3 minutes", "1.5 hours"."""
    if seconds < 8:
        return "a few seconds"
    if seconds < 90:
        return f"{round(seconds / 10) * 10 or 10} seconds"
    if seconds < 5400:
        return f"{round(seconds / 60)} minutes"
    return f"{seconds / 3600:.1f} hours"


def short(seconds: float) -> str:
    """A duration where there is little room: "<10 s", "70 s", "4 min", "1.5 h"."""
    if seconds < 10:
        return "<10 s"
    if seconds < 90:
        return f"{round(seconds / 10) * 10} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def age(iso: str) -> float:
    """Seconds since a moment in ISO form."""
    return (datetime.now(UTC) - datetime.fromisoformat(iso)).total_seconds()


def ago(iso: str) -> str:
    """How long a moment in ISO form is past."""
    seconds = age(iso)
    for size, word in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{counted(count, word)} ago"
    return "just now"


def as_sentence(text: str) -> str:
    """With a capital and a full stop; the name of a file at its beginning stays as it is."""
    named = "." in text.split(" ")[0]
    return (text if named else text[:1].upper() + text[1:]) + ("" if text.endswith((".", "!", "?")) else ".")


_INVISIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
"""Control characters, among them those that turn the direction of the text around them."""
_BREAK = re.compile(r"\s*[\n\r\u0085\u2028\u2029]\s*|^\s{2,}")
_SYNTAX = re.compile(r"([\\`*_\[\]<>~$|&]|:(?=\w)|^[#>+-]|(?<=^\d)[.)](?=\s|$)|(?<=^\d\d)[.)](?=\s|$))")
_READ_LATER = re.compile(
    r"(?<=:)(?=[\w+-]+:|material/|//)|(?<=\bwww)(?=\.)|(?<=@)(?=\w)|(?<=[<>+~-])(?=\\?[->=])", re.I
)
"""What streamlit reads after Markdown, where no backslash helps: emoji, icons, bare addresses, arrows."""
_JOINER = "\u2060"
"""A character without width, at which a line is not broken."""


def plain(text: str) -> str:
    """A user's text as one line of Markdown without its meaning there: no emphasis, links, formulas, colours, lists,
    headings, pictures, emoji or icons."""
    line = _BREAK.sub(" ", _INVISIBLE.sub("", text))
    return _READ_LATER.sub(_JOINER, _SYNTAX.sub(r"\\\1", line))
