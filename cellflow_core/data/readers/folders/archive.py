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

from cellflow_core.data.readers.folders.matrix_market import Folder, of_folders
from cellflow_core.data.readers.limits import MEMBERS, RATIO, RATIO_EXEMPT_BYTES, amount, memory
from cellflow_core.data.readers.table import InvalidInputError, Table, printable

_PIECE = 1 << 20
_PARTS = {
    "matrix": re.compile(r"(?:.*[_.-])?matrix\.mtx(?:\.gz)?"),
    "spliced": re.compile(r"spliced\.mtx(?:\.gz)?"),
    "unspliced": re.compile(r"unspliced\.mtx(?:\.gz)?"),
    "genes": re.compile(r"(?:.*[_.-])?(?:genes|features)\.tsv(?:\.gz)?"),
    "barcodes": re.compile(r"(?:.*[_.-])?barcodes\.tsv(?:\.gz)?"),
}
"""Files of a 10x folder (and of velocyto's in STARsolo)."""
_UNIMPORTANT = re.compile(r"(?:.*/)?(?:__MACOSX/.*|\._.*|\.DS_Store|Thumbs\.db|desktop\.ini)")

Reader = Callable[[Path, str, int | None], Table]


def is_tar(start: bytes) -> bool:
    return start[257:262] == b"ustar"


def of_archive(path: Path, name: str, rows: int | None, read: Reader) -> Table:
    """The 10x folder(s) of an archive, or the table of its only file, read with `read`."""
    with tempfile.TemporaryDirectory(prefix="cellflow-") as place:
        with path.open("rb") as file:
            zipped = file.read(2) == b"PK"
        files = (_unzip if zipped else _untar)(path, name, Path(place))
        folders = _folders(files, name)
        if folders:
            return of_folders(folders, name, rows)
        if len(files) == 1:
            ((_, only),) = files.items()
            return read(only, name, rows)
    listed = ", ".join(printable(each)[:60] for each in list(files)[:6]) or "nothing"
    raise InvalidInputError(
        f"{name} holds {listed} and no 10x folder: matrix.mtx, genes.tsv or features.tsv, and barcodes.tsv are "
        "expected "
        "(also .gz), or one single table"
    )


@contextmanager
def unpacked(path: Path, name: str) -> Iterator[Path]:
    """A file compressed with gzip, unpacked beside the temporary files."""
    with tempfile.TemporaryDirectory(prefix="cellflow-") as place:
        with gzip.open(path) as file, (Path(place) / "file").open("wb") as target:
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


def _folders(files: dict[str, Path], name: str) -> list[Folder]:
    """Whole 10x folders, by folder and beginning of the names; "raw" ones go where there are filtered ones."""
    found: dict[str, dict[str, Path]] = {}
    for each, path in files.items():
        for part, pattern in _PARTS.items():
            last = PurePosixPath(each).name
            if pattern.fullmatch(last):
                before = re.sub(
                    r"(?:matrix|spliced|unspliced|genes|features|barcodes)\.(?:mtx|tsv)(?:\.gz)?$", "", last
                )
                found.setdefault(f"{PurePosixPath(each).parent}/{before}", {})[part] = path
    whole = {key: parts for key, parts in found.items() if {"genes", "barcodes"} <= set(parts) and len(parts) > 2}
    if found and not whole:
        parts = sorted({part for each in found.values() for part in each})
        raise InvalidInputError(
            f"{name} holds {' and '.join(parts)} of a 10x folder and not all three: matrix.mtx, genes.tsv or "
            "features.tsv, "
            "and barcodes.tsv must be in one folder of the archive"
        )
    if any("filtered" in key for key in whole):
        whole = {key: parts for key, parts in whole.items() if "raw" not in key}
    return [Folder(_label(key, whole), **parts) for key, parts in sorted(whole.items())]


def _label(key: str, every: dict[str, dict[str, Path]]) -> str:
    """What tells this folder from the others: the part of its path that differs."""
    cut = [each.strip("/._-").split("/") for each in every]
    mine = key.strip("/._-").split("/")
    return "/".join(part for k, part in enumerate(mine) if any(other[k : k + 1] != [part] for other in cut)) or mine[-1]


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
        "allowed: "
        "it looks like a trap; pack only the files of the matrix"
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
