"""How well genes can be read from the state of a data set, one by one, and what that means for knock-outs."""

from __future__ import annotations

from concurrent.futures import Future

import numpy as np
import streamlit as st

from cellflow_core.data import store
from cellflow_core.data.preprocessing import reconstruction
from cellflow_core.data.preprocessing.reconstruction import Reconstruction
from cellflow_core.data.store.dataset import DamagedDatasetError
from cellflow_core.figures.data import reconstruction as figures
from cellflow_core.jobs import analysis_pool
from cellflow_core.reporting.summaries import Summary
from pages.parts.views import cell_selection, gene_search, view
from pages.parts.widgets.background import pending, result_of, sentence, shared
from pages.parts.widgets.chart import chart, dark

GOOD = 0.5
"""Share of a gene's variance from which on most of what a model says of the gene is about the gene itself."""
POOR = 0.1
"""Share below which the state says next to nothing about the gene."""


def show(info: store.DatasetInfo) -> None:
    """The answer for a gene, all genes in a picture, and a table; nothing where no gene can be reached."""
    data = cell_selection.dataset(info.id)
    space = data.snapshots().space
    if not space.genes or space.has_splicing:  # its genes are axes, shown beside
        return
    with st.container(border=True, key="read_back"):
        st.header("How well each gene is represented")
        if space.kind == "genes":
            st.markdown(
                f"The {info.dim} axes are genes themselves: each of them is kept as it was measured. "
                + (f"Models cannot see the other {info.genes - info.dim:,}." if info.genes > info.dim else "")
            )
            return
        found = _found(data)
        if found is None:
            return
        gene = st.selectbox(
            "How well is this gene represented in the state?",
            data.genes,
            index=None,
            key=f"read_back_{info.id}",
            format_func=gene_search.shown(data),
            placeholder="Search a gene",
        )
        if gene:
            view.show_summary(answer(found, gene))
        _picture(info, found, gene)


def _found(data: store.Dataset) -> Reconstruction | None:
    """What is stored, or a button that has it measured."""
    try:
        found = reconstruction.stored(data)
    except DamagedDatasetError as error:
        st.error(sentence(error), icon=":material/error:")
        return None
    key = f"read-back-{data.info.id}"
    if found is not None:
        return found

    def ask() -> Future:
        return analysis_pool.call("cellflow_core.data.preprocessing.reconstruction:add_reconstruction", data.info.id)

    st.caption("Every cell is read back from its state and held against what was measured. It takes a few seconds.")
    if st.button("Check every gene", key="read_back_start", icon=":material/fact_check:") or pending(key):
        result_of(shared(key, ask), "Reading genes back from the states")
        st.rerun()
    return None


def answer(found: Reconstruction, gene: str) -> Summary:
    """How well one gene is represented, and how far a knock-out of it can be trusted."""
    if gene not in found.genes:
        return Summary(
            f"{gene} is not in the state.",
            "poor",
            f"The axes were made from {len(found.genes):,} other genes, so no model on them can read, hold or knock "
            "out this one. The step “Change state space” takes in genes that you name.",
        )
    at = found.genes.index(gene)
    share = float(found.share[at])
    if not np.isfinite(share):
        return Summary(
            f"{gene} is the same in all {found.cells:,} cells that were compared.",
            "poor",
            "There is nothing to keep of it here, and a knock-out of it would mean nothing.",
        )
    numbers = (
        f"off by {found.error[at]:.2g} on average (root mean square), where its mean alone is by {found.usual[at]:.2g}"
    )
    if share >= GOOD:
        return Summary(
            f"The state keeps {share:.0%} of how {gene} differs between cells.",
            "good",
            f"It is {numbers}. A knock-out in the model moves what the state knows of this very gene; whether the "
            "gene is a cause stays open.",
        )
    if share >= POOR:
        return Summary(
            f"The state keeps {share:.0%} of how {gene} differs between cells.",
            "fair",
            f"It is {numbers}. A knock-out acts on the part that goes along with other genes; the rest, noise of "
            "counting or a life of its own, no model here can see.",
        )
    return Summary(
        f"The state keeps next to nothing of {gene} ({max(share, 0):.0%}).",
        "poor",
        f"It is {numbers}. A knock-out in the model moves other genes more than this one: do not take its outcome for "
        "a finding about the gene.",
    )


def _picture(info: store.DatasetInfo, found: Reconstruction, gene: str | None) -> None:
    share = found.share
    st.caption(f"{_on(info, found)} Together {found.kept:.0%} of the variance of {len(found.genes):,} genes is kept.")
    figure = figures.reconstruction(found.genes, share, chosen=gene, dark=dark())
    chart(figure, key=f"read_back_chart_{info.id}", alt=figures.describe(found.genes, share))
    order = figures.ranked(share)[::-1]
    rows = {
        "gene": [found.genes[k] for k in order],
        "variance kept (%)": np.round(100 * share[order], 1).tolist(),
        "error": [float(f"{found.error[k]:.3g}") for k in order],
        "error of the mean": [float(f"{found.usual[k]:.3g}") for k in order],
    }
    view.numbers(figure, rows, f"genes-{info.id}", f"read_back_{info.id}", title="All genes, the worst first")
    st.caption(
        "Errors are root mean squares in the units of the stored expression. In single cells much of a gene's variance "
        "is noise of counting, which no state should keep: compare genes with each other, and spaces with each other."
    )


def _on(info: store.DatasetInfo, found: Reconstruction) -> str:
    if found.seen:
        return f"Compared on {found.cells:,} cells from which the axes were made: new cells fare somewhat worse."
    return f"Compared on {found.cells:,} cells from which the map to genes was not learnt."
