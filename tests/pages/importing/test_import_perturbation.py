"""The import guide shows how perturbations were read, and takes controls and guides by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from anndata import AnnData

from cellflow_core import cli
from cellflow_core.data import store
from tests.pages.importing.test_import_guide import held, shown, uploaded
from tests.pages.test_pages import opened

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cellflow_core.data.preprocessing.umap.add_umap", lambda id: None)


def screened() -> AnnData:
    made = held()
    made.obs["perturbation"] = np.resize(["control", "water", "Gene3a_1", "Gene3a_2", "BRD-1", "BRD-2"], 240)
    return made


def test_what_was_recognised_is_shown_and_controls_are_chosen(tmp_path: Path) -> None:
    page = opened("data", upload=uploaded(tmp_path, screened()))
    assert not page.exception and page.multiselect(key="import_controls_perturbation").value == ["control"]
    text = shown(page)
    assert "4 targets, 40 control cells" in text and "Gene3a (Gene3a\\_1, Gene3a\\_2)" in text
    assert "“Guides of one target”" in text and "--guides" not in text
    page.multiselect(key="import_controls_perturbation").set_value(["control", "water"]).run()
    page.radio(key="import_guides").set_value("join").run()
    page.button(key="import_start").click().run()
    (info,) = store.datasets()
    design = store.open_dataset(info.id).snapshots().perturbation
    assert {name: int(each.sum()) for name, each in design.items()} == {"BRD": 80, "Gene3a": 80}
    assert "80 control cells" in " ".join(info.steps)


def test_none_is_chosen(tmp_path: Path) -> None:
    page = opened("data", upload=uploaded(tmp_path, screened()))
    page.selectbox(key="import_perturbation").set_value("").run()
    page.button(key="import_start").click().run()
    assert not page.exception and store.open_dataset(store.datasets()[0].id).snapshots().perturbation == {}


def test_any_column_can_name_the_perturbation(tmp_path: Path) -> None:
    page = opened("data", upload=uploaded(tmp_path, held()))
    page.selectbox(key="import_perturbation").set_value("batch").run()
    assert "Without control cells" in shown(page)
    page.multiselect(key="import_controls_batch").set_value(["a"]).run()
    page.button(key="import_start").click().run()
    found = store.open_dataset(store.datasets()[0].id).snapshots()
    assert set(found.perturbation) == {"b"} and found.perturbation["b"].mean() == 0.5


def test_the_shell_prints_it_and_takes_the_same_choices(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    screened().write_h5ad(path := tmp_path / "screen.h5ad")
    assert cli.main(["data", "inspect", str(path)]) == 0
    assert "perturbation (--perturbation-column): perturbation, 4 targets, controls control" in capsys.readouterr().out
    choices = ["--control-labels", "control;water", "--guides", "join"]
    line = ["data", "import", str(path), "--time", "day", "--unit", "day", "--representation", "genes", *choices]
    assert cli.main(line) == 0
    assert "2 targets, 80 control cells ('control', 'water')" in capsys.readouterr().err
