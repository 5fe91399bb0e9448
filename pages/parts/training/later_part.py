"""The choice, before training, of a time after which what was measured of each individual is held out."""

from __future__ import annotations

import numpy as np
import streamlit as st

from cellflow_core.data.store import DatasetInfo
from cellflow_core.data.train_validation_split import held_out_later, later_times
from cellflow_core.data.trajectories import Trajectories
from cellflow_core.plural import counted
from cellflow_core.reporting.formatting import as_sentence, plain
from cellflow_core.time_units import format_duration
from pages.parts.views.courses.individuals import trajectories
from pages.parts.widgets.background import catalogue

REFERENCES = ("last-value", "linear-course")
"""Models of a moment's training that a forecast has to beat."""


def choose(info: DatasetInfo, model: str) -> tuple[float | None, tuple[str, ...]]:
    """(time, references that are trained beside it); (None, ()) where nothing is held out."""
    wanted = st.toggle(
        "Hold out what was measured later",
        key="train_hold_out_after",
        persist_state="session",
        help="Whole individuals are held out as the validation fraction says (Hyperparameters). This holds out a later "
        "part of every individual too, so that forecasts can be tested: neither training, nor validation, nor the "
        "prediction for an individual sees it.",
    )
    if not wanted:
        return None, ()
    data = trajectories(info)
    try:
        earliest, last = later_times(data)
    except ValueError as error:
        st.error(plain(as_sentence(str(error))))
        return None, ()
    unit = f" ({plain(info.time_unit)})" if info.time_unit else ""
    after = st.number_input(
        f"Held out after{unit}",
        value=_usual(data, earliest, last),
        key=f"hold_out_after_{info.id}",
        persist_state="session",
    )
    cards = catalogue()
    able = [name for name in REFERENCES if name != model and set(cards[name].needs) <= set(info.has)]
    beside = bool(able) and st.checkbox(
        f"Train the references beside it ({counted(len(able), 'more run')})",
        True,
        key="train_references_beside",
        persist_state="session",
        help=f"What it has to beat: {' and '.join(cards[name].title.lower() for name in able)}. A moment each.",
    )
    try:
        held = held_out_later(data, after)
    except ValueError as error:
        st.error(plain(as_sentence(str(error))))
        return after, ()
    st.caption(
        f"Held out are {held.values:,} of {counted(held.of, 'value')}, of {counted(held.individuals, 'individual')}, "
        f"measured after {format_duration(after, plain(info.time_unit))}: Courses and Compare hold forecasts against "
        "them."
    )
    return after, tuple(able) if beside else ()


def _usual(data: Trajectories, earliest: float, last: float) -> float:
    """The time by which three quarters of the measurements were made, among those that can be chosen."""
    times = data.t[data.observed.any(axis=1)]
    usual = float(np.quantile(times, 0.75, method="lower"))
    return max(earliest, min(usual, float(times[times < last].max())))
