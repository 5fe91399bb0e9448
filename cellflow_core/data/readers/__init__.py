"""Files of cells into tables: `read` looks at the content and picks the reader."""

from cellflow_core.data.readers.open import read
from cellflow_core.data.readers.table import (
    MISSING,
    InvalidInputError,
    NotCellDataError,
    ReadOptions,
    Table,
    labels_of,
    make_unique,
    names_of,
)

__all__ = [
    "MISSING",
    "InvalidInputError",
    "NotCellDataError",
    "ReadOptions",
    "Table",
    "labels_of",
    "make_unique",
    "names_of",
    "read",
]
