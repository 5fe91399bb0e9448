"""Names of genes in files of other people: symbols beside ids, prefixes of genomes, mitochondrial genes."""

from __future__ import annotations

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from cellflow_core.data import store
from cellflow_core.data.importing.import_choices import ImportChoices
from cellflow_core.data.importing.pipeline import import_file, inspect_file
from cellflow_core.data.readers import gene_names, read
from cellflow_core.data.steps.derive import derive

TIMES = (1.0, 4.0, 9.0)


def counts(genes: list[str], dying: int = 0, per: int = 40, seed: int = 5) -> anndata.AnnData:
    """Counts at three times; the first `dying` cells have most of theirs in the last four genes."""
    rng = np.random.default_rng(seed)
    x = rng.poisson(2 + rng.gamma(2, 1.0, len(genes)), (per * len(TIMES), len(genes))).astype(np.float32)
    x[:dying, -4:] += 500
    obs = pd.DataFrame({"day": np.repeat(TIMES, per)}, index=[f"cell{k}" for k in range(len(x))])
    return anndata.AnnData(csr_matrix(x), obs=obs, var=pd.DataFrame(index=pd.Index(genes)))


def imported(folder, held: anndata.AnnData, **choices) -> store.Dataset:
    path = folder / "cells.h5ad"
    held.write_h5ad(path)
    chosen = ImportChoices(**{"time_column": "day", "unit": "day", **choices})
    numbers = {f"{each:g}": each for each in TIMES}
    return store.open_dataset(import_file(path, path.name, chosen, numbers))


@pytest.mark.parametrize(
    "names",
    [
        ["MT-CO2", "MT-ND5", "MT-RNR2", "MT-ATP8"],
        ["mt-Co2", "mt-Nd5", "mt-Rnr2", "mt-Atp8"],
        ["Mt-co2", "Mt-nd5", "Mt-rnr2", "Mt-atp8"],
        ["mt:CoII", "mt:ND5", "mt:lrRNA", "mt:ATPase8"],
        ["MT.CO2", "MT.ND5", "MT.RNR2", "MT.ATP8"],
        ["mt.Co2", "mt.Nd5", "mt.Rnr2", "mt.Atp8"],
        ["GRCh38_MT-CO2", "GRCh38_MT-ND5", "GRCh38_MT-RNR2", "GRCh38_MT-ATP8"],
        ["mm10___mt-Co2", "mm10___mt-Nd5", "mm10___mt-Rnr2", "mm10___mt-Atp8"],
        ["nduo-5", "ctc-2", "MTCE.33", "ndfl-4"],
        ["ENSG00000198712", "ENSG00000198786", "ENSG00000210082", "ENSG00000228253"],
        ["ENSMUSG00000064354.1", "ENSMUSG00000064367.1", "ENSMUSG00000064339.1", "ENSMUSG00000064356.3"],
    ],
)
def test_dying_cells_are_left_out_however_mitochondrial_genes_are_spelt(tmp_path, names) -> None:
    held = counts([*(f"Abc{k}x" for k in range(30)), *names], dying=17)
    made = imported(tmp_path, held, max_mito=30)
    assert made.info.counts == (23, 40, 40)


def test_genes_that_only_look_like_it_are_not_mitochondrial() -> None:
    assert not any(map(gene_names.is_mitochondrial, ["MTOR", "MT1X", "MT2A", "MTCH2", "mtor", "Mt1", "MTRNR2L8", "MT"]))


def test_a_limit_without_mitochondrial_genes_is_reported_and_not_counted(tmp_path) -> None:
    made = imported(tmp_path, counts([f"Abc{k}x" for k in range(30)], dying=10), max_mito=10)
    assert sum(made.info.counts) == 120
    assert any("mitochondrial" in each and "no cell" in each for each in made.info.steps)
    assert any("mitochondrial" in each for each in made.info.notes)
    assert not any(each.startswith("Left out") for each in made.info.steps)


@pytest.mark.parametrize(
    ("column", "ids"),
    [
        ("feature_name", "ENSG{:011d}"),
        ("gene_symbols", "ENSMUSG{:011d}.3"),
        ("SYMBOL", "FBgn{:07d}"),
        ("gene_short_name", "{}"),
        ("Gene Name", "WBGene{:08d}"),
        ("hugo", "ENSDARG{:011d}"),
    ],
)
def test_symbols_beside_accession_ids_are_the_names(tmp_path, column, ids) -> None:
    symbols = [f"Klf{k}" for k in range(20)] + ["mt-Nd1", "mt-Nd2", "mt-Co1", "mt-Cytb"]
    held = counts(accessions := [ids.format(k + 1) for k in range(24)], dying=12)
    held.var[column], held.var["biotype"] = pd.Categorical(symbols), "protein_coding"
    made = imported(tmp_path, held, max_mito=40)
    assert set(made.genes) == set(symbols) and made.gene_ids["Klf7"] == accessions[7]
    assert made.info.counts[0] == 28
    table = read(tmp_path / "cells.h5ad", "cells.h5ad")
    assert (made.expression("Klf3") > 0).any() and table.ids == tuple(accessions)
    child = store.open_dataset(derive(made.info.id, "subset", {"by": "time", "first": 1.0, "last": 4.0}))
    assert child.gene_ids == made.gene_ids


def test_growth_finds_its_genes_by_symbols_with_a_genome_before_them(tmp_path) -> None:
    """TOP2A is a gene of both lists."""
    cycle = ["MCM5", "PCNA", "TYMS", "FEN1", "MCM2", "MCM4", "TOP2A", "MKI67"]
    death = ["BAX", "CASP3", "CASP8", "FAS", "BID", "JUN", "CD44", "CLU"]
    held = counts([f"GRCh38_{each}" for each in (*cycle, *death, *(f"ZNF{k}" for k in range(20)))])
    made = imported(tmp_path, held)
    assert "MKI67" in made.genes and any("GRCh38" in each for each in made.info.notes)
    assert "8 genes of the cell cycle and 9" in store.open_dataset(derive(made.info.id, "growth", {})).info.steps[-1]


def test_ids_without_symbols_are_reported(tmp_path) -> None:
    held = counts([f"ENSG{k + 1:011d}" for k in range(30)])
    made = imported(tmp_path, held)
    found = inspect_file(tmp_path / "cells.h5ad", "cells.h5ad")
    assert any("accession" in each for each in found.notes) and any("accession" in each for each in made.info.notes)
    with pytest.raises(ValueError, match="symbols"):
        derive(made.info.id, "growth", {})


@pytest.mark.parametrize("first", [0, 1])
def test_codes_take_the_names_that_lie_beside_them(tmp_path, first) -> None:
    """As SeuratDisk leaves factors: whole numbers in obs, their names in __categories, no link between them."""
    names = ["blast", "morula", "zygote"]
    held = counts([f"Abc{k}x" for k in range(12)])
    held.obs["stage"] = np.repeat(np.array([2, 0, 1], dtype=np.int32), 40) + first
    held.write_h5ad(path := tmp_path / "factor.h5ad")
    with h5py.File(path, "a") as file:
        file["obs/stage"].attrs.clear()
        file.create_group("obs/__categories")["stage"] = np.array(names, dtype=h5py.string_dtype())
    assert list(read(path, path.name).obs["stage"][::40]) == ["zygote", "blast", "morula"]


def test_the_ids_come_back_with_an_exported_file(tmp_path) -> None:
    from cellflow_core.data.store.h5ad_export import write_dataset

    held = counts([f"ENSG{k + 1:011d}" for k in range(20)])
    held.var["feature_name"] = [f"SOX{k}" for k in range(20)]
    made = imported(tmp_path, held)
    write_dataset(made, tmp_path / "out.h5ad")
    again = store.open_dataset(import_file(tmp_path / "out.h5ad", "out.h5ad", ImportChoices(), {}))
    assert again.gene_ids == made.gene_ids and again.gene_ids["SOX4"] == "ENSG00000000005"
