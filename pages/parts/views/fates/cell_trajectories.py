"""Many futures of one cell: choosing the cell, and the pictures of what may become of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from cellflow_core.data.store import Dataset
from cellflow_core.figures import scatter, trajectory_ensemble
from cellflow_core.jobs import analysis_pool
from cellflow_core.reporting import fate_summaries, result_tables
from cellflow_core.reporting.formatting import plain
from cellflow_core.runs.run import Run
from pages.parts.views import cell_selection, view
from pages.parts.widgets import background, chart, side, state


def show(run: Run, data: Dataset, map_name: str, states: str) -> None:
    """The whole part of the page."""
    fan, answer = st.container(), st.container()
    left, right = st.columns([3, 2], gap="medium")
    with left:
        start = _start(run.id, data, map_name)
    asked = analysis_pool.submit_analysis("futures", run.id, view=map_name, states=states, **start)
    with fan:
        result = background.result_of(asked, "Following one cell many times")
        figure = trajectory_ensemble.trajectory_fan(result, data.embedding(map_name), dark=chart.dark())
        chart.chart(figure, "futures_fan", trajectory_ensemble.describe(result))
    answer.markdown(f"**{plain(fate_summaries.of_futures(result))}**")
    if result.paths.shape[1] > 1:
        with right:
            words = trajectory_ensemble.describe(result)
            st.markdown("**How do they divide?**")
            chart.chart(trajectory_ensemble.split(result, dark=chart.dark()), "futures_split", words)
            st.markdown("**How far do they spread?**")
            chart.chart(trajectory_ensemble.spread(result, dark=chart.dark()), "futures_spread", words)
    chance = ()
    if result.kind == "deterministic":
        chance = (fate_summaries.deterministic(run.recipe.model, background.catalogue().values()),)
    view.notes((*chance, *result.notes, f"Interval: {result.interval}."))
    table = result_tables.of_futures(result)
    view.numbers(figure, table, f"futures-{run.id}", "futures", "Data table: simulated futures")


def _start(run_id: str, data: Dataset, map_name: str) -> dict[str, Any]:
    """Settings of the question "futures" from a click, a number or a lasso; the number is kept in the link."""
    snapshots, points = data.snapshots(), data.embedding(map_name)
    timed = len(snapshots.times) > 1
    early = np.flatnonzero(snapshots.t < snapshots.times[-1]) if timed else np.arange(len(snapshots.x))
    key = f"futures_{run_id}_{map_name}"

    def chosen(row: int | None) -> None:
        state.choose("cell", *([] if row is None else [str(row)]))
        state.choose_outline(map_name, ())

    def clicked(x: float, y: float) -> None:
        chosen(cell_selection.nearest(points, early, x, y))

    st.markdown("**Whose futures?** Click a cell; or take the lasso in the corner of the picture and draw around some.")
    codes, names = cell_selection.by_time(data, early)
    figure = scatter.scatter(
        points[early],
        codes,
        names=names,
        in_order=True,
        title=plain(data.info.time_unit) or "time",
        axes=data.view_axes(map_name),
        polygon=state.outline(map_name),
        dark=chart.dark(),
        height=380,
    )
    chart.pick(figure, key, scatter.describe(points[early], codes, names, "time"), map_name, clicked)
    asked = state.value("cell") or ""
    st.session_state[side.key("cell")] = int(asked) if asked.isdecimal() and int(asked) < len(points) else None
    row = st.number_input(
        "Cell",
        0,
        len(points) - 1,
        value=None,
        step=1,
        key=side.key("cell"),
        placeholder="the most typical of the first time" if snapshots.times.size else "the most typical",
        help="Its row in the data set. A click on a cell writes it here.",
        on_change=side.here(lambda: chosen(st.session_state[side.key("cell")])),
    )
    polygon = cell_selection.usable(points[early], state.outline(map_name))
    view.outline_words(map_name, points[early], "", data.info)
    if polygon:
        return {"polygon": polygon}
    return {} if row is None else {"cell": int(row)}
