"""Files of `../shared/cases`: what the values are, what is kept, missing values, other ways in; and their like."""

from __future__ import annotations

import io
import tarfile
import zipfile

import h5py
import numpy as np
import pandas as pd
import pytest
from scipy.io import mmwrite
from scipy.sparse import csr_matrix

from cellflow_core.data.importing.pipeline import inspect_file
from cellflow_core.data.readers import InvalidInputError, read
from cellflow_core.data.requirements import DataRequirement
from tests.cases.case import CASES, Case, assert_imports, course, imported, path_of, written

DAYS = {"d1": 25, "d4": 30, "d8": 35}
AT = {1.0: 25, 4.0: 30, 8.0: 35}
SHARED_CASES = (
    Case("03_fly_mitochondria/fly.h5ad", {0: 30, 6: 60, 12: 60}, "hour", 60, choices={"max_mito": 20.0}),
    Case("03_fly_mitochondria/r_names.h5ad", {0: 30, 6: 60, 12: 60}, "hour", 60, choices={"max_mito": 20.0}),
    Case("04_rhapsody_table/rhapsody_with_time.csv", {0: 60, 24: 60, 72: 60}, "hour", 60, reported=("Cell_Index",)),
    Case("04_rhapsody_table/rhapsody_plain.csv", {None: 180}, genes=60, column=""),
    Case("06_umap_as_frame/umap_frame.h5ad", {0: 60, 1: 60, 2: 60}, "day", 60),
    Case("07_ensembl_index/portal.h5ad", {0: 30, 2: 60, 4: 60}, "day", 80, choices={"max_mito": 20.0}),
    Case("08_scaled_with_log_raw/senis.h5ad", {3: 60, 18: 60, 24: 60}, genes=60, reported=(".raw",)),
    Case("09_scaled_counts_in_layers/scaled.h5ad", {0: 60, 1: 60, 2: 60}, genes=60, reported=("layers['counts']",)),
    Case("10_kb_layers/kb_nac.h5ad", {0: 60, 1: 60, 2: 60}, genes=60, reported=("18% are unspliced",)),
    Case("12_outer_join_nan/outer.h5ad", refused=("Gene50", "10 of 60 genes", "`drop_incomplete_genes`")),
    Case(
        "12_outer_join_nan/outer.h5ad",
        {0: 60, 1: 60, 2: 60},
        genes=50,
        choices={"drop_incomplete_genes": True},
        reported=("10 genes",),
    ),
    Case("17_parse_folder/DGE_filtered.zip", {0: 60, 2: 60, 5: 60}, "day", 60),
    Case("22_several_h5/GSE_RAW.tar", {0: 60, 2: 60, 5: 60}, "day", 60),
    Case("25_genes_named_by_number/no_names.h5ad", {0: 60, 1: 60, 2: 60}, "day", 120),
    Case("26_scdiff_table/expression.E", {14: 60, 16: 60, 18: 60}, genes=60),
)


@pytest.mark.parametrize("case", SHARED_CASES, ids=str)
def test_the_case_comes_in_as_expected(case: Case) -> None:
    assert_imports(case)


def test_log_values_of_raw_are_used_as_they_are() -> None:
    case = Case("08_scaled_with_log_raw/senis.h5ad")
    path_of(case)
    expected = np.load(CASES / "08_scaled_with_log_raw" / "log.npy")
    assert imported(case).expression("Gene7") == pytest.approx(expected[:, 7], abs=1e-6)


def entry(contents, place: str) -> dict:
    return next(each for each in contents if each["place"] == place)


@pytest.mark.parametrize("kind", ["frame", "array"])
def test_an_embedding_kept_as_a_table_is_an_embedding(tmp_path, kind) -> None:
    held = course(DAYS, "day")
    points = np.random.default_rng(1).normal(size=(90, 2))
    held.obsm["X_tsne"] = (
        points if kind == "array" else pd.DataFrame(points, index=held.obs_names, columns=["a1", "a2"])
    )
    made = imported(Case(written(tmp_path, held), AT))
    assert made.embedding("tsne") == pytest.approx(points, abs=1e-6) and made.snapshots().second_modality is None


def test_everything_that_is_not_kept_is_listed_with_its_reason(tmp_path) -> None:
    held = course(DAYS, "day")
    gappy = np.random.default_rng(1).normal(size=(90, 2))
    gappy[:7] = np.nan
    held.obsm["X_umap"], held.obsm["velocity_pca"] = gappy, np.ones((90, 5))
    held.obsm["X_pca"] = np.random.default_rng(2).normal(size=(90, 5))
    held.obs["organism"], held.obs["note"] = "zebrafish", [f"note {k}" for k in range(90)]
    values = {"velocity": held.X.toarray() - 3.0, "denoised": held.X.toarray() + 0.5, "spliced": held.X, "Mu": held.X}
    held.layers.update(values)
    held.obsp["connectivities"] = csr_matrix(np.eye(90))
    contents = imported(Case(written(tmp_path, held), AT)).info.contents
    assert not entry(contents, "obsm['X_umap']")["kept"] and "7 of 90" in entry(contents, "obsm['X_umap']")["reason"]
    assert "zebrafish" in entry(contents, "obs: organism")["reason"]
    assert not entry(contents, "layers['denoised']")["kept"] and entry(contents, "layers['velocity']")["kept"]
    assert "are computed from" in entry(contents, "layers['Mu']")["reason"]
    assert "obsm:X_pca" in entry(contents, "obsm['velocity_pca']")["reason"]
    assert not entry(contents, "obsp: connectivities")["kept"] and entry(contents, "obs: day")["kept"]
    found = inspect_file(tmp_path / "cells.h5ad", "cells.h5ad")
    assert {each.place for each in found.contents} == {each["place"] for each in contents}


@pytest.mark.parametrize("names", ["spliced unspliced", "mature nascent", "exonic Intronic", "Ms Mu"])
def test_layers_of_splicing_fill_the_channels(tmp_path, names) -> None:
    held = course(DAYS, "day")
    held.layers.update(zip(names.split(), (held.X.copy(), csr_matrix(np.ones(held.shape, np.float32))), strict=True))
    made = imported(Case(written(tmp_path, held), AT))
    data = made.snapshots()
    assert DataRequirement.SPLICING in data.has and data.unspliced.min() == 1
    gene = data.space.genes[4]
    assert (data.spliced[:, 4] == held.X.toarray()[:, list(held.var_names).index(gene)]).all()


def test_spliced_values_that_are_no_counts_are_reported(tmp_path) -> None:
    held = course(DAYS, "day")
    held.layers["spliced"], held.layers["unspliced"] = held.X * 0.37, held.X * 0.2
    made = assert_imports(Case(written(tmp_path, held), AT, reported=("no whole numbers",)))
    assert made is not None and {"spliced", "unspliced"} <= set(made.info.layers)


def test_perturbations_are_read_from_names_and_from_guides(tmp_path) -> None:
    held = course(DAYS, "day")
    held.obs["perturbation"] = np.resize(["control", "GATA1", "SPI1+GATA1"], 90)
    design = imported(Case(written(tmp_path, held), AT)).snapshots().perturbation
    assert set(design) == {"GATA1", "SPI1"} and design["GATA1"].sum() == 60 and design["SPI1"].sum() == 30
    del held.obs["perturbation"]
    counts = np.zeros((90, 3), int)
    counts[:10, 0], counts[10:30, 1], counts[30:40, 2] = 9, 12, 20
    held.obsm["CRISPR guides"] = pd.DataFrame(counts, held.obs_names, ["sgKLF1_1", "KLF1_2", "non-targeting_3"])
    found = imported(Case(written(tmp_path, held), AT))
    assert np.nansum(found.snapshots().perturbation["KLF1"]) == 30 and found.snapshots().second_modality is None


def test_a_layer_is_chosen_by_hand(tmp_path) -> None:
    held = course(DAYS, "day")
    held.layers["denoised"] = held.X.toarray() * 2
    made = imported(Case(written(tmp_path, held), AT, choices={"matrix": "layers:denoised", "values": "log"}))
    assert made.expression("Gene3a") == pytest.approx(held.X.toarray()[:, 3] * 2)
    assert_imports(Case(tmp_path / "cells.h5ad", choices={"matrix": "layers:lost"}, refused=("layers:denoised",)))


def test_fractional_counts_are_counts(tmp_path) -> None:
    held = course(DAYS, "day")
    x = held.X.toarray()
    shared = np.random.default_rng(3).random(x.shape) < 0.2
    held.X = csr_matrix(np.where(shared & (x > 0), x - 0.5, x).astype(np.float32))
    found = inspect_file(written(tmp_path, held), "cells.h5ad")
    assert found.looks == "counts" and not found.unsure and any("fractions" in each for each in found.notes)


@pytest.mark.parametrize("base", [np.log1p, lambda x: np.log2(x + 1)])
def test_logarithms_of_counts_are_no_counts(tmp_path, base) -> None:
    held = course(DAYS, "day")
    held.X = csr_matrix(base(held.X.toarray()).astype(np.float32))
    assert inspect_file(written(tmp_path, held), "cells.h5ad").looks == "log"


def test_genes_that_are_numbered_are_asked_for_without_a_mark_of_the_file(tmp_path) -> None:
    held = course(DAYS, "day")
    held.X = csr_matrix(np.log1p(held.X.toarray() * 1.37).astype(np.float32))
    held.var_names = [str(k + 100) for k in range(held.n_vars)]
    assert inspect_file(written(tmp_path, held), "cells.h5ad").unsure
    held.uns["log1p"] = {"base": None}
    found = inspect_file(written(tmp_path, held), "cells.h5ad")
    assert (found.looks, found.unsure) == ("log", "")


def test_missing_values_in_cells_and_genes_have_a_choice_that_empties_no_time(tmp_path) -> None:
    held = course(DAYS, "day")
    x = held.X.toarray()
    x[:25, 3:6] = np.nan
    x[50, :] = np.nan
    held.X = x
    path = written(tmp_path, held)
    assert_imports(Case(path, refused=("3", "`drop_incomplete_genes` and `drop_incomplete`", "empty time 1")))
    both = {"drop_incomplete": True, "drop_incomplete_genes": True}
    made = assert_imports(Case(path, AT | {4.0: 29}, genes=37, choices=both, reported=("1 cell with", "3 genes")))
    assert made is not None and np.isfinite(made.measured.table()).all()
    assert_imports(
        Case(path, {4.0: 29, 8.0: 35}, choices={"drop_incomplete": True}, reported=("No cell is left at time 1",))
    )


def table(cells: int = 60) -> pd.DataFrame:
    x = np.random.default_rng(4).poisson(3, (cells, 25))
    return pd.DataFrame(x, index=[f"AAACCC{k:03d}-1" for k in range(cells)], columns=[f"Sox{k}" for k in range(25)])


@pytest.mark.parametrize("turned", [False, True])
def test_a_table_of_values_and_one_of_metadata_are_joined(tmp_path, turned) -> None:
    values = table()
    about = pd.DataFrame({"barcode": values.index, "day": np.repeat([3, 5, 9], 20), "type": "x"}).sample(frac=1)
    with zipfile.ZipFile(tmp_path / "both.zip", "w") as archive:
        archive.writestr("expression.csv", (values.T.rename_axis("gene") if turned else values).to_csv())
        archive.writestr("metadata.tsv", about.to_csv(sep="\t", index=False))
    made = assert_imports(Case(tmp_path / "both.zip", {3: 20, 5: 20, 9: 20}, "day", 25))
    assert made is not None and np.allclose(
        made.expression("Sox3"), np.log1p(values["Sox3"] / values.sum(axis=1) * 1e4)
    )


def matrix(x: np.ndarray) -> bytes:
    held = io.BytesIO()
    mmwrite(held, csr_matrix(x).tocoo(), field="integer")
    return held.getvalue()


def archive_of(folder, files: dict[str, bytes | str]):
    path = folder / "counts.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            data = text.encode() if isinstance(text, str) else text
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def test_a_folder_of_kb_python(tmp_path) -> None:
    values = table()
    x, base = values.to_numpy(), "kb/counts_unfiltered/cells_x_genes"
    files = {f"{base}.{kind}.mtx": matrix(x + k) for k, kind in enumerate(("mature", "nascent", "ambiguous"))}
    files |= {f"{base}.barcodes.txt": "\n".join(values.index), f"{base}.genes.names.txt": "\n".join(values.columns)}
    files[f"{base}.genes.txt"] = "\n".join(f"ENSMUSG{k:011d}.2" for k in range(25))
    found = read(archive_of(tmp_path, files), "counts.tar.gz")
    assert found.features == tuple(values.columns) and found.ids[2] == "ENSMUSG00000000002.2"
    assert (found.x.toarray() == x).all() and (found.layers["unspliced"].toarray() == x + 1).all()


def test_a_folder_of_alevin_fry_in_usa_mode(tmp_path) -> None:
    values = table()
    x = values.to_numpy()
    genes = [f"ENSG{k:011d}" for k in range(25)]
    files = {
        "af/alevin/quants_mat.mtx": matrix(np.hstack([x, x * 0 + 2, x * 0 + 1])),
        "af/alevin/quants_mat_cols.txt": "\n".join([*genes, *(f"{g}-U" for g in genes), *(f"{g}-A" for g in genes)]),
        "af/alevin/quants_mat_rows.txt": "\n".join(values.index),
    }
    found = read(archive_of(tmp_path, files), "counts.tar.gz")
    assert (found.x.toarray() == x + 1).all() and (found.layers["unspliced"].toarray() == 2).all()
    assert len(found.features) == 25


def test_starsolo_counts_one_cell_once(tmp_path) -> None:
    values = table()
    x, files = values.to_numpy(), {}
    for kind, names in (("Gene", ["matrix"]), ("GeneFull", ["matrix"]), ("Velocyto", ["spliced", "unspliced"])):
        place = f"Solo.out/{kind}/filtered"
        files |= {f"{place}/{name}.mtx": matrix(x.T + k) for k, name in enumerate(names)}
        files[f"{place}/barcodes.tsv"] = "\n".join(values.index)
        files[f"{place}/features.tsv"] = "\n".join(f"ENSG{k:011d}\t{g}\tGene Expression" for k, g in enumerate(values))
    found = read(archive_of(tmp_path, files), "counts.tar.gz")
    assert found.cells == 60 and (found.layers["unspliced"].toarray() == x + 1).all()
    assert any("GeneFull" in each for each in found.notes)


def test_one_table_a_sample_is_joined(tmp_path) -> None:
    files = {f"GSM77{k}_E{9 + k}.csv": table(20 + k).iloc[:, : 25 - k].to_csv() for k in range(3)}
    found = read(archive_of(tmp_path, files), "counts.tar.gz")
    assert found.obs["sample"].value_counts().to_dict() == {"E9": 20, "E10": 21, "E11": 22}
    assert len(found.features) == 23 and any("2 genes" in each.place for each in found.unused)


def test_a_table_without_names_is_asked_which_way_round_it_stands(tmp_path) -> None:
    x = np.random.default_rng(2).poisson(2, (70, 45))
    np.savetxt(path := tmp_path / "bare.csv", x, fmt="%d", delimiter=",")
    found = inspect_file(path, "bare.csv")
    assert found.question and (found.cells, found.features) == (70, 45)
    turned = inspect_file(path, "bare.csv", orientation="genes")
    assert (turned.cells, turned.features, turned.question) == (45, 70, "")


@pytest.mark.parametrize("column", ["cell_id", "Barcode", "Cell Number", "droplet_index", "sorted"])
def test_a_column_that_names_the_cells_is_no_gene(tmp_path, column) -> None:
    values = table().reset_index(drop=True)
    ids = np.random.default_rng(6).choice(900_000, 60, replace=False)
    values.insert(0, column, np.sort(ids) if column == "sorted" else ids)
    values["nCount_RNA"], values["seurat_clusters"] = values.sum(axis=1), np.resize([0, 1, 2], 60)
    (tmp_path / "a.csv").write_text("# made by a program\n## of version 2\n" + values.to_csv(index=False))
    found = read(tmp_path / "a.csv", "a.csv")
    assert len(found.features) == 25 and "nCount_RNA" in found.obs.columns


@pytest.mark.parametrize(
    ("name", "data", "word"),
    [
        ("cells.rds", b"X\n\0\0\0\3\0", "readRDS"),
        ("cells.RData", b"RDX3\nX\n\0\0", "load"),
        ("old.rda", b"BZh91AY&SY", "load"),
    ],
)
def test_files_of_r_are_named_with_the_lines_that_write_an_h5ad(tmp_path, name, data, word) -> None:
    import gzip

    (tmp_path / name).write_bytes(data if data.startswith(b"BZh") else gzip.compress(data))
    with pytest.raises(InvalidInputError, match="writeH5AD") as error:
        read(tmp_path / name, name)
    assert word in str(error.value)


def test_a_seurat_object_in_hdf5_is_named(tmp_path) -> None:
    with h5py.File(tmp_path / "a.h5seurat", "w") as file:
        for key in ("assays", "meta.data", "reductions"):
            file.create_group(key)
        file["cell.names"] = np.array([b"a"])
    with pytest.raises(InvalidInputError, match="Seurat"):
        read(tmp_path / "a.h5seurat", "a.h5seurat")
