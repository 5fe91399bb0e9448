"""Text tables and durations for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Columns as wide as their widest cell; a missing number is empty; a name with control characters stays on its
    line."""
    lines = [[_clean(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(line[k]) for line in lines) for k in range(len(head))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def columns(held: Mapping[str, Sequence[object]]) -> str:
    """A table by its columns."""
    return table(tuple(held), zip(*held.values(), strict=True))


def duration(seconds: float | None) -> str:
    """Such as `45 s`, `3 min 20 s`, `1 h 5 min`."""
    if seconds is None:
        return "?"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _clean(cell: object) -> str:
    if cell != cell:
        return ""
    return "".join(each if each.isprintable() else " " for each in str(cell))
