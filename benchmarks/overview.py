"""The stored tables of times left out as two tables of Markdown: models in rows, data sets in columns.

    python benchmarks/overview.py [cellflow_core/selection/results/loo_*.json]

Each number is the mean W1 over the held-out times, then over seeds, one point a cell, with the standard deviation over
seeds where there are several. In brackets: transport plans with all their partners, up to eight a cell, a cloud of more
points, which does not compare with the other rows. Below the models stand the baselines, which learn nothing.

The second table has the same as gain, (midpoint - W1) / (midpoint - sampling floor): 0 is the midpoint baseline, 1 what
sampling allows. Its median is over time courses (axes of one course are averaged first), and beside it stands the range
of medians where one course is left out. A dagger marks data that settings of the model were chosen on.
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
_CHOSEN = frozenset({"emt", "guo2010_440x48", "kouno2013_thp1_960x45", "mes_pe_456x100", "mouse_hematopoiesis"})
_EB = "eb_velocity_subset2750"
TUNED = {
    **dict.fromkeys(("transport-spline", "uot-cfm", "wfr-fm", "cytobridge"), _CHOSEN),
    "neural-ode": frozenset({_EB}),
    "metric-fm": frozenset({_EB, "emt"}),
    "tigon": frozenset({_EB}),
    "ensemble": frozenset({_EB}),
}
"""Model -> data that its settings, or the rule that sets them, were chosen on: docs/benchmarks.md says how."""


def main(paths: list[Path]) -> str:
    """Both tables; no path: every stored one."""
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
    return "\n".join([*lines, "", *_gains(tables, models)])


def _gains(tables: list[dict[str, Any]], models: list[str]) -> list[str]:
    """The second table: models by their median over time courses."""
    heads = (*map(_head, tables), "median", "one course left out")
    rows = []
    for model in models:
        by_course: dict[str, list[float]] = {}
        cells = []
        for table in tables:
            gain, course = _gain(table, model), _course(table)
            cells.append("" if gain is None else f"{gain:.2f}{'†' if course in TUNED.get(_name(model), ()) else ''}")
            if gain is not None:
                by_course.setdefault(course, []).append(gain)
        means = [statistics.fmean(each) for each in by_course.values()]
        if means:
            without = [statistics.median(means[:k] + means[k + 1 :]) for k in range(len(means))] if means[1:] else []
            spread = f"{min(without):.2f} to {max(without):.2f}" if without else ""
            rows.append(
                (not without, statistics.median(means), f"| `{model}` | {' | '.join(cells)} | ", f" | {spread} |")
            )
    rows.sort(key=lambda row: (row[0], -row[1]))  # those of a single course come last
    lines = [f"{begin}{median:.2f}{end}" for _, median, begin, end in rows]
    return ["| | " + " | ".join(heads) + " |", "|---" * (1 + len(heads)) + "|", *lines]


def _gain(table: dict[str, Any], model: str) -> float | None:
    """Of one point a cell, mean over seeds; None where there is no whole seed."""
    numbers, trivial = _numbers(table, model), table["baselines"]
    if not numbers or trivial["midpoint"] <= trivial["floor"]:
        return None
    return (trivial["midpoint"] - statistics.fmean(numbers)) / (trivial["midpoint"] - trivial["floor"])


def _course(table: dict[str, Any]) -> str:
    return Path(table["data"]["file"]).stem


def _name(label: str) -> str:
    """Of a model, without its settings."""
    return label.partition(":")[0]


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
