"""The path of least action between two states: its controls, itself on the surface and on the map, its genes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import streamlit as st

from cellflow_core.analysis.results import Landscape, LeastAction
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.store import Dataset
from cellflow_core.figures import landscape
from cellflow_core.figures.cells.colouring import Colouring
from cellflow_core.figures.fields import least_action as figures
from cellflow_core.reporting.fields import least_action as words
from cellflow_core.reporting.formatting import plain
from pages.parts.views import cell_selection, colouring, gene_search, view
from pages.parts.widgets import chart, selectors, side, state

Group = tuple[str, str]
PLACES = {"middle": "Their middle cells", "attractor": "Their attractors"}
PLACES_HELP = (
    "Middle cells: the path leads between the measured cell in the middle of each group (its medoid). Attractors: "
    "between the two places in which the field of this time, held, brings these cells to rest, where it does."
)


class Asked(NamedTuple):
    """The two groups, (annotation, value) each, and between what of them the path leads: a key of PLACES."""

    start: Group
    end: Group
    place: str


def ask(data: Dataset) -> Asked:
    """The controls. Ends the page, with what to do, where the data name fewer than two groups of cells."""
    named = cell_selection.groupings(data)
    several = [each for each in named if len(cell_selection.values(data, each)) > 1]
    by = str(st.selectbox("Groups of", several, **side.bound("path_by"))) if several else ""
    groups: list[Group] = [(by, each) for each in (cell_selection.values(data, by) if by else ())]
    groups += [(each, name) for each in named if each != by for name in _single(data, each)]
    if len(groups) < 2:
        selectors.empty_state(
            "A path needs two groups of cells",
            "These data name fewer. Add clusters or an annotation on the Data page, or draw around cells, on any page "
            "with a map, and save the selection under a name.",
            {"data.py": "Data"},
        )
    first, last = _ends(data, groups)
    shown = dict(zip(groups, _names(groups), strict=True))
    start = st.selectbox("From", groups, first, format_func=shown.__getitem__, **side.bound(f"from_{by}"))
    end = st.selectbox("To", groups, last, format_func=shown.__getitem__, **side.bound(f"to_{by}"))
    return Asked(start, end, view.options("Between", "between", PLACES, help=PLACES_HELP))


def _single(data: Dataset, annotation: str) -> tuple[str, ...]:
    """The value of an annotation that names one group, as a saved selection does."""
    found = cell_selection.values(data, annotation)
    return found if len(found) == 1 else ()


def _names(groups: list[Group]) -> list[str]:
    values = [value for _, value in groups]
    return [value if values.count(value) == 1 else f"{value} ({name})" for name, value in groups]


def _ends(data: Dataset, groups: list[Group]) -> tuple[int, int]:
    """Places of the groups that are measured first and last; of the first two where no time tells."""
    snapshots = data.snapshots()
    if DataRequirement.TIMES not in data.info.has:
        return 0, 1
    when = [float(snapshots.t[np.asarray(snapshots.labels[by]).astype(str) == value].mean()) for by, value in groups]
    first, last = int(np.argmin(when)), int(np.argmax(when))
    return (first, last) if first != last else (0, 1)


def show(context: view.ViewContext, asked: Asked, found: LeastAction, surface: Landscape, look: dict[str, Any]) -> None:
    """The answer, the path on the surface and on the map, and below them its genes and tables."""
    run, data, _, map_name, place = context
    dark, points = chart.dark(), data.embedding(map_name)
    cells: Colouring | None = look["cells"]
    with place.answer:
        view.show_summary(words.of_least_action(found))
    with place.picture:
        scene = figures.on_surface(found, surface, **look)
        chart.chart3d(scene, "landscape_3d", f"{figures.describe(found)} {landscape.describe(surface)}")
        flat, _ = colouring.scatter_of(points, cells, data.view_axes(map_name), state.outline(map_name))
        flat = figures.add_to_map(flat, found, dark)
        chart.lasso(flat, "least_action_map", figures.describe(found), map_name, drag="pan")
        st.caption(
            "Solid: there; dashed: back; thin: other trainings. Open circles: no cell of this time is near, so the "
            "field there is a guess. The surface has no height where a path leaves all cells."
        )
        groups = _nearest(data, asked.start[0], found)
        if text := words.passed(groups[0]):
            st.markdown(plain(text))
    with place.controls:
        view.outline_words(
            map_name, points, "Draw around cells on the map to save them as an end of a path.", data.info
        )
    with place.more:
        _genes(run, data, asked, found)
        with st.expander("Actions of every training", icon=":material/route:", key=side.key("actions")):
            chart.listed(words.action_rows(found), f"least-action-{run.id}", "actions")
        view.notes(found.notes)
        rows = words.path_rows(found, groups, asked.start[0])
        view.numbers(flat, rows, f"least-action-path-{run.id}", "least_action", "Data table: points of the paths")


def _nearest(data: Dataset, by: str, found: LeastAction) -> list[list[str]]:
    """The group of the nearest measured cell of each point of the paths."""
    values = np.asarray(data.snapshots().labels[by]).astype(str)
    known = cell_selection.values(data, by)
    return [[each if each in known else "" for each in values[rows]] for rows in found.nearest]


def _genes(run: Any, data: Dataset, asked: Asked, found: LeastAction) -> None:
    """The genes that change most, and one of them, along the path."""
    st.header("Which genes change along the path?")
    space = data.snapshots().space
    if not found.genes:
        st.info(plain(f"{space.no_genes[0].upper()}{space.no_genes[1:]}."), icon=":material/info:")
        return
    st.markdown(plain(words.of_genes(found)))
    dark = chart.dark()
    left, right = st.columns(2, gap="large")
    with left:
        order = words.in_order(found, figures.LISTED)
        st.caption("In the order in which they change; behind each name, its range on the path.")
        many = figures.many_genes(found, order, dark=dark)
        chart.chart(many, "least_action_genes", figures.describe_many(found, order))
    with right:
        every = tuple(dict.fromkeys((*found.genes, *cell_selection.genes(data))))
        gene = gene_search.choice(data, every)
        values = space.expression(np.nan_to_num(found.x).reshape(-1, space.dim), gene).reshape(found.x.shape[:3])
        values = np.where(np.isnan(found.x[..., 0]), np.nan, values)
        measured = {
            name: _measured(data, gene, group)
            for name, group in zip((found.start, found.end), (asked.start, asked.end), strict=True)
        }
        one = figures.gene_lines(found, gene, values, measured, dark=dark)
        chart.chart(one, "least_action_gene", figures.describe_gene(found, gene, values))
        st.caption(
            "Values on the path are read from the state; a gene that goes with the path marks it, and only a "
            "perturbation tells whether it drives it."
        )
        rows = words.gene_trace_rows(found, gene, values)
        view.numbers(one, rows, f"least-action-{gene}-{run.id}", "path_gene", "Data table: this gene")
    with st.expander("Data table: genes that change most", icon=":material/table_rows:", key=side.key("path_genes")):
        chart.listed(words.gene_rows(found), f"least-action-genes-{run.id}", "genes_of_path")


def _measured(data: Dataset, gene: str, group: Group) -> tuple[float, float, float]:
    """(mean, 10 % and 90 % quantile) of a gene in the cells of a group, in the units of the state."""
    snapshots, (by, value) = data.snapshots(), group
    here = np.asarray(snapshots.labels[by]).astype(str) == value
    space = snapshots.space
    values = space.expression(snapshots.x[here], gene) if space.has_splicing else data.expression(gene)[here]
    low, high = np.quantile(values, [0.1, 0.9])
    return float(np.mean(values)), float(low), float(high)
