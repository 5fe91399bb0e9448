"""The guided import of one file: what was found, which cells are good, which column is time, and in which axes."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import streamlit as st

from cellflow_core.data.importing import uploads
from cellflow_core.data.importing.import_choices import ImportChoices
from cellflow_core.data.importing.import_defaults import default_choices, parse_choices
from cellflow_core.data.preprocessing import qc
from cellflow_core.jobs import sandbox
from cellflow_core.reporting.formatting import plain
from cellflow_core.workspace import limits
from pages.parts.importing import axes, individuals, quality, steps, time
from pages.parts.importing.form import ImportForm, Values
from pages.parts.widgets.background import pending, result_of, sentence, shared, umap


def show(upload: str) -> None:
    """The whole guide; when the import has ended the page goes to the new data set."""
    try:
        source = uploads.opened(upload)
    except KeyError as error:
        st.error(sentence(error), icon=":material/error:")
        st.page_link("data.py", label="Back to Data", icon=":material/arrow_back:")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(f"Import {plain(source.name)}", anchor=False)
        if st.button("Choose another file", key="import_cancel", icon=":material/close:"):
            uploads.discard(upload)
            st.query_params.clear()
            st.rerun()
    begun = pending(f"import-{upload}")
    if begun is not None:
        _finish(upload, source.name, begun)
    found, draft = _opened(upload, source)
    if found.ready:
        own = f"This file was written by this app and holds {found.cells:,} cells whole"
        tables = f"This file holds the {plain(found.format)} of {found.cells:,} samples"
        st.success(
            f"{own if found.format == 'AnnData' else tables}: nothing is left to decide.", icon=":material/task_alt:"
        )
        values, fine = draft.values, True
    else:
        values, fine = _guided(found, _numbers_beside(source), draft)
    st.markdown("### Name")
    values["label"] = st.text_input("Name of the data set", draft.values["label"], key=draft.key("label"), max_chars=80)
    draft.keep(values)
    if st.button("Import", key="import_start", type="primary", icon=":material/download_done:", disabled=not fine):
        choices, numbers = parse_choices(values)
        _finish(
            upload,
            source.name,
            shared(
                f"import-{upload}",
                lambda: sandbox.run_isolated(
                    "cellflow_core.data.importing.pipeline:import_file",
                    str(source.path),
                    source.name,
                    choices,
                    numbers,
                    on_progress=uploads.stages(upload),
                    seconds=limits().import_seconds,
                ),
            ),
        )


def _opened(upload: str, source: Any) -> tuple[Any, ImportForm]:
    """What the file holds, read as it was chosen so far, and the choices; a new look where the reading changed."""
    found = _inspected(upload, source, "", "")
    draft = ImportForm(upload, default_choices(found, source.time))
    matrix, orientation = draft.now("matrix", "matrix") or "", draft.now("orientation", "orientation") or ""
    if matrix or orientation:
        found = _inspected(upload, source, matrix, orientation)
    return found, draft


def _inspected(upload: str, source: Any, matrix: str, orientation: str) -> Any:
    held = f"inspection_{upload}" + (f"_{matrix}_{orientation}" if matrix or orientation else "")
    if held not in st.session_state:
        beside = str(_quality_at(source))
        future = shared(
            f"inspect-{held}",
            lambda: sandbox.run_isolated(
                "cellflow_core.data.importing.pipeline:inspect_file",
                str(source.path),
                source.name,
                quality_at=beside,
                seconds=limits().import_seconds,
                matrix=matrix,
                orientation=orientation,
            ),
        )
        st.session_state[held] = result_of(future, f"Looking into {plain(source.name)}")
    return st.session_state[held]


def _quality_at(source: Any) -> Path:
    return source.path.with_name("quality.npz")


def _numbers_beside(source: Any) -> Any:
    path = _quality_at(source)
    return quality.numbers_of(str(path), path.stat().st_mtime)


def _guided(found: Any, measured: Any, draft: ImportForm) -> tuple[Values, bool]:
    """(what was chosen, can the import go on)."""
    if found.individuals:
        return individuals.individuals(found, draft)
    values = draft.values | quality.found_in(found, draft)
    looks = found.looks if values["values"] == "auto" else values["values"]
    found = dataclasses.replace(found, looks=looks)
    counts = looks == "counts"
    if looks == "coordinates":
        left = qc.kept(measured, ImportChoices())
    else:
        chosen, left = quality.filters(found, measured, draft, counts)
        values |= chosen
    step = 2 if looks == "coordinates" else 3
    chosen, fine = time.times(found, measured, left, draft, step)
    values |= chosen
    values |= axes.axes(found, measured, left, draft, counts, step + 1)
    draft.keep(values)  # before the steps are shown, so that the last change can be undone at once
    steps.show(found, left, draft, values)
    asked = (bool(found.unsure) and values["values"] == "auto") or (bool(found.question) and not values["orientation"])
    if asked:
        st.error("Answer the question of step 1 first: it decides how the file is read.", icon=":material/error:")
    return values, fine and not asked and bool(left.cells.any()) and bool(left.genes.any())


def _finish(upload: str, name: str, future: Any) -> None:
    """Wait for the import, start the UMAP behind it, and go to the data set."""
    made = result_of(future, f"Importing {plain(name)}", uploads.stages(upload))
    umap(made)
    uploads.attach_to_dataset(upload, made)
    st.query_params.clear()
    st.query_params["dataset"] = made
    st.rerun()
