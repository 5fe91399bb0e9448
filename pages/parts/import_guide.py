"""The guided import of one uploaded file: what was found, which column is time, in which order, and in which axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from cellflow_core.data import sources
from cellflow_core.data.importing import ImportChoices
from cellflow_core.figures import counts
from cellflow_core.jobs import alone, compute
from pages.parts.chart import chart, dark
from pages.parts.form import help_of
from pages.parts.state import pending, result_of, sentence, shared
from pages.parts.words import plain

UNITS = ("day", "hour", "week", "minute", "embryonic day", "passage", "stage", "pseudotime", "")
LOOKS = {
    "counts": "counts of molecules, not logarithmic",
    "log": "normalised, logarithmic expression",
    "coordinates": "coordinates, not gene expression",
}
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


def show(upload: str) -> None:
    """The whole guide; when the import has ended the page goes to the new data set."""
    try:
        source = sources.opened(upload)
        path, name = source.path, source.name
    except KeyError as error:
        st.error(sentence(error), icon=":material/error:")
        st.page_link("pages/data.py", label="Back to Data", icon=":material/arrow_back:")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(f"Import {plain(name)}", anchor=False)
        if st.button("Choose another file", key="import_cancel", icon=":material/close:"):
            sources.discard(upload)
            st.query_params.clear()
            st.rerun()
    job = f"import-{upload}"
    begun = pending(job)
    if begun is not None:
        _finish(upload, name, begun)
    held = f"inspection_{upload}"
    if held not in st.session_state:
        future = shared(
            f"inspect-{upload}", lambda: alone.call("cellflow_core.data.importing:inspect_file", str(path), name)
        )
        st.session_state[held] = result_of(future, f"Looking into {plain(name)}")
    found = st.session_state[held]
    *notes, last = ("", *found.notes)
    _what_was_found(found, found.notes if found.candidates else notes[1:])
    if not found.candidates:
        # The last note of a file without times says which columns were looked at.
        st.error(plain(last), icon=":material/error:")
        return
    column, unit, numbers = _times(found)
    choices = _choices(found, column, unit)
    times = {each for each in numbers.values() if each is not None}
    if len(times) < 2:
        st.error(
            f"{'One time is' if times else 'No time is'} left: a model of motion needs cells at two or more different "
            "times. Give at least two labels a different number, or choose another column.",
            icon=":material/error:",
        )
    if st.button(
        "Import", key="import_start", type="primary", icon=":material/download_done:", disabled=len(times) < 2
    ):
        _finish(
            upload,
            name,
            shared(
                job,
                lambda: alone.call(
                    "cellflow_core.data.importing:import_file",
                    str(path),
                    name,
                    choices,
                    numbers,
                    say=sources.stages(upload),
                ),
            ),
        )


def _finish(upload: str, name: str, future: Any) -> None:
    """Wait for the import, start the UMAP behind it, and go to the data set."""
    made = result_of(future, f"Importing {plain(name)}", sources.stages(upload))
    shared(f"umap-{made}", lambda: compute.call("cellflow_core.data.embed:add_umap", made))
    sources.hand_over(upload, made)
    st.query_params.clear()
    st.query_params["dataset"] = made
    st.rerun()


def _what_was_found(found: Any, notes: Sequence[str]) -> None:
    looks = LOOKS.get(found.looks, found.looks)
    what = "columns" if found.looks == "coordinates" else "genes"
    st.markdown(
        f"Found **{found.cells:,} cells** with **{found.features:,} {what}** "
        f"({found.format}). The values look like **{looks}**."
    )
    if found.annotations:
        st.caption(f"Annotations kept with the cells: {plain(', '.join(map(str, found.annotations)))}")
    for note in notes:
        st.info(plain(note), icon=":material/info:")


def _times(found: Any) -> tuple[str, str, dict[str, float | None]]:
    """(column, unit, raw label -> number or None for the cells to leave out)."""
    st.markdown("#### 1. When was each cell measured?")
    by_name = {each.column: each for each in found.candidates}
    left, right = st.columns([2, 1])
    column = left.selectbox(
        "Column with the time",
        list(by_name),
        key="import_column",
        help="The likeliest column comes first. Each different value becomes one time point.",
    )
    candidate = by_name[column]
    units = list(dict.fromkeys((candidate.unit, *UNITS)))
    unit = right.selectbox(
        "Unit of time",
        units,
        key=f"import_unit_{column}",
        accept_new_options=True,
        format_func=lambda each: each or "no unit",
        help="Shown on every axis; speeds are per this unit. Type your own if it is not listed.",
    )
    st.caption(
        "Check that each label has the right number. Correct a number by clicking it; untick “Use” to leave cells out. "
        "The distances between numbers count: days 0, 2, 7 are not the same as steps 0, 1, 2."
    )
    table = pd.DataFrame(
        {
            "use": [each is not None for each in candidate.numbers],
            "label": [str(each) for each in candidate.labels],
            "time": pd.array([float("nan") if each is None else each for each in candidate.numbers], dtype="float64"),
            "cells": list(candidate.counts),
        }
    )
    edited = st.data_editor(
        table,
        hide_index=True,
        key=f"import_times_{column}",
        disabled=("label", "cells"),
        column_config={
            "use": st.column_config.CheckboxColumn("Use", width="small"),
            "label": st.column_config.TextColumn("In your file"),
            "time": st.column_config.NumberColumn(f"Time{f' ({unit})' if unit else ''}", format="%g"),
            "cells": st.column_config.NumberColumn("Cells", format="localized"),
        },
        alt="Each label of the time column with its number and how many cells have it",
    )
    used = edited[edited["use"] & edited["time"].notna()]
    kept = used.groupby("time")["cells"].sum()
    numbers = dict.fromkeys(table["label"])
    numbers |= dict(zip(used["label"], map(float, used["time"]), strict=True))
    order = " → ".join(f"{time:g}" for time in kept.index)
    st.caption(f"Order in time{f' ({unit})' if unit else ''}: **{order or 'none'}** · {int(kept.sum()):,} cells used")
    if len(kept):
        times, cells = [float(time) for time in kept.index], [int(each) for each in kept]
        figure = counts.counts(times, cells, unit=unit or "", dark=dark(), height=200)
        chart(figure, key="import_counts", alt=counts.describe(times, cells, unit or ""))
    return str(column), unit or "", numbers


def _choices(found: Any, column: str, unit: str) -> ImportChoices:
    """The axes in which the model will work, and what is done to the values before."""
    st.markdown("#### 2. In which axes should the model work?")
    ways: Mapping[str, tuple[str, str]] = {
        **({"coordinates": AXES["coordinates"]} if found.looks == "coordinates" else {}),
        **({} if found.looks == "coordinates" else {"pca": AXES["pca"], "genes": AXES["genes"]}),
        **{
            f"obsm:{name}": (
                f"“{plain(name)}” as stored in the file",
                "Axes that you computed before. Genes can be drawn, but not knocked out.",
            )
            for name in found.obsm
        },
    }
    way = st.radio(
        "Axes",
        list(ways),
        key="import_axes",
        format_func=lambda each: ways[each][0],
        captions=[words for _, words in ways.values()],
        label_visibility="collapsed",
    )
    known = {each.name: each for each in ImportChoices.settings()}
    values: dict[str, Any] = {"time_column": column, "unit": unit, "representation": way}
    st.markdown("#### 3. Name")
    values["label"] = st.text_input(
        "Name of the data set", found.name.rsplit(".", 1)[0], key="import_label", max_chars=80
    )
    with st.expander("How the values are prepared", icon=":material/tune:"):
        for name in ("normalise", "log"):
            values[name] = st.toggle(
                {"normalise": "Bring every cell to the same total count", "log": "Take the logarithm, log(1 + x)"}[
                    name
                ],
                found.looks == "counts",
                key=f"import_{name}",
                help=help_of(known[name]),
                disabled=found.looks == "coordinates",
            )
        for name, words in (("variable_genes", "Most variable genes kept"), ("components", "Principal components")):
            each = known[name]
            low, high = int(each.low or 0), int(each.high or 100_000)
            values[name] = int(
                st.number_input(words, low, high, int(each.default), key=f"import_{name}", help=help_of(each))
            )
        values["drop_incomplete"] = st.toggle(
            "Leave out cells with a missing value",
            False,
            key="import_drop_incomplete",
            help=help_of(known["drop_incomplete"]),
        )
    return ImportChoices.of(values)
