"""How much of a file is read at most: what needs more is refused before it is read, with both numbers."""

from __future__ import annotations

from cellflow_core import workspace
from cellflow_core.data.readers.table import InvalidInputError

COLUMNS = 5_000
"""Columns of annotations of the cells."""
FIELDS = 200_000
"""Columns of a table of text."""
OBJECTS = 50_000
"""Arrays and groups in one HDF5 file."""
MEMBERS = 5_000
"""Files in one archive."""
RATIO = 300
"""Bytes unpacked for each byte of an archive, where they are more than TRIFLE."""
RATIO_EXEMPT_BYTES = 50_000_000
TEXT = 6
"""Bytes of memory that a byte of text takes as numbers, at most (measured on tables of one-digit numbers)."""


def memory() -> int:
    """Bytes that one file may take in memory: what one calculation of this process may hold."""
    return workspace.limits().memory_bytes


def check_memory(needed: int, name: str, what: str) -> None:
    """InvalidInputError where `what` of a file needs more bytes than there may be."""
    if needed > memory():
        raise InvalidInputError(
            f"{name} declares {what} that need {amount(needed)} of memory and {amount(memory())} may be used: take "
            "fewer "
            "cells or features, store the matrix sparse, or raise CELLFLOW_MEMORY_GB on the server"
        )


def amount(size: float) -> str:
    """Bytes in words: 512 bytes, 3.1 GB."""
    if size < 1000:
        return f"{size:.0f} bytes"
    for unit in ("kB", "MB", "GB", "TB", "PB"):
        size /= 1000
        if size < 1000:
            return f"{size:.3g} {unit}"
    return f"{size:.3g} EB"
