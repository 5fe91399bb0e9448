"""Which individuals: the data set, its variable, the trained model, and what was measured."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import streamlit as st

from cellflow_core.analysis.courses.measurements import BY_DOSE, groups, measurements
from cellflow_core.analysis.results import Measurements
from cellflow_core.data import store
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.trajectories import Trajectories
from cellflow_core.figures.courses import measurements as figures
from cellflow_core.reporting.courses import summaries
from cellflow_core.reporting.formatting import plain
from cellflow_core.runs import groups as run_groups
from cellflow_core.runs import index
from cellflow_core.runs.run import Run
from cellflow_core.time_units import format_duration
from pages.parts.views import cell_selection, view
from pages.parts.widgets import background, chart, selectors, side, state

MOST_SHOWN = 6
"""Individual fits that are drawn at once."""


class Individuals(NamedTuple):
    """What the page looks at: a data set of individuals and one of their variables."""

    info: store.DatasetInfo
    data: Trajectories
    variable: str
    logarithmic: bool


def choose() -> Individuals:
    """Ends the page, with what to do, where no data set has individuals."""
    held = {each.id: each for each in store.datasets() if DataRequirement.SUBJECTS in each.has}
    if not held:
        selectors.empty_state(
            "There are no data of individuals",
            "This page shows individuals who were measured again and again. Load a table with individual, time and "
            "value in each row (as NONMEM and Monolix read it), or simulate the dose and response of a drug.",
            {"data.py": "Add data"},
        )
    known = state.value("dataset")
    if known not in held:
        if known in {each.id for each in store.datasets()}:
            st.info("The data set looked at last has no individuals. Shown is one that has.")
        state.choose("dataset", next(iter(held)))
    words = {each.id: selectors.dataset_words(each) for each in held.values()}
    info = held[selectors.choose("dataset", "Data set", words, next(iter(held))) or ""]
    try:
        data = trajectories(info)
    except store.DamagedDatasetError as error:
        selectors.empty_state("These data cannot be read", background.sentence(error), {"data.py": "Data"})
    variable = str(st.selectbox("Variable", data.variables, **side.bound("variable")))
    logarithmic = st.toggle("Log axis", **side.bound("log"))
    return Individuals(info, data, variable, logarithmic)


def trajectories(info: store.DatasetInfo) -> Trajectories:
    return _trajectories(info.id, info.version)


@st.cache_resource(max_entries=3, show_spinner=False)
def _trajectories(id: str, version: str) -> Trajectories:
    return Trajectories.from_snapshots(cell_selection.dataset(id).snapshots())


def runs(info: store.DatasetInfo) -> dict[str, Run]:
    """The finished runs on these data that know the courses of individuals, the newest first."""
    cards, everything = background.catalogue(), index.runs()
    compared = run_groups.comparison_ids(everything)
    done = [
        each
        for each in everything
        if each.recipe.dataset == info.id
        and each.recipe.model in cards
        and "courses" in cards[each.recipe.model].capabilities_with(each.recipe.settings)
        and each.status().state == "done"
    ]
    return {each.id: each for each in done if each.id not in compared or each.id == state.value("run")}


def choose_run(info: store.DatasetInfo) -> Run | None:
    """The model to ask; None where none is trained on these data, which is said, with a button."""
    found = runs(info)
    if state.value("run") is not None and state.value("run") not in found:
        state.choose("run")
    if not found:
        with st.container(border=True, key=side.key("no_model")):
            st.markdown(
                "**No model of individuals is trained on these data yet.** Individual fits, regimens, checks and "
                "forecasts need one."
            )
            link = {"dataset": info.id}
            st.page_link("train.py", label="Train a model", icon=":material/arrow_forward:", query_params=link)
        return None
    words = {each.id: selectors.run_words(each, {info.id: info.label}) for each in found.values()}
    run = found[selectors.choose("run", "Trained model", words, next(iter(found))) or next(iter(found))]
    limitation = background.catalogue()[run.recipe.model].limitation
    if limitation:
        st.caption(f":material/info: {limitation}")
    if run.recipe.hold_out_after is not None:
        later = format_duration(run.recipe.hold_out_after, plain(info.time_unit))
        st.caption(f":material/event_upcoming: What was measured after {later} was kept from training.")
    return run


def show_measurements(look: Individuals, place: view.Layout, run: Run | None = None) -> Measurements:
    """Every individual at once, coloured by a label or by the dose, which is chosen beside the picture. run: what was
    held out of it later is marked."""
    after = None if run is None else run.recipe.hold_out_after
    after = np.inf if after is None else after
    found = measurements(look.data, look.variable)
    choices = {"": "one colour"} | ({BY_DOSE: "first dose"} if len(look.data.doses.time) else {})
    choices |= {each: plain(each) for each in look.data.labels}
    by, group, names = "", None, ()
    if len(choices) > 1:
        with place.controls:
            kept = {"format_func": choices.__getitem__, "key": "colour", "bind": "query-params"}
            by = str(st.selectbox("Colour", list(choices), **kept))
    if by:
        names, of = groups(look.data, by)
        group = of[np.searchsorted(look.data.subjects, found.subject)]
    figure = figures.spaghetti(found, group, names, after=after, logarithmic=look.logarithmic, dark=chart.dark())
    with place.picture:
        chart.chart(figure, "courses_measured", figures.describe_spaghetti(found, after))
        st.caption(
            plain(summaries.of_measurements(found))
            + " A line is an individual; ticks at the foot are doses, open triangles values below the limit."
            + (" Diamonds behind the dotted line were held out." if np.isfinite(after) else "")
        )
    columns = {"individual": found.subject, "time": found.t, "value": found.value, "below the limit": found.censored}
    columns |= {"held out": found.t > after} if np.isfinite(after) else {}
    rows = {name: each.tolist() for name, each in columns.items()}
    with place.more:
        view.numbers(figure, rows, f"measured-{look.info.id}", "measured", "Data table: measurements")
    return found
