"""One file of cells into one table, whatever its format: the content decides, not the ending."""

from __future__ import annotations

import bz2
import dataclasses
import gzip
import lzma
import struct
import tarfile
import zipfile
import zlib
from functools import partial
from pathlib import Path

from cellflow_core.data.readers import hdf5, individuals
from cellflow_core.data.readers.anndata.h5ad import of_h5ad
from cellflow_core.data.readers.anndata.mudata import is_mudata, of_mudata
from cellflow_core.data.readers.folders.archive import is_tar, is_workbook, of_archive, unpacked
from cellflow_core.data.readers.individuals import transport
from cellflow_core.data.readers.individuals.source import Source
from cellflow_core.data.readers.limits import memory
from cellflow_core.data.readers.loom import is_loom, of_loom
from cellflow_core.data.readers.npz import is_npz, of_npz
from cellflow_core.data.readers.r import rds
from cellflow_core.data.readers.table import KNOWN, InvalidInputError, ReadOptions, Table, make_unique, names_of, short
from cellflow_core.data.readers.tenx import is_tenx, of_tenx
from cellflow_core.data.readers.text import of_text

FOREIGN = {
    b"%PDF": "a PDF",
    b"\xd0\xcf\x11\xe0": "an old Excel or Word file",
    b"PAR1": "a Parquet file",
    b"7z\xbc\xaf": "a 7z archive",
    b"Rar!": "a RAR archive",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ": "an xz file",
    b"\x28\xb5\x2f\xfd": "a zstd file",
    b"%%MatrixMarket": "a matrix without its genes and cells",
    b"\x80\x04\x95": "a Python pickle",
    b"\x80\x03": "a Python pickle",
    b"\x93NUMPY": "a single numpy array",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"<!DOCTYPE": "a web page (the download asked for a log-in?)",
    b"<html": "a web page (the download asked for a log-in?)",
}
"""How files begin that are often offered and cannot be read, and what they are."""
_COMPRESSED = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}
"""How compressed files begin, and what opens them."""
_DAMAGED = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What the libraries that decode a file raise where its bytes contradict themselves."""


def read(path: Path, name: str, rows: int | None = None, options: ReadOptions = ReadOptions()) -> Table:  # noqa: B008
    """The table of a file that its owner calls `name`. With `rows`, x and layers hold only so many rows; obs is whole.

    options  what a person says of it: which matrix holds the values, what stands in the rows

    Raises InvalidInputError with one sentence.
    """
    from anndata._io.specs.registry import IORegistryError  # a plain Exception, for encodings that are not known

    memory()  # raises for a setting that is no number
    if not path.is_file():
        raise InvalidInputError(f"{name} is not there any more: choose the file again")
    try:
        table = _read(path, name, rows, options)
    except InvalidInputError:
        raise
    except MemoryError as error:
        raise InvalidInputError(
            f"{name} needs more memory than there is: take fewer cells or features, or store the matrix sparse"
        ) from error
    except (*_DAMAGED, IORegistryError) as error:
        again = "write it again, for example with adata.write_h5ad(), or upload it again"
        raise InvalidInputError(
            f"{name} is damaged, or was written in a form that cannot be read ({short(error)}): "
            f"{rds.advice(name) if rds.named_r(name) else again}"
        ) from error
    if not table.cells or not (table.features or table.snapshots):
        raise InvalidInputError(
            f"{name} holds {table.cells} cells and {len(table.features)} features: a table with at least one of each "
            "is needed; check how the file was written"
        )
    obs = table.obs.set_axis(make_unique(names_of(table.obs.columns)), axis=1)
    return dataclasses.replace(table, features=names_of(table.features), obs=obs)


def _read(path: Path, name: str, rows: int | None, options: ReadOptions, inner: bool = False) -> Table:
    with path.open("rb") as file:
        start = file.read(hdf5.HEAD)
    if not start:
        raise InvalidInputError(f"{name} is empty (0 bytes): choose the file again, the upload may have been cut off")
    if (opener := next((each for begins, each in _COMPRESSED.items() if start.startswith(begins)), None)) is not None:
        with opener(path) as file:
            within = file.read(hdf5.HEAD)
        if rds.is_r(within):
            with unpacked(path, name, opener) as plain:
                return rds.of_r(plain, name, rows, options)
        _refuse_foreign(start, name)
        if is_tar(within):
            return of_archive(path, name, rows, partial(_inner, options=options))
        if hdf5.is_hdf5(within):
            with unpacked(path, name) as plain:
                return _read(plain, name, rows, options)
        _refuse_foreign(within, name)
        return of_text(path, name, rows, options.orientation)
    if hdf5.is_hdf5(start) and not is_tar(start):  # the first file of a tar begins where HDF5 looks for its own
        return _of_hdf5(path, name, rows, options)
    if start.startswith((b"PK\3\4", b"PK\5\6")) or is_tar(start):
        if is_npz(path, start):
            return of_npz(path, name, rows)
        if is_workbook(path):
            raise InvalidInputError(
                f"{name} is an Excel workbook: save the sheet with the cells as CSV (in Excel: Save as, CSV UTF-8), "
                "and look whether Excel turned names of genes into dates (MARCH1 into 1-Mar)"
            )
        if inner:
            raise InvalidInputError(f"{name} holds an archive in an archive: unpack it once and choose what is inside")
        return of_archive(path, name, rows, partial(_inner, options=options))
    if rds.is_r(start):
        return rds.of_r(path, name, rows, options)
    if transport.is_transport(start):
        return _of_transport(path, name)
    _refuse_foreign(start, name)
    return of_text(path, name, rows, options.orientation)


def _of_transport(path: Path, name: str) -> Table:
    found = individuals.of_frame(transport.frame_of(path, name), Source(name, 1))
    if found is None:
        raise InvalidInputError(
            f"{name} is a SAS transport file and none of the tables that are read from one: PC, ADPC, or lines of ID, "
            "TIME, DV and AMT"
        )
    return found


def _inner(path: Path, name: str, rows: int | None, options: ReadOptions) -> Table:
    """A file of an archive."""
    return _read(path, name, rows, options, inner=True)


def _of_hdf5(path: Path, name: str, rows: int | None, options: ReadOptions) -> Table:
    with hdf5.opened(path, name) as file:
        keys = set(file)
        if is_mudata(file):
            return of_mudata(file, path, name, rows)
        if {"obs", "var"} <= keys:
            return of_h5ad(file, path, name, rows, options)
        if is_loom(file):
            return of_loom(file, name, rows)
        if is_tenx(file):
            return of_tenx(file, name, rows)
    if {"assays", "meta.data"} <= keys or {"assays", "cell.names"} <= keys:
        raise InvalidInputError(
            f"{name} is a Seurat object as HDF5 (.h5seurat), which is not read here; in R: "
            f'library(SeuratDisk); object <- LoadH5Seurat("{name}"); {rds.lines(name)}'
        )
    held = ", ".join(names_of(sorted(keys)[:8])) or "nothing"
    raise InvalidInputError(
        f"{name} is HDF5 but not AnnData, MuData, 10x or loom: it holds {held} where obs, var and X are "
        "expected; save it with adata.write_h5ad()"
    )


def _refuse_foreign(start: bytes, name: str) -> None:
    if rds.named_r(name):
        raise InvalidInputError(f"{name} does not begin as a file of R does; {rds.advice(name)}")
    for begins, what in FOREIGN.items():
        if start.lower().startswith(begins.lower()):
            raise InvalidInputError(f"{name} is {what} inside: save it as one of the formats known here ({KNOWN})")
