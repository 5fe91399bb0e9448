"""A run taken elsewhere: scripts that train it again and make its views again, its losses as CSV, its cells as h5ad."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from cellflow_core.jobs import analysis_pool
from cellflow_core.reporting.run_tables import command_line, loss_csv
from cellflow_core.runs.run import Run, Status
from cellflow_core.workspace import current
from pages.parts.views import take_along
from pages.parts.widgets import file_names
from pages.parts.widgets.background import result_of, shared


def show(run: Run, status: Status) -> None:
    """Command line, script, losses and cells of one run."""
    st.markdown("**Repeat it from the shell**")
    st.code(command_line(run), language="bash", wrap_lines=True)
    with st.container(horizontal=True):
        st.download_button(
            "Losses (CSV)",
            lambda: loss_csv(run),
            f"{file_names.readable(f'losses-{run.id}')}.csv",
            "text/csv",
            key=f"csv_{run.id}",
            on_click="ignore",
        )
        _prepared(run, "zip", "Python script with its cells (zip)", "Prepare a script", "export_script:write_archive")
        if status.state == "done":
            take_along.report(run.id, f"report_{run.id}")
            _prepared(
                run, "home.zip", "Run with its cells (zip)", "Prepare for scripts of views", "export_script:write_home"
            )
            _prepared(run, "h5ad", "Cells and velocities (h5ad)", "Prepare an h5ad", "export:export_h5ad")


def _prepared(run: Run, suffix: str, label: str, action: str, function: str) -> None:
    """A download where the file is there, else the button that writes it."""
    ready = _file(run, suffix)
    if ready.exists() and _may_take(run):
        st.download_button(label, ready.open("rb"), _named(run, ready), key=f"{suffix}_{run.id}", on_click="ignore")
    elif st.button(action, key=f"make_{suffix}_{run.id}", icon=":material/archive:"):
        ready.parent.mkdir(parents=True, exist_ok=True)
        future = shared(
            f"export-{suffix}-{run.id}",
            lambda: analysis_pool.call(f"cellflow_core.jobs.{function}", run.id, str(ready)),
        )
        result_of(future, "Writing the file")
        st.rerun()


def _named(run: Run, ready: Path) -> str:
    what, _, ending = ready.name.removeprefix(f"{run.id}-").partition(".")
    return f"{file_names.readable(f'{what}-{run.id}')}.{ending}"


def _may_take(run: Run) -> bool:
    """Whether whoever looks may have what another prepared; the button that prepares it says why not."""
    try:
        run.require_copy()
    except (KeyError, ValueError):
        return False
    return True


def _file(run: Run, suffix: str) -> Path:
    """The cells of an earlier version's export were predicted ones alone: another name."""
    names = {"zip": "script.zip", "h5ad": "cells.h5ad"}
    return current().exports / f"{run.id}-{names.get(suffix, suffix)}"
