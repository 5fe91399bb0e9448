"""Runs under way: what each is doing, the button that stops it, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from cellflow_core.data import store
from cellflow_core.jobs import supervisor
from cellflow_core.reporting.formatting import badge, duration, plain
from cellflow_core.runs import index
from cellflow_core.runs.run import Run, Status
from pages.parts.server import urls
from pages.parts.widgets import progress_bar, sharing
from pages.parts.widgets.selectors import run_facts
from pages.parts.widgets.view_links import links_to


def watch(ids: Sequence[str], then_run: str = "") -> None:
    """Show these runs. The browser follows those under way by itself; where one ends, they are all drawn anew.

    then_run  the run whose end moves the page on to its landscape
    """

    @st.fragment
    def runs() -> None:
        found = [index.open_run(id) for id in ids]
        states = {run.id: run.status() for run in found}
        if any(each.state in ("queued", "starting", "lost") for each in states.values()):
            supervisor.ensure_supervisor()
        if states.get(then_run) is not None and states[then_run].state == "done":
            st.switch_page("landscape.py", query_params={"run": then_run})
        for run in found:
            show(run, states[run.id])

    runs()


def show(run: Run, status: Status) -> None:
    """One run: what it is doing, or what came of it."""
    with st.container(border=True, key=f"run_{run.id}"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            state = f" {badge(status.state)}" if status.ended else ""
            names = {each.id: each.label for each in store.datasets()}
            data = plain(names.get(run.recipe.dataset, "deleted data"))
            st.markdown(f"**{plain(run.label)}**{state}  \n{facts(run)} :gray[· {data}]")
            if not status.ended:
                cancel_button(run)
        if not status.ended:
            progress(run, losses=True)
        elif status.state == "done":
            note = f" ({plain(status.message)})" if status.message else ""
            st.caption(f"Trained in {duration(status.seconds)} on {status.device}{note}. Look at it:")
            links_to(run)
        else:
            what_happened(run, status)


def progress(run: Run, losses: bool = False) -> None:
    """The place in the queue, or a bar with phase, step, time to go and the losses so far, drawn by the browser."""
    progress_bar.watch(urls.run_progress(run.id, losses), key=f"progress_{run.id}", label=run.label)


def cancel_button(run: Run) -> None:
    """Asks the training to stop; nothing where it is another person's."""
    if not sharing.owned("run", run.id):
        return
    st.button(
        "Stopping" if run.cancelled else "Cancel",
        key=f"cancel_{run.id}",
        icon=":material/stop_circle:",
        disabled=run.cancelled,
        on_click=run.cancel,
    )


def facts(run: Run) -> str:
    """Model, seed and what was left out, in a low voice."""
    return f":gray[{' · '.join((run.recipe.model, *run_facts(run)))}]"


def what_happened(run: Run, status: Status) -> None:
    """Why a run ended early, and what to do next."""
    reason = status.message or "no reason was given"
    (st.error if status.state == "failed" else st.info)(plain(reason[:1].upper() + reason[1:]))
    if not sharing.owned("run", run.id):
        return
    words = "Go on from the last checkpoint" if status.step else "Try again"
    if st.button(words, key=f"retry_{run.id}", icon=":material/refresh:"):
        run.resume()
        supervisor.ensure_supervisor()
        st.rerun(scope="app")
