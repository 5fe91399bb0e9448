"""Do models lead groups of cells to where a known tree says that they go?"""

from __future__ import annotations

import streamlit as st

from cellflow_core.analysis.lineage.group_graph import group_graphs
from cellflow_core.config import MOVES_CELLS
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.store import DatasetInfo
from cellflow_core.jobs import analysis_pool
from cellflow_core.reporting import composition_summaries as words
from cellflow_core.reporting.formatting import plain
from cellflow_core.runs import index
from cellflow_core.runs.run import Run
from pages.parts.views import cell_selection, view
from pages.parts.widgets import background, chart

MOST = 8
"""Runs that are compared, the newest of each model and its settings."""
ARROW = " → "


def show(info: DatasetInfo) -> None:
    """The choice of groups and of the edges of the tree, then the scores; nothing without annotations or models."""
    runs = _leading(info)
    if not runs or not info.annotations or DataRequirement.TIMES not in info.has:
        return
    st.header("Do groups turn into the right ones?", anchor="lineages")
    data = cell_selection.dataset(info.id)
    left, right = st.columns([1, 2], gap="medium")
    with left:
        by = str(st.selectbox("Groups of", cell_selection.groupings(data), key="tree_by", bind="query-params"))
    kinds = cell_selection.values(data, by)
    pairs = [f"{a}{ARROW}{b}" for a in kinds for b in kinds if a != b]
    with right:
        chosen = st.multiselect(
            "Known tree",
            pairs,
            key="tree",
            bind="query-params",
            placeholder="choose its edges: which group turns into which",
            help="What is known of these cells from elsewhere. Models never see it.",
        )
    if not chosen:
        st.caption(
            "Choose the edges of a known tree: each model trained on all times is then held against it, beside the "
            "correlation of the groups and random partners, which know nothing of a motion."
        )
        return
    found = {}
    for run in runs:
        asked = analysis_pool.submit_analysis("composition", run.id, by=by)
        found[run.label if run.label not in found else f"{run.label} ({run.id})"] = background.result_of(
            asked, "Leading groups from time to time"
        )
    edges = [(a, b) for a, _, b in (each.partition(ARROW) for each in chosen)]
    try:
        result = group_graphs(found, data.snapshots(), edges)
    except ValueError as error:
        st.info(background.sentence(error), icon=":material/info:")
        return
    st.markdown(f"**{plain(words.of_graphs(result))}**")
    rows = words.graph_rows(result)
    st.dataframe(rows, hide_index=True, key="tree_rows")
    view.notes(words.GRAPH_NOTES)
    chart.table_download(rows, f"lineages-{info.id}", "tree")


def _leading(info: DatasetInfo) -> list[Run]:
    """The newest finished run on all times of each model, with its settings, that moves single cells."""
    cards, found = background.catalogue(), {}
    for run in index.runs():
        recipe = run.recipe
        if recipe.dataset != info.id or recipe.hold_out is not None or recipe.model not in cards:
            continue
        if cards[recipe.model].tracks_cells and view.capabilities(run) & MOVES_CELLS and run.status().state == "done":
            found.setdefault(f"{recipe.model} {sorted(recipe.settings.items())}", run)
    return list(found.values())[:MOST]
