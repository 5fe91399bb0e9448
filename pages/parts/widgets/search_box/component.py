"""A box in which one or several of very many names are found by typing: the browser holds the rows in sight only.

Streamlit's own box makes a row of each name whenever the page has run, and a search that leaves a few of 20,000 takes
seconds (docs/benchmarks/app.md, "Another gene on the page Genes").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import streamlit as st
from streamlit.components.v2 import component

from pages.parts.server import name_lists, urls
from pages.parts.widgets import side

_HERE = Path(__file__).parent
_draw = component(
    "cellflow_search_box",
    js=(_HERE / "box.js").read_text(encoding="utf-8"),
    css=(_HERE / "box.css").read_text(encoding="utf-8"),
)


def draw(
    label: str,
    names: Sequence[str],
    chosen: Sequence[str],
    *,
    key: str,
    help: str,
    texts: Mapping[str, str],
    choose: Callable[..., object],
    most: int = 1,
    proposed: bool = False,
) -> None:
    """Show which names are chosen; `choose(*names)` is called with others before the page runs for them.

    texts:    what is shown of a name and looked through, where that is more than the name
    most:     how many can be chosen; of several, what is typed or pasted may be any names, or a list of them
    proposed: nobody chose these yet, and a list takes their place
    """
    key, known = side.key(key), set(names)
    shown = [{"name": each, "text": texts.get(each, each), "known": each in known} for each in chosen]
    data = {"label": label, "help": help, "url": urls.names(name_lists.register(names, texts)), "chosen": shown}
    answers = st.session_state.get(f"{key}_answered", 0)
    changed = side.here(partial(_choose, key, choose))
    _draw(key=key, data=data | {"most": most, "proposed": proposed, "answers": answers}, on_chosen_change=changed)


def _choose(key: str, choose: Callable[..., object]) -> None:
    """Which choice a run of the page answers is told with it: the box does not show the answer to an earlier one."""
    latest = st.session_state[key]["chosen"]
    st.session_state[f"{key}_answered"] = latest["number"]
    choose(*latest["names"])
