"""Clones as evidence on the Fates page: which fates to tell apart, and how well the model does."""

from __future__ import annotations

import streamlit as st

from cellflow_core.data.store import Dataset
from cellflow_core.figures.lineage import clones
from cellflow_core.jobs import analysis_pool
from cellflow_core.reporting import fate_summaries, result_tables
from cellflow_core.runs.run import Run
from pages.parts.views import cell_selection, view
from pages.parts.widgets import background, chart, side


def show(run: Run, data: Dataset, map_name: str) -> None:
    """The whole part of the page; one sentence where the data have no clones."""
    if data.snapshots().lineage is None:
        st.caption(
            "These data have no lineage barcodes. Where early cells share a barcode with later ones, what became of "
            "the clone is shown here beside what the model predicts: snapshots alone cannot check the fate of a cell."
        )
        return
    found = cell_selection.clone_fates(data)
    if not found:
        st.info(
            "No annotation has two or more values among the later cells of clones that were met before, so there are "
            "no fates to tell apart. An annotation of cell types would do.",
            icon=":material/info:",
        )
        return
    by, a, b, early = _choice(data, found)
    if a == b:
        st.info("Choose two different fates.", icon=":material/info:")
        return
    asked = analysis_pool.submit_analysis("clones", run.id, by=by, a=a, b=b, early=early, view=map_name)
    result = background.result_of(asked, "Comparing with what became of the clones")
    view.show_summary(fate_summaries.of_clones(result), key="headline_clones")
    left, right = st.columns(2, gap="large")
    figure = clones.clones(result, dark=chart.dark())
    with left:
        st.markdown("**Clone by clone**")
        chart.chart(figure, "clones_points", clones.describe(result))
    with right:
        st.markdown("**All in all**")
        chart.chart(clones.curve(result, dark=chart.dark()), "clones_curve", clones.describe(result))
    separation = f"Points are drawn up to {100 * clones.JITTER:.0f} % off, so that clones of one share do not overlap."
    view.notes((separation, *result.notes, f"Interval: {result.interval}."))
    view.numbers(figure, result_tables.of_clones(result), f"clones-{run.id}", "clones", "Data table: clones")


def _choice(data: Dataset, found: dict[str, tuple[str, ...]]) -> tuple[str, str, str, str]:
    """(annotation, one fate, the other, which cells are early), kept in the link."""
    columns = st.columns(4, vertical_alignment="bottom")
    with columns[0]:
        by = str(st.selectbox("Fates from", list(found), **side.bound("clone_by")))
    kinds = found[by]
    with columns[1]:
        a = str(st.selectbox("This fate", kinds, **side.bound("clone_a")))
    with columns[2]:
        b = str(st.selectbox("or that", kinds, index=1, **side.bound("clone_b")))
    names = {"": "all but these two", **{each: each for each in cell_selection.values(data, by) if each not in (a, b)}}
    with columns[3]:
        early = st.selectbox(
            "Early cells",
            list(names),
            format_func=names.__getitem__,
            **side.bound("clone_early"),
            help="Cells of earlier times that belong to a clone and are of neither fate yet.",
        )
    return by, a, b, str(early or "")
