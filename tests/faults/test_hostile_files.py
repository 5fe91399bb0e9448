"""Files made to harm: refused with one sentence, or tamed."""

from __future__ import annotations

import gzip
import io
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest

from cellflow_core.data.importing.importing import ImportChoices, import_file
from cellflow_core.data.readers import InvalidInputError, hdf5, read
from cellflow_core.data.readers.limits import amount, memory
from cellflow_core.data.store.store import open_dataset
from cellflow_core.workspace import data_root
from tests import made_files as made


def rebuilt(path: Path, change: Callable[[h5py.File], None]) -> Path:
    made.h5ad(path)
    with h5py.File(path, "a") as file:
        change(file)
    return path


def dense_bomb(folder: Path) -> Path:
    """300 TB declared, none written: HDF5 gives zeros for what is not there."""

    def change(file: h5py.File) -> None:
        del file["X"]
        file.create_dataset("X", shape=(40, 10**12), dtype="f8", chunks=(1, 1024), compression="gzip")

    return rebuilt(folder / "bomb.h5ad", change)


def sparse_bomb(folder: Path) -> Path:
    def change(file: h5py.File) -> None:
        for key in ("data", "indices"):
            del file["X"][key]
            file["X"].create_dataset(key, shape=(10**13,), dtype="i4", chunks=(10**6,), compression="gzip")
        file["X"]["indptr"][-1] = 2**31 - 1
        del file["X"]["indptr"]
        file["X"]["indptr"] = np.linspace(0, 10**13, 41).astype(np.int64)

    return rebuilt(folder / "bomb.h5ad", change)


def column_bomb(folder: Path) -> Path:
    def change(file: h5py.File) -> None:
        del file["obs/day"]
        file["obs"].create_dataset("day", shape=(10**13,), dtype="f8", chunks=(10**6,))

    return rebuilt(folder / "bomb.h5ad", change)


def chunk_bomb(folder: Path) -> Path:
    """One row is small, and reading it would unpack a piece of 3.2 GB; told where only a little may be used."""

    def change(file: h5py.File) -> None:
        del file["X"]
        file.create_dataset("X", shape=(40, 10**7), dtype="f8", chunks=(40, 10**7), compression="gzip")

    return rebuilt(folder / "bomb.h5ad", change)


def thousands_of_columns(folder: Path) -> Path:
    def change(file: h5py.File) -> None:
        for k in range(6_000):
            file["obs"][f"c{k}"] = file["obs/day"]

    return rebuilt(folder / "wide.h5ad", change)


def external_link(folder: Path) -> Path:
    secret(folder)

    def change(file: h5py.File) -> None:
        del file["obs/day"]
        file["obs/day"] = h5py.ExternalLink(str(folder / "secret.h5"), "/x")

    return rebuilt(folder / "link.h5ad", change)


def external_storage(folder: Path) -> Path:
    secret(folder)

    def change(file: h5py.File) -> None:
        del file["obs/day"]
        file["obs"].create_dataset("day", shape=(40,), dtype="u1", external=[(str(folder / "secret.h5"), 0, 40)])

    return rebuilt(folder / "raw.h5ad", change)


def virtual_data(folder: Path) -> Path:
    secret(folder)

    def change(file: h5py.File) -> None:
        del file["obs/day"]
        layout = h5py.VirtualLayout(shape=(40,), dtype="f8")
        layout[:] = h5py.VirtualSource(str(folder / "secret.h5"), "x", shape=(40,))
        file["obs"].create_virtual_dataset("day", layout)

    return rebuilt(folder / "virtual.h5ad", change)


def secret(folder: Path) -> None:
    with h5py.File(folder / "secret.h5", "w") as file:
        file["x"] = np.arange(40.0)


def wild_indices(folder: Path) -> Path:
    def change(file: h5py.File) -> None:
        file["X/indices"][3] = 10**9 - 1

    return rebuilt(folder / "wild.h5ad", change)


def zip_bomb(folder: Path) -> Path:
    return made.zipped(folder / "bomb.zip", {"matrix.mtx": bytes(60_000_000)})


def tar_bomb(folder: Path) -> Path:
    return made.tarred(folder / "bomb.tar.gz", {"matrix.mtx": bytes(60_000_000)})


def gzip_bomb(folder: Path) -> Path:
    (folder / "bomb.csv.gz").write_bytes(gzip.compress(b"day,x,y\n" + b"1,1,1\n" * 9_000_000))
    return folder / "bomb.csv.gz"


def many_members(folder: Path) -> Path:
    return made.zipped(folder / "many.zip", {f"f{k}": b"" for k in range(5_001)})


def traversal(folder: Path) -> Path:
    return made.zipped(folder / "up.zip", {"../../evil.mtx": b"x", **made.folder(2)})


def absolute(folder: Path) -> Path:
    return made.tarred(folder / "root.tar.gz", {"/etc/evil": b"x", **made.folder(2)})


def windows(folder: Path) -> Path:
    return made.zipped(folder / "win.zip", {"a\\..\\..\\evil": b"x", **made.folder(2)})


def link_in_tar(folder: Path) -> Path:
    with tarfile.open(folder / "link.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo("matrix.mtx")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(member)
    return folder / "link.tar.gz"


def link_in_zip(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "link.zip", "w") as archive:
        member = zipfile.ZipInfo("matrix.mtx")
        member.external_attr = 0o120777 << 16
        archive.writestr(member, "/etc/passwd")
    return folder / "link.zip"


def nested(folder: Path) -> Path:
    inner = made.zipped(folder / "inner.zip", made.folder(2)).read_bytes()
    return made.zipped(folder / "outer.zip", {"inner.zip": inner})


def pickled(folder: Path) -> Path:
    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (folder / "ran",)

    np.savez(folder / "evil.npz", pcs=np.array([[Evil(), 1], [2, 3]], dtype=object))
    return folder / "evil.npz"


def array_bomb(folder: Path) -> Path:
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "<f8", "fortran_order": False, "shape": (10**9, 10**5)})
    return made.zipped(folder / "bomb.npz", {"pcs.npy": head.getvalue()})


def plain_pickle(folder: Path) -> Path:
    (folder / "cells.pkl").write_bytes(pickle.dumps({"x": 1}))
    return folder / "cells.pkl"


def matrix_bomb(folder: Path) -> Path:
    files = made.folder(2)
    head = b"%%MatrixMarket matrix coordinate integer general\n12 40 999999999999\n1 1 1\n"
    return made.zipped(folder / "bomb.zip", {**files, "matrix.mtx": head})


def loom_bomb(folder: Path) -> Path:
    path = made.loom(folder / "bomb.loom")
    with h5py.File(path, "a") as file:
        del file["matrix"]
        file.create_dataset("matrix", shape=(12, 10**13), dtype="f4", chunks=(4, 1000), compression="gzip")
        del file["col_attrs"]
        file.create_group("col_attrs")
    return path


def wide_text(folder: Path) -> Path:
    (folder / "wide.csv").write_text(",".join(f"c{k}" for k in range(10**6)) + "\n" + ",".join("1" * 10**6) + "\n")
    return folder / "wide.csv"


def web_page(folder: Path) -> Path:
    (folder / "cells.h5ad").write_bytes(b"<!DOCTYPE html><html><body>Please sign in</body></html>")
    return folder / "cells.h5ad"


HOSTILE = {
    dense_bomb: "values of X that need 320 TB of memory",
    sparse_bomb: "values of X that need",
    column_bomb: "columns of obs that need 80 TB",
    thousands_of_columns: "columns in obs and at most 5,000",
    external_link: "in another file, which is not read for safety",
    external_storage: "in another file, which is not read for safety",
    virtual_data: "in another file, which is not read for safety",
    wild_indices: "damaged",
    zip_bomb: "unpacks from",
    tar_bomb: "unpacks from",
    gzip_bomb: "unpacks from",
    many_members: "5,001 files or more and at most 5,000",
    traversal: "points out of the archive",
    absolute: "points out of the archive",
    windows: "points out of the archive",
    link_in_tar: "a link or a device",
    link_in_zip: "a link or a device",
    nested: "an archive in an archive",
    pickled: "pickled objects in 'pcs', which could run programs",
    array_bomb: "shorter than its shape (1000000000, 100000) says",
    plain_pickle: "is a Python pickle inside",
    matrix_bomb: "declares 999,999,999,999 entries, more than its file can hold",
    loom_bomb: "need 800 TB of memory",
    wide_text: "more than the 200,000 columns that are read at most",
    web_page: "is a web page",
}


@pytest.mark.parametrize("make", HOSTILE, ids=lambda each: each.__name__)
@pytest.mark.parametrize("rows", [None, 5])
def test_hostile_files_are_refused_with_one_sentence(tmp_path, make, rows) -> None:
    path = make(tmp_path)
    with pytest.raises(InvalidInputError) as error:
        read(path, path.name, 40 if make is dense_bomb else rows)
    sentence = str(error.value)
    assert HOSTILE[make] in sentence and path.name in sentence
    assert "\n" not in sentence and len(sentence) < 600 and "Traceback" not in sentence
    assert not (tmp_path / "ran").exists() and not list(data_root().iterdir())


def test_a_piece_larger_than_the_memory_is_not_unpacked(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("CELLFLOW_MEMORY_GB", "1")
    with pytest.raises(InvalidInputError, match="need 3.2 GB of memory and 1 GB may be used"):
        read(chunk_bomb(tmp_path), "bomb.h5ad", 1)


def test_more_objects_than_any_file_of_cells_has(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(hdf5, "OBJECTS", 100)

    def change(file: h5py.File) -> None:
        for k in range(101):
            file[f"uns/many/c{k}"] = file["obs/day"]

    with pytest.raises(InvalidInputError, match="more than 100 arrays and groups"):
        read(rebuilt(tmp_path / "many.h5ad", change), "many.h5ad")


def test_an_array_larger_than_the_memory_is_not_read(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("CELLFLOW_MEMORY_GB", "0.000001")
    for path in (made.npz(tmp_path / "a.npz"), made.h5ad(tmp_path / "a.h5ad"), made.csv(tmp_path / "a.csv")):
        with pytest.raises(InvalidInputError, match=r"need .* of memory and 1 kB may be used"):
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
        held = anndata.AnnData(made.counts(60).toarray(), obs=obs, var=pd.DataFrame(index=pd.Index(NAMES)))
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
