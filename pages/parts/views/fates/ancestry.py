"""Where a group of cells comes from and what becomes of it, on the Fates page."""

from __future__ import annotations

import streamlit as st

from cellflow_core.data.store import Dataset
from cellflow_core.figures.lineage import ancestry
from cellflow_core.jobs import analysis_pool
from cellflow_core.reporting import result_tables
from cellflow_core.reporting.formatting import plain
from cellflow_core.runs.run import Run
from cellflow_core.time_units import format_times, measured_time
from pages.parts.views import cell_selection, own_colours, view
from pages.parts.widgets import background, chart, side


def show(run: Run, data: Dataset, map_name: str) -> None:
    """The whole part of the page: nothing is asked before a group is chosen."""
    if not data.info.annotations:
        st.caption("These data have no annotation, so there are no groups of cells to choose from.")
        return
    columns = st.columns(3, vertical_alignment="bottom")
    with columns[0]:
        by = str(st.selectbox("Groups of", cell_selection.groupings(data), **side.bound("ancestry_by")))
    with columns[1]:
        kinds = cell_selection.values(data, by)
        group = st.selectbox("Cell group", kinds, index=None, placeholder="choose a group", **side.bound("ancestry_of"))
    with columns[2]:
        names = {
            "": "the last time they were met",
            **{each: f"time {each}" for each in format_times(data.info.times)},
        }
        met = st.selectbox("Measured at", list(names), format_func=names.__getitem__, **side.bound("ancestry_at"))
    if group is None:
        st.caption("Choose a group, and see which earlier cells its mass comes from, and which later ones it goes to.")
        return
    time = measured_time(float(met), data.info.times) if met else None
    asked = analysis_pool.submit_analysis("ancestry", run.id, view=map_name, time=time, label=(by, str(group)), by=by)
    result = background.result_of(asked, "Following the group back and forth")
    mass = "" if result.time == result.times[-1] else f" Its mass is {result.mass[-1]:.2g} times as large at the end."
    st.markdown(f"**{plain(ancestry.describe(result) + mass)}**")
    left, right = st.columns([3, 2], gap="large")
    figure = ancestry.cells(result, dark=chart.dark())
    with left:
        chart.chart(figure, "ancestry_cells", ancestry.describe(result))
    with right:
        st.markdown(f"**Which {plain(by)} at each time?**")
        bars = ancestry.groups(result, own=own_colours.of_groups(data, by), dark=chart.dark())
        chart.chart(bars, "ancestry_groups", ancestry.describe(result))
    view.notes(result.notes)
    table = result_tables.of_ancestry(result)
    view.numbers(figure, table, f"ancestry-{run.id}", "ancestry", "Data table: groups")
