"""AnnData as a packed .zarr folder gives the cells that the same .h5ad gives."""

from __future__ import annotations

import json
import warnings
import zipfile
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from cellflow_core.data.readers.open import read
from cellflow_core.data.readers.table import InvalidInputError


def cells() -> anndata.AnnData:
    rng = np.random.default_rng(0)
    obs = pd.DataFrame(
        {"day": np.repeat([0.0, 1.0], 5), "kind": pd.Categorical(["a", "b"] * 5)}, index=[f"cell{k}" for k in range(10)]
    )
    made = anndata.AnnData(csr_matrix(rng.poisson(1.0, (10, 3)).astype(np.float32)), obs)
    made.var_names = ["Gata1", "Spi1", "Klf1"]
    made.layers["counts"] = made.X.copy()
    made.obsm["X_umap"] = rng.normal(size=(10, 2)).astype(np.float32)
    return made


def packed(folder: Path, to: Path, inside: str = "") -> Path:
    with zipfile.ZipFile(to, "w") as archive:
        for each in sorted(folder.rglob("*")):
            if each.is_file():
                archive.write(each, f"{inside}{each.relative_to(folder)}")
    return to


def written(folder: Path, version: int = 3) -> Path:
    with anndata.settings.override(zarr_write_format=version), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        cells().write_zarr(folder)
    return folder


@pytest.mark.parametrize(("version", "inside"), [(2, ""), (3, "my cells.zarr/")])
def test_a_packed_folder_is_read_as_the_file(tmp_path, version, inside):
    written(tmp_path / "cells.zarr", version)
    cells().write_h5ad(tmp_path / "cells.h5ad")
    found = read(packed(tmp_path / "cells.zarr", tmp_path / "cells.zip", inside), "cells.zarr.zip")
    same = read(tmp_path / "cells.h5ad", "cells.h5ad")
    assert found.features == same.features == ("Gata1", "Spi1", "Klf1")
    np.testing.assert_array_equal(found.x.toarray(), same.x.toarray())
    pd.testing.assert_frame_equal(found.obs, same.obs)
    assert set(found.layers) == set(same.layers) and set(found.obsm) == set(same.obsm)


def test_code_and_huge_arrays_are_refused(tmp_path):
    written(tmp_path / "cells.zarr")
    one = next(each for each in (tmp_path / "cells.zarr").rglob("*") if each.name in (".zarray", "zarr.json"))
    text = one.read_text()
    one.write_text(text.replace("{", '{"note": "numcodecs.pickle", ', 1))
    with pytest.raises(InvalidInputError, match="pickle"):
        read(packed(tmp_path / "cells.zarr", tmp_path / "a.zip"), "a.zip")
    one.write_text(text)
    root = tmp_path / "cells.zarr" / "zarr.json"
    held = json.loads(root.read_text())
    held["consolidated_metadata"]["metadata"]["obs/day"]["shape"] = [10**14]
    root.write_text(json.dumps(held))
    with pytest.raises(InvalidInputError, match="memory"):
        read(packed(tmp_path / "cells.zarr", tmp_path / "b.zip"), "b.zip")
    held["consolidated_metadata"]["metadata"]["obs/day"]["shape"] = [10]
    grid = held["consolidated_metadata"]["metadata"]["obs/day"]["chunk_grid"]
    grid["configuration"]["chunk_shape"] = [10**14]
    root.write_text(json.dumps(held))
    with pytest.raises(InvalidInputError, match="memory"):
        read(packed(tmp_path / "cells.zarr", tmp_path / "c.zip"), "c.zip")
