"""Root and end states on the page Velocity: those of the order along the arrows, or by time or hand as on Fates."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import streamlit as st

from cellflow_core.analysis.results import VelocityAgreement
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.figures.cells.packed_map import Mark
from cellflow_core.reporting.formatting import plain
from cellflow_core.reporting.rna_velocity import root_and_ends
from pages.parts.views import cell_selection, view
from pages.parts.views.fates import fate_question
from pages.parts.widgets import background

CHOICES = {"order": "Found", "chosen": "By time or by hand"}


def ask(context: view.ViewContext) -> fate_question.Asked | None:
    """The controls, and the question that they make; None: where the order along the arrows begins and ends."""
    chosen = view.options(
        "Root and end states",
        "roots",
        CHOICES,
        help="Found: where the order along the arrows begins and ends. By time or by hand: the transitions along the "
        "arrows are followed from the cells of the first time, or of a group, to states that are chosen as on Fates.",
    )
    return None if chosen == "order" else fate_question.by_transitions(context)


class Found(NamedTuple):
    """Root and end states in words, their marks on the map, and what speaks against them; "" and () where nobody has
    named any group to tell them by."""

    words: str = ""
    marks: tuple[Mark, ...] = ()
    warning: str = ""


def found(context: view.ViewContext, asked: fate_question.Asked | None, result: VelocityAgreement) -> Found:
    """The states of the order, or those that were asked for."""
    if asked is None:
        for by in cell_selection.groupings(context.dataset)[:1]:
            codes, names = cell_selection.grouped(context.dataset, by)
            words = root_and_ends.of_order(result, codes, names, by)
            return Found(words, root_and_ends.marks_of_order(result, codes, names))
        return Found()
    fates = background.result_of(asked.future, "Following the arrows from the root to the ends")
    places = _places(context, asked, result)
    start = "" if asked.start == fate_question.FOUND else asked.start
    return Found(
        root_and_ends.of_fates(fates, places),
        root_and_ends.marks_of_fates(fates, start),
        root_and_ends.against(fates, places),
    )


def caption(states: Found) -> None:
    """Which cells are root and ends, below the picture."""
    if states.words:
        st.caption(plain(states.words))
    if states.warning:
        st.warning(plain(states.warning), icon=":material/warning:")


def _places(context: view.ViewContext, asked: fate_question.Asked, result: VelocityAgreement) -> root_and_ends.Places:
    """Where the root and the groups of the annotation of the ends are in the order along the arrows."""
    data, groups = context.dataset, {}
    if asked.states in cell_selection.groupings(data):
        codes, names = cell_selection.grouped(data, asked.states)
        groups = {name: float(np.median(result.order[codes == k])) for k, name in enumerate(names)}
    if asked.start:
        return root_and_ends.Places(groups.pop(asked.start, None), groups)
    if DataRequirement.TIMES not in context.info.has:
        return root_and_ends.Places()
    t = data.snapshots().t
    return root_and_ends.Places(float(np.median(result.order[t == t.min()])), groups)
