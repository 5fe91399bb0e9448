"""The stored tables of times left out as one table of Markdown: models in rows, data sets in columns.

    python benchmarks/overview.py [cellflow_core/selection/results/loo_*.json]

Each number is the mean W1 over the times left out, then over seeds, with the standard deviation over seeds where there
are several; below the models stand the answers that learn nothing.
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

TRIVIAL = {"midpoint": "OT midpoint", "previous": "previous snapshot", "floor": "sampling floor"}


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
        f"| `{model}` | " + " | ".join(_cell(_numbers(table, model)) for table in tables) + " |" for model in models
    ]
    for name, words in TRIVIAL.items():
        lines.append(f"| *{words}* | " + " | ".join(f"{table['baselines'][name]:.3f}" for table in tables) + " |")
    return "\n".join(lines)


def _numbers(table: dict[str, Any], model: str) -> list[float]:
    """One number a seed that has every fold."""
    rows = [row for row in table["rows"] if row["model"] == model and row["w1"] is not None]
    folds = len(table["baselines_by_fold"])
    seeds = {seed: [row["w1"] for row in rows if row["seed"] == seed] for seed in {row["seed"] for row in rows}}
    return [statistics.fmean(values) for _, values in sorted(seeds.items()) if len(values) == folds]


def _cell(numbers: list[float]) -> str:
    if not numbers:
        return ""
    spread = f" ± {statistics.stdev(numbers):.3f}" if len(numbers) > 1 else ""
    return f"{statistics.fmean(numbers):.3f}{spread}"


def _head(table: dict[str, Any]) -> str:
    data = table["data"]
    return f"{Path(data['file']).stem}, {data['cells']:,} x {data['dims']}"


if __name__ == "__main__":
    print(main([Path(each) for each in sys.argv[1:]]))
