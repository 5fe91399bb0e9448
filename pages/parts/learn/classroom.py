"""A class: its code, the predictions of everyone who has it, and what is shown on the projector."""

from __future__ import annotations

import streamlit as st

from cellflow_core.lessons.tally import Tally
from cellflow_core.plural import counted


def joined() -> Tally | None:
    """The class whose code the link holds; None without one. A code that is no class is said."""
    code = st.query_params.get("class")
    if not code:
        return None
    try:
        return Tally(code)
    except ValueError as error:
        st.warning(f"{str(error)[0].upper()}{str(error)[1:]}.", icon=":material/group:")
        return None


def controls(tally: Tally | None) -> None:
    """Begin a class, join one, or leave it."""
    if tally is not None:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f":material/group: Class **{tally.code}**: everyone opens this page with the code.")
            st.toggle("Show the votes before I predict", key="projector")
            st.button("Leave the class", key="leave_class", type="tertiary", on_click=_go, args=(None,))
        return
    with st.expander("Predict with a class", icon=":material/group:"), st.container(horizontal=True):
        code = st.text_input("Code of the class", key="class_code", max_chars=8, placeholder="for example AB3CD")
        st.button("Join", key="join_class", on_click=_go, args=(code,), disabled=not code)
        st.button("Begin a class", key="begin_class", on_click=_begin)


def vote(tally: Tally, turn: str, choice: int) -> None:
    try:
        tally.vote(st.session_state["visitor"], turn, choice)
    except (ValueError, OSError) as error:
        st.session_state["vote_failed"] = str(error)


@st.fragment
def results(tally: Tally, turn: str, choices: tuple[str, ...], answer: int | None) -> None:
    """How many of the class predicted each choice, and a button that counts again. answer: None while it is open."""
    if failed := st.session_state.pop("vote_failed", ""):
        st.warning(f"Your vote was not counted: {failed}.")
    counts = tally.counts(turn, len(choices))
    total = sum(counts)
    st.caption(f"{counted(total, 'prediction')} of the class" if total else "Nobody of the class has predicted yet.")
    for k, (choice, count) in enumerate(zip(choices, counts, strict=True)):
        mark = " :material/check:" if k == answer else ""
        st.progress(count / total if total else 0.0, text=f"{choice}: **{count}**{mark}")
    st.button("Count again", key=f"count_{turn}_{answer}", icon=":material/refresh:", type="tertiary")


def _begin() -> None:
    _go(Tally.begin().code)


def _go(code: str | None) -> None:
    if code:
        st.query_params["class"] = code.strip().upper()
    else:
        st.query_params.pop("class", None)
