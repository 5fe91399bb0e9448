"""What the cells of a data set can be coloured by, and the colours of one choice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.store import Dataset, DatasetInfo
from cellflow_core.figures import scatter
from cellflow_core.figures.cells.colouring import Colouring
from pages.parts.views import cell_selection, gene_search, own_colours
from pages.parts.widgets import chart, side
from pages.parts.widgets.state import Polygon

Choice = tuple[str, str]
"""Kind ("time", "label", "number" or "gene") and name."""


def choices(info: DatasetInfo) -> list[Choice]:
    """What is known of these cells: time, annotations, numbers, genes."""
    timed: list[Choice] = [("time", "")] if DataRequirement.TIMES in info.has else []
    named = [("label", each) for each in info.annotations] + [("number", each) for each in info.covariates]
    return timed + named + ([("gene", "")] if info.genes else [])


def words(choice: Choice) -> str:
    """A choice, as a select box shows it."""
    kind, name = choice
    if name in ("time", "a gene"):  # the app's own words: a select box finds what was chosen by its text
        return f"{name} (in the file)"
    return name or {"gene": "a gene"}.get(kind, kind)


def of(data: Dataset, choice: Choice) -> Colouring | None:
    """The colours of all cells, with what was chosen by hand; None where nothing is chosen or known.

    Raises KeyError for a gene that is not there.
    """
    kind, name = choice
    if kind in ("time", "label"):
        found = _groups(data.info.id, data.info.version, kind, name)
        own = own_colours.of_groups(data, name) if kind == "label" else {}
        return replace(found, own=own) if found and own else found
    if not name:
        return None
    values = np.asarray(data.snapshots().covariates[name] if kind == "number" else data.expression(name), np.float32)
    return own_colours.with_range(Colouring(name, values)) if np.isfinite(values).any() else None


def choose(data: Dataset, label: str = "Colour of the cells") -> Colouring | None:
    """A box for what is known of the cells, and what of its colours is chosen by hand; None where nothing is known."""
    known = choices(data.info)
    if not known:
        return None
    kind, name = st.selectbox(label, known, format_func=words, **side.bound("cells"))
    if kind == "gene":
        name = gene_search.choice(data, cell_selection.measured_genes(data), "these data")
    found = of(data, (kind, name))
    own_colours.choose(data, kind, found)
    return found


def scatter_of(
    points: np.ndarray, found: Colouring | None, axes: tuple[str, str], polygon: Polygon, row: str = "cell", **size: int
) -> tuple[go.Figure, str]:
    """Cells on a map in these colours with the outline around some, and the figure in words. row: what a point is"""
    title, names = (found.title, found.names) if found else ("", ())
    values = found.values if found else None
    figure = scatter.scatter(
        points,
        values,
        axes=axes,
        title=title,
        names=names,
        in_order=found is not None and found.in_order,
        own=found.own if found else {},
        span=found.span if found else None,
        polygon=polygon,
        dark=chart.dark(),
        **size,
    )
    return figure, scatter.describe(points, values, names, title, row)


@st.cache_resource(max_entries=20, show_spinner=False)
def _groups(id: str, version: str, kind: str, name: str) -> Colouring | None:
    """Sorting the names of a million cells takes a second: it is done once."""
    snapshots = cell_selection.dataset(id).snapshots()
    values = snapshots.t if kind == "time" else np.asarray(snapshots.labels[name])
    if not len(values):
        return None
    unit = f" ({snapshots.time_unit})" if snapshots.time_unit else ""
    codes, names = scatter.grouped(values)
    return Colouring(name or f"time{unit}", codes, names, in_order=kind == "time")
