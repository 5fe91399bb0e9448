"""Undo and redo of what is chosen on a page about a trained model: what its link holds, but for the camera, and what is
asked for with a button."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import streamlit as st

from pages.parts.widgets import side, state

MOST = 100
"""Changes of a page that can be undone."""
_HELD = "view_history"
_MOVED = "view_history_moved"


class Choices(NamedTuple):
    """What is chosen, by name; and what the widgets of the page show, by key."""

    chosen: dict[str, tuple[str, ...]]
    widgets: dict[str, Any]

    def differ(self, other: Choices) -> bool:
        """Whether something else is chosen; widgets that only one of them has were not changed."""
        both = self.widgets.keys() & other.widgets.keys()
        return self.chosen != other.chosen or any(self.widgets[each] != other.widgets[each] for each in both)


class History:
    """The choices of one page: those before, those that stand, those that were undone."""

    def __init__(self) -> None:
        self.before: list[Choices] = []
        self.now: Choices | None = None
        self.undone: list[Choices] = []

    def add(self, found: Choices) -> None:
        """What stands now, after what the visitor has done."""
        if self.now is not None and self.now.differ(found):
            self.before = [*self.before, self.now][-MOST:]
            self.undone = []
        self.now = found


def begin() -> None:
    """What the visitor has changed since the last run is a change of its own. Called once in a run, before the page."""
    if not st.session_state.pop(_MOVED, False) and _here().now is not None:
        _here().add(_choices())


def settle() -> None:
    """What a page chose by itself while it ran is no change. Called once in a run that came to its end."""
    _here().now = _choices()


def buttons() -> None:
    """Undo and redo, with their keys."""
    _button("undo", "Mod+Z", _here().before, "Undo the last choice on this page (Ctrl+Z).")
    _button("redo", "Mod+Shift+Z", _here().undone, "Choose again what was undone (Ctrl+Shift+Z).")


def _button(name: Literal["undo", "redo"], shortcut: str, steps: list[Choices], help: str) -> None:
    st.button(
        "",
        key=f"{name}_choice",
        icon=f":material/{name}:",
        shortcut=shortcut,
        disabled=not steps,
        help=help,
        type="tertiary",
        on_click=_move,
        args=(name,),
    )


def _here() -> History:
    return st.session_state.setdefault(_HELD, {}).setdefault(state.page(), History())


def _choices() -> Choices:
    return Choices(state.choices(), side.linked())


def _move(name: Literal["undo", "redo"]) -> None:
    held = _here()
    if name == "undo":
        wanted, held.undone = held.before.pop(), [*held.undone, _choices()]
    else:
        wanted, held.before = held.undone.pop(), [*held.before, _choices()]
    held.now = wanted
    state.restore(wanted.chosen)
    st.session_state.update(wanted.widgets)
    st.session_state[_MOVED] = True
