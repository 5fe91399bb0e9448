"""The `.h5` files of 10x Genomics: one group "matrix" (Cell Ranger 3 and later) or one group a genome (before)."""

from __future__ import annotations

from typing import Any

import numpy as np

from cellflow_core.data.readers.hdf5 import sparse, strings
from cellflow_core.data.readers.limits import check_memory
from cellflow_core.data.readers.table import BadInput, Table


def is_tenx(file: Any) -> bool:
    """Does an open HDF5 file have the layout of 10x?"""
    return "barcodes" in _members(file, "matrix") or bool(_genomes(file))


def of_tenx(file: Any, name: str, rows: int | None) -> Table:
    """Counts of genes; other features (antibodies, guides) are left out and told, as scanpy does."""
    import pandas as pd

    genomes = _genomes(file)
    if "barcodes" not in _members(file, "matrix") and len(genomes) > 1:
        raise BadInput(
            f"{name} holds {len(genomes)} genomes ({', '.join(genomes[:5])}) and one is expected: write the cells of "
            "one "
            "species into a file of their own"
        )
    held = file["matrix"] if "barcodes" in _members(file, "matrix") else file[genomes[0]]
    found = held.get("features", held)
    features = strings(found["name" if "name" in found else "gene_names"], name)
    barcodes = strings(held["barcodes"], name)
    shape = tuple(int(each) for each in held["shape"][:2])
    if shape != (len(features), len(barcodes)):
        raise BadInput(
            f"{name} contradicts itself: its shape is {shape} and it names {len(features)} features and "
            f"{len(barcodes)} "
            "cells; write or download it again"
        )
    x = sparse(held, (shape[1], shape[0]), name, "matrix", rows)
    notes: tuple[str, ...] = ()
    if "feature_type" in found:
        kinds = np.array(strings(found["feature_type"], name))
        x, features, notes = only_genes(x, features, kinds)
    check_memory(len(barcodes) * 80, name, "barcodes")
    return Table("10x HDF5", x, tuple(features), pd.DataFrame(index=pd.Index(barcodes)), notes=notes)


def only_genes(x: Any, features: list[str], kinds: np.ndarray) -> tuple[Any, list[str], tuple[str, ...]]:
    """Without features that are no gene expression, where there are both; the note tells how many."""
    genes = kinds == "Gene Expression"
    if len(kinds) != len(features) or genes.all() or not genes.any():
        return x, features, ()
    others = ", ".join(sorted(set(kinds[~genes].tolist()))[:5])
    note = f"{int((~genes).sum())} features that are no genes ({others}) were left out"
    return x[:, np.flatnonzero(genes)], [features[k] for k in np.flatnonzero(genes)], (note,)


def _members(file: Any, key: str) -> set[str]:
    import h5py

    held = file.get(key)
    return set(held) if isinstance(held, h5py.Group) else set()


def _genomes(file: Any) -> list[str]:
    return [key for key in file if {"barcodes", "genes", "gene_names", "indptr"} <= _members(file, key)]
