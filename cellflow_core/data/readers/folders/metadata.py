"""A table of values and a table of metadata of the same cells, in two files of one archive."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from cellflow_core.data.readers.table import InvalidInputError, NotCellDataError, Table

_ENOUGH = 0.5


def with_metadata(table: Table, frame: Any, name: str) -> Table | None:
    """The table with the columns of metadata; None where the names of the cells are not found in one of its columns.

    frame  pandas.DataFrame with a line a cell, whose names stand in some column
    """
    cells = [str(each) for each in table.obs.index]
    wanted = set(cells)
    shares = {column: frame[column].map(_text).isin(wanted).sum() / len(cells) for column in frame.columns}
    best = max(shares, key=lambda column: shares[column], default=None)
    if best is None or shares[best] <= _ENOUGH:
        return None
    keyed = frame.set_index(frame[best].map(_text)).drop(columns=best)
    keyed = keyed[~keyed.index.duplicated()].reindex(cells)
    keyed.index = table.obs.index
    own = table.obs[[each for each in table.obs.columns if each not in keyed.columns or each in table.features]]
    keyed = keyed[[each for each in keyed.columns if each not in own.columns]]
    missing = round(len(cells) * (1 - shares[best]))
    notes = [f"{keyed.shape[1]} columns of metadata were joined by {str(best)!r}"]
    if missing:
        notes.append(f"{missing:,} of {len(cells):,} cells have no line in the metadata")
    return replace(table, obs=own.join(keyed), notes=(*table.notes, *notes))


def metadata_frame(path: Path, name: str) -> Any:
    """A table of text as it stands, with a name for the first column; None where it is none."""
    from cellflow_core.data.readers import text

    try:
        return text.frame_of(path, name)
    except InvalidInputError:
        return None


def is_metadata(error: InvalidInputError) -> bool:
    """Was a file refused since it holds no values but words or times of cells?"""
    return isinstance(error, NotCellDataError) and error.what in ("names", "times")


def _text(value: Any) -> str:
    return f"{value:.0f}" if isinstance(value, float) and value == round(value) else str(value)
