"""Which of two views side by side is being drawn: names of the right one end with `RIGHT`, in the link and in keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, NoReturn

import streamlit as st

RIGHT = "_right"
_BOUND = "bound_keys"
_FOLLOWED = "followed"
_side: ContextVar[str] = ContextVar("side", default="")
_ending: ContextVar[bool] = ContextVar("ending", default=False)


@contextmanager
def on_right() -> Iterator[None]:
    """What is drawn and chosen within belongs to the right one of two views."""
    before = _side.set(RIGHT)
    try:
        yield
    finally:
        _side.reset(before)


def is_right() -> bool:
    """Is the right one of two views being drawn?"""
    return bool(_side.get())


def key(name: str) -> str:
    """Key of a widget or container, and name of a parameter of the link, of the view that is being drawn."""
    return name + _side.get()


def bound(name: str) -> dict[str, Any]:
    """Key of a widget whose value stands in the link under it."""
    st.session_state.setdefault(_BOUND, set()).add(key(name))
    return {"key": key(name), "bind": "query-params"}


def undone(name: str) -> str:
    """Key of a widget, or of what the session keeps, whose value is undone as those in the link are."""
    st.session_state.setdefault(_BOUND, set()).add(key(name))
    return key(name)


def here(callback: Callable[..., object]) -> Callable[..., None]:
    """The callback of a widget, on the side on which the widget is drawn."""
    return partial(_on, is_right(), callback)


def _on(right: bool, callback: Callable[..., object], *args: object) -> None:
    if not right:
        callback(*args)
        return
    with on_right():
        callback(*args)


class Ended(Exception):
    """A view has no more to show; what stands beside it may."""


@contextmanager
def ending() -> Iterator[None]:
    """What calls `stop` within ends here, and not with it the whole page."""
    before = _ending.set(True)
    try:
        yield
    except Ended:
        return
    finally:
        _ending.reset(before)


def stop() -> NoReturn:
    """End the view that is being drawn; in a part of a page that is run by itself, that part."""
    if _ending.get():
        raise Ended
    st.stop()


def begin() -> None:
    """Another page is open: it has widgets of its own."""
    st.session_state[_BOUND] = set()
    st.session_state.pop(_FOLLOWED, None)


def copy() -> None:
    """Let the right one of two equal pages begin as the left one is looked at."""
    for name, value in linked().items():
        if not name.endswith(RIGHT):
            st.session_state[name + RIGHT] = value
    st.session_state.pop(_FOLLOWED, None)


def follow() -> None:
    """What was the same on both of two equal pages, and has changed on the left, changes on the right."""
    held = linked()
    left = {name: value for name, value in held.items() if not name.endswith(RIGHT)}
    for name, before in st.session_state.get(_FOLLOWED, {}).items():
        if left.get(name, before) != before and held.get(name + RIGHT, left[name]) == before:
            st.session_state[name + RIGHT] = left[name]
    st.session_state[_FOLLOWED] = left


def linked() -> dict[str, Any]:
    """Key -> value of the widgets whose values stand in the link, and of what else is undone."""
    keys = st.session_state.get(_BOUND, ())
    return {each: st.session_state[each] for each in keys if each in st.session_state}
