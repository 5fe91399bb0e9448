"""Names of genes, cell types, columns, files, data sets and models are text on every page, whatever they hold."""

from __future__ import annotations

import io
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from cellflow_core.data import store
from cellflow_core.data.importing import uploads
from cellflow_core.data.importing.import_choices import ImportChoices
from cellflow_core.data.importing.pipeline import import_file
from cellflow_core.runs import index
from cellflow_core.runs.run import Run
from tests import toys
from tests.pages.hostile.names import NAMES, foreign, is_read
from tests.pages.test_pages import PAGES, opened

pytestmark = pytest.mark.usefixtures("quiet")
COLUMN, TYPE, NUMBER = "day ![c](evil.example)", "<img src=evil.example> **type**", ":smile: :red[number]"
"""Names of columns; in a file of HDF5 they hold no slash."""


@pytest.fixture
def hostile_file(tmp_path: Path) -> Path:
    """Counts of genes with these names at three times, in cell types with these names."""
    cells = 40 * len(NAMES)
    rng = np.random.default_rng(0)
    obs = pd.DataFrame(
        {
            COLUMN: np.resize(["d0 **a**", "d2 **a**", "d5 **a**"], cells),
            TYPE: np.repeat([f"{each} type" for each in NAMES], 40),
            NUMBER: rng.normal(size=cells),
            "perturbation": np.resize(["control", NAMES[0], NAMES[2]], cells),
        },
        index=[f"{k}{NAMES[3]}" for k in range(cells)],
    )
    x = rng.poisson(rng.gamma(2.0, 1.0, len(NAMES)), (cells, len(NAMES))).astype(np.float32)
    held = anndata.AnnData(csr_matrix(x), obs=obs, var=pd.DataFrame(index=pd.Index(NAMES)))
    held.obsm["X_<img src=x>"] = rng.normal(size=(cells, 2))
    held.write_h5ad(tmp_path / "cells.h5ad")
    return tmp_path / "cells.h5ad"


@pytest.fixture
def hostile_run(hostile_file: Path) -> Run:
    choices = ImportChoices(label=NAMES[0], time_column=COLUMN, unit=NAMES[4], components=2)
    numbers = {"d0 **a**": 0.0, "d2 **a**": 2.0, "d5 **a**": 5.0}
    made = import_file(hostile_file, NAMES[2].replace("/", "_"), choices, numbers)
    return toys.finished(toys.recipe(made, label=NAMES[1]))


def test_the_names_are_found_where_they_are_read() -> None:
    assert [each for each in NAMES[:8] if not is_read(each)] == []
    assert not is_read("A :material/check: note of 1–2 cells, **bold**")


@pytest.mark.parametrize("name", PAGES)
def test_names_are_text_on_every_page(name: str, hostile_run: Run) -> None:
    page = opened(name, run=hostile_run.id, dataset=hostile_run.recipe.dataset, gene=NAMES[2])
    assert not page.exception and foreign(page) == []


@pytest.mark.parametrize("part", ["Several genes", "Drivers of a fate", "Network"])
def test_names_are_text_in_every_part_of_genes(part: str, hostile_run: Run) -> None:
    page = opened("genes", run=hostile_run.id, part=part)
    assert not page.exception and foreign(page) == []


@pytest.mark.parametrize("name", PAGES)
def test_what_a_link_asks_for_is_text(name: str, hostile_run: Run) -> None:
    asked = dict.fromkeys(("run", "dataset", "gene", "view", "time", "group", "model", "upload", "from"), NAMES[0])
    if name == "data":
        asked.pop("upload")
    page = opened(name, **asked)
    assert not page.exception and foreign(page) == []


def test_names_are_text_in_the_import(hostile_file: Path) -> None:
    upload = uploads.save_upload(io.BytesIO(hostile_file.read_bytes()), f"{NAMES[0].replace('/', '_')}.h5ad")
    page = opened("data", upload=upload)
    page.toggle(key=f"import_order_{COLUMN}").set_value(True).run()
    assert not page.exception and foreign(page) == []
    page.selectbox(key="import_column").set_value(TYPE).run()
    assert not page.exception and foreign(page) == []


def test_names_are_text_in_a_message_of_an_error() -> None:
    upload = uploads.save_upload(io.BytesIO(b"no cells"), "![x](evil.example) *a*.h5ad")
    page = opened("data", upload=upload)
    assert page.error and foreign(page) == []


def test_the_reason_of_a_failed_run_is_text(hostile_run: Run) -> None:
    failed = index.submit(toys.recipe(hostile_run.recipe.dataset, label=NAMES[6], group=NAMES[4]))
    failed.end("failed", f"cells of {NAMES[0]} {NAMES[2]} {NAMES[5]}")
    for name in ("home", "runs", "train"):
        page = opened(name)
        assert not page.exception and foreign(page) == []


def test_the_stored_names_are_those_of_the_file(hostile_run: Run) -> None:
    data = store.open_dataset(hostile_run.recipe.dataset)
    assert set(NAMES[:4]) <= set(data.genes) and data.info.label == NAMES[0]
