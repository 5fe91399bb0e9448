"""Tables with one row a cell under the names that the data set keeps of its cells."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from cellflow_core.analysis.results import Landscape
from cellflow_core.data.store import Dataset, cell_names
from cellflow_core.reporting import result_tables
from cellflow_core.reporting.result_tables import Rows

NAME = "cell name"


def named(rows: Rows, dataset: Dataset, at: Iterable[int] | None) -> Rows:
    """The table with the name of each cell in front, where the data set keeps names.

    at: row of each cell in the data set; None where it is not known
    """
    names = () if at is None else cell_names.read(dataset)
    return {NAME: [names[k] for k in at], **rows} if names and at is not None else rows


def of_all(rows: Rows, dataset: Dataset) -> Rows:
    """`named` for a table of all cells in their order."""
    return named(rows, dataset, range(dataset.info.cells))


def on_landscape(result: Landscape, dataset: Dataset, time_unit: str) -> Rows:
    """`result_tables.of_landscape`, with the names of the cells on the surface."""
    rows = result_tables.of_landscape(result, time_unit)
    return named(rows, dataset, np.flatnonzero(np.isfinite(result.cell_height)))
