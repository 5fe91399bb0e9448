"""Where an AnnData file holds the values of its genes: X, .raw or a layer; and which further layers are kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cellflow_core.data.readers.anndata import frames
from cellflow_core.data.readers.gene_names import Features
from cellflow_core.data.readers.hdf5 import is_group, matrix, size
from cellflow_core.data.readers.limits import amount, memory
from cellflow_core.data.readers.table import InvalidInputError, Unused

LAYERS = {
    "spliced": ("spliced", "mature", "exonic", "exon", "spliced_counts", "s"),
    "unspliced": ("unspliced", "nascent", "intronic", "intron", "premature", "unspliced_counts", "u"),
    "ambiguous": ("ambiguous",),
    "counts": ("counts", "raw_counts", "count", "rawcounts", "umi", "umis", "umi_counts", "raw", "counts_raw"),
    "velocity": ("velocity", "velocity_s"),
    "velocity_unspliced": ("velocity_u",),
    "new": ("new", "x_new", "new_counts", "labeled", "labelled", "x_l_tc"),
    "old": ("old", "x_old", "old_counts", "unlabeled", "unlabelled", "x_u_tc"),
    "total": ("total", "x_total"),
}
"""Layers that are kept -> what they are called: by scVelo and velocyto, by kb-python and alevin-fry, by dynamo, and by
dynast."""
LOGARITHMIC = ("logcounts", "lognorm", "log_normalized", "log1p", "log1p_norm", "lognormalized", "log", "data", "norm",
               "normalized", "log_counts", "logcpm", "log_norm")  # fmt: skip
"""Layers that may stand in for a scaled X."""
_MOMENTS = {"ms": "spliced", "mu": "unspliced"}
"""Means over neighbors, by scVelo: they stand for the values only in files that hold neither of these."""
ROLES = {name: role for role, names in LAYERS.items() for name in names}


@dataclass(frozen=True)
class Matrix:
    """Values [cells, features] that were chosen out of a file, and why."""

    place: str
    x: Any
    features: Features
    note: str = ""


@dataclass
class Layers:
    """Layers that are kept, by role; where each stands in the file; and those that are not kept."""

    values: dict[str, Any] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    unused: list[Unused] = field(default_factory=list)


def places(file: Any) -> dict[str, Any]:
    """Every place that may hold the values: "X", "raw", "layers:<name>" -> the group or array."""
    found = {"X": file["X"]} if "X" in file else {}
    raw = file.get("raw")
    if raw is not None and is_group(raw) and {"X", "var"} <= set(raw):
        found["raw"] = raw["X"]
    named = {key: held for key, held in file.get("layers", {}).items() if "velocity" not in ROLES.get(key.lower(), "")}
    return found | {f"layers:{key}": held for key, held in named.items() if key.lower() not in _MOMENTS}


def chosen(file: Any, own: Features, name: str, rows: int | None, wanted: str) -> Matrix:
    """The matrix that a person named, or X, or what stands in for an X that is missing or scaled.

    Raises InvalidInputError where there is no such matrix.
    """
    there = places(file)
    if wanted:
        if wanted not in there:
            raise InvalidInputError(f"{name} has no matrix {wanted!r}: choose one of {', '.join(there) or 'none'}")
        return _matrix(file, wanted, there[wanted], own, name, rows)
    if "X" in there:
        x = matrix(there["X"], name, "X", rows)
        if not x.size or least(x) >= 0:
            return Matrix("X", x, own)
        why = "X holds values below zero (scaled)"
    else:
        x, why = None, "the file has no X"
    for place in _instead(there):
        found = _matrix(file, place, there[place], own, name, rows)
        if found is not None and found.x.size and least(found.x) >= 0:
            return Matrix(place, found.x, found.features, f"{why}, so the values of {shown(place)} are used")
    if x is None:
        raise InvalidInputError(
            f"{name} has no matrix X: put the values there, for example adata.X = adata.layers['counts']"
        )
    return Matrix("X", x, own)


def layer_matrices(file: Any, used: Matrix, own: Features, name: str, rows: int | None) -> Layers:
    """The layers that are kept, as they stand; those of other features than the values are not."""
    found = Layers()
    layers = file.get("layers", {})
    stand_in = {} if {ROLES.get(key.lower()) for key in layers} & set(_MOMENTS.values()) else _MOMENTS
    for key, held in layers.items():
        place, role = f"layers:{key}", ROLES.get(key.lower()) or stand_in.get(key.lower())
        if place == used.place:
            continue
        reason = _why_not(key, role, used, own, found) or _too_large(held)
        if reason or role is None:
            found.unused.append(Unused(shown(place), reason))
            continue
        values, expected = matrix(held, name, f"layer {key!r}", rows), (used.x.shape[0], len(own))
        if values.shape != expected:
            found.unused.append(Unused(shown(place), other_shape(values.shape, expected)))
            continue
        found.values[role] = values
        found.places[role] = shown(place)
    return found


def other_shape(found: tuple[int, ...], expected: tuple[int, ...]) -> str:
    """Why a layer of another shape [cells, genes] than the values is not kept."""
    have, need = (" x ".join(f"{each:,}" for each in shape) for shape in (found, expected))
    return f"it has {have} values and the matrix {need}: a layer must be of the same cells and genes"


def shown(place: str) -> str:
    """A place as Python writes it: X, .raw, layers['counts']."""
    kind, _, key = place.partition(":")
    return f"layers[{key!r}]" if key else {"raw": ".raw"}.get(kind, kind)


def least(x: Any) -> float:
    """The smallest value, those that are missing left out."""
    values = x if isinstance(x, np.ndarray) else x.data
    if not values.size:
        return 0.0
    low = float(np.fmin.reduce(values, axis=None))
    return low if isinstance(x, np.ndarray) or x.nnz == np.prod(x.shape) else min(low, 0.0)


def _instead(there: dict[str, Any]) -> list[str]:
    """What may stand in for X, the best first."""
    names = (*LAYERS["counts"], *LOGARITHMIC, *LAYERS["spliced"])
    by_name = {place.partition(":")[2].lower(): place for place in there if place.startswith("layers:")}
    return [*(each for each in ("raw",) if each in there), *(by_name[each] for each in names if each in by_name)]


def _matrix(file: Any, place: str, held: Any, own: Features, name: str, rows: int | None) -> Matrix:
    features = own
    if place == "raw":
        features = frames.features(file["raw/var"], name)
        if not features.ids and own.ids:
            symbols = dict(zip(own.ids, own.names, strict=True))
            known = tuple(symbols.get(each, each) for each in features.names)
            features = Features(known, features.names, features.kinds, own.notes)
    x = matrix(held, name, shown(place), rows)
    if x.shape[1] != len(features):
        raise InvalidInputError(
            f"{name} contradicts itself: {shown(place)} has {x.shape[1]:,} columns for {len(features):,} features; "
            "write it again with adata.write_h5ad()"
        )
    return Matrix(place, x, features)


def _why_not(key: str, role: str | None, used: Matrix, own: Features, found: Layers) -> str:
    """Why a layer is not kept, "" where it is."""
    if role is None and key.lower() in _MOMENTS:
        return "moments over neighbours are computed from spliced and unspliced values when they are needed"
    if role is None:
        known = ", ".join(LAYERS)
        return f"no layer of this name is known: {known} are kept; the values of any layer can be chosen as the matrix"
    if role in found.values:
        return f"{found.places[role]} is kept as {role} already"
    if used.features is not own and used.features.names != own.names:
        return f"it has the {len(own):,} genes of X, and {shown(used.place)} with {len(used.features):,} is used"
    return ""


def _too_large(held: Any) -> str:
    needed = size(held)
    return (
        f"it needs {amount(needed)} of memory, a layer may take {amount(memory() / 2)}" if needed > memory() / 2 else ""
    )
