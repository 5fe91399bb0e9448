"""From measured values to log-normalised ones, with cells and features left out; each step in words.

Normalisation and logarithm are scanpy's (`normalize_total` with target_sum 10,000, `log1p`), computed in one copy.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool

from cellflow_core.data.readers import InvalidInputError
from cellflow_core.data.state_space import StateSpace
from cellflow_core.plural import counted

Array = np.ndarray
LARGEST = 1e15
"""Values beyond this are no measurement."""


@dataclass
class PreprocessingState:
    """Cells that are being prepared; `steps` and `notes` grow as they are worked on.

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
    """Leave out features that are the same in every cell; InvalidInputError where all are."""
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
            made.steps.append(f"left out {counted(int(empty.sum()), 'cell')} without a single count")
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


def bad_rows(x: Any) -> Bool[Array, " cells"]:
    """Which cells hold a value that is missing, infinite or so large that its square is no number any more."""
    if isinstance(x, np.ndarray):
        return np.logical_not(((x < LARGEST) & (x > -LARGEST)).all(axis=1))
    bad = np.zeros(x.shape[0], dtype=bool)
    rows = np.repeat(np.arange(x.shape[0]), np.diff(x.indptr))
    bad[rows[~((x.data < LARGEST) & (x.data > -LARGEST))]] = True
    return bad
