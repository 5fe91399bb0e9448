from __future__ import annotations

import gzip
import pickle

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from cellflow_core.data import store
from cellflow_core.data.importing.pipeline import ImportChoices, InvalidInputError, import_file, inspect_file
from cellflow_core.data.trajectories import Trajectories

EB = "eb_embryoid_body/eb_subset2750.h5ad"
MOSCOT = "schiebinger_reprogramming/moscot_temporal_1000x1479.h5ad"
LARRY = "weinreb_larry_cospar/larry_test_781cells.h5ad"
EMT = "deepruot/emt.csv"


def guided(path, route: str = "", **choices) -> store.Dataset:
    """Take every proposal, as a user who only presses the button."""
    found = inspect_file(path, path.name)
    time = found.candidates[0]
    counts = found.looks == "counts"
    choices = {
        "time_column": time.column,
        "unit": time.unit,
        "representation": route or ("coordinates" if found.looks == "coordinates" else "pca"),
        "normalise": counts,
        "log": counts,
        **choices,
    }
    message: list[str] = []
    numbers = dict(zip(time.labels, time.numbers, strict=True))
    id = import_file(path, path.name, ImportChoices(**choices), numbers, message.append)
    assert message[0] == "reading the file" and message[-1] in ("storing the cells", "storing the samples")
    return store.open_dataset(id)


@pytest.mark.parametrize(
    ("file", "looks", "times", "unit", "dim", "genes"),
    [
        (EB, "coordinates", (1.5, 7.5, 13.5, 19.5, 25.5), "day", 30, 0),
        (MOSCOT, "log", (10.0, 10.5, 11.0), "day", 30, 1108),
        (LARRY, "counts", (2.0, 4.0, 6.0), "", 30, 2280),
        (EMT, "coordinates", (0.0, 1.0, 2.0, 3.0), "", 10, 0),
        ("tigon/emt_latent3d.csv", "coordinates", (0.0, 0.333333333333, 1.0, 3.0, 7.0), "", 3, 0),
        ("guo2010_preimplantation/guo2010_440x48.h5ad", "log", (0, 1, 2, 3, 4, 5, 6), "cell division", 30, 48),
        ("kouno2013_thp1/kouno2013_thp1_960x45.h5ad", "log", (0, 1, 6, 12, 24, 48, 72, 96), "hour", 30, 45),
        ("scode_mes_pe/mes_pe_456x100.h5ad", "log", (0, 12, 24, 48, 72), "", 30, 100),
        ("scode_mef_neuron/mef_neuron_373x100.h5ad", "log", (0, 2, 5, 20, 22), "", 30, 100),
    ],
)
def test_real_files_get_in(shared, file, looks, times, unit, dim, genes) -> None:
    assert inspect_file(shared / file, (shared / file).name).looks == looks
    info = guided(shared / file).info
    assert (info.times, info.time_unit, info.dim, info.genes) == (times, unit, dim, genes)
    assert info.source == (shared / file).name and info.origin == "upload" and len(info.steps) >= 3


def test_a_real_file_without_a_time_says_so(shared) -> None:
    found = inspect_file(shared / "pancreas_scvelo_tests/pancreas_50obs.h5ad", "x.h5ad")
    assert found.candidates == () and "no column" in found.notes[-1].lower() and found.looks == "counts"


def test_genes_of_a_real_file_come_back_from_the_state(shared) -> None:
    opened = guided(shared / MOSCOT, components=200)
    data = opened.snapshots()
    assert opened.info.annotations == ("cell_type", "batch") and opened.info.label == "moscot_temporal_1000x1479"
    gene = max(opened.genes, key=lambda each: opened.expression(each).var())
    weight, offset = data.space.gene(gene)
    measured = opened.expression(gene)
    assert np.corrcoef(data.x @ weight + offset, measured)[0, 1] > 0.9
    held = anndata.read_h5ad(shared / EB)
    assert (guided(shared / EB, components=100).snapshots().x == np.asarray(held.X)).all()


def test_stored_coordinates_keep_genes_and_clones(shared) -> None:
    opened = guided(shared / LARRY, "obsm:X_pca")
    data = opened.snapshots()
    assert data.space.kind == "coordinates" and data.space.axes[0] == "PCA1" and data.dim == 30
    assert data.lineage is not None and data.lineage.max() == 338 and opened.info.genes == 2481
    assert opened.expression(opened.genes[5]).shape == (781,)


def table(count: int = 60, genes: int = 30) -> anndata.AnnData:
    rng = np.random.default_rng(1)
    x = rng.poisson(1 + rng.gamma(1.0, 3.0, size=genes), size=(count, genes)).astype(np.float32)
    obs = pd.DataFrame(
        {"stage": np.resize(["E8.5", "E9.5"], count), "type": np.resize(["a", "b", "c"], count), "one": ["x"] * count},
        index=[str(k) for k in range(count)],
    )
    return anndata.AnnData(csr_matrix(x), obs=obs, var=pd.DataFrame(index=[f"Gene{k}a" for k in range(genes)]))


def test_counts_are_normalised_and_every_step_is_told(tmp_path) -> None:
    held = table()
    held.write_h5ad(tmp_path / "a.h5ad")
    opened = guided(tmp_path / "a.h5ad", variable_genes=20, components=5, label=" My <cells> ")
    x = held.X.toarray()
    x = np.log1p(x / x.sum(axis=1, keepdims=True) * 1e4)
    for each in ("Gene3a", "Gene9a"):
        assert np.allclose(opened.expression(each), x[:, int(each[4:-1])], atol=1e-4)
    assert opened.info.label == "My <cells>" and opened.info.annotations == ("type", "stage")
    assert opened.info.dim == 5 and len(opened.snapshots().space.genes) == 20 and opened.info.genes == 30
    assert [each.split()[0] for each in opened.info.steps] == ["Read", "Time", "Brought", "Took", "Kept", "5"]
    assert opened.info.time_unit == "embryonic day" and opened.info.counts == (30, 30)


def test_genes_can_be_the_axes(tmp_path) -> None:
    table(genes=260).write_h5ad(tmp_path / "a.h5ad")
    opened = guided(tmp_path / "a.h5ad", "genes")
    data = opened.snapshots()
    assert data.space.kind == "genes" and data.dim == 200 and "at most 200" in opened.info.notes[-1].lower()
    gene = data.space.genes[0]
    assert (opened.expression(gene) == data.x[:, 0]).all() and opened.info.genes == 260


def test_scaled_values_give_way_to_raw(tmp_path) -> None:
    held = table()
    held.raw = held.copy()
    held.X = held.X.toarray() - 3
    held.write_h5ad(tmp_path / "a.h5ad")
    found = inspect_file(tmp_path / "a.h5ad", "a.h5ad")
    assert found.looks == "counts" and ".raw" in found.notes[0]
    assert ".raw" in guided(tmp_path / "a.h5ad").info.notes[0]


@pytest.mark.parametrize(("name", "separator"), [("a.csv", ","), ("a.csv", ";"), ("a.tsv", "\t"), ("a.csv.gz", ",")])
def test_text_tables(tmp_path, name, separator) -> None:
    lines = [separator.join(["", "samples", "x1", "x2", "type"])]
    lines += [separator.join(map(str, [k, k % 3, k / 7, -k * k, "ab"[k % 2]])) for k in range(30)]
    data = "\n".join(lines).encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    opened = guided(tmp_path / name)
    assert opened.snapshots().space.axes == ("x1", "x2") and opened.info.annotations == ("type",)
    assert opened.info.counts == (10, 10, 10) and "only counts the rows" in opened.info.notes[0]


def test_a_text_table_of_genes_can_become_components(tmp_path) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.poisson(3, size=(40, 25)), columns=[f"Gene{k}a" for k in range(25)])
    frame["day"] = np.resize([0, 3], 40)
    frame.to_csv(tmp_path / "a.csv", index=False)
    opened = guided(tmp_path / "a.csv", components=4)
    assert opened.info.space == "pca" and opened.info.genes == 25 and opened.info.dim == 4


def test_one_column_is_not_enough(tmp_path) -> None:
    (tmp_path / "a.csv").write_text("day,x1\n" + "".join(f"{k % 2},{k}\n" for k in range(30)))
    with pytest.raises(InvalidInputError, match="two or more"):
        guided(tmp_path / "a.csv")


def test_what_crosses_to_a_worker_can_be_pickled(tmp_path) -> None:
    table().write_h5ad(tmp_path / "a.h5ad")
    found = inspect_file(tmp_path / "a.h5ad", "a.h5ad")
    assert pickle.loads(pickle.dumps(found)) == found  # noqa: S301
    assert str(pickle.loads(pickle.dumps(InvalidInputError("a sentence")))) == "a sentence"  # noqa: S301
    assert ImportChoices.from_dict(ImportChoices(label="x").as_dict()).label == "x"


def test_one_quantity_of_individuals_is_drawn_along_a_line(shared) -> None:
    opened = guided(shared / "pharmacokinetics/theo_sd.csv")
    data, linear = opened.snapshots(), opened.view_map("pca")
    assert data.x.shape == (132, 1) and len(np.unique(data.subject)) == 12 and opened.view_axes("pca") == ("DV", "")
    assert linear is not None and (opened.embedding("pca") == (data.x - linear[0]) @ linear[1]).all()


def test_rows_of_individuals_in_which_not_everything_was_measured(shared) -> None:
    opened = guided(shared / "pharmacokinetics/warfarin.csv", drop_incomplete=True)
    assert opened.info.cells == 185 and len(np.unique(opened.snapshots().subject)) == 32
    assert "Left out 113 cells with missing or infinite values" in opened.info.steps
    with pytest.raises(InvalidInputError, match="no gene"):
        guided(shared / "pharmacokinetics/warfarin.csv", route="pca", values="log")
    whole = guided(shared / "pharmacokinetics/warfarin.csv")
    assert whole.info.cells == 298 and "Interpolated 113 values" in " ".join(whole.info.steps)
    seen = inspect_file(shared / "pharmacokinetics/warfarin.csv", "warfarin.csv")
    assert seen.missing == "" and seen.proposed == {} and seen.individuals.startswith("32 individuals followed")
    found = Trajectories.from_snapshots(whole.snapshots())
    assert found.observed.sum() == 483 and len(found.doses.time) == 32 and set(found.covariates) == {"wt", "age"}
    assert found.doses.amount.max() == 153 and set(found.labels) == {"sex"} and found.variables == ("cp", "pca")


def test_values_too_large_to_square_are_refused(tmp_path) -> None:
    (tmp_path / "a.csv").write_text("day,x,y\n" + "".join(f"{k % 2},{k},{k}e300\n" for k in range(1, 41)))
    with pytest.raises(InvalidInputError, match="40 of 40 cells"):
        guided(tmp_path / "a.csv")
