"""The comparison while it fills: what follows, the figure, the table."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Literal

import pandas as pd
import streamlit as st

from cellflow_core.data.store import DatasetInfo
from cellflow_core.figures import comparison as figure
from cellflow_core.jobs import analysis_pool, supervisor
from cellflow_core.reporting import progress
from cellflow_core.reporting.formatting import plain
from cellflow_core.selection import comparison as jobs
from cellflow_core.selection.comparison_summary import ModelScore, verdict
from cellflow_core.time_units import format_duration
from pages.parts.server import urls
from pages.parts.views import view
from pages.parts.widgets import chart, progress_bar
from pages.parts.widgets.background import forget, sentence, shared

MEASURES = {
    "w1": "Wasserstein-1",
    "w2": "Wasserstein-2",
    "sliced": "Sliced Wasserstein",
    "mmd": "MMD",
}
STARTS = {"previous": "the time before", "first": "the first time"}
LONG = {"w1": "Wasserstein-1 distance (state)", "w2": "Wasserstein-2 distance (state)"}
LONG |= {"sliced": "Sliced Wasserstein-2 distance (state)", "mmd": "Maximum mean discrepancy"}


Start = Literal["previous", "first"]


def show(info: DatasetInfo, wish: Any, cards: Mapping[str, Any]) -> None:
    """Everything that is known so far; drawn anew whenever a run has ended."""
    runs = [run for run in jobs.matching_runs(wish) if run is not None]
    asked = Counter(each.model for each in wish.recipes)
    if not runs:
        st.info("Nothing has been trained for this comparison yet.", icon=":material/info:")
        return
    st.subheader("Who comes nearest?")
    measure = view.options("Distance", "measure", MEASURES)
    chosen = view.options("Prediction starts from", "start", STARTS, help="The first time: errors add up on the way.")
    start: Start = "first" if chosen == "first" else "previous"
    open_ = any(_open(jobs.row(run)) for run in runs)

    @st.fragment
    def live() -> None:
        version = progress.comparison_version(runs)  # before the rows: what changes meanwhile is seen afterwards
        rows = [jobs.row(run) for run in runs]
        if any(row.state in ("queued", "starting", "lost") for row in rows):
            supervisor.ensure_supervisor()
        for run in filter(progress.scores_late, runs):
            _score(run.id)
        if any(map(_open, rows)):
            url = urls.comparison_progress(run.id for run in runs)
            progress_bar.watch(url, key="compare_progress", label="Comparison", version=version)
        _failures(rows)
        _answer(info, rows, asked, measure, start, cards)
        if open_ and not any(map(_open, rows)):
            st.rerun()

    live()


def _open(row: Any) -> bool:
    """Is there more to come: training, or the scores of a run just done?"""
    waits = row.state == "done" and row.scores is None and row.run_id not in _unscored()
    return waits or row.state in ("queued", "starting", "running", "lost")


def _unscored() -> dict[str, str]:
    """Runs that cannot be scored, and why."""
    return st.session_state.setdefault("unscored", {})


def _score(run_id: str) -> None:
    """Scores that the worker of a run did not leave behind are worked out now, once."""
    if run_id in _unscored():
        return
    future = shared(f"scores-{run_id}", lambda: analysis_pool.submit_analysis("scores", run_id))
    if not future.done():
        progress_bar.wait_for(future, key=f"scores_{run_id}")
        return
    forget(future)
    if (error := future.exception()) is not None:
        _unscored()[run_id] = sentence(error)


def _failures(rows: Sequence[Any]) -> None:
    for row in rows:
        if row.state == "failed":
            _warn(row, row.message)
        elif row.run_id in _unscored():
            _warn(row, _unscored()[row.run_id])


def _warn(row: Any, why: str) -> None:
    st.warning(plain(f"{row.model}, seed {row.seed}, without {row.fold:g}: {why}"), icon=":material/error:")


def _answer(
    info: DatasetInfo,
    every: Sequence[Any],
    asked: Mapping[str, int],
    measure: str,
    start: Start,
    cards: Mapping[str, Any],
) -> None:
    """asked: runs of each model that the comparison asks for, there or not."""
    rows = jobs.comparable(every)
    scored: list[Any] = [row for row in rows if row.scores is not None]
    if not scored:
        if any(row.scores is not None for row in every):
            st.info("The models are scored at different times so far: nothing to compare yet.", icon=":material/info:")
        return
    lines = [each for each in jobs.summary(rows, measure, start) if math.isfinite(each.mean)]
    trivial = {name: _mean(by_fold.values()) for name, by_fold in jobs.trivial(rows, measure).items()}
    title = {name: card.title for name, card in cards.items()}
    seeds = {title[each.model]: _by_seed(scored, each.model, measure, start) for each in lines}
    standings = [ModelScore(title[each.model], each.mean, each.spread, len(seeds[title[each.model]])) for each in lines]
    folds = sorted({row.fold for row in scored})
    with st.container(border=True, key="verdict"):
        first, *rest = verdict(standings, trivial, len(folds))
        st.markdown(("So far: " if len(scored) < sum(asked.values()) else "") + f"**{first}**")
        for each in rest:
            st.markdown(each)
        if {row.fold for row in every} - set(folds):
            where = " and ".join(format_duration(fold, info.time_unit) for fold in folds)
            st.markdown(plain(f"Compared at {where} alone: not every model has a score at the other times."))
    drawn = figure.errors(seeds, trivial, LONG[measure], dark=chart.dark())
    chart.chart(drawn, "compare_figure", figure.describe(seeds, trivial))
    done = Counter(row.model for row in every if row.scores is not None)
    table = _table(lines, trivial, jobs.trivial(rows, measure), folds, title, info, scored, done, asked)
    st.dataframe(_shown(table), hide_index=True, key="compare_rows", column_config=_columns())
    # what one model alone has to say is about a number that is not in this table
    view.notes([each for each in scored[0].scores.notes if all(each in row.scores.notes for row in scored)])
    columns: dict[str, Sequence[Any]] = {name: table[name].tolist() for name in table.columns}
    chart.downloads(drawn, columns, f"compare-{info.id}", "compare")


def _by_seed(scored: Sequence[Any], model: str, measure: str, start: Start) -> tuple[float, ...]:
    """The model's error for each seed that has every fold the model has, mean over folds."""
    own = [row for row in scored if row.model == model]
    folds = {row.fold for row in own}
    found = []
    for seed in sorted({row.seed for row in own}):
        values = {row.fold: getattr(getattr(row.scores, f"from_{start}"), measure) for row in own if row.seed == seed}
        if set(values) == folds:
            found.append(_mean(values.values()))
    return tuple(found)


def _table(
    lines: Sequence[Any],
    trivial: Mapping[str, float],
    by_fold: Mapping[str, Mapping[float, float]],
    folds: Sequence[float],
    title: Mapping[str, str],
    info: DatasetInfo,
    scored: Sequence[Any],
    done: Mapping[str, int],
    asked: Mapping[str, int],
) -> pd.DataFrame:
    """One line a model, then the answers without a model."""

    def of(name: str, mean: float, at: Mapping[float, float], **more: Any) -> dict[str, Any]:
        against = mean / trivial["midpoint"] - 1 if trivial["midpoint"] else math.nan
        errors = {f"at {format_duration(fold, info.time_unit)}": at.get(fold, math.nan) for fold in folds}
        return {"model": name, "error": mean, "to midpoint": 100 * against, **errors, **more}

    found = []
    for each in lines:
        own = [row.scores.from_previous.coverage for row in scored if row.model == each.model]
        more = {"± seeds": each.spread, "runs": f"{done[each.model]} of {asked[each.model]}"}
        costs = {"seconds": each.seconds, "memory (MB)": each.peak_mb, "coverage": _mean(own)}
        found.append(of(title[each.model], each.mean, each.by_fold, **more) | costs)
    found += [of(f"({figure.LINES[name][0]})", value, by_fold[name]) for name, value in trivial.items()]
    return pd.DataFrame(found).fillna({"runs": ""})


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    """The table in rounded numbers, with nothing where there is none."""
    formats = {"to midpoint": "{:+.1f} %", "seconds": "{:.0f}", "memory (MB)": "{:.0f}", "coverage": "{:.2f}"}

    def text(name: str, value: Any) -> str:
        if isinstance(value, str):
            return value
        said = formats.get(name, "{:.3f}").format(value) if math.isfinite(value) else ""
        return "+0.0 %" if said == "-0.0 %" else said

    return pd.DataFrame({name: [text(name, each) for each in table[name]] for name in table.columns})


def _columns() -> dict[str, Any]:
    column = partial(st.column_config.Column, alignment="right")
    return {
        "error": column(help="Mean over the times left out, then over seeds. Lower is better."),
        "± seeds": column(help="Standard deviation over seeds."),
        "to midpoint": column(help="Against straight lines of optimal transport, which learn nothing."),
        "seconds": column(help="Of one training."),
        "memory (MB)": column(help="The most that one training held, with its libraries."),
        "coverage": column(help="Share of measured cells that have a predicted cell near them."),
    }


def _mean(values: Any) -> float:
    listed = [each for each in values if math.isfinite(each)]
    return sum(listed) / len(listed) if listed else math.nan
