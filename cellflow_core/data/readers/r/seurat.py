"""Objects of Seurat 3 to 5."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from cellflow_core.data.readers.anndata import matrices
from cellflow_core.data.readers.r.held import Held, within
from cellflow_core.data.readers.r.serialised import RObject
from cellflow_core.data.readers.r.values import Place, RMatrix, column, frame_of, matrix_of, texts
from cellflow_core.data.readers.table import InvalidInputError, Unused

_SPLIT = re.compile(r"(counts|data)(?:\..+)?")
"""Layers of Seurat 5: "counts", or "counts.<sample>" where they are split by sample; "scale.data" is neither."""
_WORKED_ON = {"SCTAssay", "integrated"}
"""Assays of values that were corrected or integrated, by class or name."""


def of_seurat(held: RObject, name: str) -> Held:
    """An object of Seurat 3 to 5. The counts of the active assay come first, or of RNA where those are worked on."""
    assays = held.slot("assays").named()
    active = (*texts(held.slot("active.assay")), "")[0]
    obs = frame_of(held.slot("meta.data"), name)
    unused: list[Unused] = []
    found: dict[str, dict[str, Place]] = {}
    for key, assay in assays.items():
        found[key] = dict(_layers(assay, key, unused, name))
    order = sorted(found, key=lambda key: (_worked_on(key, assays[key], found[key]), key != active, key != "RNA"))
    places = {f"{key} {kind}": place for kind in ("counts", "data") for key in order if (place := found[key].get(kind))}
    if not places:
        listed = ", ".join(assays) or "none"
        raise InvalidInputError(f"{name} holds no counts or data in its assays ({listed}) that lie in the file")
    used = next(iter(places)).removesuffix(" counts").removesuffix(" data")
    notes = [f"the active assay is {active}, whose values were worked on"] if active in found and used != active else []
    obsm = {}
    for key, each in held.slot("reductions").named().items():
        values = matrix_of(each.slot("cell.embeddings"))
        if values is not None and values.shape[1] >= 2:
            obsm[f"X_{key}"] = values
    roles = {f"{key} counts": role for key in found if (role := matrices.ROLES.get(key.lower())) and key != used}
    rest = [key for key in order if f"{key} counts" not in roles and not _worked_on(key, assays[key], found[key])]
    beside = {key: found[key]["counts"] for key in rest if key != used}
    _add_identities(obs, held.slot("active.ident"))
    return Held(
        "Seurat",
        places,
        obs,
        obsm=obsm,
        beside=beside,
        roles=roles | {f"{used} counts": "counts"},
        logarithmic=tuple(each for each in places if each.endswith(" data")),
        notes=notes,
        unused=unused,
    )


def _worked_on(key: str, assay: RObject, layers: dict[str, Place]) -> bool:
    """Are its values corrected or integrated ones, or are there no counts?"""
    return bool(_WORKED_ON & {key, *assay.classes}) or "counts" not in layers


def _layers(assay: RObject, key: str, unused: list[Unused], name: str) -> Iterator[tuple[str, Place]]:
    """counts and data of an assay, without those that are empty."""
    layers = assay.slot("layers").named()
    if not layers:  # Seurat 3 and 4
        for kind in ("counts", "data"):
            values = within(assay.slot(kind), f"{key} {kind}", unused)
            if values is not None:
                yield kind, Place((values,))
        return
    parts: dict[str, list[RMatrix]] = {}
    for layer, each in layers.items():
        kind = _SPLIT.fullmatch(layer)
        values = within(each, f"{key} {layer}", unused) if kind else None
        if kind and values is not None:
            genes, cells = (_members(assay.slot(axis), layer) for axis in ("features", "cells"))
            if values.shape != (len(genes), len(cells)):
                raise InvalidInputError(f"{name}: layer {layer} of {key} does not fit its names; write it again from R")
            parts.setdefault(kind[1], []).append(RMatrix(values.held, values.shape, genes, cells))
    for kind in ("counts", "data"):
        if kind in parts:
            yield kind, Place(tuple(parts[kind]))


def _members(known: RObject, layer: str) -> tuple[str, ...]:
    """Names of the rows of a LogMap [names, layers] that belong to a layer."""
    rows, layers = (texts(each) for each in known.slot("dimnames").value)
    table = np.asarray(known.value).reshape(len(layers), len(rows))
    return tuple(each for each, held in zip(rows, table[layers.index(layer)], strict=True) if held == 1)


def _add_identities(obs: Any, held: RObject) -> None:
    """The active identities as a column, where no column is the same."""
    found = column(held)
    if found is None or len(found) != len(obs) or len(set(found)) < 2:
        return
    words = np.asarray(found, dtype=str)
    if not any((obs[each].astype(str).to_numpy() == words).all() for each in obs.columns):
        obs["active.ident"] = found
