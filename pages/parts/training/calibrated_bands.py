"""The choice, before training, whether copies of the model calibrate the bands of its forecasts."""

from __future__ import annotations

import streamlit as st

from cellflow_core.data.store import DatasetInfo
from pages.parts.views.courses.forecasts import BAND_FOLDS, BAND_PEOPLE, BANDS_HELP
from pages.parts.views.courses.individuals import trajectories


def choose(info: DatasetInfo) -> int:
    """Number of copies; 0: none. Offered where one individual more than are needed is there: a part may be held out."""
    if len(trajectories(info).subjects) <= BAND_PEOPLE:
        return 0
    wanted = st.toggle(
        f"Calibrate the 90 % bands of forecasts ({BAND_FOLDS} more trainings in each run)",
        key="train_band_folds",
        persist_state="session",
        help=BANDS_HELP,
    )
    return BAND_FOLDS if wanted else 0
