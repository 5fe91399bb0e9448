"""How the fates page counts: by simulation or by transitions, from which cells, to which terminal states."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from types import MappingProxyType
from typing import Any, NamedTuple

import streamlit as st

from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.store import Dataset
from cellflow_core.jobs import analysis_pool
from cellflow_core.runs.run import Run
from pages.parts.views import cell_selection, view
from pages.parts.widgets import side

MACROSTATES = {"macrostates": "Macrostates of the transitions (GPCCA)"}
FOUND = "found"
MOST_MACROSTATES = 20
COUNTED = {"simulation": "Simulation", "transitions": "Transitions"}


class Asked(NamedTuple):
    """What is asked. states: "" or "found" for those that are found, "macrostates", "macrostates 4" or an annotation;
    simulated: whether cells are followed by simulation; ends: values of the annotation that are terminal; start: a
    value of it that cells start in, "" or "found"."""

    future: Future[Any]
    states: str
    simulated: bool
    ends: tuple[str, ...] = ()
    start: str = ""

    @property
    def of_simulation(self) -> str:
        """The states of simulated cells, which know no macrostates of a chain."""
        return "" if self.states.partition(" ")[0] in MACROSTATES else self.states


def ask(run: Run, context: view.ViewContext) -> Asked:
    """The controls, and the question that they make."""
    found = counted_by(run)
    if DataRequirement.TIMES not in context.info.has:  # simulated cells then soon leave the data
        found = dict(sorted(found.items(), reverse=True))
    by = next(iter(found))
    if len(found) > 1:
        by = view.options("Count by", "count", found, help=_HELP)
    if by == "transitions":
        return by_transitions(context)
    chosen = states(context.dataset)
    return Asked(analysis_pool.submit_analysis("fates", run.id, view=context.view, states=chosen), chosen, True)


def by_transitions(context: view.ViewContext) -> Asked:
    """The controls of root and terminal states, and the question where transitions lead from one to the other."""
    chosen = states(context.dataset, MACROSTATES)
    grouped = chosen in cell_selection.groupings(context.dataset)
    values = cell_selection.values(context.dataset, chosen) if grouped else ()
    start, ends = _start(context, values), _ends(chosen, values)
    if chosen in MACROSTATES and not grouped:
        chosen = _macrostates(chosen)
    asked = analysis_pool.submit_analysis(
        "transition_fates", context.run.id, view=context.view, states=chosen, ends=ends, start=start
    )
    return Asked(asked, chosen, False, ends, start)


_HELP = (
    "Simulation integrates the model's field from the start cells. Transitions go from measured cell to measured cell "
    "along the velocities, until a terminal state is reached: no path leaves the data, and no time is counted."
)


def counted_by(run: Run) -> dict[str, str]:
    """How fates can be counted with what this model has."""
    has = view.capabilities(run)
    if has & view.FIELDS:
        return COUNTED
    return {by: COUNTED[by] for by in (("transitions",) if "transitions" in has else ("simulation",))}


def states(data: Dataset, also: Mapping[str, str] = MappingProxyType({})) -> str:
    """What counts as a fate: states that are found, or the groups of an annotation; kept in the link.

    also  other choices, by key, in words
    """
    names = cell_selection.groupings(data)
    found = "" if FOUND in names else FOUND  # a group of an annotation has its name first
    names_of = {found: "States the model settles in", **also, **{each: f"Groups of “{each}”" for each in names}}
    return str(
        st.selectbox(
            "Terminal states",
            list(names_of),
            index=1 + len(also) if data.info.truth and names else 0,
            format_func=names_of.__getitem__,
            **side.bound("states"),
        )
    )


def _start(context: view.ViewContext, values: tuple[str, ...]) -> str:
    timed = DataRequirement.TIMES in context.info.has
    names = {"": "Cells of the first time" if timed else "All cells", "found": "Root cells found by the transitions"}
    names |= {each: each for each in values if each not in names}
    return str(st.selectbox("Start cells", list(names), format_func=names.__getitem__, **side.bound("start")))


def _macrostates(states: str) -> str:
    """With the number of them, where one is asked for."""
    count = st.number_input(
        "Number of macrostates",
        0,
        MOST_MACROSTATES,
        0,
        **side.bound("macrostates"),
        help="0: as many as there are eigenvalues before the largest gap. The notes below list the eigenvalues.",
    )
    return f"{states} {int(count)}" if count > 1 else states


def _ends(states: str, values: tuple[str, ...]) -> tuple[str, ...]:
    if not values:
        return ()
    return tuple(
        st.multiselect(
            "Terminal groups",
            values,
            **side.bound("ends"),
            placeholder="Found by the transitions",
            help=f"Values of “{states}” in which cells stay. None chosen: those where the last cells are found.",
        )
    )
