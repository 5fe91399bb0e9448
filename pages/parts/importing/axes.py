"""The last step of the import guide: the axes of the model, and what is done to the values before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from cellflow_core.data.importing.import_choices import ImportChoices
from cellflow_core.data.preprocessing.qc import QCFilterResult, QCMetrics
from cellflow_core.plural import counted
from cellflow_core.reporting.formatting import plain
from cellflow_core.reporting.setting_names import CONTROLS
from pages.parts.importing.form import ImportForm, Values
from pages.parts.importing.perturbation import perturbation
from pages.parts.widgets.form import help_of

AXES = {
    "pca": (
        "Principal components (recommended)",
        "A few dozen axes along which cells differ most. Fast, and every gene can still be read and knocked out.",
    ),
    "genes": (
        "The genes themselves",
        "Each variable gene is an axis. Easiest to read; slow and noisy beyond a few hundred genes.",
    ),
    "coordinates": (
        "The numbers as they are",
        "For tables that are already coordinates, such as components or a simulation. Genes cannot be read back.",
    ),
}

COMPUTED = "Axes that you computed before."
FLAT = (
    "A picture, kept to look at in any case. As axes it misleads: distances in a UMAP or t-SNE are no amount of change."
)


def axes(found: Any, measured: QCMetrics, left: QCFilterResult, draft: ImportForm, counts: bool, step: int) -> Values:
    """Axes, components, batches, growth, and how the values are prepared."""
    st.markdown(f"### {step}. In which axes should the model work?")
    choices = _representations(found)
    stands = draft.values["representation"]
    representation = st.radio(
        CONTROLS["representation"],
        list(choices),
        list(choices).index(stands) if stands in choices else 0,
        key=draft.key("axes"),
        format_func=lambda each: choices[each][0],
        captions=[words for _, words in choices.values()],
        label_visibility="collapsed",
    )
    values: Values = {"representation": representation}
    values |= _beside(found, measured, left, draft, representation)
    values |= perturbation(found, measured, draft)
    values |= _preparation(found, draft, representation, counts)
    most = int(values.get("most_cells", draft.values["most_cells"]))
    if int(left.cells.sum()) > most:
        st.info(
            f"Of {int(left.cells.sum()):,} cells a random {most:,} are taken, the same share of every time.",
            icon=":material/filter_alt:",
        )
    return values


def _beside(found: Any, measured: QCMetrics, left: QCFilterResult, draft: ImportForm, representation: str) -> Values:
    """What is taken from the file beside the axes: batches, growth, a second modality."""
    known = {each.name: each for each in ImportChoices.settings()}
    values: Values = {"batch_column": "", "growth_column": "", "modality": ""}
    left_side, right_side = st.columns(2)
    if representation == "pca" and found.annotations:
        values["batch_column"] = _batch(found, measured, left, draft, left_side, help_of(known["batch_column"]))
    if found.growth:
        words = " Birth minus death, per unit of time: a score must be scaled first."
        values["growth_column"] = _one_of(
            right_side,
            "Growth of each cell",
            {"": "not given"} | {each: each for each in found.growth},
            draft,
            "growth_column",
            help_of(known["growth_column"]) + words,
        )
    seconds = {name: f"{name} ({counted(count, 'feature')})" for name, count in found.modalities.items()}
    seconds.pop(representation.removeprefix("obsm:"), None)  # the axes themselves are no second measurement
    if seconds:
        words = (
            " The models work in the axes above; GENOT can keep together, in each time, what is alike here. Counts of "
            "antibodies become centred log-ratios, counts of chromatin latent semantic components."
        )
        values["modality"] = _one_of(
            st,
            CONTROLS["modality"],
            {"": "none"} | seconds,
            draft,
            "modality",
            help_of(known["modality"]) + words,
        )
    return values


def _preparation(found: Any, draft: ImportForm, representation: str, counts: bool) -> Values:
    """How the values are prepared, behind a lid."""
    known = {each.name: each for each in ImportChoices.settings()}
    values: Values = {}
    with st.expander("How the values are prepared", icon=":material/tune:"):
        for name, words in (
            ("normalise", "Bring every cell to the same total count"),
            ("log", "Take the logarithm, log(1 + x)"),
        ):
            values[name] = st.toggle(
                words, draft.values[name], key=draft.key(name), help=help_of(known[name]), disabled=not counts
            )
        numbers = (("variable_genes", "Most variable genes kept"),) if representation in ("pca", "genes") else ()
        if representation != "genes":
            numbers += (
                ("components", "Principal components" if representation == "pca" else "Axes kept, the first ones"),
            )
        if found.cells > int(known["most_cells"].low or 0):
            numbers += (("most_cells", "Cells at most"),)
        for name, words in numbers:
            each = known[name]
            low, high = int(each.low or 0), None if each.high is None else int(each.high)
            values[name] = int(
                st.number_input(words, low, high, int(draft.values[name]), key=draft.key(name), help=help_of(each))
            )
        for name in ("drop_incomplete_genes", "drop_incomplete"):
            values[name] = st.toggle(
                CONTROLS[name],
                draft.values[name],
                key=draft.key(name),
                help=help_of(known[name]),
            )
    return values


def _representations(found: Any) -> Mapping[str, tuple[str, str]]:
    own = ("coordinates",) if found.looks == "coordinates" else ("pca", "genes")
    again = "Genes can be drawn, but not knocked out." if found.looks != "coordinates" else "Genes cannot be read back."
    flat = {name for name in found.obsm if name.lower().removeprefix("x_") in found.pictures}
    stored = {
        f"obsm:{name}": (f"“{plain(name)}” as stored in the file", f"{FLAT if name in flat else COMPUTED} {again}")
        for name in found.obsm
    }
    return {**{each: AXES[each] for each in own}, **stored}


def _batch(found: Any, measured: QCMetrics, left: QCFilterResult, draft: ImportForm, where: Any, help: str) -> str:
    """Column of batches, with a warning where taking them out takes time out too."""
    time = draft.values["time_column"]
    options = {"": "none"} | {each: each for each in found.annotations if each != time}
    words = " States are moved, so a gene read from them is corrected expression."
    batch = _one_of(where, "Batches to take out", options, draft, "batch_column", help + words)
    if batch and batch in measured.columns and time in measured.columns:
        codes, at = (measured.columns[each][1][left.cells] for each in (batch, time))
        if len(np.unique(at)) > 1 and all(len(np.unique(at[codes == each])) == 1 for each in np.unique(codes)):
            st.warning(
                f"Each batch of “{plain(batch)}” was measured at one time only: taking out differences between batches "
                "takes out differences between times with them. Leave it, unless you have a reason.",
                icon=":material/warning:",
            )
    return batch


def _one_of(where: Any, label: str, options: Mapping[str, str], draft: ImportForm, name: str, help: str) -> str:
    """One of the options, or the first, which stands for none; `name` is that of the import choice."""
    stands, keys = draft.values[name], list(options)
    at = keys.index(stands) if stands in options else 0
    key = draft.key(name.removesuffix("_column"))
    return str(where.selectbox(label, keys, at, key=key, format_func=lambda each: options[each], help=help))
