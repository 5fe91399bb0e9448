"""The list in which labels of a time column are put in order: dragged by mouse or touch, or moved by keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from streamlit.components.v2 import component

from cellflow_core.data.importing.time_order import reconcile

_HERE = Path(__file__)
_draw = component(
    "cellflow_label_order",
    js=_HERE.with_suffix(".js").read_text(encoding="utf-8"),
    css=_HERE.with_suffix(".css").read_text(encoding="utf-8"),
)


def arrange(
    labels: Sequence[str], cells: Mapping[str, int], order: Sequence[str], left_out: Sequence[str], key: str
) -> tuple[list[str], list[str]]:
    """(labels as they stand, the earliest first; those of them that are left out).

    order, left_out  what the list begins with
    """
    begun = {"order": list(order), "left_out": list(left_out)}
    found: Any = _draw(
        key=key,
        data={**begun, "cells": dict(cells)},
        default={"arranged": begun},
        on_arranged_change=lambda: None,
    )
    stands = found.get("arranged") or begun
    return reconcile(labels, stands["order"], stands["left_out"])
