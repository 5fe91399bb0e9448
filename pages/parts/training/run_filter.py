"""Which of many runs are listed: by data set, model and state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from cellflow_core.plural import counted
from cellflow_core.reporting.formatting import STATES
from cellflow_core.runs import groups
from cellflow_core.runs.run import Run

PAGE = 20


def _kind(runs: Sequence[Run]) -> Sequence[Run]:
    """Trained models, or the runs of comparisons, which are many and named by their held-out time."""
    compared = groups.comparison_ids(runs)
    if not compared:
        return runs
    names = {
        "models": f"Trained models ({len(runs) - len(compared)})",
        "comparisons": f"Runs of comparisons ({len(compared)})",
    }
    kind = st.segmented_control(
        "Show", list(names), format_func=names.__getitem__, default="models", required=True, key="filter_kind"
    )
    return [run for run in runs if (run.id in compared) == (kind == "comparisons")]


def choose(runs: Sequence[Run], datasets: Mapping[str, str]) -> list[Run]:
    """The runs that fit the filters, one page of them, newest first."""
    runs = _kind(runs)
    by_data, by_model, by_state = st.columns(3)
    data = by_data.multiselect(
        "Data set",
        list(dict.fromkeys(run.recipe.dataset for run in runs)),
        key="filter_dataset",
        format_func=lambda each: datasets.get(each, "deleted data"),
        placeholder="All data sets",
    )
    model = by_model.multiselect(
        "Model", sorted({run.recipe.model for run in runs}), key="filter_model", placeholder="All models"
    )
    states = {run.id: run.status().state for run in runs}
    state = by_state.multiselect(
        "State",
        [each for each in STATES if each in states.values()],
        key="filter_state",
        placeholder="All states",
    )
    fits = [
        run
        for run in runs
        if (not data or run.recipe.dataset in data)
        and (not model or run.recipe.model in model)
        and (not state or states[run.id] in state)
    ]
    pages = -(-len(fits) // PAGE)
    page = st.pagination(pages, key="runs_page") if pages > 1 else 1
    st.caption(
        f"{len(fits)} of {counted(len(runs), 'run')}, newest first"
        + (f" · page {page} of {pages}" if pages > 1 else "")
    )
    if not fits:
        st.info("No run fits these filters. Clear one of them to see more.", icon=":material/filter_alt_off:")
    return fits[(page - 1) * PAGE : page * PAGE]
