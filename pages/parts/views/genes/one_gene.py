"""One gene: along time or another order, over groups, and a few genes beside each other.

Read from the stored expression one gene at a time: nothing of all genes and cells is held by the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import streamlit as st

from cellflow_core.analysis.regulation.group_trends import group_trends, membership
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.store import Dataset, DatasetInfo
from cellflow_core.figures.genes import expression, trends
from cellflow_core.jobs import analysis_pool
from cellflow_core.reporting.formatting import plain
from cellflow_core.reporting.regulation import summaries as regulation_summaries
from cellflow_core.runs.run import Run
from pages.parts.views import cell_selection, gene_search, own_colours, view
from pages.parts.views.genes import predicted_trend
from pages.parts.widgets import background, chart, selectors, side

MOST_GENES = 12
"""Genes of a dot plot."""
AT_FIRST = 6
SIMULATED = frozenset({"velocity", "drift", "coupling", "sampler"})
FATES = "fate"
"""The choice of fates instead of an annotation."""


class Groups(NamedTuple):
    """Which cells belong together: rows of the data set (all: a slice), weight [cells, groups], the group of each cell
    (or its likeliest), names of the groups, whether they have an order, and colours that were
    chosen."""

    rows: Any
    weight: np.ndarray
    codes: np.ndarray
    names: tuple[str, ...]
    in_order: bool = False
    own: Mapping[str, str] = MappingProxyType({})


def show(run: Run, data: Dataset, info: DatasetInfo, answer: Any) -> None:
    """The gene, its trend in each group, and its spread over the groups; answer: where the sentence stands."""
    genes = cell_selection.measured_genes(data)
    left, middle, right = st.container(key=side.key("part_controls")).columns(
        [2, 1, 1], gap="medium", vertical_alignment="bottom"
    )
    with left:
        gene = gene_search.choice(data, genes, "these data")
    with middle:
        by = _group_choice(run, data)
    with right:
        order_name, order = _order(run, data, info)
    groups = _groups(run, data, by)
    try:
        values = data.expression(gene)
    except KeyError as error:
        st.info(background.sentence(error), icon=":material/info:")
        return
    own, dark = values[groups.rows], chart.dark()
    mean, share, cells = _means(own[None], groups)
    kept = None if order is None else order[groups.rows]
    alone = membership(None, 1, len(own))
    whole = None if kept is None else group_trends(gene, own, kept, alone, ("all cells",), order_name)
    with answer:
        view.show_summary(regulation_summaries.of_gene(whole, gene, mean[0], groups.names, cells))
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(
            f"**{plain(gene)} along {plain(order_name)}**" if order is not None else "**No order of the cells**"
        )
        _trend(run, data, info, gene, order_name, kept, own, groups)
    with right:
        st.markdown(f"**{plain(gene)} over groups**")
        figure = expression.violins(
            gene, own, groups.codes, groups.names, in_order=groups.in_order, own=groups.own, dark=dark
        )
        chart.steady(figure, "genes_violins", expression.describe_violins(gene, own, groups.codes, groups.names))
        rows = regulation_summaries.expression_rows((gene,), mean, share, groups.names, cells)
        view.numbers(figure, rows, f"expression-{gene}-{run.id}", "violins", "Data table: groups")


def _group_choice(run: Run, data: Dataset) -> str:
    names = {each: each for each in cell_selection.groupings(data)}
    if len(data.info.times) > 1:
        names["time"] = "Measured time"
    names[""] = "No groups"
    if view.capabilities(run) & (view.FIELDS | {"transitions"}):
        names[FATES] = "Fates of this model"
    return str(st.selectbox("Groups", list(names), format_func=names.__getitem__, **side.bound("genes_by")))


def _groups(run: Run, data: Dataset, by: str) -> Groups:
    count = data.info.cells
    if by == FATES:
        asked = analysis_pool.submit_analysis("transition_fates", run.id, states="", ends=(), start="")
        found = background.result_of(asked, "Finding the fate of every cell")
        view.notes(
            (
                f"Trends weight {len(found.rows):,} cells by their probability of each fate, by transitions along the "
                "velocities as on the page Fates; violins have each cell in its likeliest fate.",
            )
        )
        return Groups(found.rows, found.probability, found.probability.argmax(axis=1), found.names)
    codes, names = cell_selection.grouped(data, by)
    if codes is None:
        return Groups(slice(None), membership(None, 1, count), np.zeros(count, int), ("all cells",))
    return Groups(
        slice(None), membership(codes, len(names), count), codes, names, by == "time", own_colours.of_groups(data, by)
    )


def _order(run: Run, data: Dataset, info: DatasetInfo) -> tuple[str, np.ndarray | None]:
    """What cells are put in order by: its name and the value of each cell; none where nothing is known."""
    snapshots = data.snapshots()
    timed = f"time ({info.time_unit})" if info.time_unit else "time"
    names = {"time": "Measured time"} if DataRequirement.TIMES in info.has else {}
    if "latent_time" in view.capabilities(run):
        names["latent"] = "Latent time of this model"
    names |= {f"number {each}": each for each in info.covariates}
    if not names:
        return "", None
    chosen = str(st.selectbox("Along", list(names), format_func=names.__getitem__, **side.bound("genes_along")))
    if chosen == "time":
        return timed, np.asarray(snapshots.t, dtype=float)
    if chosen == "latent":
        found = background.result_of(analysis_pool.submit_analysis("latent_time", run.id), "Ordering the cells")
        return found.name, found.value
    name = chosen.removeprefix("number ")
    return name, np.asarray(snapshots.covariates[name], dtype=float)


def _trend(
    run: Run,
    data: Dataset,
    info: DatasetInfo,
    gene: str,
    order_name: str,
    order: np.ndarray | None,
    values: np.ndarray,
    groups: Groups,
) -> None:
    shown = {"measured": "Measured cells", "model": "Simulated cells"}
    if not view.capabilities(run) & SIMULATED or DataRequirement.TIMES not in info.has:
        del shown["model"]
    elif gene not in data.snapshots().space.genes:
        del shown["model"]
        st.caption(
            f":material/info: {plain(gene)} is not among the genes of the model: {selectors.row_word(info)}s are shown "
            "as measured."
        )
    if order is None:
        st.info(
            "No time or other order of these cells is known, and this model gives none. Order them by pseudotime on "
            "the Data page, or train a model with a latent time.",
            icon=":material/info:",
        )
        return
    which = view.options("Trend of", "trend_of", shown) if len(shown) > 1 else "measured"
    if which == "model":
        predicted_trend.show(run, gene)
        return
    weight, names = groups.weight, groups.names
    if groups.in_order:  # groups of time along time: one line
        weight, names = membership(None, 1, len(values)), ("all cells",)
    result = group_trends(gene, values, order, weight, names, order_name)
    missing = trends.missing(result, selectors.row_word(info))
    if missing:
        st.info(plain(missing), icon=":material/info:")
    if not np.isfinite(result.mean).any():
        return
    figure = trends.trends(result, own=groups.own, dark=chart.dark())
    chart.steady(figure, "genes_trend", trends.describe(result))
    view.notes(
        (
            "Lines are means of measured cells; the band is the 95 % interval of the mean, for independent cells. It "
            "says nothing of single cells: the violins do.",
        )
    )
    rows = regulation_summaries.trend_rows(result)
    view.numbers(figure, rows, f"trend-{gene}-{run.id}", "trend", "Data table: trend")


def show_several(run: Run, data: Dataset) -> None:
    """A dot plot of a few genes over groups."""
    genes = cell_selection.measured_genes(data)
    left, right = st.container(key=side.key("part_controls")).columns([3, 1], gap="medium")
    with left:
        more = {"usual": genes[:AT_FIRST], "of": "these data"}
        chosen = gene_search.several("Genes", data, genes, name="dots", most=MOST_GENES, **more)
    with right:
        groups = _groups(run, data, _group_choice(run, data))
    if len(groups.names) < 2:
        st.info("There is one group of cells: choose groups above to compare genes over them.", icon=":material/info:")
        return
    known = [each for each in chosen if _stored(data, each)]
    if not known:
        why = "No expression of these genes is stored with the data." if chosen else "Choose at least one gene."
        st.info(why, icon=":material/info:")
        return
    parts = [_means(data.expression(each)[groups.rows][None], groups) for each in known]
    mean, share = (np.concatenate([part[k] for part in parts]) for k in (0, 1))
    figure = expression.dots(known, mean, share, groups.names, dark=chart.dark())
    chart.chart(figure, "genes_dots", expression.describe_dots(known, mean, groups.names))
    view.notes(
        (
            "Colour: mean over the cells of a group, between the lowest and highest of each gene. Size: share of "
            "cells with any expression.",
        )
    )
    rows = regulation_summaries.expression_rows(known, mean, share, groups.names, parts[0][2])
    view.numbers(figure, rows, f"dots-{run.id}", "dots", "Data table: dot plot")


def _stored(data: Dataset, gene: str) -> bool:
    return gene in data.measured.genes or gene in data.snapshots().space.genes


def _means(values: np.ndarray, groups: Groups) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(mean, share of cells with any [genes, groups], cells [groups]) of values [genes, cells]; 0 without cells."""
    member = membership(groups.codes, len(groups.names), values.shape[1])
    cells = member.sum(axis=0)
    scale = np.maximum(cells, 1)
    return values @ member / scale, (values > 0) @ member / scale, cells.astype(int)
