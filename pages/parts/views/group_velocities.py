"""RNA velocity fitted in each batch by itself, on the page Velocity."""

from __future__ import annotations

import streamlit as st

from cellflow_core.data.store import Dataset
from cellflow_core.jobs import analysis_pool
from cellflow_core.reporting.formatting import plain
from cellflow_core.reporting.rna_velocity import summaries as velocity_summaries
from cellflow_core.runs.run import Run
from pages.parts.views import cell_selection, view
from pages.parts.widgets import background, chart, side


def show(run: Run, data: Dataset) -> None:
    """The choice of an annotation, and how its groups compare; nothing where there is no annotation."""
    known = cell_selection.groupings(data)
    if not known:
        return
    st.header("Do batches agree?")
    names = {"": "Choose batches, donors or cell types", **{each: each for each in known}}
    by = st.selectbox("Fit apart by", list(names), format_func=names.__getitem__, **side.bound("apart"))
    if not by:
        return
    asked = analysis_pool.submit_analysis("group_velocities", run.id, by=by)
    found = background.result_of(asked, "Fitting each group by itself")
    st.markdown(plain(velocity_summaries.of_groups(found)))
    chart.listed(velocity_summaries.group_rows(found), f"group-velocities-{run.id}", "groups_apart")
    view.notes(found.notes)
