"""Runs under way: queue, phase, step, time to go and the loss, read from small files while they change."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from cellflow_core.jobs import supervisor
from cellflow_core.reporting.formatting import badge, duration, plain
from cellflow_core.runs import index
from cellflow_core.runs.run import Run, Status
from pages.parts.widgets.selectors import links_to, run_facts

POINTS = 300


def watch(ids: Sequence[str], then_run: str = "") -> None:
    """Show these runs; while one has not ended, look again each second.

    then_run  the run whose end moves the page on to its landscape
    """
    found = [index.open_run(id) for id in ids]
    ended = all(run.status().ended for run in found)

    @st.fragment(run_every=None if ended else 1.0)
    def live() -> None:
        states = {run.id: run.status() for run in found}
        if any(each.state in ("queued", "starting", "lost") for each in states.values()):
            supervisor.ensure_supervisor()
        if states.get(then_run) is not None and states[then_run].state == "done":
            st.switch_page("pages/landscape.py", query_params={"run": then_run})
        for run in found:
            show(run, states[run.id])
        if not ended and all(each.ended for each in states.values()):
            st.rerun()

    live()


def show(run: Run, status: Status) -> None:
    """One run: what it is doing, or what came of it."""
    with st.container(border=True, key=f"run_{run.id}"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f"**{plain(run.label)}** {badge(status.state)}  \n{facts(run)}")
            if not status.ended:
                stopping = run.cancelled
                if st.button(
                    "Stopping" if stopping else "Cancel",
                    key=f"cancel_{run.id}",
                    icon=":material/stop_circle:",
                    disabled=stopping,
                ):
                    run.cancel()
                    st.rerun(scope="app")
        if not status.ended:
            progress(status)
            losses(run)
        elif status.state == "done":
            st.caption(f"Trained in {duration(status.seconds)} on {status.device}. Look at it:")
            links_to(run.id)
        else:
            what_happened(run, status)


def progress(status: Status) -> None:
    """The place in the queue, or a bar with phase, step and time to go."""
    if status.state == "queued":
        st.caption(f"Number {max(status.position, 1)} in the queue: {status.message or 'waiting for its turn'}.")
        return
    done = status.step / status.steps if status.steps else 0.0
    st.progress(min(done, 1.0), text=progress_words(status))


def facts(run: Run) -> str:
    """Model, seed and what was left out, in a low voice."""
    return f":gray[{' · '.join((run.recipe.model, *run_facts(run)))}]"


def progress_words(status: Status) -> str:
    """The line over the bar."""
    if status.state == "lost":
        return status.message[:1].upper() + status.message[1:]
    parts = [status.phase[:1].upper() + status.phase[1:]] if status.phase else []
    if status.steps:
        parts.append(f"step {status.step:,} of {status.steps:,}")
    if status.eta is not None:
        parts.append(f"{duration(status.eta)} to go")
    if status.device:
        parts.append(f"on {status.device}")
    return " · ".join(parts) or "Starting"


def what_happened(run: Run, status: Status) -> None:
    """Why a run ended early, and the way on."""
    said = status.message or "no reason was given"
    (st.error if status.state == "failed" else st.info)(plain(said[:1].upper() + said[1:]))
    words = "Go on from the last checkpoint" if status.step else "Try again"
    if st.button(words, key=f"retry_{run.id}", icon=":material/refresh:"):
        run.resume()
        supervisor.ensure_supervisor()
        st.rerun(scope="app")


def losses(run: Run) -> None:
    """The loss by named term; `st.line_chart` keeps its drawing while it grows."""
    table = history(run)
    if len(table) > 1:
        st.line_chart(table, x_label="training step", y_label="loss", height=220)


def history(run: Run) -> pd.DataFrame:
    """The loss terms by step, at most a few hundred rows."""
    columns = run.history()
    step = columns.pop("step")
    columns.pop("seconds", None)
    if "validation" in columns and np.isnan(columns["validation"]).all():
        columns.pop("validation")
    terms = [name for name in columns if name not in ("loss", "validation")]
    if len(terms) == 1:
        columns.pop(terms[0])  # the loss itself, under the name of its one term
    names = {"validation": "unseen cells", "loss": "loss" if len(terms) < 2 else "all terms"}
    table = pd.DataFrame(
        {names.get(name, name.replace("_", " ")): values for name, values in columns.items()}, index=step
    )
    return table.iloc[:: max(1, len(table) // POINTS)]
