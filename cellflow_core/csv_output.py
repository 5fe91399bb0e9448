"""Tables as CSV that a spreadsheet opens without running anything in them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from typing import IO, Any

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def write_table(file: IO[str], columns: Mapping[str, Iterable[Any]]) -> None:
    """One line a row, under the names of the columns.

    Text that a spreadsheet would run as a formula gets an apostrophe in front. Missing numbers are empty fields.
    """
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([_field(each) for each in columns])
    writer.writerows([_field(each) for each in row] for row in zip(*columns.values(), strict=True))


def _field(value: Any) -> Any:
    if isinstance(value, str):
        return f"'{value}" if value.lstrip(" ").startswith(_FORMULA) else value
    return "" if value != value else value
