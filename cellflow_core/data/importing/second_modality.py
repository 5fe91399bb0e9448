"""A second modality of the same cells, from the values of a file to axes in which cells that are alike are near.

counts of more than MANY features     peaks of open chromatin: latent semantic indexing, the components of
                                      log(1 + 10,000 TF IDF) without the first, which follows how deep a cell was
                                      read (Cusanovich et al., Science 2015, doi:10.1126/science.aab1601; weights
                                      of Stuart et al., Nat. Methods 2021, doi:10.1038/s41592-021-01282-5)
counts of fewer                       antibodies: centred log-ratios within each cell, log(1 + x) minus its mean
                                      (Stoeckius et al., Nat. Methods 2017, doi:10.1038/nmeth.4380)
other values                          as they are
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

from cellflow_core.data.importing.value_type import value_range
from cellflow_core.data.preprocessing.normalisation import bad_rows, dense
from cellflow_core.data.readers import InvalidInputError

MANY = 1000
"""Features above which counts are those of chromatin: panels of antibodies are smaller."""
AXES = 30
"""Axes at most; more columns are brought down to their leading components."""
VIEW = "second-modality"
"""Name of the picture of the cells in their second modality."""


def axes(values: Any, name: str) -> tuple[Float[np.ndarray, "cells axes"], str]:
    """(axes of each cell, how they were made) of a numpy or scipy.sparse table [cells, features] that is called `name`.

    Raises InvalidInputError where a value is missing or all cells are the same.
    """
    bad = int(bad_rows(values).sum())
    if bad:
        raise InvalidInputError(
            f"{bad} of {values.shape[0]} cells hold a missing or infinite value of the second modality {name!r}, and "
            "each needs finite ones: import without it, or fill the values in the file"
        )
    least, most, whole = value_range(values)
    if least == most:
        raise InvalidInputError(
            f"the second modality {name!r} is the same in every cell, so it tells no two apart: import without it"
        )
    if whole and least >= 0 and values.shape[1] > MANY:
        return _semantic(values), "latent semantic indexing of counts, without the first component"
    if whole and least >= 0 and most > 1:
        logged = np.log1p(dense(values).astype(np.float64))
        return _leading(logged - logged.mean(axis=1, keepdims=True)), "centred log-ratios of counts"
    return _leading(values), "values as they stand in the file"


def _semantic(counts: Any) -> Float[np.ndarray, "cells axes"]:
    from scipy.sparse import csr_array
    from sklearn.decomposition import TruncatedSVD

    table: Any = csr_array(counts, dtype=np.float64)
    total, cells_with = table.sum(axis=1), (table > 0).sum(axis=0)
    weight = table.shape[0] / np.maximum(cells_with, 1)
    table.data *= np.repeat(1e4 / np.maximum(total, 1), np.diff(table.indptr)) * weight[table.indices]
    np.log1p(table.data, out=table.data)
    count = min(AXES + 1, *(each - 1 for each in table.shape))
    return TruncatedSVD(count, algorithm="arpack", random_state=0).fit_transform(table)[:, 1:].astype(np.float32)


def picture(found: Float[np.ndarray, "cells axes"]) -> Float[np.ndarray, "cells 2"]:
    """Each cell in the two leading components of the axes of a second modality."""
    return _leading(np.pad(found, ((0, 0), (0, max(2 - found.shape[1], 0)))), 2)


def _leading(values: Any, most: int = AXES) -> Float[np.ndarray, "cells axes"]:
    """The leading principal components of many columns, few ones as they are."""
    if values.shape[1] <= most:
        return np.asarray(dense(values), dtype=np.float32)
    from sklearn.decomposition import PCA

    count = min(most, *(each - 1 for each in values.shape))
    found = PCA(count, svd_solver="arpack", random_state=0).fit_transform(values.astype(np.float64))
    return found.astype(np.float32)
