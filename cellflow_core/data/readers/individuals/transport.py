"""SAS transport files (.xpt), in which CDISC tables are handed in; version 5, which the FDA asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cellflow_core.data.readers.limits import check_memory
from cellflow_core.data.readers.table import InvalidInputError

_STARTS = b"HEADER RECORD*******LIB"
_VERSION_5 = b"RARY HEADER RECORD"


def is_transport(start: bytes) -> bool:
    return start.startswith(_STARTS)


def frame_of(path: Path, name: str) -> Any:
    """The table of a transport file as a pandas.DataFrame. Raises InvalidInputError for one of version 8 or 9."""
    import pandas as pd

    with path.open("rb") as file:
        version_5 = file.read(len(_STARTS + _VERSION_5)) == _STARTS + _VERSION_5
    if not version_5:
        raise InvalidInputError(
            f"{name} is a SAS transport file of version 8 or later, and version 5 is read: write it so (in R: "
            "haven::write_xpt(data, path, version = 5)), or as CSV"
        )
    check_memory(4 * path.stat().st_size, name, "values")
    try:
        return pd.read_sas(path, format="xport", encoding="utf-8")
    except UnicodeDecodeError:  # letters such as that of micrograms, as SAS wrote them before
        return pd.read_sas(path, format="xport", encoding="latin-1")
