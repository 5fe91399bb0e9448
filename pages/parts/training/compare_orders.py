"""Do models order the cells alike, and as is known of them?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from cellflow_core.analysis.lineage.order_agreement import order_agreement
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.store import Dataset, DatasetInfo
from cellflow_core.figures import scatter
from cellflow_core.jobs import analysis_pool
from cellflow_core.reporting import fate_summaries
from cellflow_core.runs import index
from cellflow_core.runs.run import Run
from pages.parts.views import cell_selection, view
from pages.parts.widgets import background, chart

TIME = "time"
MOST = 8
"""Runs that are compared, the newest of each model and its settings."""


def ordered(info: DatasetInfo) -> list[Run]:
    """The newest finished run of each model, with its settings, that orders the cells of these data."""
    found: dict[str, Run] = {}
    able = {name for name, card in background.catalogue().items() if "latent_time" in card.capabilities}
    for run in index.runs():
        same = run.recipe.dataset == info.id and run.recipe.hold_out is None and run.recipe.model in able
        if same and "latent_time" in view.capabilities(run) and run.status().state == "done":
            found.setdefault(f"{run.recipe.model} {sorted(run.recipe.settings.items())}", run)
    return list(found.values())[:MOST]


def show(info: DatasetInfo, runs: Sequence[Run]) -> None:
    """Correlations of the orders, those with what is known, and cells coloured by how far the methods disagree."""
    st.header("Do models order the cells alike?", anchor="orders")
    data = cell_selection.dataset(info.id)
    against, known = _known(info, data)
    titles = [background.catalogue()[run.recipe.model].title.partition(" (")[0] for run in runs]
    names = [run.label if titles.count(title) > 1 else title for run, title in zip(runs, titles, strict=True)]
    orders = {}
    for run, name in zip(runs, names, strict=True):
        asked = analysis_pool.submit_analysis("latent_time", run.id)
        orders[name if name not in orders else f"{name} ({run.id})"] = background.result_of(
            asked, "Reading the orders"
        ).value
    result = order_agreement(orders, data.snapshots().x, known, against)
    view.show_summary(fate_summaries.of_orders(result), "orders_headline")
    points, axes, dark = data.embedding("pca"), data.view_axes("pca"), chart.dark()
    figure = scatter.scatter(points, result.spread, axes=axes, title="spread", dark=dark)
    left, right = st.columns([3, 2], gap="large")
    rows = fate_summaries.order_rows(result)
    with left:
        st.markdown("**How each order goes with the others**")
        st.dataframe(rows, hide_index=True, key="orders_rows")
        view.notes((*result.notes, "The last two rows need no method: what does not beat them has found no more."))
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
    place = {each: float(k) for k, each in enumerate(stages)}
    held = np.asarray(snapshots.labels[name]).astype(str)
    return f"the stages of {name}", np.array([place.get(each, np.nan) for each in held])
