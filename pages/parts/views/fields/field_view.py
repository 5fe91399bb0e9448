"""The field of a model on a map: what its cells are coloured by, its particles and its fixed points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from cellflow_core.analysis.results import FixedPoints, FlowField
from cellflow_core.data.store import Dataset
from cellflow_core.figures import flow, scatter
from cellflow_core.figures.cells import packed_map
from cellflow_core.figures.cells.colouring import Colouring
from cellflow_core.figures.fields import colourings, fixed_point_marks
from cellflow_core.jobs import analysis_pool
from cellflow_core.reporting.fields import fixed_points
from cellflow_core.reporting.formatting import plain
from pages.parts.views import cell_selection, colouring, gene_search, growth, own_colours, view
from pages.parts.widgets import background, chart, side, state
from pages.parts.widgets.cell_map import component

OWN = {"speed": "Speed", "divergence": "Divergence", "rotation": "Curl", "growth": "Growth", "nothing": "Nothing"}
"""What a field itself tells of cells, and nothing."""
STYLES = {"streams": "Streamlines", "particles": "Particles", "grid": "Grid", "cells": "Single cells"}


def styles(info: Any) -> dict[str, str]:
    """Ways to draw a field; particles first for more cells than plotly draws, since they stand over all of them."""
    if info.cells <= scatter.DRAWN_UP_TO:
        return STYLES
    return {"particles": STYLES["particles"], **STYLES}


def colour_choice(run: Any, data: Dataset) -> colouring.Choice:
    """What colour means; a gene is chosen beside it."""
    named = bool(view.FIELDS & view.capabilities(run))  # a plan draws cells between times, which carry no names
    own = ["speed", *(("divergence", "rotation") if named else ()), *(("growth",) if growth.is_learnt(run) else ())]
    choices = [(each, "") for each in own] + (colouring.choices(data.info) if named else []) + [("nothing", "")]
    kind, name = st.selectbox("Colour", choices, format_func=_words, **side.bound("by"))
    if kind == "gene":
        name = gene_search.choice(data, cell_selection.measured_genes(data), "these data")
    if kind in ("label", "number", "gene"):
        own_colours.choose(data, kind, colouring.of(data, (kind, name)))
    return kind, name


def _words(choice: colouring.Choice) -> str:
    kind, name = choice
    if name in OWN.values():
        return f"{name} (in the file)"
    return OWN[kind] if kind in OWN else colouring.words(choice)


def colours(run: Any, data: Dataset, result: FlowField, choice: colouring.Choice) -> Colouring | None:
    """Of the cells of the result; None where the colour is that of lines, or there is none."""
    kind, _ = choice
    if kind in ("speed", "nothing"):
        return None
    if kind == "growth":
        if result.growth is not None:
            return colourings.growth_colouring(result)
        words = "This plan keeps the number of cells in this interval, so there is no growth to draw."
        st.info(words, icon=":material/info:")
        return None
    if kind in ("divergence", "rotation"):
        time = None if np.isnan(result.time) else result.time
        asked = analysis_pool.submit_analysis("field_derivatives", run.id, time=time)
        found = background.result_of(asked, "Taking derivatives of the field")
        view.notes(found.notes)
        return colourings.derivative_colouring(result, found, kind)
    found = colouring.of(data, choice)
    return None if found is None or result.rows is None else found.at(result.rows)


def particles(
    data: Dataset, result: FlowField, by: str, shown: Colouring | None, fixed: FixedPoints | None, faint: bool
) -> bool:
    """Particles over all cells of the data set, or over those of the result where it draws others. False where this
    browser cannot draw them."""
    cells = packed_map.Places.of(result.cells)
    if result.rows is not None:
        cells = cell_selection.places(data, result.view)
        shown = shown.among(result.rows, data.info.cells) if shown else None
    opacity = result.opacity if faint else None
    speed = colourings.speed_colouring(result) if by == "speed" else None
    stream = packed_map.Stream(result.x, result.y, result.u, result.v, opacity, speed)
    alt = f"Particles that follow the flow. {flow.describe(result)} {shown.words() if shown else ''}".strip()
    return drawn(
        cells,
        shown,
        stream,
        alt,
        "flow_particles",
        result.view,
        fixed_point_marks.marks(fixed) if fixed else [],
        lasso=True,
    )


def drawn(
    cells: packed_map.Places,
    shown: Colouring | None,
    stream: packed_map.Stream,
    alt: str,
    key: str,
    map_name: str,
    marks: Sequence[packed_map.Mark] = (),
    lasso: bool = False,
) -> bool:
    """Particles over cells. False, which is said, where this browser cannot draw them. lasso: whether some of the cells
    can be chosen"""
    choice: dict[str, Any] = {"lasso": lasso, "polygon": state.outline(map_name) if lasso else ()}
    packed = packed_map.pack(cells, shown, alt=alt, stream=stream, marks=marks, dark=chart.dark(), **choice)
    if component.draw(packed, key, map_name):
        return True
    st.caption("This browser has no WebGL2, which particles need; streamlines are drawn instead.")
    return False


def fixed_point_map(run: Any, map_name: str, time: float | None) -> FixedPoints:
    """The fixed points of the field at this time, found by a worker."""
    asked = analysis_pool.submit_analysis("fixed_points", run.id, view=map_name, time=time)
    return background.result_of(asked, "Looking for fixed points")


def fixed_point_list(run: Any, data: Dataset, found: FixedPoints) -> None:
    """They in a sentence and a table, each with the group of the cell nearest to it."""
    names = fixed_point_marks.names(found)
    by = next(iter(cell_selection.groupings(data)), "")
    groups = [str(each) for each in np.asarray(data.snapshots().labels[by])[found.nearest]] if by else []
    st.markdown(plain(fixed_points.of_fixed_points(found, names, groups)))
    if found.kinds:
        chart.listed(fixed_points.rows(found, names, groups, by), f"fixed-points-{run.id}", "fixed_points")
    view.notes(found.notes)
