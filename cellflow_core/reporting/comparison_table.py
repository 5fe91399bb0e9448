"""The table of a comparison as columns, and its numbers as text: the same on the page and in the shell."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from cellflow_core.config import titled
from cellflow_core.distance_units import heading, unit_of
from cellflow_core.figures.comparison import LINES
from cellflow_core.selection.comparison import ModelSummary, RunScore
from cellflow_core.time_units import format_duration

Rows = dict[str, list[Any]]
PLAN = heading("w1", "of the plan")
SCALE = "s"
"""(midpoint - error) / (midpoint - floor): 0 for straight lines of optimal transport, 1 for other cells then."""
_FORMATS = {
    "to midpoint": "{:+.1f} %",
    SCALE: "{:.2f}",
    "time (s)": "{:.0f}",
    "memory (MB)": "{:.0f}",
    "coverage": "{:.2f}",
}


def of_comparison(
    lines: Sequence[ModelSummary],
    rows: Sequence[RunScore],
    asked: Mapping[str, int],
    baselines: Mapping[str, Mapping[float, float]],
    titles: Mapping[str, str],
    unit: str,
    measure: str = "w1",
) -> Rows:
    """One row a model, then the baselines. NaN where there is no number.

    rows   every run that was asked for, with or without a score; asked: how many there are of each model
    Errors are in columns with the name and unit of the measure: the mean over the held-out times, then over seeds; its
    standard deviation over seeds; each time; SCALE; and PLAN, of a transport plan with many partners a cell: more
    points than the other rows have. "to midpoint": against that of the OT midpoint, in percent.
    """
    folds = sorted(baselines["midpoint"])
    midpoint, floor = (_mean(baselines[each].values()) for each in ("midpoint", "floor"))
    done = Counter((each.model, each.variant) for each in rows if each.scores is not None)
    found = []
    for line in lines:
        own = [each.scores for each in rows if (each.model, each.variant) == (line.model, line.variant) and each.scores]
        plans = [each.from_plan.w1 for each in own if each.from_plan != each.from_previous]
        count = done[line.model, line.variant]
        total = max(count, 0 if line.variant else asked.get(line.model, 0))
        found.append(
            _row(
                titled(titles[line.model], line.variant), line.mean, line.by_fold, folds, midpoint, floor, unit, measure
            )
            | {spread_heading(measure): line.spread, PLAN: _mean(plans)}
            | {"runs": f"{count} of {total}{_smaller(rows, line)}", "time (s)": line.seconds}
            | {"memory (MB)": line.peak_mb, "coverage": _mean(each.from_previous.coverage for each in own)}
        )
    for name, by_fold in baselines.items():
        found.append(
            _row(f"({LINES[name][0]})", _mean(by_fold.values()), by_fold, folds, midpoint, floor, unit, measure)
        )
    names = list(dict.fromkeys(name for each in found for name in each))
    columns: Rows = {name: [each.get(name, "" if name == "runs" else math.nan) for each in found] for name in names}
    return {name: values for name, values in columns.items() if any(map(_is_known, values))}


def shown(columns: Rows) -> Rows:
    """The same in rounded numbers, with nothing where there is none."""
    return {name: [_text(name, each) for each in values] for name, values in columns.items()}


def scale(error: float, midpoint: float, floor: float) -> float:
    """SCALE of an error; NaN where the midpoint is no farther than the floor."""
    return (midpoint - error) / (midpoint - floor) if midpoint > floor else math.nan


def spread_heading(measure: str) -> str:
    """Of the column of standard deviations over seeds."""
    return f"± seeds ({unit_of(measure)})"


def _smaller(rows: Sequence[RunScore], line: ModelSummary) -> str:
    """How many scored runs of a model had no room for the batch that they were to be trained with, as they say."""
    own = [each for each in rows if (each.model, each.variant) == (line.model, line.variant)]
    count = sum(bool(each.message) for each in own if each.scores is not None)
    return f", {count} with a smaller batch" if count else ""


def _is_known(value: Any) -> bool:
    return isinstance(value, str) or math.isfinite(value)


def _row(
    name: str,
    mean: float,
    by_fold: Mapping[float, float],
    folds: Sequence[float],
    midpoint: float,
    floor: float,
    unit: str,
    measure: str,
) -> dict[str, Any]:
    against = 100 * (mean / midpoint - 1) if midpoint else math.nan
    errors = {heading(measure, f"at {format_duration(fold, unit)}"): by_fold.get(fold, math.nan) for fold in folds}
    on_scale = scale(mean, midpoint, floor)
    return {"model": name, heading(measure): mean, SCALE: on_scale, "to midpoint": against, **errors}


def _text(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    text = _FORMATS.get(name, "{:.3f}").format(value) if math.isfinite(value) else ""
    return "+0.0 %" if text == "-0.0 %" else text


def _mean(values: Any) -> float:
    listed = [each for each in values if math.isfinite(each)]
    return sum(listed) / len(listed) if listed else math.nan
