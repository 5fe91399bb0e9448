"""What was chosen so far in the import of a file: a history beside it, so that F5 loses nothing and undo works."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import streamlit as st

from cellflow_core import atomic_write
from cellflow_core.data.importing import uploads
from cellflow_core.data.importing.import_choices import ImportChoices

MOST = 60
"""Changes that can be undone."""
Values = dict[str, Any]


class ImportForm:
    """Choices by the names of ImportChoices, and "numbers": time column -> label -> its time, or None to leave it out.

    initial  what the file itself proposes; `values` what stands now
    """

    def __init__(self, upload: str, initial: Mapping[str, Any]) -> None:
        self.upload = upload
        self.initial = dict(initial)
        self._path = uploads.folder_of(upload) / "draft.json"
        self._history = self._read() or [self.initial]

    @property
    def values(self) -> Values:
        return dict(self._history[-1])

    @property
    def changes(self) -> int:
        """How many there are to undo."""
        return len(self._history) - 1

    def key(self, name: str) -> str:
        """Key of a widget: a new one after an undo, so that the widget shows what stands then."""
        times = st.session_state.get(f"import_revision_{self.upload}", 0)
        return f"import_{name}" + (f"_again{times}" if times else "")

    def now(self, name: str, widget: str) -> Any:
        """What a widget further down the page says already in this run, else what stands."""
        return st.session_state.get(self.key(widget), self.values[name])

    def keep(self, values: Mapping[str, Any]) -> None:
        """Remember the choices of this run of the page, where they are others than before."""
        if dict(values) == self._history[-1]:
            return
        self._history = [*self._history, dict(values)][-MOST:]
        self._write()

    def undo(self) -> None:
        """Back to what stood before the last change."""
        self._history = self._history[:-1] or [self.initial]
        self._renew()

    def reset(self, names: Iterable[str]) -> None:
        """These choices as the file proposed them; that too can be undone."""
        self._history.append(self.values | {name: self.initial[name] for name in names if name in self.initial})
        self._renew()

    def differs(self, names: Iterable[str]) -> bool:
        """Was one of these chosen otherwise than the file proposed?"""
        return any(self.values.get(name) != self.initial.get(name) for name in names)

    def _renew(self) -> None:
        self._write()
        key = f"import_revision_{self.upload}"
        st.session_state[key] = st.session_state.get(key, 0) + 1
        st.rerun()

    def _read(self) -> list[Values]:
        try:
            stored = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return []
        return [self.initial | each for each in stored]

    def _write(self) -> None:
        atomic_write.write_text(self._path, json.dumps(self._history))


def of_recipe(upload: str, settings: Mapping[str, Any]) -> None:
    """Write down the choices with which a data set was imported, so that the guide opens with them."""
    known = {each.name for each in ImportChoices.settings()}
    values = {name: value for name, value in settings.items() if name in known}
    values["numbers"] = {settings.get("time_column", ""): dict(settings.get("numbers", {}))}
    atomic_write.write_text(uploads.folder_of(upload) / "draft.json", json.dumps([values]))
