"""From a table as measured to the state a model works on. Every step is told in words.

Normalisation and logarithm are scanpy's (`normalize_total` with target_sum 10,000, `log1p`), made in one copy.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from cellflow_core.data.preprocessing.harmony import batch_mixing_score, harmony_integrate, mixed_at_random
from cellflow_core.data.preprocessing.pca import principal
from cellflow_core.data.readers import InvalidInputError
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.state_space import StateSpace

Array = np.ndarray
GENE_AXES = 200
"""At most so many genes can be the axes themselves."""
LARGEST = 1e15
"""Values beyond this are no measurement."""


@dataclass
class PreprocessingState:
    """Cells on their way into a data set; `steps` and `notes` grow as they are worked on.

    kept      which cells are still there, [rows of the file]
    x         their values [cells, features]; columns: which features of the file these are
    batch     batch of each row of the file, None for no correction
    state     [cells, dim] in `space`; shares: share of the variance that each principal component carries, [dim]
    """

    kept: Bool[Array, " rows"]
    x: Any = None
    features: tuple[str, ...] = ()
    columns: Any = None
    batch: Array | None = None
    state: Any = None
    space: StateSpace | None = None
    shares: Array | None = None
    steps: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def dense(x: Any) -> Array:
    """A numpy or scipy.sparse table as numpy."""
    return x if isinstance(x, np.ndarray) else np.asarray(x.toarray())


def drop_incomplete(made: PreprocessingState, name: str, drop: bool) -> None:
    """Refuse, or leave out, cells with a value that is missing or infinite."""
    bad = bad_rows(made.x)
    if not bad.any():
        return
    if not drop:
        raise InvalidInputError(
            f"{name}: {int(bad.sum())} of {len(bad)} cells hold a value that is missing (NaN) or infinite (or "
            "beyond 1e15), and a model needs finite numbers: choose to leave these cells out, or fill the values in "
            "the file"
        )
    if bad.all():
        raise InvalidInputError(
            f"{name}: every one of its {len(bad)} cells holds a value that is missing (NaN) or infinite, so none is "
            "left: remove the features without values, or fill them in the file"
        )
    made.steps.append(f"left out {int(bad.sum())} cells with missing or infinite values")
    keep_cells(made, np.logical_not(bad))


def unique_features(made: PreprocessingState) -> None:
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


def drop_constant(made: PreprocessingState, name: str, what: str) -> None:
    """Leave out features that are the same in every cell; BadInput where all are."""
    x = made.x
    spread = x.max(axis=0) > x.min(axis=0) if isinstance(x, np.ndarray) else _varies(x)
    if not spread.any():
        raise InvalidInputError(
            f"{name}: all {len(spread)} {what} have the same value in every cell, so nothing moves: check that the "
            "right matrix was saved"
        )
    if not spread.all():
        made.notes.append(f"{what} left out, as they have the same value in every cell: {int((~spread).sum())}")
        keep_features(made, spread)


def _varies(x: Any) -> Bool[Array, " features"]:
    """Which columns of a sparse table differ between rows: those with some zeros, and full ones that are looked at."""
    above = np.bincount(x.indices[x.data != 0], minlength=x.shape[1])
    spread = (above > 0) & (above < x.shape[0])
    full = np.flatnonzero(above == x.shape[0])
    if len(full):
        values = x[:, full]
        spread[full] = values.max(axis=0).toarray().ravel() > values.min(axis=0).toarray().ravel()
    return spread


def normalise(made: PreprocessingState, name: str, total: bool, log: bool) -> None:
    """Each cell to 10,000 counts, then log(1 + x), as far as asked for."""
    if not total and not log:
        return
    values = made.x if isinstance(made.x, np.ndarray) else made.x.data
    least = float(values.min()) if values.size else 0.0
    if least < 0:
        raise InvalidInputError(
            f"{name} holds values below zero (down to {least:.3g}), which counts cannot be: switch normalisation and "
            "logarithm off, or choose a file with counts"
        )
    if total:
        sums = np.asarray(made.x.sum(axis=1, dtype=np.float64)).ravel()
        empty = sums == 0
        if empty.any():
            made.steps.append(f"left out {int(empty.sum())} cells without a single count")
            keep_cells(made, np.logical_not(empty))
            sums = sums[~empty]
    x = made.x.astype(np.float32, copy=True)
    if total:
        factor = np.asarray(1e4 / sums, dtype=np.float32)
        if isinstance(x, np.ndarray):
            x *= factor[:, None]
        else:
            x.data *= np.repeat(factor, np.diff(x.indptr))
        made.steps.append("brought every cell to a total of 10,000")
    if log:
        np.log1p(x if isinstance(x, np.ndarray) else x.data, out=x if isinstance(x, np.ndarray) else x.data)
        made.steps.append("took log(1 + x)")
    made.x = x


def most_variable(x: Any, features: tuple[str, ...], count: int, batch: Array | None = None) -> Array:
    """Indices, ascending, of the `count` most variable genes of logarithmic values (scanpy, flavour "seurat").

    With `batch` [cells], genes are chosen within each batch and those that many batches choose come first.
    """
    if len(features) <= count:
        return np.arange(len(features))
    import anndata
    import pandas as pd
    import scanpy as sc

    cells = anndata.AnnData(
        x.astype(np.float32, copy=False), var=pd.DataFrame(index=pd.Index([str(k) for k in range(len(features))]))
    )
    if batch is not None:
        cells.obs["batch"] = pd.Categorical(batch)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        found = sc.pp.highly_variable_genes(
            cells, n_top_genes=count, flavor="seurat", batch_key=None if batch is None else "batch", inplace=False
        )
    assert found is not None
    return np.flatnonzero(found.loc[cells.var_names, "highly_variable"].to_numpy())


def compute_state(made: PreprocessingState, way: str, components: int, genes: int, say: Callable[[str], None]) -> None:
    """Fill `state` and `space` from genes ("pca" or "genes") or from coordinates ("coordinates")."""
    x, features = made.x, made.features
    if way == "coordinates":
        made.state, made.space = coordinates(dense(x), features, components, made)
        return
    count = genes if way == "pca" else min(genes, GENE_AXES)
    say("finding the most variable genes")
    batch = None if made.batch is None else made.batch[made.kept]
    chosen = most_variable(x, features, count, batch)
    if len(chosen) < len(features):
        within = "" if batch is None else ", chosen within each batch"
        made.steps.append(f"kept the {len(chosen):,} most variable of {len(features):,} genes for the state{within}")
    names = tuple(features[k] for k in chosen)
    table = x if len(chosen) == len(features) else x[:, chosen]
    if way == "genes":
        if len(chosen) == GENE_AXES < min(genes, len(features)):
            made.notes.append(f"at most {GENE_AXES} genes can be axes: the {GENE_AXES} most variable were taken")
        made.state = dense(table).astype(np.float32)
        made.space = AffineSpace.of_genes(names)
        made.steps.append(f"the {len(names)} genes themselves are the axes")
        return
    say("computing principal components")
    found = principal(table, names, components)
    made.state, made.space, made.shares = found.state, found.space, found.shares
    carried = f"carrying {found.shares.sum():.0%} of their variance, "
    made.steps.append(f"{found.space.dim} principal components of {len(names):,} genes, {carried}are the axes")
    if batch is not None:
        say("taking out differences between batches")
        _correct(made, batch)


def _correct(made: PreprocessingState, batch: Array) -> None:
    """Move the states so that batches overlap (Harmony), and say how far they do before and after."""
    before, count = made.state, len(np.unique(batch))
    assert before is not None
    made.state = harmony_integrate(before, batch)
    if np.allclose(made.state, before, rtol=0, atol=1e-6 * float(before.std())):
        made.steps.append(f"Harmony found nothing that {count} batches share, and moved no cell")
        made.notes.append(
            f"differences between {count} batches are still in these states: Harmony found no group of alike cells "
            "with two batches in it, so compare cells of different batches with care"
        )
        return
    made.steps.append(
        f"moved the states so that {count} batches overlap (Harmony): of the 15 nearest cells, "
        f"{batch_mixing_score(before, batch):.0%} were of another batch before and "
        f"{batch_mixing_score(made.state, batch):.0%} are now; "
        f"{mixed_at_random(batch):.0%} would be where batches are spread evenly"
    )
    made.notes.append(
        "states were moved to take out differences between batches, so a gene read from a state is corrected "
        "expression, and not what was measured in that cell"
    )


def coordinates(
    values: Float[Array, "cells k"], axes: tuple[str, ...], components: int, made: PreprocessingState
) -> tuple[Float[Array, "cells dim"], StateSpace]:
    """(state, space) of the first `components` columns as they are."""
    kept = min(components, values.shape[1])
    if kept < values.shape[1]:
        made.steps.append(f"the first {kept} of {values.shape[1]} coordinates are the axes")
    else:
        made.steps.append(f"{kept} coordinates are the axes, as they stand in the file")
    return np.asarray(values[:, :kept], dtype=np.float32), AffineSpace.coordinates(axes[:kept])


def keep_cells(made: PreprocessingState, rows: Bool[Array, " cells"]) -> None:
    """Go on with these cells of those that are left."""
    left = np.flatnonzero(made.kept)
    made.kept = np.zeros_like(made.kept)
    made.kept[left[rows]] = True
    if made.x is not None:
        made.x = made.x[np.flatnonzero(rows)]


def keep_features(made: PreprocessingState, chosen: Bool[Array, " features"]) -> None:
    """Go on with these features of those that are left."""
    at = np.flatnonzero(chosen)
    made.x = made.x[:, at]
    made.features = tuple(made.features[k] for k in at)
    made.columns = made.columns[at]


def stratified_subsample(times: Array, most: int, seed: int = 0) -> Bool[Array, " cells"]:
    """A random `most` of the cells, with the same share of every time (largest remainders first)."""
    distinct, codes, counts = np.unique(times, return_inverse=True, return_counts=True)
    exact = counts * (most / len(times))
    take = np.floor(exact).astype(int)
    take[np.argsort(take - exact, kind="stable")[: most - take.sum()]] += 1
    chosen = np.zeros(len(times), dtype=bool)
    rng = np.random.default_rng(seed)
    for k in range(len(distinct)):
        chosen[rng.choice(np.flatnonzero(codes == k), take[k], replace=False)] = True
    return chosen


def bad_rows(x: Any) -> Bool[Array, " cells"]:
    """Which cells hold a value that is missing, infinite or so large that its square is no number any more."""
    if isinstance(x, np.ndarray):
        return np.logical_not(((x < LARGEST) & (x > -LARGEST)).all(axis=1))
    bad = np.zeros(x.shape[0], dtype=bool)
    rows = np.repeat(np.arange(x.shape[0]), np.diff(x.indptr))
    bad[rows[~((x.data < LARGEST) & (x.data > -LARGEST))]] = True
    return bad
