"""Groups over time: the river on the page Time, and what goes from group to group on the page Fates."""

from __future__ import annotations

import streamlit as st

from cellflow_core.analysis.results import Composition
from cellflow_core.data.store import Dataset
from cellflow_core.figures.lineage import composition as figures
from cellflow_core.jobs import analysis_pool
from cellflow_core.reporting import composition_summaries as words
from cellflow_core.reporting.formatting import plain
from cellflow_core.runs.run import Run
from pages.parts.views import cell_selection, own_colours, view
from pages.parts.widgets import background, chart, side


def river(run: Run, data: Dataset) -> None:
    """The share of each group over time, predicted beside measured; nothing where there is no annotation."""
    if not data.info.annotations:
        return
    st.header("Groups over time")
    found = _asked(run, data)
    view.show_summary(words.of_composition(found), "composition_headline")
    figure = figures.river(found, own=own_colours.of_groups(data, found.by), dark=chart.dark())
    chart.chart(figure, "time_groups", figures.describe_river(found))
    view.notes(found.notes)
    rows = words.share_rows(found)
    view.numbers(figure, rows, f"groups-{run.id}", "groups", "Data table: groups at the measured times")


def between_times(run: Run, data: Dataset) -> None:
    """The mass between the groups of one time and those of the next."""
    found = _asked(run, data)
    st.markdown(f"**{plain(words.of_flows(found))}**")
    figure = figures.sankey(found, own=own_colours.of_groups(data, found.by), dark=chart.dark())
    chart.chart(figure, "fates_flows", figures.describe_sankey(found))
    view.notes(found.notes)
    view.numbers(figure, words.flow_rows(found), f"flows-{run.id}", "flows", "Data table: mass between groups")


def _asked(run: Run, data: Dataset) -> Composition:
    known = cell_selection.groupings(data)
    by = known[0]
    if len(known) > 1:
        by = str(st.selectbox("Groups of", known, **side.bound("composition_by")))
    asked = analysis_pool.submit_analysis("composition", run.id, by=by)
    return background.result_of(asked, "Counting the groups over time")
