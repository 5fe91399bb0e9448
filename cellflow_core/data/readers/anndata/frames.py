"""obs and var of an AnnData file as tables, and the names of its features."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from cellflow_core.data.readers import gene_names
from cellflow_core.data.readers.gene_names import Features
from cellflow_core.data.readers.hdf5 import size, strings
from cellflow_core.data.readers.limits import COLUMNS, check_memory
from cellflow_core.data.readers.table import InvalidInputError, printable

_CATEGORIES = "__categories"
"""Group in which anndata before 0.8 kept the names of categories; files of SeuratDisk lack the link to it."""


def frame(group: Any, name: str, what: str, uns: Any = None) -> Any:
    """obs or var as a pandas.DataFrame; codes whose names lie beside them, here or in `uns`, become these names."""
    import pandas as pd
    from anndata.io import read_elem

    columns = max(len(group), len(group.attrs.get("column-order", ())))
    if columns > COLUMNS:
        raise InvalidInputError(
            f"{name} has {columns:,} columns in {what} and at most {COLUMNS:,} are read: keep the ones that are "
            "needed, for example adata.obs = adata.obs[['day', 'cell_type']]"
        )
    check_memory(size(group), name, f"columns of {what}")
    with old_files():
        found = read_elem(group)
    if not isinstance(found, pd.DataFrame):
        raise InvalidInputError(
            f"{name} holds {what} that is no table of columns: write it again with adata.write_h5ad()"
        )
    for column, categories in _categories(group, uns, found, name).items():
        found[column] = _named(found[column], categories)
    return found


def features(group: Any, name: str) -> Features:
    """Names of the features, symbols and accession ids separately."""
    table = frame(group, name, "var")
    text = {str(each): table[each].astype(object).tolist() for each in table.columns if _is_text(table[each])}
    return gene_names.features(list(map(str, table.index)), text)


def var_columns(group: Any) -> list[str]:
    """Names of the columns of var."""
    index = str(group.attrs.get("_index", "_index"))
    return [printable(each) for each in group if each not in (index, _CATEGORIES)]


@contextmanager
def old_files() -> Iterator[None]:
    """Without the warnings of anndata on files of older versions and on names that appear twice, which we handle."""
    import anndata

    with warnings.catch_warnings():
        for message in (
            "Variable names are not unique",
            "Observation names are not unique",
            "Transforming to str index",
        ):
            warnings.filterwarnings("ignore", message=message)
        for category in (anndata.OldFormatWarning, FutureWarning):
            warnings.simplefilter("ignore", category)
        yield


def _categories(group: Any, uns: Any, found: Any, name: str) -> dict[str, list[str]]:
    """Column of codes -> the names of its categories, which lie in `__categories` or in uns["<column>_categories"]."""
    import h5py

    beside = group.get(_CATEGORIES)
    held: dict[str, Any] = dict(beside.items()) if isinstance(beside, h5py.Group) else {}
    if isinstance(uns, h5py.Group):
        held |= {each: uns[f"{each}_categories"] for each in found.columns if f"{each}_categories" in uns}
    texts = {key: each for key, each in held.items() if isinstance(each, h5py.Dataset) and each.ndim == 1}
    whole = {str(each) for each in found.columns if found[each].dtype.kind in "iu"}
    return {key: strings(each, name) for key, each in texts.items() if key in whole}


def _named(codes: Any, categories: list[str]) -> Any:
    """Codes from 0, or from 1 as R counts, as categories; the codes themselves where there are more than names."""
    import pandas as pd

    values = codes.to_numpy()
    if not len(values) or values.max() > len(categories):
        return codes
    if values.max() == len(categories):
        values = values.astype(np.int64) - 1
    if values.min() < -1 or len(set(categories)) < len(categories):
        return codes
    return pd.Series(pd.Categorical.from_codes(values, categories), index=codes.index, name=codes.name)


def _is_text(column: Any) -> bool:
    return getattr(column, "ndim", 1) == 1 and (column.dtype == object or str(column.dtype) in ("category", "string"))
