"""Data for teaching: pick a process, change its rates, look, make the cells."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import streamlit as st

from cellflow_core.config import Config, Setting
from cellflow_core.data.simulators import registry, simulated_data
from cellflow_core.figures import scatter
from cellflow_core.jobs import analysis_pool
from cellflow_core.plural import counted
from cellflow_core.progress import Stages
from cellflow_core.workspace import current
from pages.parts.widgets.background import result_of, shared
from pages.parts.widgets.chart import chart, dark
from pages.parts.widgets.form import blocked, form_of

FIRST = "toggle"
OPEN = 6  # rates shown at once; the others are folded
_HOW = ("cells_per_time", "subjects", "n_times", "last_time", "step", "seed")
"""Settings of the measurement, which are folded: a lesson is about the others."""


def show() -> None:
    """Choose, change, look, make: the new data set opens by itself."""
    names = registry.names()
    kinds = {each: registry.find(each) for each in names}
    name = st.selectbox(
        "What is simulated", names, names.index(FIRST), format_func=lambda each: kinds[each].title, key="make_process"
    )
    kind = kinds[name]
    st.markdown(kind.summary)
    st.caption(f"Known exactly: {simulated_data.known_words(kind)}. After {kind.paper}.")
    values = _form(name, kind.Config.settings())
    if blocked(kind.Config.settings(), values):
        return
    settings = kind.Config.from_dict(values)
    st.caption(f"{size_words(settings)} {_changed_words(settings)}")
    if st.toggle(
        "Show a preview", key="make_look", help="A small part of what would be made, drawn anew at each change."
    ):
        _preview(name, values)
    label = st.text_input("Name", key=f"make_label_{name}", max_chars=80, placeholder="named after what you changed")
    if st.button("Simulate data set", key="make_data", type="primary", icon=":material/science:"):
        _make(name, kind.title, values, label)


def parted(settings: Sequence[Setting]) -> tuple[list[Setting], list[Setting]]:
    """(what is shown at once, what is folded): rates first, then how it is measured."""
    rates = [each for each in settings if each.name not in _HOW]
    how = [each for each in settings if each.name in _HOW]
    return rates[:OPEN], rates[OPEN:] + how


def size_words(settings: Config) -> str:
    """How many cells will be made, in a sentence; "" where settings do not say it."""
    values = settings.as_dict()
    each, times = values.get("cells_per_time", 0), values.get("n_times", 1)
    if "subjects" in values:
        measured = f" at {counted(times, 'time')}" if "n_times" in values else ""
        return f"Follows {counted(values['subjects'], 'individual')}{measured}."
    if not each:
        return ""
    if times == 1:
        return f"Makes {each:,} cells of one snapshot."
    return f"Makes {each * times:,} cells, {each:,} at each of {times} times."


def _form(name: str, settings: Sequence[Setting]) -> dict[str, Any]:
    shown, folded = parted(settings)
    values = form_of(shown, {}, f"make_{name}")
    what = "Individuals" if any(each.name == "subjects" for each in settings) else "Cells"
    with st.expander(f"{what}, times and the rest", icon=":material/tune:", key=f"make_rest_{name}"):
        return values | form_of(folded, {}, f"make_{name}")


def _changed_words(settings: Config) -> str:
    changed = simulated_data.changes(settings)
    return f"Changed: {', '.join(changed)}." if changed else "All settings are at their defaults."


def _preview(name: str, values: dict[str, Any]) -> None:
    """The last picture is kept in the session; a change asks the worker for another one."""
    key = f"preview-{name}-{json.dumps(values, sort_keys=True)}"
    if st.session_state.get("make_preview", ("", None))[0] != key:
        future = shared(
            key, lambda: analysis_pool.call("cellflow_core.data.simulators.simulated_data:preview", name, values)
        )
        st.session_state["make_preview"] = (key, result_of(future, "Simulating a small part"))
    points, times, axes = st.session_state["make_preview"][1]
    colour, groups = scatter.grouped(times)
    figure = scatter.scatter(
        points, colour, axes=axes, title="time", names=groups, in_order=True, dark=dark(), height=320
    )
    chart(figure, key="make_picture", alt=scatter.describe(points, colour, groups, "time"))


def _make(name: str, title: str, values: dict[str, Any], label: str) -> None:
    asked = json.dumps([name, values, label], sort_keys=True)
    stages = Stages(current().uploads / f"make-{name}.txt")
    stages.clear()
    future = shared(
        f"make-{asked}",
        lambda: analysis_pool.call_once(
            "cellflow_core.data.simulators.simulated_data:simulate", name, values, label, on_progress=stages
        ),
    )
    made = result_of(future, f"Making “{title}”", stages)
    stages.clear()
    st.query_params["dataset"] = made
    st.toast("The new data set is open below the form.", icon=":material/check:")
    st.rerun()
