"""Labels of columns of public data sets, each with the right time or left open: none is read wrongly."""

from __future__ import annotations

import csv
from itertools import groupby
from pathlib import Path

import pytest

from cellflow_core.data.times.time_labels import propose

with (Path(__file__).parent / "time_labels.tsv").open(encoding="utf-8") as file:
    ROWS = list(csv.DictReader(file, delimiter="\t"))
COLUMNS = {key: list(rows) for key, rows in groupby(ROWS, key=lambda row: (row["data set"], row["column"]))}


def test_the_table_holds_at_least_150_labels() -> None:
    assert len({(row["column"], row["label"]) for row in ROWS}) >= 150
    assert sum(row["time"] == "ask" for row in ROWS) >= 50


@pytest.mark.parametrize("key", COLUMNS, ids=" ".join)
def test_a_column_is_read_as_expected(key: tuple[str, str]) -> None:
    rows = COLUMNS[key]
    found = propose([row["label"] for row in rows], key[1])
    numbers = dict(zip(found.labels, found.numbers, strict=True))
    expected = {row["label"]: None if row["time"] == "ask" else float(row["time"]) for row in rows}
    assert numbers == {label: pytest.approx(time, abs=1e-5) for label, time in expected.items()}
    assert found.unit == rows[0]["unit"]


@pytest.mark.parametrize("key", COLUMNS, ids=" ".join)
def test_every_label_left_open_has_a_reason(key: tuple[str, str]) -> None:
    found = propose([row["label"] for row in COLUMNS[key]], key[1])
    without = {label for label, number in zip(found.labels, found.numbers, strict=True) if number is None}
    assert set(found.reasons) == without and all(found.reasons.values())
