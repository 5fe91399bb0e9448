"""Cells without times, and a model that orders them: windows of the order can stand for times."""

from __future__ import annotations

import streamlit as st

from cellflow_core.data.store import DatasetInfo
from cellflow_core.jobs import analysis_pool
from cellflow_core.plural import counted
from cellflow_core.reporting.formatting import plain
from cellflow_core.runs.latent_time import WINDOWS
from cellflow_core.runs.run import Run
from pages.parts.widgets import background, side

MOST = 50


def offer(run: Run, info: DatasetInfo) -> None:
    """What this page needs, and the button that makes it of the latent time of this model."""
    lacking = f"{plain(info.label)} has {counted(len(info.times), 'time')}" if info.times else "No time is known here"
    st.markdown(
        f"{lacking}, and this page compares times. This model orders its cells by a latent time: windows of it can "
        "stand for times. That makes a new data set, on which models of time courses can be trained; an order has no "
        "unit and no speed."
    )
    windows = int(
        st.number_input("Windows", 2, MOST, WINDOWS, key=side.key("latent_windows"), help="Of equal cell number.")
    )
    job = f"latent-time-{run.id}-{windows}"
    clicked = st.button(
        "Use this latent time", key=side.key("use_latent_time"), type="primary", icon=":material/timeline:"
    )
    if not clicked and background.pending(job) is None:
        return
    path = "cellflow_core.runs.latent_time:use_latent_time"
    made = background.shared(job, lambda: analysis_pool.call_once(path, run.id, windows))
    id = background.result_of(made, "Ordering the cells by their latent time")
    st.toast("A new data set was made; the one before stays in the list.", icon=":material/check:")
    st.switch_page("data.py", query_params={"dataset": id})
