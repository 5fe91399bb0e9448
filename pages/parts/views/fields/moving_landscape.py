"""The landscape at one time after another, played in the scene."""

from __future__ import annotations

from typing import Any

import streamlit as st

from cellflow_core.analysis.results import MovingLandscape
from cellflow_core.jobs import analysis_pool
from cellflow_core.reporting.fields import moving_landscape
from cellflow_core.reporting.formatting import plain
from pages.parts.views import view
from pages.parts.widgets import background, chart, side


def asked(run: Any, **question: Any) -> MovingLandscape:
    """The surfaces of all times that are shown."""
    answer = analysis_pool.submit_analysis("moving_landscape", run.id, **question)
    return background.result_of(answer, "Measuring the landscape of each time")


def show(found: MovingLandscape, run: Any, unit: str, picture: Any) -> None:
    """The sentence below the `picture` of the page; here the table."""
    with picture:
        st.markdown(plain(moving_landscape.of_moving_landscape(found, unit)))
    with st.expander("Basins over time", icon=":material/animation:", key=side.key("basins_over_time")):
        chart.listed(moving_landscape.rows(found, unit), f"basins-over-time-{run.id}", "basins_over_time")
        view.notes(found.notes)
