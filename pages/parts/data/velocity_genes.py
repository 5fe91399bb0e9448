"""Unspliced RNA by group and time, and the velocity genes of a data set with the reasons of those left out."""

from __future__ import annotations

import streamlit as st

from cellflow_core.data import store
from cellflow_core.data.preprocessing.splicing_layers import SplicingLayers, UnsplicedShare, unspliced_shares
from cellflow_core.data.preprocessing.velocity_genes import stored_genes
from cellflow_core.reporting.formatting import as_sentence, plain
from cellflow_core.reporting.rna_velocity import tables as splicing_tables
from pages.parts.widgets import chart
from pages.parts.widgets.background import sentence


def show(info: store.DatasetInfo) -> None:
    """Nothing where spliced or unspliced counts are missing."""
    if not {"spliced", "unspliced"} <= set(info.layers):
        return
    with st.container(border=True, key="splicing"):
        st.header("Spliced and unspliced RNA")
        try:
            (whole, *parts), question = _shares(info.id, info.version)
        except ValueError as error:
            st.warning(sentence(error), icon=":material/warning:")
            return
        st.markdown(f"**{whole.share:.0%}** of the RNA is unspliced; 10 to 40 % are usual for whole cells.")
        if parts:
            with st.expander("By group and time", key="unspliced_shares"):
                _table(splicing_tables.SHARES, splicing_tables.share_rows(parts), f"unspliced-{info.id}")
        found = stored_genes(store.open_dataset(info.id))
        if found is None:
            if question:
                st.warning(plain(as_sentence(question)), icon=":material/help:")
            st.caption("To estimate RNA velocity, take the step *Velocity genes and moments*.")
            return
        st.markdown(plain(splicing_tables.gene_summary(found)) + ".")
        with st.expander("Every gene, and why it was left out", key="velocity_genes"):
            _table(splicing_tables.GENES, splicing_tables.gene_rows(found), f"velocity-genes-{info.id}")


@st.cache_data(max_entries=20)
def _shares(id: str, version: str) -> tuple[tuple[UnsplicedShare, ...], str]:
    """Shares, all cells first, and what the step will ask."""
    dataset = store.open_dataset(id)
    layers = SplicingLayers.of(dataset)
    return unspliced_shares(layers, dataset.snapshots()), layers.question


def _table(head: tuple[str, ...], rows: list, name: str) -> None:
    chart.listed({each: [row[k] for row in rows] for k, each in enumerate(head)}, name, name)
