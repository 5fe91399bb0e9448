"""Numbers of things in words."""

from __future__ import annotations


def counted(number: int, one: str, many: str = "") -> str:
    """ "1 cell", "1,200 cells"; `many` where an s is not enough: "2 axes", "3 cells have"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
