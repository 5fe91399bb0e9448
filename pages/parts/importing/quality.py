"""The first two steps of the import guide: what the file holds, and which cells and genes are good enough."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import streamlit as st

from cellflow_core.data.importing.import_choices import ImportChoices
from cellflow_core.data.preprocessing import qc
from cellflow_core.data.preprocessing.qc import QCFilterResult, QCMetrics
from cellflow_core.figures.data import violin
from cellflow_core.plural import counted
from cellflow_core.reporting import file_contents
from cellflow_core.reporting.formatting import as_sentence, plain
from cellflow_core.reporting.setting_names import in_page
from pages.parts.importing.form import ImportForm, Values
from pages.parts.widgets.chart import chart, dark
from pages.parts.widgets.form import help_of

LOOKS = {
    "counts": "counts of molecules (raw or brought to the same total), not logarithmic",
    "log": "logarithmic, or otherwise ready to use",
    "coordinates": "coordinates, not gene expression",
}
FILTERS = {
    "min_counts": "At least so many counts",
    "max_counts": "At most so many counts (0: off)",
    "min_genes": "At least so many genes",
    "max_genes": "At most so many genes (0: off)",
    "max_mito": "At most so much mitochondrial (%)",
    "min_cells": "Genes in at least so many cells",
}
OF_COUNTS = ("min_counts", "max_counts", "max_mito")


def found_in(found: Any, draft: ImportForm) -> Values:
    """What was found, and what the values are where a person must say."""
    st.markdown("### 1. What was found")
    what = "columns" if found.looks == "coordinates" else "genes"
    st.markdown(
        f"**{found.cells:,} cells** with **{found.features:,} {what}** ({plain(found.format)}). "
        f"The values look like **{LOOKS[found.looks]}**."
    )
    beside = {
        "Annotations": found.annotations,
        "Measured beside": found.layers,
        "Lineage": (f"barcodes of {counted(found.clones, 'clone')}",) if found.clones else (),
        "Pictures": found.pictures,
        "Named like growth": found.growth,
        "Velocities": found.velocities,
    }
    lines = [f"{name}: {plain(', '.join(map(str, held)))}" for name, held in beside.items() if held]
    if lines:
        st.caption(" · ".join(lines))
    for note in found.notes if found.candidates else found.notes[:-1]:
        st.info(plain(as_sentence(in_page(note))), icon=":material/info:")
    contents(found.contents, "import_contents")
    if found.missing:
        st.warning(plain(as_sentence(in_page(found.missing))), icon=":material/warning:")
    reading = _reading(found, draft)
    if found.unsure:
        st.warning(f"Please choose what the values are: {plain(found.unsure)}.", icon=":material/help:")
    kinds = tuple(LOOKS)
    chosen = draft.values["values"]
    at = kinds.index(chosen) if chosen in kinds else (None if found.unsure else kinds.index(found.looks))
    values = st.radio(
        "The values are",
        kinds,
        at,
        key=draft.key("values"),
        format_func=lambda each: LOOKS[each],
        horizontal=True,
        help="Counts are brought to the same total in every cell and then logarithmic. Other values are used as they "
        "are.",
    )
    return {**reading, "values": values or "auto"}


def contents(parts: Iterable[Any], key: str) -> None:
    """Each part of the file: what is kept of it, and why the rest is not."""
    rows = file_contents.rows(parts, in_page)
    kept = sum(each[0] == "yes" for each in rows)
    with st.expander(f"What is kept of the file: {kept} of {counted(len(rows), 'part')}", icon=":material/fact_check:"):
        st.dataframe(
            [dict(zip(file_contents.HEAD, each, strict=True)) for each in rows],
            hide_index=True,
            key=key,
        )


def _reading(found: Any, draft: ImportForm) -> Values:
    """Which matrix of the file holds the values, and whether its rows are cells or genes, where there is a choice."""
    values: Values = {}
    if len(found.matrices) > 1:
        options = ["", *found.matrices]
        stands = draft.values["matrix"]
        values["matrix"] = st.selectbox(
            "Matrix with the values",
            options,
            options.index(stands) if stands in options else 0,
            key=draft.key("matrix"),
            format_func=lambda each: found.matrices.get(each, "as proposed"),
            help="X is proposed, or what stands in for it where X is scaled.",
        )
    if found.question or draft.values["orientation"]:
        st.warning(f"Are the rows cells or genes? {plain(as_sentence(found.question))}", icon=":material/help:")
        kinds = ("cells", "genes")
        stands = draft.values["orientation"]
        chosen = st.radio(
            "In the rows stand",
            kinds,
            kinds.index(stands) if stands in kinds else None,
            key=draft.key("orientation"),
            horizontal=True,
        )
        values["orientation"] = chosen or ""
    return values


@st.cache_resource(show_spinner=False, max_entries=4)
def numbers_of(path: str, changed: float) -> QCMetrics:
    """Quality numbers that the look into the file left beside it; `changed` is when, so that a new look counts."""
    return qc.load(Path(path))


def filters(found: Any, measured: QCMetrics, draft: ImportForm, counts: bool) -> tuple[Values, QCFilterResult]:
    """Limits on cells and genes, with what each of them takes."""
    st.markdown("### 2. Which cells are good enough?")
    st.caption(
        "Empty drops have few counts and genes, two cells in one drop have many, dying cells a large mitochondrial "
        "share. Cells beyond a dashed line are left out."
        if counts
        else "The values are no counts, so only the number of detected genes says something about a cell here."
    )
    names = list(FILTERS) if counts else [each for each in FILTERS if each not in OF_COUNTS]
    if not found.mito_genes and counts:
        names.remove("max_mito")
        st.caption(
            "No gene is known as mitochondrial (MT-ND1, mt-Nd1, mt:ND1, MT.ND1 ... are), so there is no mitochondrial "
            "fraction to filter by."
        )
    known = {each.name: each for each in ImportChoices.settings()}
    limits = draft.values
    values: Values = {}
    picture = st.container()
    places = [column for _ in range(-(-len(names) // 3)) for column in st.columns(3)]  # a narrow screen keeps the order
    for place, name in zip(places, names, strict=False):
        real = name == "max_mito"
        values[name] = place.number_input(
            FILTERS[name],
            0.0 if real else 0,
            100.0 if real else None,
            float(limits[name]) if real else int(limits[name]),
            1.0 if real else 1,
            key=draft.key(name),
            help=help_of(known[name]),
        )
    values |= {name: known[name].default for name in FILTERS if name not in names}
    time = draft.now("time_column", "column")
    choices = ImportChoices.from_dict({**values, "time_column": time})
    left = qc.kept(measured, choices)
    shown = {name: each for name, each in measured.measures.items() if counts or name == "genes detected"}
    with picture:
        chart(
            violin.violins(shown, _lines(values), dark=dark()),
            key="import_violins",
            alt=f"Quality of {found.cells:,} cells: {violin.describe(shown)}",
        )
    _what_is_left(found, left, choices)
    return values, left


def _lines(values: Values) -> dict[str, violin.Limits]:
    share = values["max_mito"] / 100
    return {
        "total counts": (values["min_counts"] or None, values["max_counts"] or None),
        "genes detected": (values["min_genes"] or None, values["max_genes"] or None),
        "mitochondrial share": (None, share if share < 1 else None),
    }


def _what_is_left(found: Any, left: QCFilterResult, choices: ImportChoices) -> None:
    """Live counts, and a warning where a filter takes the last cell of a time."""
    for each in left.idle:
        st.warning(plain(as_sentence(each)), icon=":material/warning:")
    lines = [f"{each.words}: **{counted(each.cells, 'cell')} out**" for each in left.removed]
    if choices.min_cells:
        out = counted(int((~left.genes).sum()), "gene")
        lines.append(f"genes in fewer than {counted(choices.min_cells, 'cell')}: **{out} out**")
    kept, genes = int(left.cells.sum()), int(left.genes.sum())
    for each in lines:
        st.markdown(f":material/filter_alt: {each[:1].upper()}{each[1:]}")
    st.markdown(f"**{kept:,} of {found.cells:,} cells** and **{genes:,} of {found.features:,} genes** are left.")
    for label, words in left.emptied.items():
        st.warning(f"No cell of “{plain(label)}” is left: the filter “{words}” takes its last one.")
    if not kept or not genes:
        st.error("Nothing is left: choose milder filters.", icon=":material/error:")
