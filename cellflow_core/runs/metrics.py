"""The loss of a run as lines of JSON: one writer appends, any number of readers follow from an offset."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

Row = Mapping[str, Any]
TAIL = 16_384


def append(path: Path, row: Row) -> None:
    """One line, in one write."""
    with path.open("ab") as file:
        file.write(json.dumps(row).encode() + b"\n")


def read(path: Path, offset: int = 0) -> tuple[list[Row], int]:
    """(rows after `offset` bytes, offset to read on from).

    A last line without its end stays unread until it is whole; a damaged line in the middle is skipped.
    """
    try:
        with path.open("rb") as file:
            file.seek(offset)
            text = file.read()
    except FileNotFoundError:
        return [], offset
    end = text.rfind(b"\n") + 1
    rows = [row for line in text[:end].split(b"\n") if (row := _row(line)) is not None]
    return rows, offset + end


def tail(path: Path) -> list[Row]:
    """The newest rows only, for a status that is asked every second."""
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return []
    return read(path, max(0, size - TAIL))[0]


def columns(attempts: list[list[Row]]) -> dict[str, np.ndarray]:
    """Rows of all attempts as one table by step: where an attempt repeats a step, the later attempt counts.

    A phase that only prepares has no losses, and no row here.
    Keys: "step", "seconds", "validation" (NaN where there is none) and every loss term.
    """
    by_step = {row["step"]: row for rows in attempts for row in rows if row["losses"]}
    ordered = [by_step[step] for step in sorted(by_step)]
    terms = dict.fromkeys(name for row in ordered for name in row["losses"])
    table = {
        "step": np.array([row["step"] for row in ordered], dtype=np.int64),
        "seconds": np.array([row["seconds"] for row in ordered], dtype=np.float64),
    }
    for name in terms:
        table[name] = np.array([row["losses"].get(name, math.nan) for row in ordered], dtype=np.float64)
    seen = [row["validation"] for row in ordered]
    table["validation"] = np.array([math.nan if each is None else each for each in seen], dtype=np.float64)
    return table


def _row(line: bytes) -> Row | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    if not isinstance(row, dict) or not {"step", "losses", "seconds", "validation"} <= row.keys():
        return None
    return row if isinstance(row["step"], int) and isinstance(row["losses"], dict) else None
