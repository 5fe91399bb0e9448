"""One file and what its import must give, as numbers: times with their cells, genes, cells kept, what is reported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from cellflow_core.data import store
from cellflow_core.data.importing.import_defaults import default_choices, parse_choices
from cellflow_core.data.importing.pipeline import import_file, inspect_file
from cellflow_core.data.readers import InvalidInputError
from tests import ROOT

CASES = ROOT.parent / "shared" / "cases"


@dataclass(frozen=True)
class Case:
    """A file, what a person decides of it, and what is right.

    file      path below the folder of cases, or absolute for a file that a test wrote
    cells     time -> cells at it, in `unit`; None: not tested
    genes     genes that are stored, None: not tested
    column    time column that is chosen, None: the one that is proposed first; "": none
    numbers   label -> time given by hand, None to leave its cells out; the others stay as they are proposed
    choices   other choices than those proposed, by the names of ImportChoices
    open      labels of the time column that are left open for a person to give a number
    reported  words that stand in a step or a note of the data set, each somewhere
    refused   words of the error that the import ends with; then nothing else is tested
    """

    file: str | Path
    cells: Mapping[float | None, int] | None = None
    unit: str | None = None
    genes: int | None = None
    column: str | None = None
    numbers: Mapping[str, float | None] = field(default_factory=dict)
    choices: Mapping[str, Any] = field(default_factory=dict)
    open: tuple[str, ...] | None = None
    reported: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()

    def __str__(self) -> str:
        return Path(self.file).name


def path_of(case: Case) -> Path:
    """Where the file is; the test is skipped where the folder of cases is not beside the project."""
    path = CASES / case.file
    if not path.is_file():
        pytest.skip(f"the files of the kinds that break imports are not at {CASES}")
    return path


def imported(case: Case) -> store.Dataset:
    """The data set that inspection and import make of the file, with what the case decides."""
    path = path_of(case)
    found = inspect_file(path, path.name)
    values = default_choices(found)
    if case.column is not None:
        values["time_column"] = case.column
    chosen, numbers = parse_choices(values | dict(case.choices))
    if case.open is not None:
        every = {each.column: each for each in (*found.candidates, *found.other_columns)}
        assert set(every[chosen.time_column].open) == set(case.open)
    return store.open_dataset(import_file(path, path.name, chosen, numbers | dict(case.numbers)))


def assert_imports(case: Case) -> store.Dataset | None:
    """Inspect and import the file of a case, and compare what comes out with what is right; the data set, None where
    the file is rightly refused."""
    if case.refused:
        with pytest.raises(InvalidInputError) as error:
            imported(case)
        assert [each for each in case.refused if each not in str(error.value)] == [], str(error.value)
        return None
    made = imported(case)
    data = made.snapshots()
    if case.cells is not None:
        at, cells = np.unique(data.t, return_counts=True)
        found = dict(zip(at.round(9).tolist(), cells.tolist(), strict=True)) or {None: len(data.x)}
        assert found == dict(case.cells)
    if case.unit is not None:
        assert data.time_unit == case.unit
    if case.genes is not None:
        assert len(made.genes) == case.genes
    words = "\n".join((*made.info.steps, *made.info.notes))
    assert [each for each in case.reported if each not in words] == [], words
    return made


def course(labels: Mapping[str, int] | list[str], column: str, genes: int = 40, seed: int = 0) -> anndata.AnnData:
    """Counts that drift from label to label, 20 cells each or as many as given, with the label in `obs[column]`."""
    sizes = labels if isinstance(labels, Mapping) else dict.fromkeys(labels, 20)
    rng = np.random.default_rng(seed)
    step = np.repeat(np.arange(len(sizes)), list(sizes.values()))
    slope = rng.normal(0, 1, genes) / max(len(sizes) - 1, 1)
    x = rng.poisson(np.exp(1 + slope[None] * step[:, None]) * rng.lognormal(0, 0.2, len(step))[:, None])
    names = np.array(list(sizes), dtype=object)[step]
    obs = pd.DataFrame({column: names}, index=[f"cell{k}" for k in range(len(step))])
    return anndata.AnnData(
        csr_matrix(x.astype(np.float32)), obs, pd.DataFrame(index=[f"Gene{k}a" for k in range(genes)])
    )


def written(folder: Path, held: anndata.AnnData, name: str = "cells.h5ad") -> Path:
    """The file of these cells."""
    held.write_h5ad(folder / name)
    return folder / name
