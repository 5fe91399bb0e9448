"""A table of models on held-out times, filled by runs as they end. Reads run folders only: a page may ask every second.

Runs are found by what they are made from, not by who submitted them: what was trained once stands in every table that
asks for it, and a link that names data, models, preset and seeds brings the same table back.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Literal, cast

from cellflow_core.analysis.results import Scores
from cellflow_core.jobs import analysis_cache
from cellflow_core.jobs.recipes import Comparison
from cellflow_core.runs import index
from cellflow_core.runs.recipe import Recipe
from cellflow_core.runs.run import Run

TRIVIAL = ("previous", "next", "linear", "midpoint", "floor")
"""Names in `Scores` of the answers that need no model, and of what sampling alone costs."""
_BEST = ("done", "running", "starting", "queued", "lost", "failed", "cancelled")


@dataclass(frozen=True)
class RunScore:
    """One run of the table.

    fold     the time left out; state, message, step, steps, eta: as in `Status`
    seconds  of training so far; peak_mb: most memory its process held, None where nobody looked
    scores   None until the run is done and compared, seconds later
    """

    run_id: str
    model: str
    seed: int
    fold: float
    state: str
    message: str
    step: int
    steps: int
    eta: float | None
    seconds: float
    peak_mb: float | None
    scores: Scores | None


@dataclass(frozen=True)
class ModelSummary:
    """One model over its runs.

    by_fold  mean over seeds at each time that has a score; mean: of those; spread: standard deviation, over the seeds
             that have every time, of their means; nan where there is nothing to take it of
    seconds  mean of the runs that are done; peak_mb: the largest; nan before the first
    done     runs with a score, of those asked for
    """

    model: str
    mean: float
    spread: float
    by_fold: Mapping[float, float]
    seconds: float
    peak_mb: float
    done: int
    asked: int


def matching_runs(wish: Comparison) -> tuple[Run | None, ...]:
    """For each recipe the run made from the same: one that is done, else one under way, else one that failed."""
    wanted = {_content(each) for each in wish.recipes}
    there: dict[str, list[Run]] = {}
    for run in index.runs():
        if (key := _content(run.recipe)) in wanted:
            there.setdefault(key, []).append(run)
    best = {key: min(runs, key=lambda run: _BEST.index(run.status().state)) for key, runs in there.items()}
    return tuple(best.get(_content(each)) for each in wish.recipes)


def submit(wish: Comparison) -> tuple[Run, ...]:
    """Hand in what is not there, and anew what failed or was cancelled; one run for each recipe."""
    there = zip(wish.recipes, matching_runs(wish), strict=True)
    return tuple(
        index.submit(each) if run is None or run.status().state in ("failed", "cancelled") else run
        for each, run in there
    )


def row(run: Run) -> RunScore:
    """Where a run with a time held out stands."""
    status, recipe = run.status(), run.recipe
    if recipe.hold_out is None:
        raise ValueError(f"run {run.label!r} was trained on every time: it has no place in a table of held-out times")
    path = analysis_cache.cache_path("scores", run.id, {})
    return RunScore(
        run_id=run.id,
        model=recipe.model,
        seed=recipe.seed,
        fold=recipe.hold_out,
        state=status.state,
        message=status.message,
        step=status.step,
        steps=status.steps,
        eta=status.eta,
        seconds=status.seconds,
        peak_mb=(run.result or {}).get("peak_mb"),
        scores=cast(Scores, analysis_cache.load("scores", path)) if status.state == "done" and path.exists() else None,
    )


def comparable(rows: Iterable[RunScore]) -> tuple[RunScore, ...]:
    """The rows at those times at which every model that has a score has one: who is scored at an easy time alone would
    win over who is scored at all of them. Empty where there is no such time yet."""
    rows = tuple(rows)
    by_model: dict[str, set[float]] = {}
    for each in rows:
        if each.scores is not None:
            by_model.setdefault(each.model, set()).add(each.fold)
    shared = set.intersection(*by_model.values()) if by_model else set()
    return tuple(each for each in rows if each.fold in shared)


def summary(
    rows: Iterable[RunScore], measure: str = "w1", start: Literal["previous", "first"] = "previous"
) -> tuple[ModelSummary, ...]:
    """One line a model, the best mean of a measure of `Distances` first; models without a score last.

    The best is the smallest, but the largest coverage and the density nearest to 1.
    """
    by_model: dict[str, list[RunScore]] = {}
    for each in rows:
        by_model.setdefault(each.model, []).append(each)
    lines = [_line(model, own, measure, start) for model, own in by_model.items()]
    short = {"coverage": lambda mean: -mean, "density": lambda mean: abs(mean - 1)}.get(measure, lambda mean: mean)
    return tuple(sorted(lines, key=lambda line: (math.isnan(line.mean), short(line.mean))))


def trivial(rows: Iterable[RunScore], measure: str = "w1") -> dict[str, dict[float, float]]:
    """The answers that need no model, by name and time, of those times that a run has a score for."""
    scored = {each.fold: each.scores for each in rows if each.scores is not None}
    return {name: {fold: getattr(getattr(scored[fold], name), measure) for fold in sorted(scored)} for name in TRIVIAL}


def _line(model: str, rows: list[RunScore], measure: str, start: str) -> ModelSummary:
    values = {
        (each.seed, each.fold): getattr(getattr(each.scores, f"from_{start}"), measure)
        for each in rows
        if each.scores is not None
    }
    folds, seeds = sorted({each.fold for each in rows}), {each.seed for each in rows}
    by_fold = {
        fold: statistics.fmean(own)
        for fold in folds
        if (own := [value for (_, where), value in values.items() if where == fold])
    }
    whole = [
        statistics.fmean(values[seed, fold] for fold in folds)
        for seed in sorted(seeds)
        if all((seed, fold) in values for fold in folds)
    ]
    done = [each for each in rows if each.state == "done"]
    return ModelSummary(
        model=model,
        mean=statistics.fmean(by_fold.values()) if by_fold else math.nan,
        spread=statistics.stdev(whole) if len(whole) > 1 else math.nan,
        by_fold=by_fold,
        seconds=statistics.fmean(each.seconds for each in done) if done else math.nan,
        peak_mb=max((each.peak_mb for each in done if each.peak_mb is not None), default=math.nan),
        done=len(values),
        asked=len(rows),
    )


def _content(recipe: Recipe) -> str:
    """All that decides the weights, but the device and the versions."""
    kept = ("model", "dataset", "fingerprint", "settings", "training", "hold_out", "seed")
    return json.dumps({name: value for name, value in asdict(recipe).items() if name in kept}, sort_keys=True)
