"""One data set: what it holds, how many cells at each time, how they lie, and what was done to it."""

from __future__ import annotations

from concurrent.futures import Future

import numpy as np
import streamlit as st

from cellflow_core.data import store
from cellflow_core.figures import counts, scatter
from cellflow_core.jobs import compute
from pages.parts import undo
from pages.parts.chart import chart, dark
from pages.parts.state import forget, pending, sentence, shared
from pages.parts.words import plain

SPACES = {"pca": "principal components", "genes": "genes", "coordinates": "coordinates"}


def show(info: store.DatasetInfo) -> None:
    """The page of one data set."""
    unit = f" {info.time_unit}" if info.time_unit else ""
    with st.container(horizontal=True, key="facts"):
        st.metric("Cells", f"{info.cells:,}")
        st.metric("Genes", f"{info.genes:,}" if info.genes else "none")
        st.metric("Times", len(info.times))
        st.metric("Span", f"{info.times[0]:g} to {info.times[-1]:g}{unit}")
        st.metric(f"Axes ({SPACES.get(info.space, info.space)})", info.dim)
    if info.truth:
        st.caption(f":material/verified: Simulated, so the truth is known: {info.truth}.")
    left, right = st.columns([3, 2], gap="large")
    with left:
        _cells(info)
    with right:
        st.subheader("Cells at each time")
        figure = counts.counts(info.times, info.counts, unit=info.time_unit, dark=dark())
        chart(figure, key=f"counts_{info.id}", alt=counts.describe(info.times, info.counts, info.time_unit))
        for note in info.notes:
            st.info(plain(note), icon=":material/info:")
        if st.button("Train a model", key="train_on", type="primary", icon=":material/model_training:"):
            st.switch_page("pages/train.py", query_params={"dataset": info.id})
        with st.expander("What was done to these data", icon=":material/history:"):
            st.markdown(
                "\n".join(f"1. {plain(step)}" for step in info.steps) or "Nothing: the values are as in the file."
            )
            st.caption(
                f"Source: {plain(info.source)} · made {info.created[:16].replace('T', ' ')} UTC · {info.fingerprint}"
            )
        _manage(info)


def _cells(info: store.DatasetInfo) -> None:
    st.subheader("How the cells lie")
    data = store.open_dataset(info.id)
    with st.container(horizontal=True):
        view = st.segmented_control(
            "View", info.views, default="pca", format_func=str.upper, key=f"view_{info.id}", required=True
        )
        by = st.selectbox("Colour by", ("time", *info.annotations, "a gene"), key=f"colour_{info.id}", width=220)
        gene = None
        if by == "a gene":
            gene = st.selectbox("Gene", data.genes, key=f"gene_{info.id}", width=220, index=None, placeholder="Search")
    points, snapshots = data.view(view or "pca"), data.snapshots()
    title, names, colour = by, (), None
    if by == "time":
        title = f"time ({info.time_unit})" if info.time_unit else "time"
        colour, names = scatter.grouped(snapshots.t)
    elif gene is not None:
        title, colour = gene, data.expression(gene)
    elif by != "a gene":
        colour, names = scatter.grouped(np.asarray(snapshots.labels[by]))
    axes = data.view_axes(view or "pca")
    figure = scatter.scatter(
        points, colour, axes=axes, title=title, names=names, in_order=by == "time", dark=dark(), height=460
    )
    chart(figure, key=f"cells_{info.id}", alt=scatter.describe(points, colour, names, title))
    if "umap" not in info.views:
        _umap(info)


def _umap(info: store.DatasetInfo) -> None:
    """UMAP is computed behind the page; a fragment looks for it and draws the page anew when it is there."""
    key = f"umap-{info.id}"

    def ask() -> Future:
        return shared(key, lambda: compute.call("cellflow_core.data.embed:add_umap", info.id))

    if pending(key) is None:
        if st.button("Compute a UMAP", key="umap_start", icon=":material/scatter_plot:"):
            ask()
            st.rerun()
        return
    future = ask()

    @st.fragment(run_every=None if future.done() else 1.5)
    def wait() -> None:
        if not future.done():
            st.caption(":material/pending: A UMAP is being computed; go on meanwhile.")
            return
        error = future.exception()
        if error is None:
            forget(future)
            st.rerun()
        else:
            st.warning(f"The UMAP could not be made. {sentence(error)}")
            if st.button("Try again", key="umap_again", icon=":material/refresh:"):
                forget(future)
                ask()
                st.rerun()

    wait()


def _manage(info: store.DatasetInfo) -> None:
    with st.expander("Rename or delete", icon=":material/edit:"):
        label = st.text_input("Name", info.label, key=f"rename_{info.id}", max_chars=80)
        with st.container(horizontal=True):
            if st.button("Save the name", key="rename_save", disabled=label == info.label):
                try:
                    store.open_dataset(info.id).rename(label)
                except ValueError as error:
                    st.error(sentence(error))
                else:
                    st.rerun()
            if st.button("Delete", key="delete_dataset", icon=":material/delete:"):
                store.delete(info.id)
                undo.deleted("dataset", info.id)
        st.caption(
            "Deleting moves it to the trash; you can undo it. Models trained on it stay, but their views need it."
        )
