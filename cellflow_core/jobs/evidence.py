"""What our own benchmarks say about each model: read from `benchmarks/results`, never typed in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import Any

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"


@dataclass(frozen=True)
class Evidence:
    """One model in one table of a benchmark data set, a time left out at a time (protocol loo-v1).

    data     file of the data set; one file in 5 and in 50 axes makes two tables of one data set
    ratio    its mean W1 over that of the OT midpoint, which learns nothing: below 1 is better than a straight line
    seconds  of one training, on the machine of the benchmark
    """

    model: str
    data: str
    ratio: float
    seconds: float


def evidence(folder: Path = RESULTS) -> tuple[Evidence, ...]:
    """Every model of every stored table of times left out, with the settings that it has by itself."""
    tables = (json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("loo_*.json")))
    return tuple(each for table in tables for each in _of_table(table))


def _of_table(table: dict[str, Any]) -> list[Evidence]:
    found = []
    for model in dict.fromkeys(row["model"] for row in table["rows"] if ":" not in row["model"]):
        rows = [row for row in table["rows"] if row["model"] == model and row.get("w1") is not None]
        if rows:
            ratio = mean(row["w1"] for row in rows) / table["baselines"]["midpoint"]
            found.append(
                Evidence(model, table["data"]["file"], ratio, median(row.get("cpu", row["seconds"]) for row in rows))
            )
    return found
