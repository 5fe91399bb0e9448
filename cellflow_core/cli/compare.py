"""`compare`: models on times that they were not trained on, beside the answers that need no model."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from typing import Any

from cellflow_core.cli import options
from cellflow_core.cli.table import table
from cellflow_core.selection.comparison import ModelSummary, RunScore

MEASURES = ("w1", "w2", "mmd", "sliced", "mass_error", "density", "coverage")


def add(commands: Any, argv: Sequence[str]) -> None:
    parser = commands.add_parser(
        "compare", help="compare models on times that were left out", description=_compare.__doc__
    )
    parser.add_argument("--data", required=True, metavar="ID", help="data set (see: data list)")
    parser.add_argument("--models", default="all", metavar="a,b", help="names with commas between, or all")
    parser.add_argument("--preset", choices=("quick", "standard", "careful"), default="standard")
    parser.add_argument("--seeds", type=options.seeds, default=(0,), metavar="0,1,2")
    parser.add_argument(
        "--folds", type=options.numbers, metavar="1,2", help="times to leave out (default: all inner ones)"
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--measure", choices=MEASURES, default="w1", help="what is printed (w1)")
    parser.add_argument(
        "--start", choices=("previous", "first"), default="previous", help="cells that the prediction starts from"
    )
    parser.add_argument("--no-wait", action="store_true", help="print what there is and leave the rest in the queue")
    parser.set_defaults(do=_compare)


def _compare(chosen: argparse.Namespace) -> int:
    """Train each model without each time in turn, and print how far its prediction is from the measured cells. What was
    trained before, here or on the Compare page, is taken as it is."""
    from cellflow_core.cli.train import follow
    from cellflow_core.jobs.analysis_cache import answer
    from cellflow_core.jobs.recipes import comparison as wished
    from cellflow_core.jobs.supervisor import ensure_supervisor
    from cellflow_core.selection import comparison

    models = () if chosen.models == "all" else tuple(chosen.models.split(","))
    wish = wished(chosen.data, models, chosen.preset, chosen.seeds, chosen.folds, device=chosen.device)
    for sentence in wish.refused.values():
        print(f"left out: {sentence}", file=sys.stderr)
    if not wish.recipes:
        raise ValueError(f"no model that was asked for can be trained on {chosen.data}")
    runs = comparison.submit(wish)
    ensure_supervisor()
    good = 0
    if not chosen.no_wait:
        good = follow([run for run in runs if not run.status().ended])
        for run in runs:
            if run.status().state == "done":
                answer("scores", run.id)
    rows = [comparison.row(run) for run in runs]
    compared = comparison.comparable(rows)
    if {each.fold for each in compared} != {each.fold for each in rows}:
        times = ", ".join(f"{each:g}" for each in sorted({each.fold for each in compared})) or "no time"
        print(f"compared at {times} alone: not every model has a score at the other times", file=sys.stderr)
    print(shown(compared, chosen.measure, chosen.start))
    for each in rows:
        if each.state in ("failed", "cancelled"):
            print(
                f"{each.model}, seed {each.seed}, without {each.fold:g}: {each.state}, {each.message}", file=sys.stderr
            )
            good = 1
    return good


def shown(rows: Sequence[RunScore], measure: str, start: str) -> str:
    """The table: models by their mean, then the answers that need none. rows: `comparison.comparable`."""
    from cellflow_core.selection.comparison import summary, trivial

    folds = sorted({each.fold for each in rows})
    head = ("model", measure, "+- seeds", *(f"without {fold:g}" for fold in folds), "s a run", "peak MB", "done")
    lines = [_cells(each, folds) for each in summary(rows, measure, start)]  # type: ignore[arg-type]
    for name, values in trivial(rows, measure).items():
        if values:
            mean = sum(values.values()) / len(values)
            lines.append(
                (name, _number(mean), "", *(_number(values.get(fold, math.nan)) for fold in folds), "", "", "")
            )
    return table(head, lines)


def _cells(line: ModelSummary, folds: Sequence[float]) -> tuple[str, ...]:
    at = (_number(line.by_fold.get(fold, math.nan)) for fold in folds)
    rest = (_number(line.seconds, 1), _number(line.peak_mb, 0), f"{line.done}/{line.asked}")
    return (line.model, _number(line.mean), _number(line.spread), *at, *rest)


def _number(value: float, digits: int = 3) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}f}"
