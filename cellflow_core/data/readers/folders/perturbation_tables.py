"""An archive of the tables of CellBox: responses, perturbations, and the names of the nodes of both.

Yuan et al. 2021, Cell Systems 12:128: `expr.csv` and `pert.csv` are numbers alone, a row a condition and a column a
node; `node_Index.csv` has the name of a node in each line. Nothing else is decided: levels are changes from
unperturbed samples, conditions have no time, and a node that any condition perturbs is a target of the design.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import numpy as np
from jaxtyping import Float

from cellflow_core.data.readers.limits import TEXT, check_memory
from cellflow_core.data.readers.table import InvalidInputError, Table
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace

RESPONSES, PERTURBATIONS, NODES = "expr.csv", "pert.csv", "node_Index.csv"


def tables_of(files: Mapping[str, Path]) -> dict[str, Path]:
    """The three tables by name where an archive holds all of them in one folder, none otherwise."""
    for each in files:
        folder = PurePosixPath(each).parent
        found = {name: files.get(str(folder / name)) for name in (RESPONSES, PERTURBATIONS, NODES)}
        if all(found.values()):
            return {name: path for name, path in found.items() if path is not None}
    return {}


def of_tables(tables: Mapping[str, Path], name: str) -> Table:
    """Conditions with their design. InvalidInputError where the tables do not fit each other."""
    import pandas as pd

    with tables[NODES].open(encoding="utf-8", errors="replace", newline="") as file:
        nodes = tuple(row[0].strip() for row in csv.reader(file) if row and row[0].strip())
    x, p = (_numbers(tables[each], name, each) for each in (RESPONSES, PERTURBATIONS))
    if x.shape != p.shape or x.shape[1] != len(nodes) or len(set(nodes)) != len(nodes):
        raise InvalidInputError(
            f"{name}: {RESPONSES} has {x.shape[0]} rows of {x.shape[1]}, {PERTURBATIONS} {p.shape[0]} of {p.shape[1]}, "
            f"and {NODES} names {len(set(nodes))} different nodes: all must be of the same conditions and nodes"
        )
    design = {nodes[k]: p[:, k] for k in np.flatnonzero((p != 0).any(axis=0))}
    if not design:
        raise InvalidInputError(f"{name}: {PERTURBATIONS} is 0 everywhere, so no condition is perturbed")
    data = Snapshots(x.astype(np.float32), None, AffineSpace.of_genes(nodes), perturbation=design)
    notes = ("levels are taken as changes from unperturbed samples, as in the tables of CellBox",)
    return Table("CellBox tables", x, nodes, pd.DataFrame(index=range(len(x))), notes=notes, snapshots=data)


def _numbers(path: Path, name: str, table: str) -> Float[np.ndarray, "conditions nodes"]:
    check_memory(TEXT * path.stat().st_size, name, table)
    try:
        found = np.loadtxt(path, delimiter=",", ndmin=2)
    except ValueError as error:
        raise InvalidInputError(f"{name}: {table} must hold numbers alone, with commas between ({error})") from error
    if not found.size or not np.isfinite(found).all():
        raise InvalidInputError(f"{name}: {table} is empty or holds values that are missing or infinite")
    return found
