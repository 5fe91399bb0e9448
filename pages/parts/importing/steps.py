"""The steps of an import as chosen so far, each of which can be set back, and the last change undone."""

from __future__ import annotations

from typing import Any

import streamlit as st

from cellflow_core.data.importing.import_choices import ImportChoices
from cellflow_core.data.importing.import_defaults import parse_choices
from cellflow_core.data.preprocessing.qc import QCFilterResult
from cellflow_core.plural import counted
from cellflow_core.reporting.formatting import plain
from pages.parts.importing.form import ImportForm, Values
from pages.parts.importing.quality import FILTERS, LOOKS

STEPS = {
    "values": ("values",),
    "filters": tuple(FILTERS),
    "time": ("time_column", "unit", "windows", "numbers"),
    "preparation": ("normalise", "log", "most_cells"),
    "missing": ("drop_incomplete", "drop_incomplete_genes"),
    "reading": ("matrix", "orientation"),
    "axes": ("representation", "components", "variable_genes", "batch_column"),
    "growth": ("growth_column",),
    "modality": ("modality",),
}


def show(found: Any, left: QCFilterResult, draft: ImportForm, values: Values) -> None:
    """One line a step, with a button where it differs from what the file proposed."""
    lines = _lines(found, left, parse_choices(values)[0], values)
    with st.container(border=True, key="import_steps"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown("**Steps as chosen so far**")
            if st.button(
                "Undo",
                key="import_undo",
                icon=":material/undo:",
                disabled=not draft.changes,
                type="tertiary",
                help="Take back the last change",
            ):
                draft.undo()
        for step, words in lines.items():
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f":material/check: {words}")
                if draft.differs(STEPS[step]) and st.button(
                    "Set back", key=f"import_reset_{step}", type="tertiary", help="As the file itself proposes it"
                ):
                    draft.reset(STEPS[step])


def _lines(found: Any, left: QCFilterResult, choices: ImportChoices, values: Values) -> dict[str, str]:
    lines: dict[str, str] = {}
    coordinates = found.looks == "coordinates"
    if not coordinates:
        looks = found.looks if choices.values == "auto" else choices.values
        open_yet = choices.values == "auto" and found.unsure
        lines["values"] = "What the values are is not said yet" if open_yet else f"Values are {LOOKS[looks]}"
        taken = [f"{each.words} ({counted(each.cells, 'cell')} out)" for each in left.removed]
        if choices.min_cells:
            out = counted(int((~left.genes).sum()), "gene")
            taken.append(f"genes in fewer than {counted(choices.min_cells, 'cell')} ({out} out)")
        lines["filters"] = "Left out: " + "; ".join(taken) if taken else "No cell and no gene is left out"
    lines["time"] = _time(choices, values)
    if not coordinates:
        done = [
            each for each, on in (("same total in every cell", choices.normalise), ("log(1 + x)", choices.log)) if on
        ]
        counts = (found.looks if choices.values == "auto" else choices.values) == "counts"
        lines["preparation"] = (", ".join(done) or "values as they are") if counts else "values as they are"
        lines["preparation"] = lines["preparation"][:1].upper() + lines["preparation"][1:]
    missing = [
        words for words, on in (("genes", choices.drop_incomplete_genes), ("cells", choices.drop_incomplete)) if on
    ]
    if missing:
        lines["missing"] = f"With missing values left out: {', then '.join(missing)} (at the import)"
    if choices.matrix or choices.orientation:
        rows = f"{choices.orientation} stand in the rows" if choices.orientation else ""
        lines["reading"] = "; ".join(
            filter(None, (f"Values of {plain(choices.matrix)}" if choices.matrix else "", rows))
        )
    lines["axes"] = _axes(choices, found.features)
    if choices.growth_column:
        lines["growth"] = f"Growth from “{plain(choices.growth_column)}”"
    if found.modalities:
        lines["modality"] = f"Second modality: {plain(choices.modality) or 'none'}"
    return lines


def _time(choices: ImportChoices, values: Values) -> str:
    if not choices.time_column:
        return "No time is known: one snapshot"
    column = plain(choices.time_column)
    if choices.windows:
        return f"Time from “{column}” in {counted(choices.windows, 'window')}"
    numbers = values["numbers"].get(choices.time_column, {})
    if not numbers:
        return f"Time from “{column}”, as it is"
    count = len({each for each in numbers.values() if each is not None})
    out = sum(each is None for each in numbers.values())
    return f"Time from “{column}”: {counted(count, 'time')}" + (f", {counted(out, 'label')} left out" if out else "")


def _axes(choices: ImportChoices, features: int) -> str:
    if choices.representation == "pca":
        batch = f", batches of “{plain(choices.batch_column)}” taken out" if choices.batch_column else ""
        few = features <= choices.variable_genes
        genes = f"all {features:,} genes" if few else f"the {choices.variable_genes:,} most variable genes"
        return f"{min(choices.components, features)} principal components of {genes}{batch}"
    if choices.representation == "genes":
        return "The most variable genes are the axes"
    if choices.representation == "coordinates":
        first = "All" if choices.components >= features else "The first"
        return f"{first} {min(choices.components, features)} columns are the axes, as they are"
    return (
        f"At most {choices.components} columns of “{plain(choices.representation.removeprefix('obsm:'))}” are the axes"
    )
