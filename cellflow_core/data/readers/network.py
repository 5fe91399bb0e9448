"""Networks of genes, which often lie beside the cells they belong to: recognised, and not taken for cells."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from cellflow_core.data.readers.table import NotCellDataError

_MOST_COLUMNS = 6
_SHARED = 0.5  # of the names of one side that must appear on the other, where no head says what the columns are
_AGAIN = 0.2  # of the pairs that may be listed twice
_NONE = 0.8  # of the fields of a matrix that must be zero
_SOURCE = re.compile(r"(?:.*[._ -])?(?:tf|regulators?|source|from|gene[._ -]?(?:1|a))(?:[._ -].*)?", re.I)
_TARGET = re.compile(r"(?:.*[._ -])?(?:targets?|to|gene[._ -]?(?:2|b))(?:[._ -].*)?", re.I)


def refuse(frame: Any, name: str) -> None:
    """NotCells where a table lists pairs of genes, or is a mostly empty square of one number and its negative."""
    pairs = _pairs(frame)
    what = f"{pairs:,} pairs of genes" if pairs else ""
    if not pairs and (genes := _square(frame)):
        what = f"a square of {genes} x {genes} fields that are mostly zero"
    if what:
        raise NotCellDataError(
            f"{name} holds {what}, which is a network and no cells: choose the file with the cells instead, one row a "
            "cell or one row a gene",
            "network",
        )


def _pairs(frame: Any) -> int:
    """Number of edges; 0 where the first two columns of words do not name who acts on whom."""
    words = [each for each in frame.columns if frame[each].dtype == object]
    if len(words) < 2 or frame.shape[1] > _MOST_COLUMNS or frame.duplicated(words[:2]).mean() > _AGAIN:
        return 0
    heads = bool(_SOURCE.fullmatch(str(words[0])) and _TARGET.fullmatch(str(words[1])))
    source, target = (set(frame[each].dropna()) for each in words[:2])
    few = min(len(source), len(target))
    alike = few >= 3 and len(source & target) >= _SHARED * few
    return len(frame) if heads or alike else 0


def _square(frame: Any) -> int:
    """Number of genes of an adjacency matrix, 0 where it is none."""
    numbers = frame if frame.shape[1] == len(frame) else frame.iloc[:, 1:]
    if numbers.shape[1] != len(frame) or len(frame) < 3 or not all(each.kind in "iuf" for each in numbers.dtypes):
        return 0
    values = numbers.to_numpy(dtype=np.float64)
    sizes = np.unique(np.abs(values))
    return len(frame) if len(sizes) == 2 and sizes[0] == 0 and (values == 0).mean() > _NONE else 0
