"""Files that would harm their reader: bombs, links, paths, pickles; each with the words it is refused with."""

from __future__ import annotations

import gzip
import io
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

from tests import formats


def rebuilt(path: Path, change: Callable[[h5py.File], None]) -> Path:
    formats.h5ad(path)
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
    return formats.zipped(folder / "bomb.zip", {"matrix.mtx": bytes(60_000_000)})


def tar_bomb(folder: Path) -> Path:
    return formats.tarred(folder / "bomb.tar.gz", {"matrix.mtx": bytes(60_000_000)})


def gzip_bomb(folder: Path) -> Path:
    (folder / "bomb.csv.gz").write_bytes(gzip.compress(b"day,x,y\n" + b"1,1,1\n" * 9_000_000))
    return folder / "bomb.csv.gz"


def many_members(folder: Path) -> Path:
    return formats.zipped(folder / "many.zip", {f"f{k}": b"" for k in range(5_001)})


def traversal(folder: Path) -> Path:
    return formats.zipped(folder / "up.zip", {"../../evil.mtx": b"x", **formats.folder(2)})


def absolute(folder: Path) -> Path:
    return formats.tarred(folder / "root.tar.gz", {"/etc/evil": b"x", **formats.folder(2)})


def windows(folder: Path) -> Path:
    return formats.zipped(folder / "win.zip", {"a\\..\\..\\evil": b"x", **formats.folder(2)})


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
    inner = formats.zipped(folder / "inner.zip", formats.folder(2)).read_bytes()
    return formats.zipped(folder / "outer.zip", {"inner.zip": inner})


def pickled(folder: Path) -> Path:
    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (folder / "ran",)

    np.savez(folder / "evil.npz", pcs=np.array([[Evil(), 1], [2, 3]], dtype=object))
    return folder / "evil.npz"


def array_bomb(folder: Path) -> Path:
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "<f8", "fortran_order": False, "shape": (10**9, 10**5)})
    return formats.zipped(folder / "bomb.npz", {"pcs.npy": head.getvalue()})


def plain_pickle(folder: Path) -> Path:
    (folder / "cells.pkl").write_bytes(pickle.dumps({"x": 1}))
    return folder / "cells.pkl"


def matrix_bomb(folder: Path) -> Path:
    files = formats.folder(2)
    head = b"%%MatrixMarket matrix coordinate integer general\n12 40 999999999999\n1 1 1\n"
    return formats.zipped(folder / "bomb.zip", {**files, "matrix.mtx": head})


def loom_bomb(folder: Path) -> Path:
    path = formats.loom(folder / "bomb.loom")
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
