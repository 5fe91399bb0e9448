"""Do models order the cells alike, and as is known of them?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import streamlit as st

from cellflow_core.analysis.lineage.order_agreement import order_agreement, stage_of_cells
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.store import Dataset, DatasetInfo
from cellflow_core.figures import scatter
from cellflow_core.jobs import analysis_pool
from cellflow_core.reporting import fate_summaries
from cellflow_core.runs.run import Run
from cellflow_core.selection import orders
from pages.parts.views import cell_selection, view
from pages.parts.widgets import background, chart

TIME = "time"


def ordered(info: DatasetInfo) -> dict[str, Run]:
    """The runs that order the cells of these data, by name."""
    cards = background.catalogue()
    return orders.named(orders.ordered(info.id, cards), cards)


def show(info: DatasetInfo, runs: Mapping[str, Run]) -> None:
    """Correlations of the orders, those with what is known, and cells coloured by how far the methods disagree."""
    st.header("Do models order the cells alike?", anchor="orders")
    data = cell_selection.dataset(info.id)
    against, known = _known(info, data)
    groups, ends = _ends(data)
    found = {
        name: background.result_of(analysis_pool.submit_analysis("latent_time", run.id), "Reading the orders").value
        for name, run in runs.items()
    }
    branches = {
        name: background.result_of(analysis_pool.submit_analysis("branches", run.id), "Reading the branches").weight
        for name, run in (runs.items() if ends else ())
        if orders.branched(run, background.catalogue())
    }
    result = order_agreement(found, data.snapshots().x, known, against, branches, groups, ends)
    view.show_summary(fate_summaries.of_orders(result), "orders_headline")
    points, axes, dark = data.embedding("pca"), data.view_axes("pca"), chart.dark()
    figure = scatter.scatter(points, result.spread, axes=axes, title="spread", dark=dark)
    left, right = st.columns([3, 2], gap="large")
    rows = fate_summaries.order_rows(result)
    with left:
        st.markdown("**How each order goes with the others**")
        st.dataframe(rows, hide_index=True, key="orders_rows")
        view.notes((*result.notes, *fate_summaries.of_branches(result), fate_summaries.TRIVIAL_ORDERS))
        chart.downloads(figure, rows, f"orders-{info.id}", "orders")
    with right:
        if len(runs) > 1:
            st.markdown("**Where do the methods disagree?** Spread: the farthest two places of a cell, of all cells.")
            chart.chart(figure, "orders_spread", scatter.describe(points, result.spread, (), "spread of the places"))


def _known(info: DatasetInfo, data: Dataset) -> tuple[str, np.ndarray | None]:
    """What is known of the order of the cells, in words, and its value for each."""
    choices = {TIME: "Measured time"} if DataRequirement.TIMES in info.has else {}
    choices |= {f"number {each}": each for each in info.covariates}
    choices |= {f"groups {each}": f"Stages: groups of “{each}”" for each in cell_selection.groupings(data)}
    choices |= {"": "Nothing is known"}
    chosen = str(st.selectbox("Compare with", list(choices), format_func=choices.__getitem__, key="orders_against"))
    snapshots = data.snapshots()
    kind, _, name = chosen.partition(" ")
    if kind == TIME:
        return "the measured time", np.asarray(snapshots.t, float)
    if kind == "number":
        return name, np.asarray(snapshots.covariates[name], float)
    if not kind:
        return "", None
    stages = st.multiselect(
        "Stages, the earliest first",
        cell_selection.values(data, name),
        key=f"orders_stages_{name}",
        help="Chosen in their order. Cells of other groups are left out.",
    )
    if len(stages) < 2:
        return "", None
    return f"the stages of {name}", stage_of_cells(np.asarray(snapshots.labels[name]).astype(str), stages)


def _ends(data: Dataset) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Groups of the cells, and those that the process ends in, with which branches are compared; none, nothing."""
    names = {"": "Nothing is known"} | {each: f"Groups of “{each}”" for each in cell_selection.groupings(data)}
    name = str(st.selectbox("Compare branches with", list(names), format_func=names.__getitem__, key="orders_branches"))
    if not name:
        return None, ()
    ends = st.multiselect(
        "Ends of the branches",
        cell_selection.values(data, name),
        key=f"orders_ends_{name}",
        help="Two groups or more that the process ends in. Cells of other groups are left out.",
    )
    return np.asarray(data.snapshots().labels[name]).astype(str), tuple(ends) if len(ends) > 1 else ()
