"""`courses`: what becomes of individuals, and of their measurements under other doses?"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cellflow_core.cli import answer, options
from cellflow_core.reporting import result_tables

if TYPE_CHECKING:
    from cellflow_core.runs.run import Run

ROWS_LISTED = 12
PLAN = (
    "a plan of doses: its name, then amount=100 interval=12 number=4 infusion=0.5 loading=200 missed=2,3 delay=6 "
    "treatment=0, of which only the amount is needed; ' + ' puts another regimen beside it, of another treatment; "
    "'NAME given=2' takes the doses that the individual got times 2, a name alone no more doses"
)


def add(commands: Any, argv: Sequence[str]) -> None:
    parser = commands.add_parser(
        "courses", help="individuals: fits, plans of doses, checks, forecasts", description=_courses.__doc__
    )
    parser.add_argument("run", metavar="RUN", help="id of a run of a model of individuals")
    parser.add_argument("question", choices=("fits", "plans", "check", "npde", "forecast"))
    parser.add_argument("--variable", help="name of a variable (the first)")
    parser.add_argument("--plan", action="append", default=[], metavar="PLAN", help=PLAN.replace("%", "%%"))
    parser.add_argument("--individual", type=int, help="plans: number of the individual (a population)")
    parser.add_argument("--start", type=float, default=0.0, help="plans: when they begin; the history ends there (0)")
    parser.add_argument("--until", type=float, help="plans: last time (long enough)")
    parser.add_argument("--window", type=options.numbers, metavar="LOW,HIGH", help="plans: the time between is counted")
    parser.add_argument("--by", default="", help="check: a label, or dose, whose groups are shown apart")
    parser.add_argument("--corrected", action="store_true", help="check: prediction-corrected")
    parser.add_argument("--cuts", type=options.numbers, default=(), help="forecast: times at which histories end")
    parser.add_argument("--beside", nargs="+", default=[], metavar="RUN", help="forecast: other runs on the same data")
    parser.add_argument("--out", type=Path, help="also write every row to this .csv")
    parser.set_defaults(do=_courses)


def _courses(chosen: argparse.Namespace) -> None:
    """How close individual predictions are (fits), the course under plans of doses with AUC, Cmax, Cmin and the time
    in a window (plans), the visual predictive check (check), normalised prediction distribution errors (npde), and the
    error of forecasts of held-out individuals by horizon (forecast)."""
    variable = chosen.variable or _first_variable(chosen.run)
    ask = {"fits": _errors, "npde": _errors, "plans": _plans, "check": _check, "forecast": _forecast}[chosen.question]
    summary, rows, notes = ask(chosen, variable)
    answer.show(summary, result_tables.first_rows(rows, ROWS_LISTED), notes)
    if chosen.out is not None:
        answer.write_csv(rows, chosen.out)


def _first_variable(run: str) -> str:
    from cellflow_core.runs.index import open_run

    return open_run(run).dataset().snapshots().space.axes[0]


def _errors(chosen: argparse.Namespace, variable: str) -> tuple[Any, ...]:
    from cellflow_core.analysis.results import PredictionErrors
    from cellflow_core.reporting.courses import summaries, tables

    found = answer.ask(PredictionErrors, "prediction_errors", chosen, variable=variable)
    words = summaries.of_fits if chosen.question == "fits" else summaries.of_npde
    return words(found), tables.error_rows(found), found.notes


def _check(chosen: argparse.Namespace, variable: str) -> tuple[Any, ...]:
    from cellflow_core.analysis.results import PredictiveCheck
    from cellflow_core.reporting.courses import summaries, tables

    found = answer.ask(
        PredictiveCheck, "predictive_check", chosen, variable=variable, by=chosen.by, corrected=chosen.corrected
    )
    return summaries.of_predictive_check(found), tables.check_rows(found), found.notes


def _forecast(chosen: argparse.Namespace, variable: str) -> tuple[Any, ...]:
    from cellflow_core.analysis.results import ForecastErrors
    from cellflow_core.reporting.courses import summaries, tables
    from cellflow_core.runs.index import open_run

    runs = {each.id: each for each in map(open_run, (chosen.run, *chosen.beside))}
    _check_split([*runs.values()])
    found: dict[str, ForecastErrors] = {}
    for id, run in runs.items():
        name = f"{run.label} [{id}]" if run.label in found else run.label
        asked = argparse.Namespace(run=id)
        found[name] = answer.ask(ForecastErrors, "forecast", asked, variable=variable, cuts=tuple(chosen.cuts))
    first = next(iter(found))
    return summaries.of_forecast(found, first), tables.forecast_rows(found), found[first].notes


def _check_split(runs: Sequence[Run]) -> None:
    """Raises ValueError where runs are of other data than the first, or kept others from training."""
    from cellflow_core.jobs.run_context import RunContext

    first, *others = runs
    for each in others:
        if each.recipe.fingerprint != first.recipe.fingerprint:
            raise ValueError(f"run {each.id} is of other data than {first.id}: errors of the two cannot be compared")
        if each.recipe.hold_out_after != first.recipe.hold_out_after:
            raise ValueError(
                f"run {each.id} kept other later measurements from training than {first.id}: train both with the same "
                "--hold-out-after"
            )
        kept = (RunContext(run).held_out_individuals.tolist() for run in (first, each))
        if next(kept) != next(kept):
            raise ValueError(
                f"run {each.id} kept other individuals from training than {first.id}: train both with the same seed "
                "and share held out, so that the same are forecast"
            )


def _plans(chosen: argparse.Namespace, variable: str) -> tuple[Any, ...]:
    from cellflow_core.analysis.courses.plan_words import read_plan
    from cellflow_core.analysis.results import RegimenComparison
    from cellflow_core.reporting.courses import summaries, tables

    if not chosen.plan:
        raise ValueError("name a plan of doses or several, such as --plan 'low amount=50 interval=12 number=4'")
    window = chosen.window or (None, None)
    if len(window) != 2:
        raise ValueError("a window has two ends: --window LOW,HIGH")
    found = answer.ask(
        RegimenComparison,
        "plans",
        chosen,
        variable=variable,
        plans=tuple(read_plan(each).plain for each in chosen.plan),
        individual=chosen.individual,
        start=chosen.start,
        end=chosen.until,
        window=tuple(window),
    )
    return summaries.of_plans(found), tables.plan_rows(found), found.notes
