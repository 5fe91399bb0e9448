"""Work under way, drawn by the browser itself: it asks the server how far it is, and the page is not run meanwhile."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path

from streamlit.components.v2 import component

from cellflow_core.progress import Stages
from cellflow_core.reporting.progress import OPEN
from pages.parts.server import tasks, urls
from pages.parts.widgets import side

_HERE = Path(__file__)
_draw = component(
    "cellflow_progress",
    js=_HERE.with_suffix(".js").read_text(encoding="utf-8"),
    css=_HERE.with_suffix(".css").read_text(encoding="utf-8"),
)


def watch(url: str, *, key: str, label: str, version: str = OPEN) -> bool:
    """Draw what `url` answers (a `reporting.progress.Progress`), again and again.

    When the answer has another version than the page, the page (or the fragment around) runs once: True in that run.
    label: what is under way, for screen readers
    """
    asked = {"url": url, "label": label, "version": version}
    found = _draw(key=side.key(key), data=asked, on_changed_change=lambda: None)
    return bool(found.get("changed"))


def wait_for(future: Future, *, key: str, label: str = "", stages: Stages | None = None) -> bool:
    """Draw the stages of a task of this server, if it tells any. True in the run that its end caused."""
    return watch(urls.task_progress(tasks.register(future, stages)), key=key, label=label)
