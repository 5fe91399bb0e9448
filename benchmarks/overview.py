"""The stored tables of times left out as three tables of Markdown.

    python benchmarks/overview.py [cellflow_core/selection/results/loo_*.json]

First: models in rows, data sets in columns. Each number is the mean W1 over the held-out times, then over seeds, one
point a cell, with the standard deviation over seeds where there are several. In brackets: transport plans with all
their partners, up to eight a cell, a cloud of more points, which does not compare with the other rows. Below the models
stand the baselines, which learn nothing.

The second table has the same as gain, (midpoint - W1) / (midpoint - sampling floor): 0 is the midpoint baseline, 1 the
distance of two samples. Its median is over time courses (axes of one course are averaged first), and beside it stands
the range of medians where one course is left out. A dagger marks data that settings of the model were chosen on, or
that were seen while the model was developed.

The third has one row a data set and held-out time: the baselines, the nearest model by its mean W1 over seeds, and how
many models are nearer than the previous snapshot there. Two sentences follow: which models are farther than the
previous snapshot in the mean over times, and where the standard deviation over seeds is SEEDS of the mean or above.
"""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from cellflow_core import aliases
from cellflow_core.models.ensembles import ensemble
from cellflow_core.selection.benchmark_results import RESULTS

BASELINES = {"midpoint": "OT midpoint", "previous": "previous snapshot", "floor": "sampling floor"}
_CHOSEN = frozenset({"emt", "guo2010_440x48", "kouno2013_thp1_960x45", "mes_pe_456x100", "mouse_hematopoiesis"})
_EB = "eb_velocity_subset2750"
_ALONE = {
    **dict.fromkeys(("mmfm", "uot-cfm", "wfr-fm", "cytobridge"), _CHOSEN),
    "transport-spline": _CHOSEN | {_EB},
    "neural-ode": frozenset({_EB}),
    "metric-fm": frozenset({_EB, "emt"}),
    "tigon": frozenset({_EB}),
    "jkonet-star": frozenset({_EB, "guo2010_440x48", "kouno2013_thp1_960x45", "mes_pe_456x100"}),
    "prescient": frozenset({"emt", "guo2010_440x48", "mes_pe_456x100"}),
    **dict.fromkeys(("dsbm", "wlf"), frozenset({_EB})),
}
TUNED = _ALONE | {"ensemble": frozenset({_EB}).union(*(_ALONE.get(each, ()) for each in ensemble.Settings().members()))}
"""Model -> data that its settings, or the rule that sets them, were chosen on, or whose scores were seen while it was
developed: docs/benchmarks.md says how. An ensemble has the marks of its members."""

SEEDS = 0.05
"""Share of the mean from which a standard deviation over seeds is named."""


def main(paths: list[Path]) -> str:
    """All tables; no path: every stored one."""
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
    return "\n".join(
        [*lines, "", *_gains(tables, models), "", *_times(tables, models), "", *_sentences(tables, models)]
    )


def _times(tables: list[dict[str, Any]], models: list[str]) -> list[str]:
    """The third table: one row a data set and held-out time."""
    heads = (
        "data",
        "held-out time",
        *BASELINES.values(),
        "nearest model",
        "its W1",
        "nearer than the previous snapshot",
    )
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for table in tables:
        scores = {model: _seeds(table, model) for model in models}
        for trivial in table["baselines_by_fold"]:
            w1 = {
                model: statistics.fmean(each[trivial["fold"]] for each in seeds.values())
                for model, seeds in scores.items()
                if seeds
            }
            name = min(w1, key=lambda model: w1[model])
            nearer = sum(each < trivial["previous"] for each in w1.values())
            cells = [_head(table), f"{trivial['fold']:g}", *(f"{trivial[each]:.3f}" for each in BASELINES)]
            cells += [f"`{name}`", f"{w1[name]:.3f}", f"{nearer} of {len(w1)}"]
            lines.append("| " + " | ".join(cells) + " |")
    return lines


def _sentences(tables: list[dict[str, Any]], models: list[str]) -> list[str]:
    """Models that are farther than the previous snapshot, and models whose seeds differ; each with its data."""
    farther, differ = [], []
    for model in models:
        for table in tables:
            numbers = _numbers(table, model)
            if numbers and statistics.fmean(numbers) > table["baselines"]["previous"]:
                farther.append(f"`{model}` ({_head(table)})")
            if numbers[1:] and statistics.stdev(numbers) >= SEEDS * statistics.fmean(numbers):
                differ.append(f"`{model}` ({_head(table)})")
    return [
        f"Farther than the previous snapshot in the mean over times: {'; '.join(farther) or 'none'}.",
        f"Standard deviation over seeds of {100 * SEEDS:g} % of the mean or above: {'; '.join(differ) or 'none'}.",
    ]


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
    """One number a seed: the mean over its folds."""
    return [statistics.fmean(each.values()) for each in _seeds(table, model, kind).values()]


def _seeds(table: dict[str, Any], model: str, kind: str = "one") -> dict[int, dict[float, float]]:
    """Seed -> fold -> W1, of seeds that have every fold: of one point a cell, or of a plan with all its partners."""
    found: dict[int, dict[float, float]] = {}
    for row in table["rows"]:
        if row["model"] == model and (w1 := _w1(row, kind)) is not None:
            found.setdefault(row["seed"], {})[row["fold"]] = w1
    return {seed: each for seed, each in sorted(found.items()) if len(each) == len(table["baselines_by_fold"])}


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
