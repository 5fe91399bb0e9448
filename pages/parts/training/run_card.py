"""One run in the list, with all that can be done to it, and several compared by their loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from cellflow_core.reporting.formatting import ago, badge, plain
from cellflow_core.reporting.progress import loss_table
from cellflow_core.reporting.run_tables import joined_losses, of_recipe, of_states, terms
from cellflow_core.runs.run import Run, Status
from pages.parts.training import run_progress
from pages.parts.views import export
from pages.parts.widgets import sharing, undo
from pages.parts.widgets.background import sentence
from pages.parts.widgets.selectors import disambiguate, run_facts
from pages.parts.widgets.view_links import links_to


def listed(runs: Sequence[Run], datasets: Mapping[str, str]) -> list[Run]:
    """Show the runs and return those ticked for comparison."""
    return [run for run in runs if _card(run, run.status(), datasets)]


def _card(run: Run, status: Status, datasets: Mapping[str, str]) -> bool:
    with st.container(border=True, key=f"card_{run.id}"):
        head, tick = st.columns([4, 1], vertical_alignment="center")
        head.markdown(
            f"**{plain(run.label)}** {badge(status.state)}  \n{run_progress.facts(run)} "
            f":gray[· {plain(datasets.get(run.recipe.dataset, 'deleted data'))} · {ago(run.recipe.created)}]"
        )
        chosen = tick.checkbox("Compare losses", key=f"compare_{run.id}")
        if status.state == "done":
            links_to(run)
        elif status.state in ("failed", "cancelled"):
            run_progress.what_happened(run, status)
        else:
            run_progress.progress(run)
            run_progress.cancel_button(run)
        with st.expander("Details, name, export", icon=":material/more_horiz:"):
            _more(run, status)
    return chosen


def _more(run: Run, status: Status) -> None:
    sharing.show("run", run.id)
    if sharing.owned("run", run.id):
        _manage(run, status)
    if sharing.may_copy("run", run.id):
        export.show(run, status)
    st.dataframe(of_recipe(run, status), height=220, key=f"settings_{run.id}")


def _manage(run: Run, status: Status) -> None:
    """What its owner can do to it."""
    label = st.text_input("Name", run.label, key=f"label_{run.id}", max_chars=80)
    with st.container(horizontal=True):
        if st.button("Save the name", key=f"rename_{run.id}", disabled=not label.strip() or label == run.label):
            run.rename(label)
            st.rerun()
        if st.button("Delete", key=f"delete_{run.id}", icon=":material/delete:", disabled=status.active):
            try:
                run.delete()
            except ValueError as error:
                st.error(sentence(error))
            else:
                undo.deleted("run", run.id)


def compare(runs: Sequence[Run]) -> None:
    """The loss of the ticked runs, one term at a time, in one picture."""
    if not runs:
        st.caption("Tick “Compare losses” at two or more runs to see their losses side by side here.")
        return
    st.header("Losses compared")
    tables = {run.id: loss_table(run) for run in runs}
    found = terms(tables)
    if not found:
        st.caption("These runs have no loss: nothing was learnt step by step.")
        return
    term = st.segmented_control("Loss term", found, default=found[0], key="compare_term", required=True)
    named = disambiguate(
        {run.id: " · ".join((run.label, *run_facts(run))) for run in runs},
        {run.id: run.recipe.created for run in runs},
    )
    st.line_chart(joined_losses(tables, named, str(term)), x_label="training step", y_label=str(term), height=320)
    st.caption(
        "Losses of different models measure different things: compare seeds and settings of one model here. "
        "Which model to trust depends on the held-out time: see Time."
    )
    st.dataframe(of_states({named[run.id]: run.status() for run in runs}), key="compare_table", hide_index=True)
