"""What our own benchmarks say about each model: read from the stored tables of `benchmarks/loo.py`, never typed in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import Any

from cellflow_core import aliases

TITLES = {
    "eb_velocity_subset2750.npz": "embryoid bodies",
    "emt.csv": "epithelial-mesenchymal transition",
    "guo2010_440x48.h5ad": "mouse embryos, Guo 2010",
    "kouno2013_thp1_960x45.h5ad": "THP-1 cells, Kouno 2013",
    "mes_pe_456x100.h5ad": "mouse stem cells to endoderm",
    "mouse_hematopoiesis.csv": "mouse blood",
    "bifurcating_1000x250 · autoencoder of counts": "simulated counts",
}
"""Files of the benchmark as people name them; another file has its own name."""
RESULTS = Path(__file__).parent / "results"
"""The tables of `benchmarks/loo.py`, part of the package: what the guide ranks by."""


@dataclass(frozen=True)
class Evidence:
    """One model in one table of a benchmark data set, a time left out at a time (protocol loo-v1).

    data     name of the data set; one file in 5 and in 50 axes makes two tables of one data set
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
            file = str(table["data"]["file"])
            seconds = median(row.get("cpu", row["seconds"]) for row in rows)
            found.append(Evidence(aliases.model(model), TITLES.get(file, file), ratio, seconds))
    return found
