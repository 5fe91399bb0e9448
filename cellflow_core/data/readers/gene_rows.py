"""Tables with genes in rows and cells in columns, and what the names of cells tell: time, run, perturbation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from cellflow_core.data.readers import gene_names
from cellflow_core.data.readers.table import Table
from cellflow_core.data.times.column_names import is_time_name

GENE_HEADS = {
    "gene",
    "genes",
    "geneid",
    "genename",
    "genesymbol",
    "symbol",
    "feature",
    "features",
    "geneshortname",
    "ensembl",
}
CELL_HEADS = {"cell", "cells", "cellid", "barcode", "barcodes", "sample", "samples", "condition", "subject", "cellname"}
_BOOLODE = re.compile(r"E(\d+)_(\d+)_(\d+)")
_DREAM = re.compile(r"TS_(\d+)delt_(\d+(?:\.\d+)?)")
_ALTERED = re.compile(r"(.+)\((-/-|\+/-)\)")
_CELL = re.compile(
    r"(?:.*[_.:-])?[ACGTN]{8,}(?:[_.-].*)?|.*cell[_.\s-]?\d+.*|.*\((?:-/-|\+/-)\)|TS_\d+delt_.*"
    r"|(?:GSM|[SED]R[RSX]|SAM(?:N|EA|D))\d+.*|(?:s|sc|sample|lib|library|well)[_.-]?\d+",
    re.I,
)
"""Barcodes, numbered cells and samples, accessions of public archives, and the conditions of DREAM4."""
_AXIS = re.compile(
    r"(?:pcs?|x|y|z|dim|dimension|d|dc|diffmap|ic|lsi|latent|phate|umap|tsne|component|comp|c|v|var|emb|factor|coord)?"
    r"[\s_.-]?\d+|[xyz]|lon|lat",
    re.I,
)
_GENE = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[.-][A-Za-z0-9]+)*")


def of_frame(frame: Any) -> Table | None:
    """The turned table where genes stand in rows; None where they don't."""
    if not _in_rows(frame):
        return None
    genes = gene_names.features(frame.iloc[:, 0].astype(str).tolist())
    x = np.ascontiguousarray(frame.iloc[:, 1:].to_numpy(dtype=np.float64).T)
    obs = of_names([str(each) for each in frame.columns[1:]])
    notes = ("genes stand in rows and cells in columns, so the table was turned", *genes.notes)
    return Table("gene table", x, genes.names, obs, notes=notes, ids=genes.ids)


def of_names(names: Sequence[str]) -> Any:
    """What the names of cells tell, as a pandas.DataFrame with the names as index and maybe no column.

    BoolODE (BEELINE): E<run>_<integer>_<fraction of the simulation time>. DREAM4: TS_<run>delt_<time>, G1(-/-).
    Otherwise the parts between _ . : and - that take 2 to 60 values in all names.
    """
    import pandas as pd

    index = pd.Index(names, dtype=object)
    runs = [_BOOLODE.fullmatch(each) for each in names]
    if all(runs):
        time = [float(f"{each[2]}.{each[3]}") for each in runs if each]
        return pd.DataFrame({"simulation time": time, "run": [f"E{each[1]}" for each in runs if each]}, index=index)
    series = [_DREAM.fullmatch(each) for each in names]
    if any(series):
        time = [float(each[2]) if each else np.nan for each in series]
        run = [f"TS_{each[1]}" if each else None for each in series]
        altered = [_alteration(each, match is not None) for each, match in zip(names, series, strict=True)]
        kind, gene = [each[0] for each in altered], [each[1] for each in altered]
        recorded = {"time": time, "series": run, "perturbation": kind, "perturbed gene": gene}
        return pd.DataFrame(recorded, index=index)
    split = [re.split(r"[_.:-]", each) for each in names]
    parts: dict[str, list[str]] = {}
    if len({len(each) for each in split}) == 1 and len(split[0]) > 1:
        for k, values in enumerate(map(list, zip(*split, strict=True))):
            if 2 <= len(set(values)) <= min(60, len(names) // 2):
                parts[f"part {k + 1} of the cell name"] = values
    return pd.DataFrame(parts, index=index)


def cells_in_rows(rows: Sequence[str], columns: Sequence[str]) -> bool:
    """Do names of cells stand in the rows of a matrix rather than in its columns?"""
    by_rows, by_columns = _share(rows, _is_cell), _share(columns, _is_cell)
    return by_rows > max(0.5, by_columns)


def axis_like(names: Sequence[str]) -> bool:
    """Do most names look like axes (PC1, x2, dim_3, 17) rather than genes?"""
    return _share(names, lambda each: bool(_AXIS.fullmatch(each))) > 0.8


def _alteration(name: str, series: bool) -> tuple[str, str | None]:
    """(kind of perturbation, gene that was perturbed)."""
    found = _ALTERED.fullmatch(name)
    if found:
        return "knock-out" if found[2] == "-/-" else "knock-down", found[1]
    return "time series" if series else "wild type" if name.lower() in ("wt", "wild type", "wildtype") else name, None


def _in_rows(frame: Any) -> bool:
    """Unique names in the first column, numbers in all others, and names that speak for genes in rows."""
    if frame.shape[1] < 3 or frame.iloc[:, 0].dtype != object or not frame.iloc[:, 0].is_unique:
        return False
    if not all(kind.kind in "fiu" for kind in frame.dtypes.iloc[1:]):
        return False
    head = re.sub(r"[^a-z]", "", str(frame.columns[0]).lower())
    if head in GENE_HEADS:
        return True
    rows, columns = [str(each) for each in frame.iloc[:, 0]], [str(each) for each in frame.columns[1:]]
    if head in CELL_HEADS or any(is_time_name(each) for each in columns if not _is_cell(each)):
        return False
    by_rows, by_columns = _share(rows, _is_cell), _share(columns, _is_cell)
    if max(by_rows, by_columns) > 0.5:
        return by_columns > by_rows
    return _share(rows, _is_gene) > 0.8 and _share(columns, _is_gene) < 0.5 and not axis_like(columns)


def _share(names: Sequence[str], test: Any) -> float:
    return sum(map(test, names)) / max(len(names), 1)


def _is_cell(name: str) -> bool:
    return bool(_BOOLODE.fullmatch(name) or _CELL.fullmatch(name))


def _is_gene(name: str) -> bool:
    return len(name) < 20 and bool(_GENE.fullmatch(name))
