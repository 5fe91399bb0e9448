"""Every format gives the same cells, wherever they came from, and a look reads the first rows only."""

from __future__ import annotations

import gzip
import pickle

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from scipy.sparse import csr_matrix

from cellflow_core.data.importing.inspection import inspect_file
from cellflow_core.data.readers import InvalidInputError, NotCellDataError, labels_of, read
from tests import made_files as made

X = made.counts().toarray()


def dense(x) -> np.ndarray:
    return x if isinstance(x, np.ndarray) else x.toarray()


FORMATS = {
    "csr.h5ad": lambda p: made.h5ad(p, "csr"),
    "csc.h5ad": lambda p: made.h5ad(p, "csc"),
    "dense.h5ad": lambda p: made.h5ad(p, "dense"),
    "v2.h5": lambda p: made.tenx(p, 2),
    "a.loom": made.loom,
    "v2.zip": lambda p: made.zipped(p, {f"mm10/{k}": v for k, v in made.folder(2).items()}),
    "v3.zip": lambda p: made.zipped(p, made.folder(3)),
    "v3.tar.gz": lambda p: made.tarred(p, {f"./out/{k}": v for k, v in made.folder(3).items()}),
    "v2.tar": lambda p: made.tarred(p, made.folder(2), "w"),
}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("rows", [None, 7])
def test_the_same_cells_in_every_format(tmp_path, name, rows) -> None:
    path = FORMATS[name](tmp_path / name)
    table = read(path, "whatever.bin", rows)  # the ending says nothing
    assert (dense(table.x) == X[:rows]).all() and table.features == tuple(made.genes())
    assert table.cells == made.CELLS and list(table.obs.index) == made.cells()
    for name, factor in (("spliced", 2), ("unspliced", 1)) if path.suffix == ".h5ad" else ():
        assert (dense(table.layers[name]) == factor * X[:rows]).all()


def test_what_an_h5ad_tells_beside_its_values(tmp_path) -> None:
    table = read(made.h5ad(tmp_path / "a.h5ad"), "a.h5ad")
    held = made.annotated()
    assert table.format == "AnnData" and list(table.obs.columns) == ["day", "type"] and not table.logged
    assert set(table.layers) == {"spliced", "unspliced"}
    assert (table.obsm["velocity_pca"] == held.obsm["velocity_pca"]).all()
    assert set(table.obsm) == {"X_pca", "velocity_pca", "X_clone"} and table.obsm["X_clone"].shape == (40, 5)
    held.uns["log1p"] = {"base": None}
    held.write_h5ad(tmp_path / "log.h5ad")
    assert read(tmp_path / "log.h5ad", "log.h5ad").logged


def test_an_h5ad_of_anndata_0_7(tmp_path) -> None:
    """No encoding of the dict-like groups, categories in __categories, as 0.7 wrote them."""
    path = tmp_path / "old.h5ad"
    with h5py.File(path, "w") as file:
        x = made.counts()
        group = file.create_group("X")
        group.attrs.update({"encoding-type": "csr_matrix", "encoding-version": "0.1.0", "shape": np.array(x.shape)})
        for key in ("data", "indices", "indptr"):
            group[key] = getattr(x, key)
        text = h5py.string_dtype()
        for key, names in (("obs", made.cells()), ("var", made.genes())):
            held = file.create_group(key)
            order = np.array(["stage"] if key == "obs" else [], dtype=object).astype(text)
            held.attrs.update({"_index": "index", "encoding-type": "dataframe", "encoding-version": "0.1.0"})
            held.attrs.create("column-order", order, dtype=text)
            held["index"] = np.array(names, dtype=text)
        file["obs/stage"] = np.resize(np.array([0, 1], dtype=np.int8), made.CELLS)
        file["obs/__categories/stage"] = np.array(["E7", "E8"], dtype=text)
        file["obs/stage"].attrs["categories"] = file["obs/__categories/stage"].ref
    table = read(path, "old.h5ad")
    assert (dense(table.x) == X).all() and list(table.obs["stage"][:2]) == ["E7", "E8"]
    with pytest.warns(anndata.OldFormatWarning):
        assert (anndata.read_h5ad(path).obs["stage"] == table.obs["stage"]).all()


def test_an_h5ad_from_before_that(tmp_path) -> None:
    path = tmp_path / "older.h5ad"
    with h5py.File(path, "w") as file:
        file["X"] = X
        file["obs"] = np.array(list(zip(made.cells(), range(40), strict=True)), dtype=[("index", "S20"), ("day", "i8")])
        file["var"] = np.array([(each,) for each in made.genes()], dtype=[("index", "S20")])
    table = read(path, "older.h5ad", 5)
    assert (dense(table.x) == X[:5]).all() and list(table.obs["day"]) == list(range(40))


@pytest.mark.parametrize("rows", [None, 5])
def test_an_older_h5ad_with_sparse_matrices(tmp_path, rows) -> None:
    table = read(made.older_h5ad(tmp_path / "older.h5ad"), "older.h5ad", rows)
    assert (dense(table.x) == X[:rows]).all() and (dense(table.layers["spliced"]) == 2 * X[:rows]).all()
    assert table.features == tuple(made.genes()) and list(table.obs["day"][:3]) == [0, 2, 0]


@pytest.mark.parametrize("part", ["X", "layers/spliced"])
def test_an_older_h5ad_whose_indices_point_elsewhere(tmp_path, part) -> None:
    path = made.older_h5ad(tmp_path / "older.h5ad")
    with h5py.File(path, "r+") as file:
        file[f"{part}/indices"][3] = 2_000_000_000
    with pytest.raises(InvalidInputError, match="older.h5ad is damaged"):
        read(path, "older.h5ad")


@pytest.mark.parametrize("version", [2, 3])
def test_10x_files_read_as_scanpy_reads_them(tmp_path, version) -> None:
    path = made.tenx(tmp_path / "a.h5", version)
    table, held = read(path, "a.h5"), sc.read_10x_h5(path)
    assert (dense(table.x) == dense(held.X)).all() and table.features == tuple(held.var_names)
    assert list(table.obs.index) == list(held.obs_names) and table.format == "10x HDF5"
    assert len(table.features) == (10 if version == 3 else 12)
    if version == 3:  # what scanpy reads too where it is asked to
        both = sc.read_10x_h5(path, gex_only=False)
        panel = table.panels["Antibody Capture"]
        assert (dense(panel.x) == dense(both[:, list(panel.features)].X)).all() and panel.features == tuple(
            made.genes()[-2:]
        )
        both.write_h5ad(tmp_path / "both.h5ad")
        again = read(tmp_path / "both.h5ad", "both.h5ad")
        assert again.features == table.features and (dense(again.x) == dense(table.x)).all()
        assert (dense(again.panels["Antibody Capture"].x) == dense(panel.x)).all()
    assert table.notes == () and len(table.panels) == (version == 3)


def test_further_measurements_of_the_cells(tmp_path) -> None:
    """Tables and sparse ones in obsm are panels; other things there are left alone."""
    held = made.annotated()
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


@pytest.mark.parametrize("rows", [None, 5])
def test_mudata_has_a_panel_for_what_is_no_gene(tmp_path, rows) -> None:
    table = read(made.h5mu(tmp_path / "a.h5mu"), "a.h5mu", rows)
    assert table.format == "MuData" and table.features == tuple(made.genes()) and table.cells == 36
    assert list(table.obs.index) == made.cells()[4:] and table.notes[0].startswith("4 cells that not every modality")
    assert list(table.obs.columns) == ["day", "type", "donor"] and table.obs["donor"].iloc[0] == "a"
    assert (dense(table.x) == X[4:][:rows]).all() and (dense(table.layers["spliced"]) == 2 * X[4:][:rows]).all()
    panel = table.panels["atac"]
    assert (dense(panel.x) == made.counts(36, 1200).toarray()[:rows]).all() and len(panel.features) == 1200
    motifs = table.panels["atac motifs"]
    assert motifs.features == ("GATA",) and motifs.x[:, 0].tolist() == list(range(36))[::-1][:rows]
    assert table.panels["atac X_lsi"].x[0].tolist() == [70, 71] and table.obsm["X_pca"].shape == (36, 3)


def test_mudata_without_genes_or_shared_cells(tmp_path) -> None:
    path = made.h5mu(tmp_path / "a.h5mu")
    with h5py.File(path, "r+") as file:
        file["mod/atac/obs/_index"][...] = "someone else"
    with pytest.raises(InvalidInputError, match="0 cells have a name that every modality knows and that is used once"):
        read(path, "a.h5mu")
    with h5py.File(path, "r+") as file:
        file.move("mod/rna", "mod/prot")
    with pytest.raises(
        InvalidInputError, match="MuData with the modalities atac, prot, and one of genes, named rna, is expected"
    ):
        read(path, "a.h5mu")


def test_panels_of_folders_are_joined_where_their_features_agree(tmp_path) -> None:
    def folder(last: str) -> dict[str, bytes]:
        files = made.folder(3)
        lines = gzip.decompress(files["features.tsv.gz"]).decode().splitlines()
        lines[-2:] = ["CD3\tCD3\tAntibody Capture", f"{last}\t{last}\tPeaks"]
        return files | {"features.tsv.gz": gzip.compress("\n".join(lines).encode())}

    both = {f"{at}/{name}": held for at, last in (("a", "chr1"), ("b", "chr2")) for name, held in folder(last).items()}
    table = read(made.zipped(tmp_path / "two.zip", both), "two.zip")
    assert set(table.panels) == {"Antibody Capture"} and "features of 'Peaks' differ" in " ".join(table.notes)
    assert (dense(table.panels["Antibody Capture"].x)[:, 0] == np.tile(X[:, -2], 2)).all() and table.x.shape == (80, 10)


def test_a_10x_folder_reads_as_scanpy_reads_it(tmp_path) -> None:
    for name, text in made.folder(3).items():
        (tmp_path / name).write_bytes(text)
    held = sc.read_10x_mtx(tmp_path, cache=False)
    table = read(made.zipped(tmp_path / "a.zip", made.folder(3)), "a.zip")
    assert (dense(table.x) == dense(held.X)).all() and table.features == tuple(held.var_names)


def test_folders_of_several_samples_are_joined(tmp_path) -> None:
    files = {f"scRNAseq/{day}/{k}": v for day in ("T0_1A", "T2_3B") for k, v in made.folder(2).items()}
    table = read(made.zipped(tmp_path / "a.zip", {**files, "__MACOSX/x": b"1"}), "a.zip")
    assert (dense(table.x) == np.concatenate([X, X])).all()
    assert list(table.obs["sample"].unique()) == ["T0_1A", "T2_3B"] and table.cells == 80
    files["scRNAseq/T2_3B/genes.tsv"] = files["scRNAseq/T2_3B/genes.tsv"].replace(b"Gene3a", b"Other")
    table = read(made.zipped(tmp_path / "b.zip", files), "b.zip")
    assert table.x.shape == (80, 11) and "Gene3a" not in table.features and "11 genes" in table.notes[-1]


def test_spliced_and_unspliced_matrices_of_a_folder(tmp_path) -> None:
    files = made.folder(2)
    files["spliced.mtx"] = files["unspliced.mtx"] = files.pop("matrix.mtx")
    table = read(made.zipped(tmp_path / "a.zip", files), "a.zip", 4)
    assert set(table.layers) == {"spliced", "unspliced"} and (dense(table.x) == X[:4]).all()


def test_a_table_in_an_archive_and_compressed_hdf5(tmp_path) -> None:
    packed = made.zipped(tmp_path / "a.zip", {"cells.csv": made.csv(tmp_path / "cells.csv").read_bytes()})
    assert read(packed, "a.zip").features == ("samples", "x1", "x2")
    (tmp_path / "a.h5ad.gz").write_bytes(gzip.compress(made.h5ad(tmp_path / "a.h5ad").read_bytes()))
    assert (dense(read(tmp_path / "a.h5ad.gz", "a.h5ad.gz").x) == X).all()


def test_a_loom_file(tmp_path) -> None:
    table = read(made.loom(tmp_path / "a.loom"), "a.loom")
    assert table.format == "loom" and set(table.layers) == {"spliced", "unspliced"}
    assert dict(table.obs.iloc[1]) == {"day": 2.0, "Clusters": "b"}
    assert (dense(table.layers["unspliced"]) == 2 * X).all()


def test_the_arrays_of_the_embryoid_bodies(tmp_path) -> None:
    table = read(made.npz(tmp_path / "a.npz"), "a.npz", 3)
    assert table.format == "arrays" and table.x.shape == (3, 5) and table.features[0] == "PC1"
    assert list(table.obs.columns) == ["sample_labels"] and table.obsm["velocity_pcs"].shape == (40, 5)


TEXTS = {
    "blank separated, names in the last comment": (
        "# a simulation\n# it Gata1 Pu.1\n" + "".join(f" {k} {k / 9:.3f}  {1 - k / 9:.3f}\n" for k in [*range(9)] * 2),
        {"features": ("Gata1", "Pu.1"), "obs": {"time step (it)": 8, "run": "run 2"}, "cells": 18},
    ),
    "no names": ("1.5,2,3\n4,5,6.5\n7,8,9\n", {"features": ("x1", "x2", "x3"), "cells": 3}),
    "names of rows without a name of their own": (
        '"a"\t"b"\n"c1"\t1\t2\n"c2"\t3\t4\n',
        {"features": ("a", "b"), "cells": 2},
    ),
    "decimal commas": ("day;x;y\n0;1,5;2\n1;2,5;3\n", {"features": ("day", "x", "y"), "cells": 2}),
    "time series of BoolODE": (
        ",E1_0_05,E1_7_77,E2_3_1\nGata1,1,2,3\nPu1,4,5,6\n",
        {"features": ("Gata1", "Pu1"), "obs": {"simulation time": 3.1, "run": "E2"}, "cells": 3},
    ),
    "conditions of DREAM4": (
        '"wt"\t"G1(-/-)"\t"G2(+/-)"\t"TS_3delt_50"\n"G1"\t1\t2\t3\t4\n"G2"\t1\t2\t3\t4.5\n',
        {"features": ("G1", "G2"), "obs": {"time": 50.0, "series": "TS_3", "perturbation": "time series"}, "cells": 4},
    ),
    "genes named as such": (
        "gene,d0_c1,d0_c2,d2_c1,d2_c2\nSox2,1,2,3,4\nNanog,5,6,7,8\n",
        {"features": ("Sox2", "Nanog"), "cells": 4},
    ),
    "cells named as such": (
        "cell,Sox2,Nanog\nd0_1,1,2\nd0_2,3,4\nd3_1,1,1\nd3_2,2,2\n",
        {"features": ("Sox2", "Nanog"), "cells": 4, "obs": {"part 1 of the cell name": "d3"}},
    ),
    "PHOENIX": (
        "2,1,\n1,2,3\n4,5,6.5\n0,5,10\n",
        {"features": ("gene 1", "gene 2"), "obs": {"time": 10.0, "subject": "sample 1"}, "cells": 3},
    ),
    "an encoding of Windows": ("day,µ,y\n0,1,2\n1,2,3\n".encode("cp1252"), {"features": ("day", "µ", "y"), "cells": 2}),
    "an encoding of Excel": (
        "day\tx\ty\n0\t1\t2\n1\t2\t3\n".encode("utf-16"),
        {"features": ("day", "x", "y"), "cells": 2},
    ),
}


@pytest.mark.parametrize("case", TEXTS)
def test_layouts_of_text(tmp_path, case) -> None:
    text, expected = TEXTS[case]
    (tmp_path / "a").write_bytes(text if isinstance(text, bytes) else text.encode())
    table = read(tmp_path / "a", "a")
    assert table.features == expected["features"] and table.cells == expected["cells"] == len(table.x)
    for column, last in expected.get("obs", {}).items():
        assert table.obs[column].iloc[-1] == last


def test_conditions_without_a_time_have_none(tmp_path) -> None:
    (tmp_path / "a").write_text(TEXTS["conditions of DREAM4"][0])
    obs = read(tmp_path / "a", "a").obs
    assert list(obs["perturbation"][:3]) == ["wild type", "knock-out", "knock-down"]
    assert list(obs["perturbed gene"]) == [None, "G1", "G2", None]
    assert obs["time"].isna().tolist() == [True, True, True, False]


def test_subjects_followed_over_time(tmp_path) -> None:
    rows = ["id,time,amt,dv,dvid,evid,wt", "1,0,100,0,cp,1,66", "1,2,0,3.5,cp,0,66", "1,2,0,80,pca,0,66"]
    rows += ["1,5,50,0,cp,1,66", "1,6,0,4.5,cp,0,66", "2,1,0,7,cp,0,70", "2,1,0,8,cp,0,70"]
    (tmp_path / "a.csv").write_text("\n".join(rows))
    table = read(tmp_path / "a.csv", "a.csv")
    assert table.features == ("cp", "pca") and table.format == "subject table"
    assert np.array_equal(table.x, [[3.5, 80], [4.5, np.nan], [7, np.nan], [8, np.nan]], equal_nan=True)
    assert list(table.obs["subject"]) == ["1", "1", "2", "2"] and list(table.obs["time"]) == [2, 6, 1, 1]
    assert list(table.obs["dose"]) == [100, 50, 0, 0] and list(table.obs["total dose"]) == [100, 150, 0, 0]
    assert list(table.obs["time since dose"][:2]) == [2, 1] and table.obs["time since dose"][2:].isna().all()
    assert list(table.obs["wt"]) == [66, 66, 70, 70]


def test_labels_are_text_and_empty_ones_missing() -> None:
    assert labels_of(pd.Series([1.0, np.nan, 2.5])).tolist() == ["1", "missing", "2.5"]
    assert labels_of(pd.Series(pd.Categorical(["a", None, " b "]))).tolist() == ["a", "missing", "b"]
    assert labels_of(pd.Series(["x\u202ey\n", "z" * 300])).tolist() == ["x y", "z" * 200]


def test_a_file_that_is_gone(tmp_path) -> None:
    with pytest.raises(InvalidInputError, match="not there any more"):
        read(tmp_path / "a.csv", "a.csv")


NO_CELLS = {
    "edges with a head": ("Gene1,Gene2,Type\nGata1,Pu1,-\nPu1,Gata1,-\nFli1,Klf1,+\n", "network", "3 pairs of genes"),
    "edges without one": (
        "A1\tB1\t1\t2\nB1\tA1\t2\t1\nC1\tA1\t3\t1\nA1\tC1\t1\t3\nB1\tC1\t2\t3\nC1\tB1\t3\t2\n",
        "network",
        "pairs of genes",
    ),
    "targets with a score": (",tf.name,target.gene.name,score\n1,Sox2,Klf4,1\n2,Sox2,Myc,1\n", "network", "2 pairs"),
    "a list of names": ("name,long name\nSox2,Sex box\nMyc,Bird\n", "names", "no numbers"),
    "times of cells": (",PseudoTime1\nc1,0.5\nc2,0.7\n", "times", "2 cells"),
}
NO_CELLS["a square"] = (
    "\n".join(",".join("1" if i == k else "0" for i in range(6)) for k in range(6)),
    "network",
    "6 x 6",
)


@pytest.mark.parametrize("case", NO_CELLS)
def test_what_is_no_table_of_cells_is_told_as_such(tmp_path, case) -> None:
    text, what, words = NO_CELLS[case]
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(NotCellDataError) as error:
        inspect_file(tmp_path / "a.csv", "a.csv")
    again = pickle.loads(pickle.dumps(error.value))  # noqa: S301 - made in this line
    assert words in str(again) and error.value.what == what == again.what and "choose the file" in str(again)


def test_cells_with_two_columns_of_words_are_no_network(tmp_path) -> None:
    (tmp_path / "a.csv").write_text("cell,type,x,y\n" + "".join(f"c{k},t{k % 3},{k},{k * k}\n" for k in range(30)))
    assert read(tmp_path / "a.csv", "a.csv").features == ("x", "y")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ((b"\n3 1 ", b"\n13 1 "), "entries where it declares"),
        ((b"\n3 1 ", b"\n0 1 "), "entries where it declares"),
        ((b"\n3 1 ", b"\n3 x "), "damaged"),
        ((b"\n3 1 ", b"\n3 1 1 1 1 "), "damaged"),
        ((b"general", b"symmetric"), "does not begin as"),
    ],
)
def test_entries_of_a_matrix_that_cannot_be(tmp_path, change, words) -> None:
    files = made.folder(2)
    assert change[0] in files["matrix.mtx"]
    files["matrix.mtx"] = files["matrix.mtx"].replace(change[0], change[1], 1)
    with pytest.raises(InvalidInputError, match=words):
        read(made.zipped(tmp_path / "a.zip", files), "a.zip")


def test_a_matrix_that_only_says_where_there_is_something(tmp_path) -> None:
    files = made.folder(2)
    head, *lines = files["matrix.mtx"].replace(b"integer", b"pattern").splitlines()
    size = next(k for k, line in enumerate(lines) if not line.startswith(b"%"))
    entries = [line.rsplit(b" ", 1)[0] for line in lines[size + 1 :]]
    files["matrix.mtx"] = b"\n".join([head, *lines[: size + 1], *entries])
    assert (dense(read(made.zipped(tmp_path / "a.zip", files), "a.zip").x) == (X > 0)).all()


GENES = ["TP53", "GATA1", "SPI1", "KLF1", "MYC", "ACTB", "GAPDH", "CD34", "HBB", "MPO", "LYZ", "ELANE", "C3", "S100A4"]


@pytest.mark.parametrize("cell", ["GSM{}", "SRR{}_1", "SAMEA{}", "sample{}", "S{}", "lib-{}", "Cell{}"])
@pytest.mark.parametrize("in_rows", [True, False])
def test_samples_by_their_names_stand_where_they_stand(tmp_path, cell, in_rows) -> None:
    """Tables as R writes them, without a name over the first column."""
    frame = pd.DataFrame(
        np.arange(30 * len(GENES)).reshape(30, -1), index=[cell.format(k + 100) for k in range(30)], columns=GENES
    )
    (frame.T if in_rows else frame).to_csv(tmp_path / "a.csv")
    table = read(tmp_path / "a.csv", "a.csv")
    assert table.features == tuple(GENES) and list(table.obs.index) == list(frame.index)
    assert (dense(table.x) == frame.to_numpy()).all()


def test_coordinates_of_named_cells_are_not_turned(tmp_path) -> None:
    for axis in ("PC{}", "x{}", "dim_{}", "UMAP{}", "z{}"):
        frame = pd.DataFrame(np.ones((12, 4)), index=GENES[:12], columns=[axis.format(k) for k in range(1, 5)])
        frame.iloc[0] = 2.5
        frame.to_csv(tmp_path / "a.csv")
        assert read(tmp_path / "a.csv", "a.csv").cells == 12, axis
