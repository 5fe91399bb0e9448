"""Cells as points of a canvas, any number of them, with particles that follow a field and an outline drawn by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.components.v2 import component

from pages.parts.widgets import side, state

_HERE = Path(__file__).parent
_PARTS = ("drawing.js", "particles.js", "outline.js", "legend.js", "map.js", "events.js")
"""One script, in this order: the last one holds what the page calls."""
_draw = component(
    "cellflow_cell_map",
    js="\n".join((_HERE / each).read_text(encoding="utf-8") for each in _PARTS),
    css=(_HERE / "map.css").read_text(encoding="utf-8"),
)


def draw(packed: bytes, key: str, view: str) -> bool:
    """Draw what `figures.cells.packed_map.pack` made. An outline that is drawn goes to `state`, as one of this view.

    False where this browser has no WebGL2, so that nothing was drawn.
    """

    key = side.key(key)

    def outlined() -> None:
        corners: Any = st.session_state[key].get("outline")
        if corners is not None:
            state.choose_outline(view, tuple((float(x), float(y)) for x, y in corners))

    found = _draw(key=key, data=packed, on_outline_change=side.here(outlined), on_failed_change=lambda: None)
    return not found.get("failed")
