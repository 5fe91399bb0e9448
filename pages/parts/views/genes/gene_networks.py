"""Which gene acts on which: regulators, edges, the targets of one gene, the matrix, and how far to trust them."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from cellflow_core.analysis.results import GeneNetwork
from cellflow_core.data.store import Dataset
from cellflow_core.figures.data import network as known_network
from cellflow_core.figures.genes import regulation
from cellflow_core.jobs import analysis_pool
from cellflow_core.reporting.formatting import plain
from cellflow_core.reporting.regulation import summaries as regulation_summaries
from cellflow_core.runs import index
from cellflow_core.runs.run import Run
from pages.parts.views import cell_selection, view
from pages.parts.widgets import background, chart, selectors, side

KINDS = {"network": "Inferred network", "jacobian": "Jacobian of the velocity"}


def show(run: Run, data: Dataset, answer: Any) -> None:
    """Everything about the network of a run; a sentence where it has none. answer: where the sentence stands"""
    kinds = kinds_of(run)
    if not kinds:
        st.info(
            "This model infers no network and has no velocity to differentiate: choose a model with a velocity or a "
            "network.",
            icon=":material/info:",
        )
        return
    place = st.container(key=side.key("part_controls"))
    columns = iter(place.columns(min(len(kinds), 2), gap="large", vertical_alignment="bottom"))
    kind = next(iter(kinds))
    if len(kinds) > 1:
        with next(columns):
            kind = view.options("Influence", "influence", kinds)
    with next(columns):
        by, group = _cells(data)
    if "network" not in kinds:
        st.caption(
            "This model infers no network of its own, so the Jacobian stands for it: how the velocity of a gene "
            "changes with the level of another."
        )
    asked = analysis_pool.submit_analysis("gene_network", run.id, kind=kind, by=by, group=group)
    result: GeneNetwork = background.result_of(asked, "Asking which gene acts on which")
    with answer:
        view.show_summary(regulation_summaries.of_network(result))
    left, right = st.columns(2, gap="large")
    with left:
        _regulators(run, result)
    with right:
        _regulon(run, result)
    _edges(run, result)
    _matrix(run, result)
    _trust(run, result)
    _beside(run, result, by, group)
    view.notes((f"Influence over {result.cells}.", *result.notes))


def _cells(data: Dataset) -> tuple[str, str]:
    """(annotation, value) of the cells that are asked about; ("", "") for all."""
    names = {("", ""): "All cells"}
    for by in cell_selection.groupings(data):
        names |= {(by, value): f"{value} ({by})" for value in cell_selection.values(data, by)}
    if len(names) == 1:
        return "", ""
    return st.selectbox("Cells", list(names), format_func=names.__getitem__, key=side.undone("network_of"))


def _regulators(run: Run, result: GeneNetwork) -> None:
    st.markdown("**Which genes act most on others?**")
    bars = regulation.regulators(result, dark=chart.dark())
    chart.chart(bars, "network_regulators", regulation.describe_regulators(result))
    rows = regulation_summaries.regulator_rows(result)
    view.numbers(bars, rows, f"regulators-{run.id}", "regulators", "Data table: regulators")


def _regulon(run: Run, result: GeneNetwork) -> None:
    st.markdown("**On which genes does one act?**")
    order = [result.genes[k] for k in np.argsort(-result.outgoing, kind="stable")]
    gene = str(st.selectbox("Regulator", order, **side.bound("regulator"), help="Type to search."))
    figure = regulation.regulon(result, gene, dark=chart.dark())
    chart.chart(figure, "network_regulon", regulation.describe_regulon(result, gene))
    st.caption("The strongest target stands on top, the others follow clockwise.")


def _edges(run: Run, result: GeneNetwork) -> None:
    st.markdown("**The strongest edges**")
    rows = regulation_summaries.edge_rows(result, regulation_summaries.MOST_EDGES)
    st.dataframe(rows, hide_index=True, key=side.key("network_edges"), height=320)
    figure = regulation.strongest(result, dark=chart.dark())
    chart.downloads(figure, rows, f"network-{run.id}", "network")
    if result.truth is None:
        return
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(f"**The {min(result.top, regulation.DRAWN)} strongest edges of the model**")
        chart.chart(figure, "network_found", regulation.describe_strongest(result))
    with right:
        st.markdown("**The network that the cells were simulated with**")
        drawn = known_network.network(result.truth, result.genes, dark=chart.dark())
        chart.chart(drawn, "network_truth", known_network.describe(result.truth, result.genes))


def _matrix(run: Run, result: GeneNetwork) -> None:
    st.markdown("**Every influence at once**")
    figure = regulation.matrix(result, dark=chart.dark())
    chart.chart(figure, "network_matrix", regulation.describe_matrix(result))
    st.caption(f"Plus and minus mark the {result.top} strongest edges.")
    if len(result.genes) > regulation.SHOWN:
        st.caption(f"The {regulation.SHOWN} genes that act and are acted on most, of {len(result.genes):,}.")


def kinds_of(run: Run) -> dict[str, str]:
    """What says which gene acts on which in this model: its own network, the Jacobian of its velocity, or nothing."""
    has = view.capabilities(run)
    return {key: words for key, words in KINDS.items() if (has & view.FIELDS if key == "jacobian" else key in has)}


def _beside(run: Run, result: GeneNetwork, by: str, group: str) -> None:
    """The same of another model of these cells: another method, or the same with and without a prior network."""
    others = {
        each.id: each
        for each in index.runs()
        if each.recipe.dataset == run.recipe.dataset
        and each.id != run.id
        and each.recipe.model in background.catalogue()
    }
    words = {id: each.label for id, each in others.items() if each.status().state == "done" and kinds_of(each)}
    if not words:
        return
    words = selectors.disambiguate({"": "Choose another model of these cells", **words})
    other = st.selectbox("Beside", list(words), format_func=words.__getitem__, **side.bound("beside"))
    if not other:
        return
    asked = analysis_pool.submit_analysis(
        "gene_network", other, kind=next(iter(kinds_of(others[other]))), by=by, group=group
    )
    beside: GeneNetwork = background.result_of(asked, "Asking which gene acts on which")
    st.markdown(plain(regulation_summaries.of_two(result, beside)))
    left, right = st.columns(2, gap="large")
    for column, each, name in ((left, result, "this"), (right, beside, "other")):
        with column:
            st.markdown(f"**{plain(run.label if name == 'this' else others[other].label)}**")
            figure = regulation.strongest(each, dark=chart.dark())
            chart.chart(figure, f"network_{name}", regulation.describe_strongest(each))


def _trust(run: Run, result: GeneNetwork) -> None:
    st.markdown("**How far can it be trusted?**")
    for each in (regulation_summaries.of_overlap(result), regulation_summaries.of_prior(result)):
        st.markdown(plain(each))
    if result.scores is not None:
        rows = regulation_summaries.score_rows(result)
        chart.listed(rows, f"network-scores-{run.id}", "network_scores")
        st.caption("Edges are ordered pairs of different genes, ranked by the size of the score, as in BEELINE.")
