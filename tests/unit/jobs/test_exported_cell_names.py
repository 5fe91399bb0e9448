"""Cells keep the names of their file from import over steps and training into every export."""

from __future__ import annotations

import anndata
import pandas as pd
import pytest

from cellflow_core.data import store
from cellflow_core.data.importing.import_choices import ImportChoices
from cellflow_core.data.importing.pipeline import import_file
from cellflow_core.data.readers.anndata_io import write_snapshots
from cellflow_core.data.steps.derive import derive
from cellflow_core.data.store import DamagedDatasetError, cell_names
from cellflow_core.data.store.h5ad_export import write_dataset
from cellflow_core.jobs import export, export_script
from cellflow_core.jobs.run_context import RunContext
from tests import toys
from tests.unit.data.imports import brought, counts


def barcodes(cells: int = 300) -> anndata.AnnData:
    """Cells of counts under barcodes; two are alike, one is called as the app calls a predicted cell."""
    held = counts(cells)
    names = [f"ACGTACGT{k:04d}-1" for k in range(cells)]
    names[7], names[11] = names[5], "predicted-0"
    held.obs_names = names
    return held


def test_a_run_on_imported_cells_exports_them_under_their_names(tmp_path) -> None:
    held = barcodes()
    held.obs["day"] = pd.Categorical(held.obs["day"]).rename_categories({"d7": "other"})
    data = brought(tmp_path, held, numbers={"d0": 0.0, "d3": 3.0, "other": None}, components=3)
    kept = held.obs["day"].ne("other").to_numpy()
    expected = [f"{each}-7" if k == 7 else each for k, each in enumerate(held.obs_names) if kept[k]]
    assert list(cell_names.read(data)) == expected
    assert {
        "place": "names of the cells",
        "kept": True,
        "reason": "what cells are called in exports",
    } in data.info.contents
    run = toys.finished(toys.recipe(data.info.id))
    export.export_h5ad(run.id, str(tmp_path / "run.h5ad"))
    table = anndata.read_h5ad(tmp_path / "run.h5ad")
    assert table.obs_names.is_unique and table.uns["cellflow"]["cell_names"] == "as in the file of the data"
    measured = table[(table.obs["origin"] == "measured").to_numpy()]
    assert list(measured.obs_names) == expected
    assert list(measured.obs["type"]) == held.obs["type"].to_numpy()[kept].tolist()
    assert list(table.obs_names[len(expected) : len(expected) + 2]) == [f"predicted-0-{len(expected)}", "predicted-1"]
    subject = RunContext(run)
    export.write_csv(subject, export.measured(subject), tmp_path / "run.csv")
    assert pd.read_csv(tmp_path / "run.csv", comment="#")["cell name"].tolist() == expected
    cells = export_script.write_script(run.id, tmp_path / "again.py")
    assert list(anndata.read_h5ad(cells).obs_names) == expected


def test_steps_and_a_file_of_the_data_set_keep_the_names(tmp_path) -> None:
    data = brought(tmp_path, barcodes(), components=3)
    some = store.open_dataset(derive(data.info.id, "subset", {"by": "label", "label": "type", "values": "b"}))
    of_type = data.snapshots().labels["type"] == "b"
    expected = [each for each, kept in zip(cell_names.read(data), of_type, strict=True) if kept]
    assert list(cell_names.read(some)) == expected
    write_dataset(some, tmp_path / "some.h5ad")
    assert list(anndata.read_h5ad(tmp_path / "some.h5ad").obs_names) == expected
    again = store.open_dataset(import_file(tmp_path / "some.h5ad", "some.h5ad", ImportChoices(), {}))
    assert list(cell_names.read(again)) == expected and again.info.fingerprint == some.info.fingerprint


def test_cells_without_names_are_numbered_and_that_is_said(tmp_path) -> None:
    run = toys.finished(toys.recipe(toys.stored()))
    assert cell_names.read(run.dataset()) == ()
    export.export_h5ad(run.id, str(tmp_path / "run.h5ad"))
    table = anndata.read_h5ad(tmp_path / "run.h5ad")
    assert table.obs_names[0] == "cell-0" and table.obs_names.is_unique
    assert table.uns["cellflow"]["cell_names"] == "none are kept with the data set, so cells are numbered"
    subject = RunContext(run)
    export.write_csv(subject, export.measured(subject), tmp_path / "run.csv")
    assert "cell name" not in pd.read_csv(tmp_path / "run.csv", comment="#")


def test_a_table_that_only_counts_its_rows_has_no_names(tmp_path) -> None:
    frame = pd.DataFrame({"day": [0] * 40 + [1] * 40, "a": range(80), "b": [k % 7 for k in range(80)]})
    frame.to_csv(tmp_path / "plain.csv", index=False)
    choices = ImportChoices(time_column="day", unit="day", representation="coordinates")
    made = import_file(tmp_path / "plain.csv", "plain.csv", choices, {"0": 0.0, "1": 1.0})
    assert cell_names.read(store.open_dataset(made)) == ()


def test_names_that_do_not_fit_are_refused(tmp_path) -> None:
    data = toys.drifting()
    with pytest.raises(ValueError, match="180 cells need as many different names, got 1 of 180"):
        store.save_dataset(data, label="x", origin="upload", source="f", cell_names=["a"] * 180)
    names = [f"b{k}" for k in range(180)]
    held = store.open_dataset(store.save_dataset(data, label="x", origin="upload", source="f", cell_names=names))
    (held.folder / cell_names.FILE).write_text("a\nb", encoding="utf-8")
    with pytest.raises(DamagedDatasetError, match=r"cell_names.txt is damaged or missing \(it names 2 of 180 cells"):
        cell_names.read(held)
    write_snapshots(tmp_path / "bare.h5ad", data)
    assert anndata.read_h5ad(tmp_path / "bare.h5ad").obs_names[-1] == "cell-179"
