"""The third step of the import guide: which column is time, in which unit, and what its labels mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from cellflow_core.data.importing.time_bins import quantile_bins
from cellflow_core.data.importing.time_columns import postnatal_days
from cellflow_core.data.importing.time_order import ORDER_UNIT, order_of_times, times_in_order
from cellflow_core.data.preprocessing.qc import QCFilterResult, QCMetrics
from cellflow_core.figures.data import counts
from cellflow_core.plural import counted
from cellflow_core.reporting.file_contents import dates_note
from cellflow_core.reporting.formatting import as_sentence, plain
from cellflow_core.time_units import format_times
from pages.parts.importing import label_order
from pages.parts.importing.form import ImportForm, Values
from pages.parts.widgets.chart import chart, dark

UNITS = ("day", "hour", "week", "minute", "embryonic day", "cell division", "passage", "stage", "pseudotime", "")
NONE = "no time is known"
NO_UNIT = "no unit (arbitrary)"
NO_UNITS = ("no unit", "no units", "none", "arbitrary", "arbitrary unit", "arbitrary units", "a.u.")
"""What people type for it."""


def times(found: Any, measured: QCMetrics, left: QCFilterResult, draft: ImportForm, step: int) -> tuple[Values, bool]:
    """(choices, can the import go on), with `numbers` for a column of labels."""
    st.markdown(f"### {step}. When was each cell measured?")
    by_name = {each.column: each for each in (*found.candidates, *found.other_columns)}
    others = {each.column for each in found.other_columns}
    chosen = draft.values["time_column"]
    options = [*by_name, ""]
    where, right = st.columns([2, 1])
    column = where.selectbox(
        "Column with the time",
        options,
        options.index(chosen) if chosen in options else 0,
        key=draft.key("column"),
        format_func=lambda each: (f"{each} (does not look like a time)" if each in others else each) or NONE,
        help="The likeliest column comes first; any other can be chosen. Each different value becomes one time.",
    )
    if not column:
        if not found.candidates:
            st.warning(plain(found.notes[-1]), icon=":material/schedule:")
        st.info(
            "The cells come in as one snapshot without a time. Models of RNA velocity need none. On the Data page the "
            "cells can also be ordered by pseudotime and cut into windows: an order of cells, not a measured time.",
            icon=":material/info:",
        )
        return {"time_column": "", "unit": "", "windows": 0}, True
    candidate = by_name[column]
    unit = unit_of(candidate, draft, right)
    values = {"time_column": str(column), "unit": unit, "windows": 0}
    if candidate.kind == "continuous":
        values["windows"], fine = _windows(found, candidate, measured, left, draft, unit or "")
    else:
        numbers, fine = _labels(candidate, measured, left, draft, unit or "")
        values["numbers"] = draft.values["numbers"] | {str(column): numbers}
    return values, fine and unit is not None


def unit_of(candidate: Any, draft: ImportForm, where: Any) -> str | None:
    """The unit of the times, "" where they have none; None where a person must choose one first."""
    column = candidate.column
    ordered = bool(st.session_state.get(draft.key(f"order_{column}")))
    units = list(dict.fromkeys((candidate.unit or UNITS[0], *UNITS)))
    held = draft.values["unit"] if column == draft.values["time_column"] else candidate.unit or None
    stands = ORDER_UNIT if ordered else held
    units = units if stands in units or stands is None else [stands, *units]
    unit = where.selectbox(
        "Unit of time",
        units,
        None if stands is None else units.index(stands),
        key=draft.key(f"unit_{column}" + ("_ordered" if ordered else "")),
        accept_new_options=True,
        format_func=lambda each: each or NO_UNIT,
        placeholder="Choose, or type your own",
        help="Shown on every axis; speeds are per this unit. Type your own if it is not listed.",
    )
    if unit is None:
        st.warning(
            f"Choose the unit of time: neither “{plain(column)}” nor a column beside it gives one. Choose "
            f"“{NO_UNIT}” where the times were not measured in any.",
            icon=":material/help:",
        )
    return "" if unit and unit.strip().lower() in NO_UNITS else unit


def _windows(
    found: Any, candidate: Any, measured: QCMetrics, left: QCFilterResult, draft: ImportForm, unit: str
) -> tuple[int, bool]:
    """How many windows of equally many cells a column of many numbers is cut into."""
    if candidate.is_order:
        st.info(
            "This is pseudotime: an order of cells that was calculated from their expression, and no time that was "
            "measured. Models learn motion along it; speeds and durations in it mean nothing by themselves."
            + _other_orders(found, candidate),
            icon=":material/info:",
        )
    windows = int(
        st.number_input(
            "Equal-size time bins",
            0 if found.followed else 2,
            60,
            draft.values["windows"] or (0 if found.followed else 6),
            key=draft.key(f"windows_{candidate.column}"),
            help="Each window becomes one time, named by its mean. Few windows with many cells are easier to learn."
            + (" 0: every time as it is." if found.followed else ""),
        )
    )
    if not windows:
        st.caption("Individuals are followed, so every time is taken as it is.")
        return 0, True
    values = measured.numbers[candidate.column][left.cells]
    known = values[np.isfinite(values)]
    try:
        at, cells = np.unique(quantile_bins(known, windows), return_counts=True)
    except ValueError as error:
        st.error(f"{str(error)[:1].upper()}{str(error)[1:]}.", icon=":material/error:")
        return windows, False
    missing = len(values) - len(known)
    out = f" · {counted(missing, 'cell')} without a value left out" if missing else ""
    st.caption(f"From {candidate.low:.4g} to {candidate.high:.4g} in {len(known):,} cells, in {len(at)} windows{out}")
    _bars(at.tolist(), cells.tolist(), unit)
    return windows, True


def _other_orders(found: Any, candidate: Any) -> str:
    others = [each.column for each in found.candidates if each.is_order and each.column != candidate.column]
    if not others:
        return ""
    return (
        f" The file has other such orders too ({plain(', '.join(others))}): where each follows one branch, the cells "
        "of other branches stand at wrong places in it; then choose no time and order all cells by pseudotime after "
        "the import."
    )


def _labels(
    candidate: Any, measured: QCMetrics, left: QCFilterResult, draft: ImportForm, unit: str
) -> tuple[dict[str, float | None], bool]:
    """Number of each label, None for those left out; labels that are used and have no time yet are not in it."""
    st.caption(
        "Check that each label has the right number. Correct a number by clicking it; untick “Use” to leave cells out. "
        "The distances between numbers count: days 0, 2, 7 are not the same as steps 0, 1, 2."
    )
    if candidate.first_date:
        st.info(plain(as_sentence(dates_note(candidate))), icon=":material/calendar_month:")
    names, codes = measured.columns[candidate.column]
    cells = dict(zip(names, np.bincount(codes[left.cells], minlength=len(names)).tolist(), strict=True))
    order = _order(candidate, draft, cells)
    born = _birth(candidate, draft)
    key = draft.key(f"times_{candidate.column}")
    if order or born:
        key += f"_{abs(hash((*order, *born.items())))}"
    # The editor keeps what was edited as changes of the table it was first given, so that one stays as it was.
    base = st.session_state.setdefault(
        f"{key}_{draft.upload}_first", _table(candidate, draft.values["numbers"], born | order)
    )
    edited = _editor(base, key, unit)
    used = edited[edited["use"] & edited["time"].notna()]
    numbers: dict[str, float | None] = dict.fromkeys(edited["label"][~edited["use"]])
    numbers |= dict(zip(used["label"], map(float, used["time"]), strict=True))
    there = used.assign(left=[cells.get(each, 0) for each in used["label"]]).groupby("time")["left"].sum()
    shown = " → ".join(format_times(there.index))
    out = ", ".join(f"{plain(each)} ({cells.get(each, 0):,})" for each, number in numbers.items() if number is None)
    st.caption(
        f"Order in time{f' ({unit})' if unit else ''}: **{shown or 'none'}** · {counted(int(there.sum()), 'cell')} used"
        + (f" · left out: {out}" if out else "")
    )
    missing = {each: cells.get(each, 0) for each in candidate.labels if each not in numbers}
    if missing:
        _ask(candidate, missing)
        return numbers, False
    if not len(there):
        st.error("No time is left: tick “Use” for at least one label.", icon=":material/error:")
        return numbers, False
    _bars([float(each) for each in there.index], [int(each) for each in there], unit)
    if len(there) == 1:
        st.warning(
            "One time is left: the cells come in as one snapshot, from which a model of motion cannot be learnt. Give "
            "at least two labels a different number, or order the cells by pseudotime afterwards.",
            icon=":material/warning:",
        )
    return numbers, True


def _ask(candidate: Any, missing: Mapping[str, int]) -> None:
    """Which labels have no time yet, how many cells they hold, and why they could not be read."""
    shown = ", ".join(f"{plain(label)} ({counted(cells, 'cell')})" for label, cells in missing.items())
    why = "; ".join(dict.fromkeys(candidate.reasons[each] for each in missing if each in candidate.reasons))
    st.error(
        f"Give each of these labels a time, or untick “Use” to leave its cells out: {shown}."
        + (f" Not clear: {plain(why)}." if why else ""),
        icon=":material/error:",
    )


def _order(candidate: Any, draft: ImportForm, cells: Mapping[str, int]) -> dict[str, float | None]:
    """Label -> 0, 1, 2 ..., None where it is left out, where a person puts labels in order; {} where not."""
    if not st.toggle(
        "Put the labels in order by dragging",
        key=draft.key(f"order_{candidate.column}"),
        help="They get the times 0, 1, 2 ... in this order: use it for stages whose distances are not known. Numbers "
        "can still be corrected in the table below.",
    ):
        return {}
    held = draft.values["numbers"].get(candidate.column, candidate.proposed)
    order, left_out = st.session_state.setdefault(
        draft.key(f"first_order_{candidate.column}_{draft.upload}"), order_of_times(candidate.labels, held)
    )
    st.caption("The earliest first: drag a label, or move it with its arrows or with Alt and the arrow keys.")
    key = draft.key(f"list_{candidate.column}")
    return times_in_order(*label_order.arrange(candidate.labels, cells, order, left_out, key))


def _birth(candidate: Any, draft: ImportForm) -> dict[str, float]:
    """Postnatal labels beside embryonic ones -> embryonic day, once the day of birth is given."""
    if not (postnatal := postnatal_days(candidate)):
        return {}
    birth = st.number_input(
        "Embryonic day of birth",
        1.0,
        300.0,
        None,
        0.5,
        key=draft.key(f"birth_{candidate.column}"),
        placeholder="mouse 19, rat 22",
        help="Postnatal days are counted on from this day: P4 of a mouse born at E19 is day 23.",
    )
    return {} if birth is None else {label: float(birth) + day for label, day in postnatal.items()}


def _editor(base: pd.DataFrame, key: str, unit: str) -> pd.DataFrame:
    return st.data_editor(
        base,
        hide_index=True,
        key=key,
        disabled=("label", "cells"),
        column_config={
            "use": st.column_config.CheckboxColumn("Use", width="small"),
            "label": st.column_config.TextColumn("In your file"),
            "time": st.column_config.NumberColumn(f"Time{f' ({unit})' if unit else ''}", format="%g"),
            "cells": st.column_config.NumberColumn("Cells", format="localized"),
        },
        alt="Each label of the time column with its number and how many cells have it",
    )


def _table(
    candidate: Any, chosen: Mapping[str, Mapping[str, float | None]], given: Mapping[str, float | None]
) -> pd.DataFrame:
    """A label without a time is used: it has to be given one."""
    held = {**chosen.get(candidate.column, candidate.proposed), **given}
    numbers = [held.get(each) for each in candidate.labels]
    return pd.DataFrame(
        {
            "use": [each not in held or held[each] is not None for each in candidate.labels],
            "label": [str(each) for each in candidate.labels],
            "time": pd.array([float("nan") if each is None else each for each in numbers], dtype="float64"),
            "cells": list(candidate.counts),
        }
    )


def _bars(at: Sequence[float], cells: Sequence[int], unit: str) -> None:
    figure = counts.counts(at, cells, unit=unit, dark=dark(), height=200)
    chart(figure, key="import_counts", alt=counts.describe(at, cells, unit))
