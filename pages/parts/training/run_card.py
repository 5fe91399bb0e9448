"""One run in the list, with all that can be done to it, and several compared by their loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from cellflow_core.reporting.formatting import ago, badge, duration, plain
from cellflow_core.reporting.progress import loss_table
from cellflow_core.runs.run import Run, Status
from pages.parts.training import run_progress
from pages.parts.views import export
from pages.parts.widgets import undo
from pages.parts.widgets.background import sentence
from pages.parts.widgets.selectors import disambiguate, links_to, run_facts


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
            links_to(run.id)
        elif status.state in ("failed", "cancelled"):
            run_progress.what_happened(run, status)
        else:
            run_progress.progress(run)
            run_progress.cancel_button(run)
        with st.expander("Details, name, export", icon=":material/more_horiz:"):
            _more(run, status)
    return chosen


def _more(run: Run, status: Status) -> None:
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
    export.show(run, status)
    recipe = run.recipe
    values = {**recipe.settings, **recipe.training, "device asked for": recipe.device, "device used": status.device}
    values |= {"seconds of training": f"{status.seconds:.1f}", "attempts": status.attempt, **recipe.versions}
    table = pd.DataFrame({"value": {name: str(value) for name, value in values.items()}})
    st.dataframe(table, height=220, key=f"settings_{run.id}")


def compare(runs: Sequence[Run]) -> None:
    """The loss of the ticked runs, one term at a time, in one picture."""
    if not runs:
        st.caption("Tick “Compare losses” at two or more runs to see their losses side by side here.")
        return
    st.subheader("Losses compared")
    tables = {run.id: loss_table(run) for run in runs}
    terms = list(dict.fromkeys(name for table in tables.values() for name in table.columns))
    if not terms:
        st.caption("These runs have no loss: nothing was learnt step by step.")
        return
    term = st.segmented_control("Loss term", terms, default=terms[0], key="compare_term", required=True)
    named = disambiguate({run.id: " · ".join((run.label, *run_facts(run))) for run in runs})
    joined = pd.DataFrame({named[id]: table[term] for id, table in tables.items() if term in table})
    st.line_chart(joined.interpolate(limit_area="inside"), x_label="training step", y_label=str(term), height=320)
    st.caption(
        "Losses of different models measure different things: compare seeds and settings of one model here. "
        "Which model to trust is told by the time left out, on Time."
    )
    rows = {named[run.id]: run.status() for run in runs}
    st.dataframe(
        pd.DataFrame(
            {
                name: {"steps": each.step, "time": duration(each.seconds), "device": each.device, "state": each.state}
                for name, each in rows.items()
            }
        ).T,
        key="compare_table",
    )
