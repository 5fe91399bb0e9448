"""Two views side by side: the page that is open, and on its right the same or another page about a trained model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, NamedTuple

import streamlit as st

from pages.parts.widgets import chart, history, page_link, selectors, side, state

_PAGES = Path(__file__).parents[2]
_NOTHING = ""


class Layout(NamedTuple):
    """Places of a view: the answer; the picture under it; the controls beside the picture, on a phone below it; and
    what is read after the picture: notes and numbers."""

    answer: Any
    picture: Any
    controls: Any
    more: Any


class Places(NamedTuple):
    """Where one of two views is drawn: what stands above both, and its half."""

    head: Any
    layout: Layout


_places: ContextVar[Places | None] = ContextVar("places", default=None)


def places() -> Places | None:
    """Where the view that is being drawn has its place; None where it stands alone."""
    return _places.get()


def run(page: Any, name: str) -> None:
    """Run a page, and where another one stands beside it that one too. Where one has nothing to show, the other has.

    name: of the page
    """
    right = state.beside(name)
    if right is None:
        with side.ending():
            page.run()
        return
    head = st.container()
    rows = [st.columns(2, gap="medium") for _ in Layout._fields]
    halves = [Places(head, Layout(*(row[k] for row in rows))) for k in range(2)]
    for half, words in zip(halves, _names(name, right), strict=True):
        with half.layout.controls.container(key=f"controls_of{side.RIGHT if half is halves[1] else ''}"):
            st.markdown(f"**{words}**")
    with _drawn(halves[0]), side.ending():
        page.run()
    if right == name:
        side.follow()
    with side.on_right(), _drawn(halves[1]), side.ending():
        _run(right)
    if state.share("dataset") and state.share("view"):
        chart.link_maps()


def _names(left: str, right: str) -> tuple[str, str]:
    """What the controls of each half are said to be of where the halves stand one below the other."""
    names = [selectors.VIEWS[f"{each}.py"][0] for each in (left, right)]
    return (f"{names[0]}, first", f"{names[1]}, second") if left == right else (names[0], names[1])


@contextmanager
def _drawn(where: Places) -> Iterator[None]:
    """What is drawn within stands there; what a page does not place, where notes and numbers are."""
    before = _places.set(where)
    try:
        with where.layout.more:
            yield
    finally:
        _places.reset(before)


def _run(name: str) -> None:
    """Run the script of a page as a part of the page that is open."""
    found = spec_from_file_location(name, _PAGES / f"{name}.py")
    if found is None or found.loader is None:
        raise RuntimeError(f"no page {name} to draw")
    found.loader.exec_module(module_from_spec(found))


def heading(title: str, question: str) -> None:
    """The title of a page, and the question that it answers, on one line where there is room; after it, on a page about
    a model, what undoes choices, and what stands beside it."""
    where = places()
    if where and side.is_right():
        if state.beside(state.page()) != state.page():
            where.layout.answer.markdown(f"**{title}** :gray[{question}]")
        return
    with where.head if where else st.container(), st.container(key="heading"):
        _title(title, question)


def _title(title: str, question: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.title(title, width="content")
        st.markdown(f":gray[{question}]", width="content")
        if "run" in page_link.USED.get(state.page(), ()):
            with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", width="content"):
                history.buttons()
                _choose()


def _choose() -> None:
    """What stands on the right."""
    names = {_NOTHING: "nothing"} | {page.removesuffix(".py"): words for page, (words, _) in selectors.VIEWS.items()}
    st.session_state["beside_shown"] = state.beside(state.page()) or _NOTHING
    st.selectbox(
        "Beside it",
        list(names),
        format_func=lambda each: f"Beside it: {names[each]}",
        key="beside_shown",
        on_change=_chosen,
        label_visibility="collapsed",
        width=190,
        help="A second view on the right, with its own model and controls. What is not changed there follows the left.",
    )


def _chosen() -> None:
    page = st.session_state["beside_shown"] or None
    state.place_beside(page)
    if page == state.page():
        side.copy()


def whose(words: str) -> None:
    """Which model a view is of, above its answer, where two stand side by side."""
    if where := places():
        where.layout.answer.caption(f":material/model_training: {words}")
