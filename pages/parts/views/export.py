"""A run taken elsewhere: the command that repeats it, its numbers as CSV, its cells as h5ad."""

from __future__ import annotations

import io
import shlex
from pathlib import Path

import pandas as pd
import streamlit as st

from cellflow_core.jobs import analysis_pool
from cellflow_core.runs.run import Run, Status
from cellflow_core.workspace import home
from pages.parts.widgets.background import result_of, shared


def show(run: Run, status: Status) -> None:
    """Script, CSV and h5ad of one run."""
    st.markdown("**Repeat it from the shell**")
    st.code(script(run), language="bash", wrap_lines=True)
    with st.container(horizontal=True):
        st.download_button(
            "Losses (CSV)",
            lambda: loss_csv(run),
            f"{run.id}-losses.csv",
            "text/csv",
            key=f"csv_{run.id}",
            on_click="ignore",
        )
        if status.state != "done":
            return
        ready = _file(run)
        if ready.exists():
            st.download_button(
                "Cells and velocities (h5ad)", ready.open("rb"), ready.name, key=f"h5ad_{run.id}", on_click="ignore"
            )
        elif st.button("Prepare an h5ad", key=f"make_h5ad_{run.id}", icon=":material/archive:"):
            ready.parent.mkdir(parents=True, exist_ok=True)
            future = shared(
                f"export-{run.id}",
                lambda: analysis_pool.call("cellflow_core.jobs.export:export_h5ad", run.id, str(ready)),
            )
            result_of(future, "Writing cells, velocities and settings")
            st.rerun()


def script(run: Run) -> str:
    """The command line that trains the same weights again."""
    recipe = run.recipe
    words = ["python", "-m", "cellflow_core", "train", "--model", recipe.model, "--data", recipe.dataset]
    words += ["--seeds", str(recipe.seed), "--device", recipe.device, "--label", run.label, "--wait"]
    if recipe.hold_out is not None:
        words += ["--hold-out", f"{recipe.hold_out:g}"]
    for name, value in {**recipe.settings, **recipe.training}.items():
        words += ["--set", f"{name}={value}"]
    return shlex.join(words)


def loss_csv(run: Run) -> bytes:
    """Every recorded step with its losses."""
    text = io.StringIO()
    pd.DataFrame(run.history()).to_csv(text, index=False)
    return text.getvalue().encode()


def _file(run: Run) -> Path:
    return home() / "exports" / f"{run.id}.h5ad"
