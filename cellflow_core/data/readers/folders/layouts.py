"""How programs name the files of a matrix, its genes and its cells: 10x, STARsolo, kb-python, alevin-fry, Parse."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from cellflow_core.data.readers.folders.joined import sample_names
from cellflow_core.data.readers.folders.matrix_market import Folder
from cellflow_core.data.readers.table import InvalidInputError

_BEFORE = r"(?P<before>(?:.*?[_.-])??)"
_END = r"(?:\.gz)?"


@dataclass(frozen=True)
class Layout:
    """One program: what it calls the files of each part. Parts before "genes" are matrices."""

    format: str
    parts: Mapping[str, str]
    csv: bool = False


LAYOUTS = (
    Layout(
        "Parse matrix",
        {
            "matrix": r"(?:count_matrix|DGE)\.mtx",
            "genes": r"(?:all_genes|genes)\.csv",
            "barcodes": r"cell_metadata\.csv",
        },
        csv=True,
    ),
    Layout(
        "kb-python matrix",
        {
            "matrix": r"cells_x_genes(?:\.(?:total|cell))?\.mtx",
            "spliced": r"(?:cells_x_genes\.mature|spliced|cells_x_genes\.spliced)\.mtx",
            "unspliced": r"(?:cells_x_genes\.nascent|unspliced|cells_x_genes\.unspliced)\.mtx",
            "ambiguous": r"(?:cells_x_genes\.ambiguous|ambiguous)\.mtx",
            "genes": r"(?:cells_x_genes|spliced)\.genes\.txt",
            "symbols": r"(?:cells_x_genes|spliced)\.genes\.names\.txt",
            "barcodes": r"(?:cells_x_genes|spliced)\.barcodes\.txt",
        },
    ),
    Layout(
        "alevin-fry matrix",
        {"matrix": r"quants_mat\.mtx", "genes": r"quants_mat_cols\.txt", "barcodes": r"quants_mat_rows\.txt"},
    ),
    Layout(
        "10x matrix",
        {
            "matrix": r"(?:matrix|UniqueAndMult-\w+)\.mtx",
            "spliced": r"spliced\.mtx",
            "unspliced": r"unspliced\.mtx",
            "ambiguous": r"ambiguous\.mtx",
            "genes": r"(?:genes|features)\.tsv",
            "barcodes": r"barcodes\.tsv",
        },
    ),
)
_MATRICES = ("matrix", "spliced", "unspliced", "ambiguous")


def folders(files: Mapping[str, Path], name: str) -> list[Folder]:
    """Whole folders of one program, with what tells them apart; InvalidInputError where parts of one are missing."""
    partial: list[str] = []
    for layout in LAYOUTS:
        found = _parts(layout, files)
        whole = {key: parts for key, parts in found.items() if _is_whole(parts)}
        if whole:
            chosen, notes = _chosen(whole)
            labels = sample_names(list(chosen)) if len(chosen) > 1 else ["sample"]
            made = [_folder(layout, label, parts) for label, parts in zip(labels, chosen.values(), strict=True)]
            return [replace(each, notes=notes) for each in made]
        if found and not partial:
            partial = sorted({part for each in found.values() for part in each})
    if partial and set(partial) & set(_MATRICES):
        raise InvalidInputError(
            f"{name} holds {' and '.join(partial)} of a folder of counts and not all of it: the matrix (.mtx), its "
            "genes (genes.tsv, features.tsv, all_genes.csv ...) and its cells (barcodes.tsv, cell_metadata.csv ...) "
            "must be in one folder of the archive"
        )
    return []


def _parts(layout: Layout, files: Mapping[str, Path]) -> dict[str, dict[str, Path]]:
    """Folder and beginning of the names -> part -> file."""
    found: dict[str, dict[str, Path]] = {}
    for each in sorted(files):
        place = PurePosixPath(each)
        for part, pattern in layout.parts.items():
            match = re.fullmatch(_BEFORE + f"(?:{pattern})" + _END, place.name)
            if match:
                parts = found.setdefault(f"{place.parent}/{match['before']}", {})
                parts.setdefault(part, files[each])
                if place.name.startswith("matrix"):
                    parts[part] = files[each]
                break
    return found


def _is_whole(parts: Mapping[str, Path]) -> bool:
    return {"genes", "barcodes"} <= set(parts) and bool(set(_MATRICES) & set(parts))


def _chosen(whole: dict[str, dict[str, Path]]) -> tuple[dict[str, dict[str, Path]], tuple[str, ...]]:
    """Folders to take: filtered ones rather than raw, those of genes rather than other counts of the same cells."""
    notes: list[str] = []
    if any("filtered" in key for key in whole):
        whole = {key: parts for key, parts in whole.items() if "raw" not in key}
    kinds = {key: next(_kind(key), "") for key in whole}
    if "Gene" in kinds.values():
        genes = {key: dict(parts) for key, parts in whole.items() if kinds[key] == "Gene"}
        for key, parts in whole.items():
            if kinds[key] != "Velocyto":
                continue
            own = genes.get(key.replace("/Velocyto/", "/Gene/").replace("Velocyto/", "Gene/"))
            if own is not None and own["barcodes"].read_bytes() == parts["barcodes"].read_bytes():
                own.update({each: parts[each] for each in _MATRICES[1:] if each in parts})
        others = sorted({kind for kind in kinds.values() if kind not in ("Gene", "Velocyto", "")})
        if others:
            notes.append(f"counts of {', '.join(others)} are further counts of the same cells and were not taken")
        whole = genes
    return dict(sorted(whole.items())), tuple(notes)


def _kind(key: str) -> Iterator[str]:
    """What STARsolo counted: its folders are named Gene, GeneFull, Velocyto, SJ."""
    return (each for each in key.split("/") if re.fullmatch(r"Gene(?:Full\w*)?|Velocyto|SJ", each))


def _folder(layout: Layout, label: str, parts: Mapping[str, Path]) -> Folder:
    matrices = {each: parts[each] for each in _MATRICES if each in parts}
    return Folder(
        label,
        parts["genes"],
        parts["barcodes"],
        matrices,
        parts.get("symbols"),
        layout.csv,
        layout.csv,
        layout.format,
    )
