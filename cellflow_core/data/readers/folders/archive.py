"""Archives (zip, tar, tar.gz) of 10x folders or of one file. Nothing is unpacked by its own name."""

from __future__ import annotations

import gzip
import re
import stat
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

from cellflow_core.data.readers.anndata import zarr_folder
from cellflow_core.data.readers.folders import layouts, metadata, perturbation_tables
from cellflow_core.data.readers.folders.joined import joined, sample_names
from cellflow_core.data.readers.folders.matrix_market import of_folders
from cellflow_core.data.readers.individuals import cdisc, transport
from cellflow_core.data.readers.limits import MEMBERS, RATIO, RATIO_EXEMPT_BYTES, amount, memory
from cellflow_core.data.readers.table import InvalidInputError, Table, printable
from cellflow_core.data.readers.text import frame_of

_PIECE = 1 << 20
_UNIMPORTANT = re.compile(r"(?:.*/)?(?:__MACOSX/.*|\._.*|\.DS_Store|Thumbs\.db|desktop\.ini)")

Reader = Callable[[Path, str, int | None], Table]


_BESIDE = re.compile(r"(?:readme|licen[cs]e|filelist|manifest|checksums?|md5|sha256)[^/]*", re.I)
"""Files that only describe the others."""


def is_tar(start: bytes) -> bool:
    return start[257:262] == b"ustar"


def is_workbook(path: Path) -> bool:
    """A zip that holds the sheets of Excel or of an open document."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
    return bool(names & {"xl/workbook.xml", "xl/workbook.bin"}) or {"mimetype", "content.xml"} <= names


def of_archive(path: Path, name: str, rows: int | None, read: Reader) -> Table:
    """The AnnData folder (.zarr) or 10x folder(s) of an archive, the tables of a perturbation screen, or the table of
    its only file, read with `read`."""
    with tempfile.TemporaryDirectory(prefix="cellflow-") as place:
        with path.open("rb") as file:
            zipped = file.read(2) == b"PK"
        files = (_unzip if zipped else _untar)(path, name, Path(place))
        if inside := zarr_folder.zarr_files(files):
            return read(zarr_folder.as_h5ad(inside, name, Path(place)), name, rows)
        if tables := perturbation_tables.tables_of(files):
            return perturbation_tables.of_tables(tables, name)
        if (followed := _followed(files, name)) is not None:
            return followed
        found = layouts.folders(files, name)
        if found:
            return of_folders(found, name, rows)
        files = {each: at for each, at in files.items() if not _BESIDE.match(PurePosixPath(each).name)} or files
        if len(files) == 1:
            ((inner, only),) = files.items()
            return read(only, name if _is_plain(inner) else PurePosixPath(inner).name, rows)
        return _of_files(files, name, rows, read)


def _followed(files: dict[str, Path], name: str) -> Table | None:
    """The SDTM tables PC and EX of an archive as one; None where it holds none of these names."""
    found = {each: at for each, at in files.items() if re.fullmatch(r"(?:.*/)?(?:pc|ex)\.(?:csv|xpt)", each, re.I)}
    if len(found) != 2:
        return None
    frames = {}
    for each, at in found.items():
        with at.open("rb") as file:
            coded = transport.is_transport(file.read(64))
        frames[PurePosixPath(each).name] = (transport.frame_of if coded else frame_of)(at, name)
    return cdisc.of_frames(frames, name)


def _is_plain(name: str) -> bool:
    """Does a name say nothing of what is inside?"""
    return not re.search(r"\.(?:rds|rda|rdata|robj)$", name, re.I)


def _of_files(files: dict[str, Path], name: str, rows: int | None, read: Reader) -> Table:
    """One table of several files: one a sample, or values and metadata. InvalidInputError where they are neither."""
    tables: dict[str, Table] = {}
    refused: dict[str, InvalidInputError] = {}
    for each, path in sorted(files.items()):
        try:
            tables[each] = read(path, PurePosixPath(each).name, rows)
        except InvalidInputError as error:
            refused[each] = error
    others = {each: metadata.metadata_frame(files[each], each) for each in refused}
    if len(tables) > 1:
        cells = {each: set(map(str, table.obs.index)) for each, table in tables.items()}
        main = max(tables, key=lambda each: len(tables[each].features))
        for each in [each for each in tables if each != main and len(tables[each].features) < 20]:
            if len(cells[each] & cells[main]) > len(cells[main]) / 2 or not cells[each]:
                others[each] = metadata.metadata_frame(files[each], each)
                del tables[each]
    if len(tables) == 1:
        ((_, table),) = tables.items()
        joins = 0
        for each, frame in others.items():
            more = None if frame is None else metadata.with_metadata(table, frame, each)
            table, joins = (table, joins) if more is None else (more, joins + 1)
        if joins == len(others):
            return table
    elif tables and not refused:
        return joined(list(tables.values()), sample_names(list(tables)), name, "files", rows)
    listed = ", ".join(printable(each)[:60] for each in list(files)[:6]) or "nothing"
    reasons = next((f"; {error}" for error in refused.values() if not metadata.is_metadata(error)), "")
    raise InvalidInputError(
        f"{name} holds {listed} and no folder of counts that is known: a matrix (.mtx) with its genes and cells, one "
        f"table, one file a sample, or a table of values and one of metadata with the same cells is expected{reasons}"
    )


@contextmanager
def unpacked(path: Path, name: str, opener: Callable[[Path], Any] = gzip.open) -> Iterator[Path]:
    """A compressed file, which `opener` opens, unpacked beside the temporary files."""
    with tempfile.TemporaryDirectory(prefix="cellflow-") as place:
        with opener(path) as file, (Path(place) / "file").open("wb") as target:
            _copy(file, target, name, memory(), path.stat().st_size)
        yield Path(place) / "file"


def _unzip(path: Path, name: str, place: Path) -> dict[str, Path]:
    files: dict[str, Path] = {}
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if len(members) > MEMBERS:
            raise InvalidInputError(_too_many(name, len(members)))
        _check_growth(sum(each.file_size for each in members), path.stat().st_size, name)
        left = memory()
        for member in members:
            _check_name(member.filename, name)
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise InvalidInputError(_no_file(name, member.filename))
            if member.is_dir() or _UNIMPORTANT.fullmatch(member.filename):
                continue
            if member.flag_bits & 1:
                raise InvalidInputError(f"{name} is locked with a password: pack the files again without one")
            target = place / str(len(files))
            with archive.open(member) as source, target.open("wb") as copy:
                left -= _copy(source, copy, name, left, path.stat().st_size)
            files[member.filename] = target
    return files


def _untar(path: Path, name: str, place: Path) -> dict[str, Path]:
    files: dict[str, Path] = {}
    seen, left = 0, memory()
    with tarfile.open(path, mode="r|*") as archive:
        for member in archive:
            seen += 1
            if seen > MEMBERS:
                raise InvalidInputError(_too_many(name, seen))
            _check_name(member.name, name)
            if not (member.isreg() or member.isdir()) or member.issparse():
                raise InvalidInputError(_no_file(name, member.name))
            _check_growth(member.size, path.stat().st_size, name)
            if member.isdir() or _UNIMPORTANT.fullmatch(member.name):
                continue
            source = archive.extractfile(member)
            assert source is not None
            target = place / str(len(files))
            with source, target.open("wb") as copy:
                left -= _copy(source, copy, name, left, path.stat().st_size)
            files[member.name] = target
    return files


def _copy(source: Any, target: IO[bytes], name: str, left: int, packed: int) -> int:
    """Copy in pieces, at most `left` bytes; returns how many there were."""
    copied = 0
    while piece := source.read(_PIECE):
        copied += len(piece)
        if copied > left:
            raise InvalidInputError(_too_large(name, f"more than {amount(left)}", packed))
        if copied > RATIO_EXEMPT_BYTES and copied > RATIO * packed:
            raise InvalidInputError(_too_large(name, f"more than {amount(copied)}", packed))
        target.write(piece)
    return copied


def _check_growth(size: int, packed: int, name: str) -> None:
    if size > memory() or (size > RATIO_EXEMPT_BYTES and size > RATIO * packed):
        raise InvalidInputError(_too_large(name, amount(size), packed))


def _too_large(name: str, size: str, packed: int) -> str:
    return (
        f"{name} unpacks from {amount(packed)} to {size}, and {amount(memory())} and {RATIO} times its size are "
        "allowed: it looks like a trap; if it is none, keep only the matrix and what is known of the cells in it"
    )


def _too_many(name: str, count: int) -> str:
    return (
        f"{name} holds {count:,} files or more and at most {MEMBERS:,} are looked at: pack only the files of the matrix"
    )


def _no_file(name: str, member: str) -> str:
    return f"{name} holds a link or a device ({printable(member)[:60]}), not followed for safety: pack plain files"


def _check_name(member: str, name: str) -> None:
    """Refuse names that point out of the folder: nothing is unpacked by its name, but who packs so is not trusted."""
    parts = re.split(r"[/\\]", member)
    if member.startswith(("/", "\\")) or ".." in parts or re.match(r"[A-Za-z]:", member) or "\0" in member:
        raise InvalidInputError(
            f"{name} holds a file named {printable(member)[:60]!r}, which points out of the archive, so nothing is "
            "read: pack the folder again"
        )
