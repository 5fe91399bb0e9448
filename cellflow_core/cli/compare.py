"""`compare`: models on times that they were not trained on, beside baselines without a model, and what follows."""

from __future__ import annotations

import argparse
import math
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from cellflow_core.cli import options
from cellflow_core.cli.table import columns
from cellflow_core.selection.comparison import RunScore
from cellflow_core.selection.model_cards import ModelCard
from cellflow_core.time_units import format_duration, format_time

DISTANCES = ("w1", "w2", "mmd", "sliced")
"""Measures that a verdict can be given on; for the others it is that on w1."""
MEASURES = (*DISTANCES, "mass_error", "density", "coverage")
NOTHING_SCORED = "No time yet at which every model has a score. Without --no-wait, finished runs are scored too."


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
    from cellflow_core.data.store import open_dataset
    from cellflow_core.jobs.analysis_cache import answer
    from cellflow_core.jobs.recipes import comparison as requested
    from cellflow_core.jobs.supervisor import ensure_supervisor
    from cellflow_core.reporting.verdict import untestable
    from cellflow_core.selection import comparison
    from cellflow_core.selection.model_cards import catalogue

    if sentence := untestable(open_dataset(chosen.data).info):
        raise ValueError(sentence)
    models = () if chosen.models == "all" else tuple(chosen.models.split(","))
    request = requested(chosen.data, models, chosen.preset, chosen.seeds, chosen.folds, device=chosen.device)
    for sentence in request.refused.values():
        print(f"left out: {sentence}", file=sys.stderr)
    if not request.recipes:
        raise ValueError(f"no model that was asked for can be trained on {chosen.data}")
    runs = comparison.submit(request)
    ensure_supervisor()
    good = 0
    if not chosen.no_wait:
        good = follow([run for run in runs if not run.status().ended])
        for run in runs:
            if run.status().state == "done":
                answer("scores", run.id)
    cards = {each.name: each for each in catalogue()}
    before = comparison.other_runs(request, cards)
    if not chosen.no_wait:
        for run in before:
            answer("scores", run.id)
    rows = [comparison.row(run) for run in runs]
    others = [comparison.row(run, variant) for run, variant in before.items()]
    print(report(rows, others, cards, chosen.measure, chosen.start, open_dataset(chosen.data).info.time_unit))
    for each in rows:
        if each.state in ("failed", "cancelled"):
            print(
                f"{each.model}, seed {each.seed}, without time {format_time(each.fold)}: {each.state}, {each.message}",
                file=sys.stderr,
            )
            good = 1
    return good


def report(
    rows: Sequence[RunScore],
    others: Sequence[RunScore],
    cards: Mapping[str, ModelCard],
    measure: str,
    start: Literal["previous", "first"],
    unit: str,
) -> str:
    """The verdict and the table: models by their mean, then the baselines. others: `comparison.other_runs`."""
    from cellflow_core.reporting.comparison_table import of_comparison, shown
    from cellflow_core.reporting.verdict import sentences
    from cellflow_core.selection import comparison
    from cellflow_core.selection.benchmark_results import evidence, record
    from cellflow_core.selection.comparison_summary import judge

    compared, partial = comparison.joined(rows, others)
    lines = [each for each in comparison.summary(compared, measure, start) if math.isfinite(each.mean)]
    if not lines:
        return NOTHING_SCORED
    titles, past = {name: card.title for name, card in cards.items()}, record(evidence())
    judged = measure if measure in DISTANCES else "w1"
    scores, some = (comparison.model_scores(each, titles, past, judged, start) for each in (compared, partial))
    verdict = judge(scores, comparison.baselines(compared, judged), some)
    found = [*sentences(verdict, unit, judged), ""]
    if {each.fold for each in compared} != {each.fold for each in rows}:
        times = ", ".join(format_duration(each, unit) for each in sorted({each.fold for each in compared}))
        found.insert(-1, f"Compared at {times} alone: not every model has a score at the other times.")
    own = {each.run_id for each in rows}
    every = [*rows, *(each for each in compared if each.run_id not in own)]
    asked = Counter(each.model for each in rows)
    columns_ = shown(of_comparison(lines, every, asked, comparison.baselines(compared, measure), titles, unit, measure))
    return "\n".join([*found, columns(columns_)])
