"""Tables of individuals followed over time: who was measured when, and what doses they were given.

records: what all of them become; long_table: NONMEM, Monolix, nlmixr; wide_tables: a column a time or a variable;
cdisc: SDTM PC and EX, ADaM ADPC; transport: .xpt files.
"""

from __future__ import annotations

from typing import Any

from cellflow_core.data.readers.individuals import cdisc, long_table, wide_tables
from cellflow_core.data.readers.individuals.source import Source
from cellflow_core.data.readers.table import Table


def of_frame(frame: Any, source: Source) -> Table | None:
    """One row an individual and time; None where the columns are not those of followed individuals.

    Raises InvalidInputError that names line and column.
    """
    readers = (cdisc.of_frame, long_table.of_frame, wide_tables.of_frame)
    return next((found for read in readers if (found := read(frame, source)) is not None), None)
