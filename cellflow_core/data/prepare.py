"""From a table as measured to the state a model works on. Every step is told in words."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from cellflow_core.data.pca import pca
from cellflow_core.data.readers import BadInput, Table
from cellflow_core.data.space import StateSpace

Array = np.ndarray
GENE_AXES = 200
"""At most so many genes can be the axes themselves."""


@dataclass
class Prepared:
    """Cells on their way into a data set; `steps` and `notes` grow as they are worked on.

    kept  [rows of the file]: which cells are still there
    """

    kept: Bool[Array, " rows"]
    x: Any = None
    features: tuple[str, ...] = ()
    state: Any = None
    space: StateSpace | None = None
    steps: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def looks_of(table: Table) -> str:
    """What the values seem to be: "counts" (also normalised, not logarithmic), "log" or "coordinates"."""
    values = table.x if isinstance(table.x, np.ndarray) else table.x.data
    values = np.asarray(values, dtype=np.float64)
    values = values[np.isfinite(values)]
    whole = bool((values == np.round(values)).all())
    positive = bool(values.size) and values.min() >= 0
    if positive and whole and values.max() > 1:
        return "counts"
    if _axis_like(table.features):
        return "coordinates"
    return "counts" if positive and values.max() > 50 and not table.logged else "log"


def whole_numbers(table: Table) -> bool:
    """Are all values whole numbers, as counts are?"""
    values = np.asarray(table.x if isinstance(table.x, np.ndarray) else table.x.data, dtype=np.float64)
    values = values[np.isfinite(values)]
    return bool((values == np.round(values)).all())


def dense(x: Any) -> Array:
    """A numpy or scipy.sparse table as numpy."""
    return x if isinstance(x, np.ndarray) else np.asarray(x.toarray())


def drop_incomplete(made: Prepared, name: str, drop: bool) -> None:
    """Refuse, or leave out, cells with a value that is missing or infinite."""
    bad = bad_rows(made.x)
    if not bad.any():
        return
    if not drop:
        raise BadInput(
            f"{name}: {int(bad.sum())} of {len(bad)} cells hold a value that is missing (NaN) or infinite, and a model "
            "needs finite numbers: choose to leave these cells out, or fill the values in the file"
        )
    if bad.all():
        raise BadInput(
            f"{name}: every one of its {len(bad)} cells holds a value that is missing (NaN) or infinite, so none is "
            "left: remove the features without values, or fill them in the file"
        )
    made.steps.append(f"left out {int(bad.sum())} cells with missing or infinite values")
    _keep(made, ~bad)


def unique_features(made: Prepared) -> None:
    """Give names that appear twice a number, and say so."""
    seen: dict[str, int] = {}
    taken = set(made.features)
    names: list[str] = []
    for each in made.features:
        count = seen.get(each, 0)
        seen[each] = count + 1
        name = each
        while count and name in taken:
            name, count = f"{each}-{count}", count + 1
        taken.add(name)
        names.append(name)
    twice = [each for each, count in seen.items() if count > 1]
    if twice:
        shown = ", ".join(twice[:5]) + (" ..." if len(twice) > 5 else "")
        made.notes.append(f"{len(twice)} names appeared more than once and were numbered: {shown}")
        made.features = tuple(names)


def drop_constant(made: Prepared, name: str, what: str) -> None:
    """Leave out features that are the same in every cell; BadInput where all are."""
    x = made.x
    if isinstance(x, np.ndarray):
        spread = x.max(axis=0) > x.min(axis=0)
    else:
        spread = x.max(axis=0).toarray().ravel() > x.min(axis=0).toarray().ravel()
    if not spread.any():
        raise BadInput(
            f"{name}: all {len(spread)} {what} have the same value in every cell, so nothing moves: check that the "
            "right matrix was saved"
        )
    if not spread.all():
        made.notes.append(f"{int((~spread).sum())} {what} have the same value in every cell and were left out")
        made.x = x[:, np.flatnonzero(spread)]
        made.features = tuple(each for each, kept in zip(made.features, spread, strict=True) if kept)


def normalise(made: Prepared, name: str, total: bool, log: bool) -> None:
    """Each cell to 10,000 counts, then log(1 + x), as far as asked for."""
    if not total and not log:
        return
    least = float(made.x.min())
    if least < 0:
        raise BadInput(
            f"{name} holds values below zero (down to {least:.3g}), which counts cannot be: switch normalisation and "
            "logarithm off, or choose a file with counts"
        )
    x = made.x.astype(np.float32)
    if total:
        sums = np.asarray(x.sum(axis=1), dtype=np.float64).ravel()
        empty = sums == 0
        if empty.any():
            made.steps.append(f"left out {int(empty.sum())} cells without a single count")
            made.x = x
            _keep(made, ~empty)
            x, sums = made.x, sums[~empty]
        factor = (1e4 / sums).astype(np.float32)
        if isinstance(x, np.ndarray):
            x = x * factor[:, None]
        else:
            x = x.tocsr(copy=True)
            x.data *= np.repeat(factor, np.diff(x.indptr))
        made.steps.append("brought every cell to a total of 10,000")
    if log:
        x = np.log1p(x) if isinstance(x, np.ndarray) else x.log1p()
        made.steps.append("took log(1 + x)")
    made.x = x


def most_variable(x: Any, features: tuple[str, ...], count: int) -> Array:
    """Indices, ascending, of the `count` most variable genes of logarithmic values (scanpy, flavour "seurat")."""
    if len(features) <= count:
        return np.arange(len(features))
    import anndata
    import pandas as pd
    import scanpy as sc

    cells = anndata.AnnData(
        x.astype(np.float32), var=pd.DataFrame(index=pd.Index([str(k) for k in range(len(features))]))
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        found = sc.pp.highly_variable_genes(cells, n_top_genes=count, flavor="seurat", inplace=False)
    assert found is not None
    return np.flatnonzero(found["highly_variable"].to_numpy())


def to_state(made: Prepared, way: str, components: int, genes: int, say: Callable[[str], None]) -> None:
    """Fill `state` and `space` from genes ("pca" or "genes") or from coordinates ("coordinates")."""
    x, features = made.x, made.features
    if way == "coordinates":
        made.state, made.space = coordinates(dense(x), features, components, made)
        return
    count = genes if way == "pca" else min(genes, GENE_AXES)
    say("finding the most variable genes")
    chosen = most_variable(x, features, count)
    if len(chosen) < len(features):
        made.steps.append(f"kept the {len(chosen):,} most variable of {len(features):,} genes for the state")
    names = tuple(features[k] for k in chosen)
    table = x if len(chosen) == len(features) else x[:, chosen]
    if way == "genes":
        if len(chosen) == GENE_AXES < min(genes, len(features)):
            made.notes.append(f"at most {GENE_AXES} genes can be axes: the {GENE_AXES} most variable were taken")
        made.state = dense(table).astype(np.float32)
        made.space = StateSpace.of_genes(names)
        made.steps.append(f"the {len(names)} genes themselves are the axes")
        return
    say("computing principal components")
    made.state, made.space = pca(table, names, components)
    made.steps.append(f"{made.space.dim} principal components of {len(names):,} genes are the axes")


def coordinates(
    values: Float[Array, "cells k"], axes: tuple[str, ...], components: int, made: Prepared
) -> tuple[Float[Array, "cells dim"], StateSpace]:
    """(state, space) of the first `components` columns as they are."""
    kept = min(components, values.shape[1])
    if kept < values.shape[1]:
        made.steps.append(f"the first {kept} of {values.shape[1]} coordinates are the axes")
    else:
        made.steps.append(f"{kept} coordinates are the axes, as they stand in the file")
    return np.asarray(values[:, :kept], dtype=np.float32), StateSpace.coordinates(axes[:kept])


def _keep(made: Prepared, rows: Bool[Array, " cells"]) -> None:
    left = np.flatnonzero(made.kept)
    made.kept = np.zeros_like(made.kept)
    made.kept[left[rows]] = True
    made.x = made.x[np.flatnonzero(rows)]


def bad_rows(x: Any) -> Bool[Array, " cells"]:
    """Which cells hold a value that is missing or infinite."""
    if isinstance(x, np.ndarray):
        return np.logical_not(np.isfinite(x).all(axis=1))
    bad = np.zeros(x.shape[0], dtype=bool)
    rows = np.repeat(np.arange(x.shape[0]), np.diff(x.indptr))
    bad[rows[~np.isfinite(x.data)]] = True
    return bad


def _axis_like(features: tuple[str, ...]) -> bool:
    """Do most names look like axes (PC1, x2, dim_3, 17) rather than genes?"""
    pattern = re.compile(
        r"(?:pcs?|x|y|z|dim|dimension|d|dc|diffmap|ic|lsi|latent|z|phate|umap|tsne|component|comp|c|v|var|emb|factor|coord)?"
        r"[\s_.-]?\d+|[xyz]|lon|lat",
        re.I,
    )
    return sum(bool(pattern.fullmatch(each)) for each in features) > 0.8 * len(features)
