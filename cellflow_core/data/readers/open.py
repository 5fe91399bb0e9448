"""One file of cells into one table, whatever its format. What cannot be read is told."""

from __future__ import annotations

from pathlib import Path

from cellflow_core.data.readers.h5ad import read_h5ad
from cellflow_core.data.readers.table import BadInput, Table
from cellflow_core.data.readers.text import read_text

TABLES = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")


def read(path: Path, name: str, rows: int | None = None) -> Table:
    """The table of a file, by its content and the ending of its name. With `rows`, x holds only so many rows.

    Raises BadInput with one sentence.
    """
    lower = name.lower()
    if not path.is_file():
        raise BadInput(f"{name} is not there any more: choose the file again")
    with path.open("rb") as file:
        start = file.read(64)
    if not start:
        raise BadInput(f"{name} is empty (0 bytes): choose the file again, the upload may have been cut off")
    if lower.endswith((".h5ad", ".h5")):
        table = read_h5ad(path, name, start, rows)
    elif lower.endswith(TABLES):
        table = read_text(path, name, start)
    else:
        raise BadInput(f"{name} has an ending that is not known: .h5ad, .csv and .tsv files can be read")
    if not table.cells or not table.features:
        raise BadInput(
            f"{name} holds {table.cells} cells and {len(table.features)} features: a table with at least one of each "
            "is needed; check how the file was written"
        )
    return table
