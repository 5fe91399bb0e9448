"""A table of models on held-out times, filled by runs as they end. Reads run folders only: a page may ask every second.

Runs are found by what they are made from, not by who submitted them: what was trained once stands in every table that
asks for it, and a link that names data, models, preset and seeds brings the same table back.
"""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cellflow_core.analysis.results import Scores
from cellflow_core.config import differences, titled
from cellflow_core.jobs import analysis_cache
from cellflow_core.jobs.recipes import Comparison
from cellflow_core.runs import index
from cellflow_core.runs.recipe import Recipe
from cellflow_core.runs.run import Run
from cellflow_core.selection.comparison_summary import ModelScore
from cellflow_core.selection.model_cards import ModelCard

BASELINES = ("previous", "next", "linear", "midpoint", "floor")
"""Names in `Scores` of the baselines without a model, and of what sampling alone costs."""
_BEST = ("done", "running", "starting", "queued", "lost", "failed", "cancelled")


@dataclass(frozen=True)
class RunScore:
    """One run of the table.

    fold     the time left out; state, message, step, steps, eta: as in `Status`; the message of a run that is
             done says that it was trained with a smaller batch than asked for
    seconds  of training so far; peak_mb: most memory its process held, None where nobody looked
    scores   None until the run is done and compared, seconds later
    variant  settings and training in words where they are not those of the table: " (entropic), careful"
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
    variant: str = ""


@dataclass(frozen=True)
class ModelSummary:
    """One model, with one choice of settings and training (`variant`), over its runs.

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
    variant: str = ""


def matching_runs(request: Comparison) -> tuple[Run | None, ...]:
    """For each recipe the run made from the same: one that is done, else one under way, else one that failed."""
    wanted = {each.content for each in request.recipes}
    models, there = {each.model for each in request.recipes}, {}
    for run in index.runs():
        its = run.recipe
        if its.dataset == request.dataset and its.model in models and its.content in wanted:
            there.setdefault(its.content, []).append(run)
    best = {key: min(runs, key=lambda run: _BEST.index(run.status().state)) for key, runs in there.items()}
    return tuple(best.get(each.content) for each in request.recipes)


def submit(request: Comparison) -> tuple[Run, ...]:
    """Hand in what is not there, and anew what failed or was cancelled, all or none; one run for each recipe."""
    found = list(matching_runs(request))
    lacking = [k for k, run in enumerate(found) if run is None or run.status().state in ("failed", "cancelled")]
    for k, run in zip(lacking, index.submit_all([request.recipes[k] for k in lacking]), strict=True):
        found[k] = run
    return tuple(run for run in found if run is not None)


def other_runs(request: Comparison, cards: Mapping[str, ModelCard]) -> dict[Run, str]:
    """The finished runs on the same data that were scored at a time of the comparison, but are none of its runs: with
    other settings, presets, seeds or models. Each with its `variant`."""
    first = request.recipes[0]
    folds, own = {each.hold_out for each in request.recipes}, {each.content for each in request.recipes}
    preset = next((name for name, values in _presets(cards, first) if values == dict(first.training)), "")
    found, variants = {}, {}
    for run in index.runs():
        its = run.recipe
        same = (its.dataset, its.fingerprint) == (first.dataset, first.fingerprint)
        if not same or its.hold_out not in folds or its.model not in cards or its.content in own:
            continue
        if run.status().state == "done":
            if its.choice not in variants:
                variants[its.choice] = variant_of(its, cards[its.model], preset)
            found[run] = variants[its.choice]
    return found


def variant_of(recipe: Recipe, card: ModelCard, preset: str) -> str:
    """What sets a run apart from one with default settings and this preset: " (entropic), careful"."""
    named = next((name for name, values in card.presets.items() if values == dict(recipe.training)), None)
    settings = differences(card.settings, recipe.settings)
    if named is None:
        usual = [
            dataclasses.replace(each, default=card.presets["standard"][each.name]) for each in card.training_settings
        ]
        training = f", {differences(usual, recipe.training)}"
    else:
        training = "" if named == preset else f", {named}"
    return (f" ({settings})" if settings else "") + training


def row(run: Run, variant: str = "") -> RunScore:
    """Where a run with a time held out stands."""
    status, recipe = run.status(), run.recipe
    if recipe.hold_out is None:
        raise ValueError(f"run {run.label!r} was trained on every time: it has no place in a table of held-out times")
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
        scores=analysis_cache.stored_scores(run) if status.state == "done" else None,
        variant=variant,
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


def joined(rows: Iterable[RunScore], others: Iterable[RunScore]) -> tuple[tuple[RunScore, ...], tuple[RunScore, ...]]:
    """(rows to compare with one another, rows of `others` that lack a time of these).

    A run of before joins the table where its model and variant have a score at every time that the table compares.
    """
    kept = comparable(rows)
    folds = {each.fold for each in kept}
    by_model: dict[tuple[str, str], list[RunScore]] = {}
    for each in others:
        if each.scores is not None and each.fold in folds:
            by_model.setdefault((each.model, each.variant), []).append(each)
    whole = [own for own in by_model.values() if {each.fold for each in own} == folds]
    partial = [own for own in by_model.values() if {each.fold for each in own} != folds]
    return (*kept, *(each for own in whole for each in own)), tuple(each for own in partial for each in own)


def summary(
    rows: Iterable[RunScore], measure: str = "w1", start: Literal["previous", "first"] = "previous"
) -> tuple[ModelSummary, ...]:
    """One line a model, the best mean of a measure of `Distances` first; models without a score last.

    The best is the smallest, but the largest coverage and the density nearest to 1.
    """
    by_model: dict[tuple[str, str], list[RunScore]] = {}
    for each in rows:
        by_model.setdefault((each.model, each.variant), []).append(each)
    lines = [_line(*key, own, measure, start) for key, own in by_model.items()]
    short = {"coverage": lambda mean: -mean, "density": lambda mean: abs(mean - 1)}.get(measure, lambda mean: mean)
    return tuple(sorted(lines, key=lambda line: (math.isnan(line.mean), short(line.mean))))


def model_scores(
    rows: Iterable[RunScore],
    titles: Mapping[str, str],
    record: Mapping[str, tuple[int, int]],
    measure: str = "w1",
    start: Literal["previous", "first"] = "previous",
) -> list[ModelScore]:
    """Each model with a score, as `judge` takes it. record: `benchmark_results.record`."""
    rows = tuple(rows)
    found = []
    for line in summary(rows, measure, start):
        own = by_seed(rows, line, measure, start)
        if math.isfinite(line.mean):
            losing, sets = record.get(line.model, (0, 0))
            title = titled(titles[line.model], line.variant)
            found.append(ModelScore(title, line.mean, line.spread, len(own), line.by_fold, losing, sets))
    return found


def by_seed(
    rows: Iterable[RunScore], line: ModelSummary, measure: str = "w1", start: Literal["previous", "first"] = "previous"
) -> tuple[float, ...]:
    """The error of a model for each seed that has every time the model has, mean over these times."""
    own = [row for row in rows if (row.model, row.variant) == (line.model, line.variant) and row.scores is not None]
    folds, found = {row.fold for row in own}, []
    for seed in sorted({row.seed for row in own}):
        values = {row.fold: getattr(getattr(row.scores, f"from_{start}"), measure) for row in own if row.seed == seed}
        if set(values) == folds:
            found.append(statistics.fmean(values.values()))
    return tuple(found)


def baselines(rows: Iterable[RunScore], measure: str = "w1") -> dict[str, dict[float, float]]:
    """The baselines, by name and time, of those times that a run has a score for."""
    scored = {each.fold: each.scores for each in rows if each.scores is not None}
    return {
        name: {fold: getattr(getattr(scored[fold], name), measure) for fold in sorted(scored)} for name in BASELINES
    }


def _line(model: str, variant: str, rows: list[RunScore], measure: str, start: str) -> ModelSummary:
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
        variant=variant,
    )


def _presets(cards: Mapping[str, ModelCard], recipe: Recipe) -> Iterable[tuple[str, Mapping[str, Any]]]:
    return cards[recipe.model].presets.items() if recipe.model in cards else ()
