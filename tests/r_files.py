"""Small files as R writes them: objects of Seurat and SingleCellExperiment, matrices and data frames."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy.sparse import csc_matrix

_ATTRIBUTES, _TAG, _OBJECT = 512, 1024, 256
NULL = struct.pack(">i", 254)


def _int(*values: int) -> bytes:
    return struct.pack(f">{len(values)}i", *values)


def _char(text: str | None) -> bytes:
    if text is None:
        return _int(9, -1)
    return _int(9 | 1 << 15, len(text.encode())) + text.encode()


def symbol(text: str) -> bytes:
    return _int(1) + _char(text)


def pairs(**members: bytes) -> bytes:
    body = b"".join(_int(2 | _TAG) + symbol(key) + each for key, each in members.items())
    return body + NULL


def _vector(kind: int, length: int, body: bytes, attributes: Mapping[str, bytes]) -> bytes:
    flags = kind | (_ATTRIBUTES if attributes else 0) | (_OBJECT if "class" in attributes else 0)
    return _int(flags, length) + body + (pairs(**attributes) if attributes else b"")


def ints(values: Sequence[int], **attributes: bytes) -> bytes:
    return _vector(13, len(values), np.asarray(values, ">i4").tobytes(), attributes)


def logical(values: Sequence[int], **attributes: bytes) -> bytes:
    return _vector(10, len(values), np.asarray(values, ">i4").tobytes(), attributes)


def real(values: Sequence[float], **attributes: bytes) -> bytes:
    return _vector(14, len(values), np.asarray(values, ">f8").tobytes(), attributes)


def text(*values: str | None, **attributes: bytes) -> bytes:
    return _vector(16, len(values), b"".join(map(_char, values)), attributes)


def unnamed(*values: bytes) -> bytes:
    return _vector(19, len(values), b"".join(values), {})


def named(members: Mapping[str, bytes], **attributes: bytes) -> bytes:
    names = text(*members)
    return _vector(19, len(members), b"".join(members.values()), {"names": names, **attributes})


def s4(kind: str, **slots: bytes) -> bytes:
    return _int(25 | _ATTRIBUTES | _OBJECT) + pairs(**slots, **{"class": text(kind)})


def environment(**members: bytes) -> bytes:
    empty = _int(242)
    return _int(4, 0) + empty + pairs(**members) + NULL + NULL


def factor(codes: Sequence[int], *levels: str) -> bytes:
    return ints(codes, levels=text(*levels), **{"class": text("factor")})


def frame(columns: Mapping[str, bytes], rows: Sequence[str]) -> bytes:
    return named(columns, **{"class": text("data.frame"), "row.names": text(*rows)})


def dense(x: np.ndarray, rows: Sequence[str] = (), columns: Sequence[str] = ()) -> bytes:
    names = {"dimnames": unnamed(text(*rows), text(*columns))} if rows else {}
    return real(x.T.ravel(), dim=ints(x.shape), **names)


def sparse(x: np.ndarray, rows: Sequence[str] = (), columns: Sequence[str] = ()) -> bytes:
    """[genes, cells] as dgCMatrix."""
    held = csc_matrix(x)
    names = unnamed(text(*rows), text(*columns)) if rows else unnamed(NULL, NULL)
    parts = {"i": ints(held.indices), "p": ints(held.indptr), "Dim": ints(x.shape), "Dimnames": names}
    return s4("dgCMatrix", **parts, x=real(held.data), factors=unnamed())


def log_map(rows: Sequence[str], layers: Mapping[str, Sequence[int]]) -> bytes:
    """Which names belong to each layer of Seurat 5."""
    return logical(
        np.concatenate([np.asarray(each) for each in layers.values()]).tolist(),
        dim=ints((len(rows), len(layers))),
        dimnames=unnamed(text(*rows), text(*layers)),
        **{"class": text("LogMap")},
    )


def seurat(assays: Mapping[str, bytes], columns: Mapping[str, bytes], cells: Sequence[str], **slots: bytes) -> bytes:
    return s4("Seurat", assays=named(assays), **{"meta.data": frame(columns, cells)}, **slots)


def experiment(
    assays: Mapping[str, bytes], columns: Mapping[str, bytes], cells: Sequence[str], **slots: bytes
) -> bytes:
    lists = s4("SimpleAssays", data=s4("SimpleList", listData=named(assays)))
    about = s4("DFrame", rownames=text(*cells), nrows=ints([len(cells)]), listData=named(columns))
    return s4("SingleCellExperiment", assays=lists, colData=about, **slots)


def written(path: Path, held: bytes, squeeze: Callable[[bytes], bytes] = gzip.compress) -> Path:
    """One object in version 3 of the format, compressed."""
    path.write_bytes(squeeze(b"X\n" + _int(3, 0x40301, 0x30500, 5) + b"UTF-8" + held))
    return path


def workspace(path: Path, **objects: bytes) -> Path:
    """Several objects as save() writes them, in version 2."""
    path.write_bytes(gzip.compress(b"RDX2\nX\n" + _int(2, 0x40301, 0x20300) + pairs(**objects)))
    return path


def sequence(first: int, count: float) -> bytes:
    """first:last in the short form of R 3.5 and later."""
    info = _int(2) + symbol("compact_intseq") + _int(2) + symbol("base") + _int(2) + ints([13]) + NULL
    return _int(238) + info + real([count, first, 1]) + NULL


GENES = ("Gata1", "Spi1", "Klf1")
CELLS = ("AAAC-1", "AAAG-1", "AACC-1", "AAGT-1")
X = np.array([[0.0, 2, 0, 1], [3, 0, 0, 0], [1, 1, 0, 4]])
"""[genes, cells]"""


def columns(copies: int = 1) -> dict[str, bytes]:
    """Annotations of so many copies of the cells: numbers, a factor, whole numbers and text, with NA."""
    return {
        "day": real([0, 0, 2, 2] * copies),
        "type": factor([1, 2, -(2**31), 1] * copies, "stem", "blood"),
        "batch": ints([1, -(2**31), 2, 2] * copies),
        "donor": text(*["a", None, "b", "b"] * copies),
    }


def seurat_4(path: Path, squeeze: Callable[[bytes], bytes] = gzip.compress, copies: int = 1) -> Path:
    """Counts, logarithms, antibodies, spliced counts and an integrated assay, which is the active one."""
    x, cells = np.tile(X, copies), [f"{each}{'' if k == 0 else k}" for k in range(copies) for each in CELLS]
    assays = {
        "integrated": s4("Assay", counts=sparse(x[:, :0]), data=dense(x - 1, GENES, cells)),
        "RNA": s4("Assay", counts=sparse(x, GENES, cells), data=sparse(np.log1p(x), GENES, cells)),
        "ADT": s4("Assay", counts=sparse(x[:2] + 5, ("CD3", "CD4"), cells)),
        "spliced": s4("Assay", counts=sparse(2 * x, GENES, cells)),
    }
    umap = dense(np.arange(2.0 * len(cells)).reshape(-1, 2), cells, ("UMAP_1", "UMAP_2"))
    held = seurat(
        assays,
        columns(copies),
        cells,
        **{
            "active.assay": text("integrated"),
            "active.ident": factor([1, 1, 2, 2] * copies, "early", "late"),
            "reductions": named({"umap": s4("DimReduc", **{"cell.embeddings": umap})}),
            "commands": named({"f": environment(x=NULL)}),
        },
    )
    return written(path, held, squeeze)
