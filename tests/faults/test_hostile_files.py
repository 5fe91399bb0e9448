"""Files made to harm: refused with one sentence, or tamed."""

from __future__ import annotations

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest

from cellflow_core.data.importing.pipeline import ImportChoices, import_file
from cellflow_core.data.readers import InvalidInputError, hdf5, read
from cellflow_core.data.readers.limits import amount, memory
from cellflow_core.data.store import open_dataset
from cellflow_core.workspace import current
from tests import formats
from tests.faults.hostile_files import HOSTILE, chunk_bomb, dense_bomb, rebuilt


@pytest.mark.parametrize("make", HOSTILE, ids=lambda each: each.__name__)
@pytest.mark.parametrize("rows", [None, 5])
def test_hostile_files_are_refused_with_one_sentence(tmp_path, make, rows) -> None:
    path = make(tmp_path)
    with pytest.raises(InvalidInputError) as error:
        read(path, path.name, 40 if make is dense_bomb else rows)
    sentence = str(error.value)
    assert HOSTILE[make] in sentence and path.name in sentence
    assert "\n" not in sentence and len(sentence) < 600 and "Traceback" not in sentence
    assert not (tmp_path / "ran").exists() and not list(current().data.iterdir())


def test_a_piece_larger_than_the_memory_is_not_unpacked(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("CELLFLOW_MEMORY_GB", "1")
    with pytest.raises(InvalidInputError, match=r"3\.2 GB"):
        read(chunk_bomb(tmp_path), "bomb.h5ad", 1)


def test_more_objects_than_any_file_of_cells_has(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(hdf5, "OBJECTS", 100)

    def change(file: h5py.File) -> None:
        for k in range(101):
            file[f"uns/many/c{k}"] = file["obs/day"]

    with pytest.raises(InvalidInputError, match="100"):
        read(rebuilt(tmp_path / "many.h5ad", change), "many.h5ad")


def test_an_array_larger_than_the_memory_is_not_read(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("CELLFLOW_MEMORY_GB", "0.000001")
    for path in (formats.npz(tmp_path / "a.npz"), formats.h5ad(tmp_path / "a.h5ad"), formats.csv(tmp_path / "a.csv")):
        with pytest.raises(InvalidInputError, match="of memory"):
            read(path, path.name)


def test_the_limit_is_what_the_server_says(monkeypatch) -> None:
    monkeypatch.setenv("CELLFLOW_MEMORY_GB", "3.5")
    assert memory() == 3_500_000_000 and amount(memory()) == "3.5 GB" and amount(12) == "12 bytes"
    monkeypatch.delenv("CELLFLOW_MEMORY_GB")
    assert 0 < memory() < 10**15


NAMES = [
    "<script>alert(1)</script>",
    "x" * 5000,
    "a\u202eb\u0007c",
    "",
    "   ",
    "Sox2",
    "Sox2",
    "näïve 基因",
    "../../x",
    "a\nb",
]
NAMES += ["=cmd()", "{{7*7}}"]


def test_hostile_names_arrive_as_short_plain_text(tmp_path) -> None:
    day, kind, long = np.resize(["d0", "d\u202e2"], 60), np.resize(["x"], 60), np.resize([1, 2], 60)
    obs = pd.DataFrame({"day": day, "<b>type\x01": kind, "t" * 999: long}, index=[f"c{k}" for k in range(60)])
    with pytest.warns(UserWarning, match="not unique"):
        held = anndata.AnnData(formats.counts(60).toarray(), obs=obs, var=pd.DataFrame(index=pd.Index(NAMES)))
    held.write_h5ad(tmp_path / "names.h5ad")
    table = read(tmp_path / "names.h5ad", "names.h5ad")
    assert table.features[:7] == ("<script>alert(1)</script>", "x" * 200, "a b c", "unnamed", "unnamed", "Sox2", "Sox2")
    assert table.features[7:] == ("näïve 基因", "../../x", "a b", "=cmd()", "{{7*7}}")
    assert list(table.obs.columns) == ["day", "<b>type", "t" * 200]
    id = import_file(tmp_path / "names.h5ad", "names.h5ad", ImportChoices(time_column="day"), {"d0": 0.0, "d 2": 2.0})
    assert len(set(open_dataset(id).genes)) == 12


def test_hostile_names_of_text_tables(tmp_path) -> None:
    header = 'day,<img src=x onerror=alert(1)>,"a\tb",,x,x'
    (tmp_path / "a.csv").write_text(header + "\n" + "\n".join(f"{k % 2},{k},1,2,3,4" for k in range(20)))
    names = read(tmp_path / "a.csv", "a.csv").features
    assert names == ("day", "<img src=x onerror=alert(1)>", "a b", "unnamed", "x", "x-5")
