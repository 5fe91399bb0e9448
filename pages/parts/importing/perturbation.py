"""The perturbation of each cell in the import guide: which column names it, which labels are controls."""

from __future__ import annotations

from typing import Any

import streamlit as st

from cellflow_core.data.importing.import_choices import AUTO
from cellflow_core.data.preprocessing.qc import QCMetrics
from cellflow_core.plural import counted
from cellflow_core.reporting.formatting import as_sentence, plain
from cellflow_core.reporting.setting_names import CONTROLS, in_page
from pages.parts.importing.form import ImportForm, Values

GUIDES = {
    "auto": "Join where the names say so",
    "join": "Join by the number or letter at the end",
    "keep": "Keep each as a target of its own",
}


def perturbation(found: Any, measured: QCMetrics, draft: ImportForm) -> Values:
    """Column, controls and guides; folded where nothing in the file looks like a perturbation."""
    known = {each.place: each for each in found.perturbations}
    time = draft.values["time_column"]
    others = [each for each in found.annotations if each not in known and each != time]
    if not known and not others:
        return {}
    first = next((each for each in known if each != time), "")
    named = {AUTO: f"“{first}” (looks like it)" if first else "none was recognised", "": "none"}
    named |= {each: each for each in (*known, *others) if each != first}
    with st.expander("Perturbations (knock-outs, treatments)", expanded=bool(known), icon=":material/science:"):
        stands, keys = draft.values["perturbation_column"], list(named)
        chosen = st.selectbox(
            "What was done to each cell",
            keys,
            keys.index(stands) if stands in named else 0,
            key=draft.key("perturbation"),
            format_func=lambda each: named[each],
            help="The column, or guide counts, that name the target of each cell. With control cells beside them, "
            "what each target changed can be measured, and predictions be compared with it.",
        )
        column = first if chosen == AUTO else str(chosen)
        values: Values = {"perturbation_column": chosen, "control_labels": "", "guides": draft.values["guides"]}
        if not column:
            return values
        summary = known.get(column)
        labels = summary.labels if summary else tuple(map(str, measured.columns[column][0]))
        values["control_labels"] = _controls(labels, summary.controls if summary else (), column, draft)
        if summary and not values["control_labels"]:
            st.caption(
                f"{counted(summary.targets, 'target')}, {counted(summary.control_cells, 'control cell')} in the file."
            )
            for note in summary.notes:
                st.caption(plain(as_sentence(in_page(note))))
        if summary and summary.unsure:
            options = list(GUIDES)
            values["guides"] = st.radio(
                CONTROLS["guides"],
                options,
                options.index(draft.values["guides"]),
                key=draft.key("guides"),
                format_func=GUIDES.__getitem__,
            )
    return values


def _controls(labels: tuple[str, ...], recognised: tuple[str, ...], column: str, draft: ImportForm) -> str:
    """The control labels on lines of their own; "" where they are those that were recognised."""
    stands = [each for each in draft.values["control_labels"].split("\n") if each in labels]
    chosen = st.multiselect(
        CONTROLS["control_labels"],
        labels,
        stands or list(recognised),
        key=draft.key(f"controls_{column}"),
        help="Cells that nothing was done to: non-targeting guides, untreated cells, the solvent alone.",
    )
    if not chosen:
        st.warning("Without control cells no effect can be measured: choose their labels.", icon=":material/science:")
    return "" if set(chosen) == set(recognised) else "\n".join(chosen)
