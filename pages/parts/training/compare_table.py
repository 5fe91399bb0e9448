"""The comparison while it fills: what follows, the figure, the table."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Literal

import streamlit as st

from cellflow_core.config import titled
from cellflow_core.data.store import DatasetInfo
from cellflow_core.distance_units import heading
from cellflow_core.figures import comparison as figure
from cellflow_core.jobs import analysis_pool, supervisor
from cellflow_core.reporting import progress
from cellflow_core.reporting.comparison_table import PLAN, SCALE, of_comparison, shown, spread_heading
from cellflow_core.reporting.formatting import plain
from cellflow_core.reporting.verdict import sentences
from cellflow_core.selection import comparison as jobs
from cellflow_core.selection.benchmark_results import evidence, record
from cellflow_core.selection.comparison_summary import judge
from cellflow_core.time_units import format_duration, format_time
from cellflow_core.time_units import heading as time_heading
from pages.parts.server import urls
from pages.parts.views import view
from pages.parts.widgets import chart, progress_bar
from pages.parts.widgets.background import cached_future, forget, result_of, sentence, shared

MEASURES = {
    "w1": "Wasserstein-1",
    "w2": "Wasserstein-2",
    "sliced": "Sliced Wasserstein",
    "mmd": "MMD",
}
STARTS = {"previous": "the time before", "first": "the first time"}


DRAWN = {"distance": "Distance", "scale": "Scale s"}
SCALE_HELP = (
    "s = (midpoint − error) / (midpoint − floor): 0 is what straight lines of optimal transport reach, 1 what other "
    "measured cells of that time would; below 0 a model is worse than straight lines."
)
Start = Literal["previous", "first"]


def show(info: DatasetInfo, request: Any, cards: Mapping[str, Any]) -> None:
    """Everything that is known so far; drawn anew whenever a run has ended."""
    runs = [run for run in jobs.matching_runs(request) if run is not None]
    asked = Counter(each.model for each in request.recipes)
    before = jobs.other_runs(request, cards)
    if not runs:
        _to_beat(info, request)
        return
    st.header("Who comes nearest?")
    measure = view.options("Distance", "measure", MEASURES)
    chosen = view.options("Prediction starts from", "start", STARTS, help="From the first time, errors add up.")
    view.options("Drawn as", "drawn", DRAWN, help=SCALE_HELP)
    start: Start = "first" if chosen == "first" else "previous"
    open_ = any(_open(jobs.row(run)) for run in runs)

    @st.fragment
    def live() -> None:
        version = progress.comparison_version(runs)  # before the rows: what changes meanwhile is seen afterwards
        rows = [jobs.row(run) for run in runs]
        if any(row.state in ("queued", "starting", "lost") for row in rows):
            supervisor.ensure_supervisor()
        for run in filter(progress.scores_late, (*runs, *before)):
            _score(run.id)
        if any(map(_open, rows)):
            url = urls.comparison_progress(run.id for run in runs)
            progress_bar.watch(url, key="compare_progress", label="Comparison", version=version)
        _failures(rows)
        others = [jobs.row(run, variant) for run, variant in before.items()]
        _answer(info, rows, others, asked, measure, start, cards)
        if open_ and not any(map(_open, rows)):
            st.rerun()

    live()


def _to_beat(info: DatasetInfo, request: Any) -> None:
    """Before anything is trained: how near answers without a model come, at each time that is left out."""
    times = sorted({each.hold_out for each in request.recipes})
    st.header("What has a model to beat?")
    found = {}
    for time in times:
        future = cached_future(
            f"baselines-{info.fingerprint}-{time}",
            lambda time=time: analysis_pool.call("cellflow_core.jobs.questions.of_cells:baselines", info.id, time),
        )
        found[format_time(time)] = result_of(future, "Measuring what needs no model")
    by_time = {name: {time: getattr(each, name).w1 for time, each in found.items()} for name in jobs.BASELINES}
    drawn = figure.baselines(by_time, unit=info.time_unit, dark=chart.dark())
    chart.chart(drawn, "compare_baselines", figure.describe_baselines(by_time))
    st.caption(
        "Nothing has been trained for this comparison yet. A model is worth its training where it comes nearer than "
        "the midpoint of optimal transport. The sampling floor is the distance of two samples of one time."
    )
    rows = {f"held-out {time_heading(info.time_unit)}": list(found)}
    rows |= {heading("w1", f"of {figure.LINES[k][0]}"): list(each.values()) for k, each in by_time.items()}
    view.numbers(drawn, rows, f"baselines-{info.id}", "baselines")


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
            _warn(row, plain(row.message))
        elif row.run_id in _unscored():
            _warn(row, _unscored()[row.run_id])


def _warn(row: Any, why: str) -> None:
    st.warning(
        f"{plain(row.model)}, seed {row.seed}, without time {format_time(row.fold)}: {why}", icon=":material/error:"
    )


def _answer(
    info: DatasetInfo,
    every: Sequence[Any],
    others: Sequence[Any],
    asked: Mapping[str, int],
    measure: str,
    start: Start,
    cards: Mapping[str, Any],
) -> None:
    """every, others: rows of the comparison, and of finished runs on the same data that it does not ask for.

    asked  runs of each model that the comparison asks for, there or not
    """
    rows, partial = jobs.joined(every, others)
    scored: list[Any] = [row for row in rows if row.scores is not None]
    if not scored:
        if any(row.scores is not None for row in every):
            st.info("The models are scored at different times so far: nothing to compare yet.", icon=":material/info:")
        return
    lines = [each for each in jobs.summary(rows, measure, start) if math.isfinite(each.mean)]
    baselines = jobs.baselines(rows, measure)
    titles, past = {name: card.title for name, card in cards.items()}, record(evidence())
    scores, some = (jobs.model_scores(each, titles, past, measure, start) for each in (rows, partial))
    verdict = judge(scores, baselines, some)
    folds = sorted(baselines["midpoint"])
    with st.container(border=True, key="verdict"):
        first, *rest = sentences(verdict, info.time_unit, measure)
        open_ = sum(row.scores is not None for row in every) < sum(asked.values())
        st.markdown(("So far: " if open_ else "") + f"**{plain(first)}**")
        for each in rest:
            st.markdown(plain(each))
        if {row.fold for row in every} - set(folds):
            where = " and ".join(format_duration(fold, info.time_unit) for fold in folds)
            st.markdown(plain(f"Compared at {where} alone: not every model has a score at the other times."))
    means = {name: sum(values.values()) / len(values) for name, values in baselines.items()}
    seeds = {titled(titles[each.model], each.variant): jobs.by_seed(scored, each, measure, start) for each in lines}
    scaled = st.session_state.get("drawn") == "scale" and means["midpoint"] > means["floor"]
    drawn = figure.errors(seeds, means, measure, scaled=scaled, dark=chart.dark())
    chart.chart(drawn, "compare_figure", figure.describe(seeds, means, measure))
    own = {row.run_id for row in every}
    listed = [*every, *(row for row in rows if row.run_id not in own)]
    table = of_comparison(lines, listed, asked, baselines, titles, info.time_unit, measure)
    st.dataframe(shown(table), hide_index=True, key="compare_rows", column_config=_columns(measure, table))
    # what one model alone has to say is about a number that is not in this table
    view.notes([each for each in scored[0].scores.notes if all(each in row.scores.notes for row in scored)])
    chart.downloads(drawn, table, f"compare-{info.id}", "compare")


def _columns(measure: str, table: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    column = partial(st.column_config.Column, alignment="right")
    numbers = {name: column() for name in table if name != "model"}
    return numbers | {
        heading(measure): column(help="Mean over the held-out times, then over seeds. Lower is better."),
        spread_heading(measure): column(help="Standard deviation over seeds."),
        SCALE: column(help=SCALE_HELP),
        "to midpoint": column(help="Against straight lines of optimal transport, which learn nothing."),
        PLAN: column(
            help="Wasserstein-1 distance of a transport plan with many partners a cell: more points than "
            "the other rows have, and nearer for that reason alone."
        ),
        "time (s)": column(help="Of one training."),
        "memory (MB)": column(help="The most that one training held, with its libraries."),
        "coverage": column(help="Share of measured cells that have a predicted cell near them."),
    }
