"""Colours of groups and the range of a scale, chosen by hand: the first are kept with the data set, the second in the
link."""

from __future__ import annotations

import dataclasses

import streamlit as st

from cellflow_core.data.store import Dataset, group_colours
from cellflow_core.figures.cells.colouring import Colouring
from cellflow_core.reporting.formatting import plain
from cellflow_core.workspace import current
from pages.parts.widgets import side

_LOW, _HIGH = "colour_low", "colour_high"


def of_groups(data: Dataset, annotation: str) -> dict[str, str]:
    """Colours of the groups of an annotation that somebody chose, or that came with the file; {} for others."""
    return group_colours.read(data).get(annotation, {})


def with_range(found: Colouring) -> Colouring:
    """The same with the ends of the scale that were chosen; an end that was not is where it would be."""
    low, high = (st.session_state.get(side.key(each)) for each in (_LOW, _HIGH))
    if found.names or (low is None and high is None):
        return found
    usual = found.limits
    span = (usual[0] if low is None else float(low), usual[1] if high is None else float(high))
    return dataclasses.replace(found, span=span) if span[0] < span[1] else found


def choose(data: Dataset, kind: str, found: Colouring | None) -> None:
    """A button that opens what can be chosen of this colouring; none where there is nothing."""
    if found is None or found.in_order:
        return
    if kind == "label":
        if current().allows("own", data.folder):
            with st.popover("Colours", icon=":material/palette:"):
                _groups(data, found)
    elif kind in ("gene", "number"):
        with st.popover("Range", icon=":material/linear_scale:"):
            _range(found)


def _groups(data: Dataset, found: Colouring) -> None:
    """A colour for each group that is shown, kept with the data set as soon as it is chosen."""
    st.caption("Kept with the data set, for every view. The usual colours suit colour-blind people.")

    def keep(name: str, key: str) -> None:
        group_colours.choose(data, found.title, of_groups(data, found.title) | {name: st.session_state[key]})

    for k, (name, colour) in enumerate(zip(found.names, found.colours(dark=False), strict=True)):
        key = side.key(f"group_colour_{data.info.id}_{found.title}_{k}")
        st.session_state[key] = colour
        st.color_picker(plain(name), key=key, on_change=keep, args=(name, key))
    if found.own:
        st.button(
            "Usual colours",
            key=side.key("usual_colours"),
            icon=":material/restart_alt:",
            on_click=group_colours.choose,
            args=(data, found.title, {}),
        )


def _range(found: Colouring) -> None:
    low, high = dataclasses.replace(found, span=None).limits
    st.caption(f"Values beyond take the colour of the end. Empty: {low:.3g} to {high:.3g}, all but 1 % on each side.")
    chosen = [
        st.number_input(label, value=None, format="%g", placeholder=f"{usual:.3g}", **side.bound(name))
        for label, name, usual in (("From", _LOW, low), ("To", _HIGH, high))
    ]
    first, last = (low if chosen[0] is None else chosen[0]), (high if chosen[1] is None else chosen[1])
    if first >= last:
        st.warning("The range ends before it begins, so it is not used.")
