"""Files and folders of 10x, against scanpy."""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from scipy.sparse import csr_matrix

from cellflow_core.data.readers import read
from tests import formats
from tests.unit.data.readers.dense import X, dense


@pytest.mark.parametrize("version", [2, 3])
def test_10x_files_read_as_scanpy_reads_them(tmp_path, version) -> None:
    path = formats.tenx(tmp_path / "a.h5", version)
    table, held = read(path, "a.h5"), sc.read_10x_h5(path)
    assert (dense(table.x) == dense(held.X)).all() and table.features == tuple(held.var_names)
    assert list(table.obs.index) == list(held.obs_names) and table.format == "10x HDF5"
    assert len(table.features) == (10 if version == 3 else 12)
    if version == 3:  # what scanpy reads too where it is asked to
        both = sc.read_10x_h5(path, gex_only=False)
        panel = table.panels["Antibody Capture"]
        assert (dense(panel.x) == dense(both[:, list(panel.features)].X)).all() and panel.features == tuple(
            formats.genes()[-2:]
        )
        both.write_h5ad(tmp_path / "both.h5ad")
        again = read(tmp_path / "both.h5ad", "both.h5ad")
        assert again.features == table.features and (dense(again.x) == dense(table.x)).all()
        assert (dense(again.panels["Antibody Capture"].x) == dense(panel.x)).all()
    assert table.notes == () and len(table.panels) == (version == 3)


def test_further_measurements_of_the_cells(tmp_path) -> None:
    """Tables and sparse ones in obsm are panels; other things there are left alone."""
    held = formats.annotated()
    held.obsm["protein"] = pd.DataFrame({"CD3": np.arange(40), "CD4": 1.0}, index=held.obs_names)
    held.obsm["words"] = pd.DataFrame({"a": ["x"] * 40}, index=held.obs_names)
    held.obsm["peaks"] = csr_matrix(X)
    held.write_h5ad(tmp_path / "a.h5ad")
    for rows in (None, 7):
        table = read(tmp_path / "a.h5ad", "a.h5ad", rows)
        assert set(table.panels) == {"protein", "peaks"} and table.panels["protein"].features == ("CD3", "CD4")
        assert table.panels["protein"].x[:, 0].tolist() == list(range(40))[:rows]
        assert (dense(table.panels["peaks"].x) == X[:rows]).all() and set(table.obsm) == {
            "X_pca",
            "velocity_pca",
            "X_clone",
        }


def test_panels_of_folders_are_joined_where_their_features_agree(tmp_path) -> None:
    def folder(last: str) -> dict[str, bytes]:
        files = formats.folder(3)
        lines = gzip.decompress(files["features.tsv.gz"]).decode().splitlines()
        lines[-2:] = ["CD3\tCD3\tAntibody Capture", f"{last}\t{last}\tPeaks"]
        return files | {"features.tsv.gz": gzip.compress("\n".join(lines).encode())}

    both = {f"{at}/{name}": held for at, last in (("a", "chr1"), ("b", "chr2")) for name, held in folder(last).items()}
    table = read(formats.zipped(tmp_path / "two.zip", both), "two.zip")
    assert set(table.panels) == {"Antibody Capture"} and "features of 'Peaks' differ" in " ".join(table.notes)
    assert (dense(table.panels["Antibody Capture"].x)[:, 0] == np.tile(X[:, -2], 2)).all() and table.x.shape == (80, 10)


def test_a_10x_folder_reads_as_scanpy_reads_it(tmp_path) -> None:
    for name, text in formats.folder(3).items():
        (tmp_path / name).write_bytes(text)
    held = sc.read_10x_mtx(tmp_path, cache=False)
    table = read(formats.zipped(tmp_path / "a.zip", formats.folder(3)), "a.zip")
    assert (dense(table.x) == dense(held.X)).all() and table.features == tuple(held.var_names)


def test_folders_of_several_samples_are_joined(tmp_path) -> None:
    files = {f"scRNAseq/{day}/{k}": v for day in ("T0_1A", "T2_3B") for k, v in formats.folder(2).items()}
    table = read(formats.zipped(tmp_path / "a.zip", {**files, "__MACOSX/x": b"1"}), "a.zip")
    assert (dense(table.x) == np.concatenate([X, X])).all()
    assert list(table.obs["sample"].unique()) == ["T0_1A", "T2_3B"] and table.cells == 80
    files["scRNAseq/T2_3B/genes.tsv"] = files["scRNAseq/T2_3B/genes.tsv"].replace(b"Gene3a", b"Other")
    table = read(formats.zipped(tmp_path / "b.zip", files), "b.zip")
    assert table.x.shape == (80, 11) and "Gene3a" not in table.features and "11 genes" in table.notes[-1]


def test_spliced_and_unspliced_matrices_of_a_folder(tmp_path) -> None:
    files = formats.folder(2)
    files["spliced.mtx"] = files["unspliced.mtx"] = files.pop("matrix.mtx")
    table = read(formats.zipped(tmp_path / "a.zip", files), "a.zip", 4)
    assert set(table.layers) == {"spliced", "unspliced"} and (dense(table.x) == X[:4]).all()
