"""The stored tables of times left out as one table of Markdown: models in rows, data sets in columns.

    python benchmarks/overview.py [cellflow_core/selection/results/loo_*.json]

Each number is the mean W1 over the held-out times, then over seeds, one point a cell, with the standard deviation over
seeds where there are several. In brackets: transport plans with all their partners, up to eight a cell, a cloud of more
points, which does not compare with the other rows. Below the models stand the baselines, which learn nothing.
"""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from cellflow_core import aliases
from cellflow_core.selection.benchmark_results import RESULTS

BASELINES = {"midpoint": "OT midpoint", "previous": "previous snapshot", "floor": "sampling floor"}


def main(paths: list[Path]) -> str:
    """The table; no path: every stored one."""
    tables = [json.loads(path.read_text(encoding="utf-8")) for path in paths or sorted(RESULTS.glob("loo_*.json"))]
    for row in (row for table in tables for row in table["rows"]):
        row["model"] = aliases.model(row["model"])
    models = list(dict.fromkeys(row["model"] for table in tables for row in table["rows"]))
    first = {model: _numbers(tables[0], model) for model in models}
    models.sort(key=lambda model: statistics.fmean(first[model]) if first[model] else float("inf"))
    lines = ["| | " + " | ".join(map(_head, tables)) + " |", "|---" * (1 + len(tables)) + "|"]
    lines += [
        f"| `{model}` | "
        + " | ".join(_cell(_numbers(table, model), _numbers(table, model, "plan")) for table in tables)
        + " |"
        for model in models
    ]
    for name, words in BASELINES.items():
        lines.append(f"| *{words}* | " + " | ".join(_baseline(table, name) for table in tables) + " |")
    return "\n".join(lines)


def _numbers(table: dict[str, Any], model: str, kind: str = "one") -> list[float]:
    """One number a seed that has every fold: of one point a cell, or of a plan with all its partners."""
    values = [(row["seed"], _w1(row, kind)) for row in table["rows"] if row["model"] == model]
    folds = len(table["baselines_by_fold"])
    seeds = {seed: [w1 for own, w1 in values if own == seed and w1 is not None] for seed, _ in values}
    return [statistics.fmean(values) for _, values in sorted(seeds.items()) if len(values) == folds]


def _w1(row: dict[str, Any], kind: str) -> float | None:
    """Rows of earlier versions, protocol loo-v1, hold one number: of several points a cell where they say so."""
    if kind == "one":
        return row["w1"] if row.get("points_per_cell", 1) == 1 else None
    return row["w1"] if row.get("points_per_cell", 1) > 1 else row.get("plan", {}).get("w1")


def _cell(numbers: list[float], plans: list[float]) -> str:
    spread = f" ± {statistics.stdev(numbers):.3f}" if len(numbers) > 1 else ""
    one = f"{statistics.fmean(numbers):.3f}{spread}" if numbers else ""
    return " ".join(filter(None, (one, f"({statistics.fmean(plans):.3f})" if plans else "")))


def _baseline(table: dict[str, Any], name: str) -> str:
    plan = table["baselines"].get(f"{name}_plan")
    return f"{table['baselines'][name]:.3f}" + ("" if plan is None else f" ({plan:.3f})")


def _head(table: dict[str, Any]) -> str:
    data = table["data"]
    return f"{Path(data['file']).stem}, {data['cells']:,} x {data['dims']}"


if __name__ == "__main__":
    print(main([Path(each) for each in sys.argv[1:]]))
