"""Outlines kept under a name: as an annotation of the data set, so that every page and model can use the cells."""

from __future__ import annotations

import streamlit as st

from cellflow_core.data.store import DatasetInfo
from cellflow_core.jobs import analysis_pool
from cellflow_core.math.polygon import format_polygon
from cellflow_core.reporting.formatting import plain
from pages.parts.widgets import background, side, state


def saved(info: DatasetInfo, view: str) -> dict[str, str]:
    """Name -> outline of those drawn on this view."""
    steps = (each["settings"] for each in info.recipe if each.get("step") == "named-cells")
    return {
        str(each["value"]): str(each["outline"])
        for each in steps
        if each.get("by") == "outline" and each.get("view") == view
    }


def show(info: DatasetInfo, view: str) -> None:
    """A saved selection is taken from a list; one that is drawn is saved under a name."""
    known, drawn = saved(info, view), state.outline(view)
    if known:
        key = side.key(f"saved_{info.id}_{view}")
        st.selectbox(
            "Saved selections",
            list(known),
            index=None,
            placeholder="take one",
            key=key,
            on_change=side.here(lambda: _take(view, known.get(st.session_state[key]))),
        )
    if not drawn:
        return
    with st.popover("Save selection", icon=":material/bookmark_add:", type="tertiary"):
        name = st.text_input(
            "Name of these cells",
            key=side.key(f"save_name_{view}"),
            max_chars=40,
            help="They become an annotation of the data set: start cells, groups and terminal states on every page.",
        )
        if st.button("Save", key=side.key(f"save_{view}"), disabled=not name.strip()):
            values = {"by": "outline", "outline": format_polygon(drawn), "view": view, "value": name, "name": name}
            call = analysis_pool.call_once("cellflow_core.data.steps.derive:derive", info.id, "named-cells", values)
            background.result_of(call, "Saving the selection")
            st.toast(f"Saved as “{plain(' '.join(name.split()))}”.", icon=":material/bookmark_added:")
            st.rerun()


def _take(view: str, outline: str | None) -> None:
    if outline is not None:
        state.choose("outline", f"{view} {outline}")
