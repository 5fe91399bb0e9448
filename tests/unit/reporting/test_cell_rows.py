"""Tables with one row a cell tell the names of the cells, where the data set keeps them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from cellflow_core.data import store
from cellflow_core.reporting import cell_rows, result_tables
from cellflow_core.reporting.views.catalog import VIEWS
from cellflow_core.reporting.views.view import Asked
from tests import examples, toys

pytestmark = pytest.mark.usefixtures("home")


def named(data=None) -> store.Dataset:
    data = data or toys.drifting()
    names = [f"b{k}" for k in range(len(data.x))]
    return store.open_dataset(store.save_dataset(data, label="n", origin="upload", source="f", cell_names=names))


def test_names_stand_in_front_of_the_rows_they_belong_to() -> None:
    data, rows = named(), {"cell": [7, 3]}
    assert cell_rows.named(rows, data, np.array([7, 3])) == {"cell name": ["b7", "b3"], "cell": [7, 3]}
    assert list(cell_rows.named(rows, data, np.array([7, 3]))) == ["cell name", "cell"]
    assert cell_rows.named(rows, data, None) == rows
    assert cell_rows.of_all({"a": list(range(180))}, data)["cell name"][-1] == "b179"
    bare = store.open_dataset(toys.stored())
    assert cell_rows.named(rows, bare, [7, 3]) == rows and cell_rows.of_all(rows, bare) == rows


def test_cells_off_the_surface_are_left_out_with_their_names() -> None:
    found = examples.landscape()
    found = dataclasses.replace(found, cell_height=np.where(np.arange(len(found.cells)) % 2, found.cell_height, np.nan))
    cells = np.flatnonzero(np.isfinite(found.cell_height))
    data = named(toys.drifting(1, len(found.cells)))
    rows = cell_rows.on_landscape(found, data, "day")
    assert rows.pop("cell name") == [f"b{k}" for k in cells] and 0 < len(cells) < len(found.cells)
    assert rows == result_tables.of_landscape(found, "day")
    view = VIEWS["landscape"][1](found, Asked(data, {}))
    assert view.tables["landscape"]["cell name"] == [f"b{k}" for k in cells]
