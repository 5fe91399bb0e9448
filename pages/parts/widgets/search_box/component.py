"""A box in which one of very many names is found by typing: the browser holds the rows that can be looked at only.

Streamlit's own box makes a row of each name whenever the page has run, and a search that leaves a few of 20,000 takes
seconds (docs/benchmarks/app.md, "Another gene on the page Genes").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    chosen: str,
    *,
    key: str,
    help: str,
    texts: Mapping[str, str],
    choose: Callable[[str], None],
) -> None:
    """Show which name is chosen; `choose` is called with another one before the page runs for it.

    texts: what is shown of a name and looked through, where that is more than the name
    """
    key = side.key(key)
    data = {"label": label, "help": help, "url": urls.names(name_lists.register(names, texts))}
    chosen_now = {"chosen": chosen, "shown": texts.get(chosen, chosen)}
    _draw(key=key, data=data | chosen_now, on_chosen_change=side.here(lambda: choose(st.session_state[key]["chosen"])))
