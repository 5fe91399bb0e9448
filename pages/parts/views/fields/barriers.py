"""Barriers between the basins of a landscape: their spread over trainings, and more trainings where there is one."""

from __future__ import annotations

from typing import Any

import streamlit as st

from cellflow_core.analysis.results import Barriers
from cellflow_core.jobs import analysis_pool, recipes, supervisor
from cellflow_core.jobs.run_context import replicates
from cellflow_core.reporting.fields import barriers
from cellflow_core.reporting.formatting import plain
from cellflow_core.runs import index
from pages.parts.widgets import background, chart, side

MORE = 2
"""Seeds that a click adds to one."""


def show(run: Any, picture: Any, **question: Any) -> None:
    """The sentence below the `picture` of the page; here the table, and how to learn the spread."""
    asked = analysis_pool.submit_analysis("barriers", run.id, **question)
    found: Barriers = background.result_of(asked, "Measuring the barriers")
    with picture:
        st.markdown(plain(barriers.of_barriers(found)))
    with st.expander("Barriers between basins", icon=":material/landscape:", key=side.key("barriers")):
        rows = barriers.rows(found)
        if len(found.names) > 1:
            chart.listed(rows, f"barriers-{run.id}", "barriers")
        for each in found.notes:
            st.caption(plain(each))
        if len(found.climb) == 1:
            _offer(run)


def _offer(run: Any) -> None:
    """A button that trains the same model from more seeds, or how far those are that it has started."""
    if run.recipe.hold_out is not None or not run.recipe.group:
        st.caption("Train this model on all times with three seeds or more: then their range stands here.")
        return
    if any(each.recipe.hold_out is None and not each.status().ended for each in index.siblings(run)):
        st.caption("More seeds of this model are being trained; their range stands here when they are done.")
        at = {"dataset": run.recipe.dataset, "group": run.recipe.group}
        st.page_link("train.py", label="How far they are", icon=":material/hourglass_top:", query_params=at)
    elif st.button(f"Train {MORE} more seeds", icon=":material/playlist_add:", key=side.key("more_seeds")):
        taken = (run.recipe.seed, *(each.recipe.seed for each in replicates(run)))
        index.submit_all(recipes.more_seeds(run.recipe, taken, MORE))
        supervisor.ensure_supervisor()
        st.rerun()
