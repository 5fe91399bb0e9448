"""Deleting moves to the trash, and the URL remembers what, so that an F5 does not lose the undo."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages.parts.widgets import state
from pages.parts.widgets.background import sentence


def deleted(kind: str, id: str) -> None:
    """Remember that this was deleted, and show the page anew."""
    state.choose(kind)
    st.query_params.clear()
    st.query_params[f"deleted_{kind}"] = id
    st.toast("Moved to the trash; “Undo” is at the top of the page.", icon=":material/delete:")
    st.rerun()


def offer(kind: str, restore: Callable[[str], object]) -> None:
    """Offer to bring back what was deleted last. `kind`: "dataset" or "run", also the name of its pick."""
    id = st.query_params.get(f"deleted_{kind}")
    if id is None:
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"undo_{kind}_box"):
        st.write(f":material/delete: The {'data set' if kind == 'dataset' else kind} was moved to the trash.")
        if st.button("Undo", key=f"undo_{kind}", icon=":material/undo:"):
            try:
                restore(id)
            except (KeyError, ValueError, OSError) as error:
                st.error(sentence(error))
                return
            del st.query_params[f"deleted_{kind}"]
            state.choose(kind, id)
            st.rerun()
        if st.button("Keep deleted", key=f"undo_{kind}_close", type="tertiary"):
            del st.query_params[f"deleted_{kind}"]
            st.rerun()
