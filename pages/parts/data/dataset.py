"""One data set: what it holds, how many cells at each time, how they lie, what was done to it, and how to go on."""

from __future__ import annotations

import numpy as np
import streamlit as st

from cellflow_core.data import store
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.figures.data import counts
from cellflow_core.reporting.formatting import as_sentence, plain
from cellflow_core.reporting.setting_names import in_page
from cellflow_core.time_units import format_time, pluralize
from pages.parts.data import (
    cell_picture,
    ground_truth,
    manage,
    preprocessing_summary,
    provenance,
    reconstruction,
    steps,
    velocity_genes,
)
from pages.parts.views import cell_selection
from pages.parts.widgets import selectors
from pages.parts.widgets.chart import chart, dark

SPACES = {
    "pca": "principal components",
    "genes": "genes",
    "coordinates": "coordinates",
    "diffusion": "diffusion map",
    "vae": "autoencoder",
    "geodesic": "geodesic autoencoder",
    "splicing": "unspliced and spliced RNA",
}
NEEDS = {
    "velocity": "RNA velocity of each cell",
    "mass": "population sizes at each time",
    "lineage": "lineage barcodes",
    "modality": "a second modality of the same cells",
    "growth": "a guess of each cell's growth",
    "subjects": "the same individuals over time",
    "dose": "doses",
    "perturbation": "which target was perturbed in each cell",
}
"""What some models can use besides times and genes."""


def show(info: store.DatasetInfo) -> None:
    """The page of one data set."""
    _facts(info)
    if DataRequirement.TIMES not in info.has:
        _one_moment(info)
    if DataRequirement.PERTURBATION in info.has:
        _perturbed(info)
    if {DataRequirement.SUBJECTS, DataRequirement.TIMES} <= set(info.has):
        _followed(info)
    left, right = st.columns([3, 2], gap="large")
    with left:
        shown = cell_picture.show(info)
    with right:
        _times(info)
        for note in info.notes:
            st.info(plain(as_sentence(in_page(note))), icon=":material/info:")
        _train(info)
        _findings(info)
        preprocessing_summary.explained(info)
        provenance.show(info)
        manage.show(info)
    ground_truth.show(info)
    velocity_genes.show(info)
    reconstruction.show(info)
    with left:  # last, because a step that goes wrong ends the page
        steps.show(info, shown)


def _facts(info: store.DatasetInfo) -> None:
    unit = "" if info.time_unit == "pseudotime" else f" {plain(pluralize(info.time_unit))}"
    followed = DataRequirement.SUBJECTS in info.has and not info.genes
    with st.container(horizontal=True, key="facts"):
        if followed:
            _individuals(info)
        else:
            st.metric("Cells", f"{info.cells:,}")
            st.metric("Genes", f"{info.genes:,}" if info.genes else "none")
        st.metric("Times", len(info.times) or "none")
        if DataRequirement.TIMES in info.has:
            st.metric("Span", f"{format_time(info.times[0])} to {format_time(info.times[-1])}{unit}".rstrip())
        st.metric("Variables" if followed else f"Axes ({SPACES.get(info.space, info.space)})", info.dim)
    if info.truth:
        st.caption(f":material/verified: Simulated, so the truth is known: {plain(info.truth)}.")


def _individuals(info: store.DatasetInfo) -> None:
    data = cell_selection.dataset(info.id).snapshots()
    st.metric("Individuals", f"{len(np.unique(data.subject)):,}" if data.subject is not None else "none")
    measured = data.x.size if data.observed is None else int(data.observed.sum())
    st.metric("Measurements", f"{measured:,}")
    st.metric("Doses", f"{len(data.doses.time):,}" if data.doses is not None else "none")


def _followed(info: store.DatasetInfo) -> None:
    with st.container(border=True, key="followed"):
        st.markdown(
            "**The same individuals were measured again and again.** Their measurements over time, what a model "
            "makes of each of them, and what other doses would do:"
        )
        st.page_link("courses.py", label="Courses", icon=":material/medication:", query_params={"dataset": info.id})


def _one_moment(info: store.DatasetInfo) -> None:
    known = "These cells were measured at one moment." if info.times else "The time of these cells is not known."
    with st.container(border=True, key="one_moment"):
        st.markdown(f"**{known}** Most models of motion need two times or more.")
        st.markdown(
            "If the tissue holds every stage side by side, the cells can be ordered by how alike they are. The order "
            "(pseudotime) stands in for time: it has no unit and no speed. If you have cells of other times too, put "
            "them into one file and load that."
        )
        if DataRequirement.MOMENTS in info.has:
            st.markdown(
                "Models of RNA velocity estimate the direction of change from the spliced and unspliced RNA of these "
                "cells without times: train one."
            )
        elif {"spliced", "unspliced"} <= set(info.layers):
            st.markdown(
                "These cells have spliced and unspliced counts, from which the direction of change (RNA velocity) can "
                "be estimated without times: take the step *Velocity genes and moments*."
            )
        st.markdown(f"[:material/route: Order them by pseudotime](#{steps.ANCHOR})")


def _perturbed(info: store.DatasetInfo) -> None:
    with st.container(border=True, key="perturbed"):
        st.markdown(
            "**The cells were perturbed.** What each target changed, against the control cells, is measured in these "
            "data: no model is needed."
        )
        st.page_link(
            "perturb.py",
            label="What was measured",
            icon=":material/science:",
            query_params={"dataset": info.id, "look": "measured"},
        )


def _times(info: store.DatasetInfo) -> None:
    if DataRequirement.TIMES not in info.has:
        return
    rows = selectors.row_word(info)
    st.header(f"{rows.capitalize()}s at each time")
    figure = counts.counts(info.times, info.counts, unit=info.time_unit, dark=dark(), row=rows)
    chart(figure, key=f"counts_{info.id}", alt=counts.describe(info.times, info.counts, info.time_unit, rows))


def _train(info: store.DatasetInfo) -> None:
    if st.button("Train a model", key="train_on", type="primary", icon=":material/model_training:"):
        st.switch_page("train.py", query_params={"dataset": info.id})


def _findings(info: store.DatasetInfo) -> None:
    """Available annotations, in words."""
    has = {each.name.lower() for each in cell_selection.dataset(info.id).snapshots().has}
    there = [selectors.times_words(info)]
    there.append("a map from every state to its genes" if "genes" in has else "coordinates without genes")
    there += [words for need, words in NEEDS.items() if need in has]
    there += [f"{plain(each)} counts" for each in info.layers]
    missing = [words for need, words in NEEDS.items() if need not in has]
    with st.expander("Available annotations", icon=":material/search:", key="findings"):
        st.markdown("  \n".join(f":material/check: {each}" for each in there))
        if missing:
            st.caption(f"Not here: {', '.join(missing)}. Some models use them; most do not need them.")
