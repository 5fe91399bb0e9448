"""Columns of a table of text that are no features: names and numbers of cells, quality numbers, groups."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from cellflow_core.data.readers.gene_rows import axis_like
from cellflow_core.data.times.column_names import is_time_name

_ID = re.compile(
    r"(?:cells?|barcodes?|bc|droplets?|rows?|spots?|nuclei|nucleus|beads?)?[\s_.-]*"
    r"(?:ids?|index|idx|indices|barcodes?|numbers?|num|nr|no|names?|label|code|key|wells?|unnamed:?[\s_.]*\d*)",
    re.I,
)
"""Cell_Index, cell_id, barcode, Unnamed: 0: what names a cell."""
_QUALITY = re.compile(
    r"n_?(?:counts?|genes?|umis?|reads?|features?|molecules?)(?:[_.]?(?:RNA|total|by_counts))?|total_?(?:counts?|umis?|reads?)|"
    r"log1p_.*counts?|(?:percent|pct|fraction|frac)[_.].*|.*[_.](?:percent|pct|fraction)|(?:S|G2M|doublet|dropout)[_.]?score|"
    r"size_?factors?|library_?size|doublet_?scores?|lib_?size",
    re.I,
)
"""Quality numbers of a cell, as Seurat and scanpy name them."""
_GROUPS = re.compile(
    r"(?:seurat_)?clusters?(?:_ids?)?|leiden.*|louvain.*|batch(?:es)?|replicates?|donors?|patients?|plates?|lanes?|"
    r"librar(?:y|ies)|conditions?|cell_?types?|RNA_snn_res.*|is_.*|mouse|animal",
    re.I,
)
"""Whole numbers that stand for groups."""
_FEW = 20  # rows from which numbers without repeats are taken for names of cells


def not_features(frame: Any) -> tuple[list[Any], list[str]]:
    """(columns that name the cells, columns that say something of them) among the columns of numbers of a table."""
    numbers = [each for each in frame.columns if frame[each].dtype.kind in "fiu"]
    names: list[Any] = []
    about: list[str] = []
    if axis_like([str(each) for each in numbers]):
        return names, about
    for column in numbers:
        text = str(column)
        if is_time_name(text):
            continue
        if _QUALITY.fullmatch(text) or (_GROUPS.fullmatch(text) and frame[column].nunique() <= len(frame) // 2):
            about.append(text)
        elif _numbers_cells(frame[column], text, first=column == frame.columns[0]):
            names.append(column)
    return names, about


def _numbers_cells(column: Any, name: str, first: bool) -> bool:
    """Whole numbers without repeats that are named like an id, or stand first and ascend."""
    values = column.to_numpy()
    if len(values) < _FEW or not np.isfinite(values).all() or not (values == np.round(values)).all():
        return False
    if len(np.unique(values)) < len(values):
        return False
    return _ID.fullmatch(name) is not None or (first and bool((np.diff(values) > 0).all() or values.min() > 1000))
