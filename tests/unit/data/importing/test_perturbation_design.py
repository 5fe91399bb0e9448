"""How the perturbation of each cell is read: targets, guides of one target, combinations, controls, no call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pytest

from cellflow_core.data.importing.import_choices import ImportChoices
from cellflow_core.data.importing.perturbations.design import of_guides
from cellflow_core.data.importing.perturbations.labels import LabelReader
from cellflow_core.data.importing.pipeline import import_file
from cellflow_core.data.readers import InvalidInputError, gene_names
from cellflow_core.data.store import Dataset, open_dataset
from tests.unit.data.imports import written

GENES = ("GATA1", "SPI1", "KLF1", "NKX2-1", "HLA-A", "HLA-B", "STAT2", "AHR", "FEV", "NT5E", "H1-4", "EGR2", "IL2")
LABELS: list[tuple[str, list[str] | None]] = [
    ("GATA1", ["GATA1"]),
    ("sgGATA1", ["GATA1"]),
    ("sgGATA1_2", ["GATA1"]),
    ("GATA1_g2", ["GATA1"]),
    ("STAT2g1", ["STAT2"]),
    ("GATA1-1", ["GATA1"]),
    ("GATA1_sg3", ["GATA1"]),
    ("GATA1_ACGTACGTACGTACGTACGT", ["GATA1"]),
    ("GATA1_P1P2", ["GATA1"]),
    ("p_sgEGR2_4", ["EGR2"]),
    ("m_EGR2_4", ["EGR2"]),
    ("GATA1_KO", ["GATA1"]),
    ("KO_GATA1", ["GATA1"]),
    ("NKX2-1", ["NKX2-1"]),
    ("NKX2-1_2", ["NKX2-1"]),
    ("HLA-A", ["HLA-A"]),
    ("HLA-B_2", ["HLA-B"]),
    ("H1-4", ["H1-4"]),
    ("NT5E", ["NT5E"]),
    ("GATA1+SPI1", ["GATA1", "SPI1"]),
    ("GATA1 + ctrl", ["GATA1"]),
    ("ctrl+ctrl", []),
    ("AHR_FEV", ["AHR", "FEV"]),
    ("AHR_NegCtrl0", ["AHR"]),
    ("GATA1,SPI1", ["GATA1", "SPI1"]),
    ("sgGATA1_1;sgSPI1_2", ["GATA1", "SPI1"]),
    ("TNF, 10 ng/ml", ["TNF, 10 ng/ml"]),
    ("IL-6_50", ["IL-6_50"]),
    ("Trametinib-1", ["Trametinib-1"]),
    ("sgTP53_2", ["TP53"]),
    ("control", []),
    ("CTRL", []),
    ("ctrl_3", []),
    ("NT", []),
    ("NT-1", []),
    ("NTC_5", []),
    ("sgNT", []),
    ("non-targeting", []),
    ("non-targeting_00024", []),
    ("NonTargeting12", []),
    ("NegCtrl10", []),
    ("negative control", []),
    ("safe", []),
    ("safe_target_7", []),
    ("NO_SITE_12", []),
    ("p_INTERGENIC393453", []),
    ("DMSO", []),
    ("untreated", []),
    ("unperturbed", []),
    ("unstimulated", []),
    ("scramble", []),
    ("none", []),
    ("", None),
    ("nan", None),
    ("unassigned", None),
    ("multiplet", None),
    ("no guide", None),
    ("*", None),
]


def reader(**settings: Any) -> LabelReader:
    return LabelReader(gene_names.lookup(GENES), **settings)


@pytest.mark.parametrize(("label", "targets"), LABELS, ids=[each[0] or "empty" for each in LABELS])
def test_a_label_is_read(label: str, targets: list[str] | None):
    assert reader().targets(label) == targets


def test_what_is_not_sure_is_kept_and_listed():
    read = reader()
    assert [read.targets(each) for each in ("BRD-1", "BRD-2")] == [["BRD-1"], ["BRD-2"]]
    assert read.unsure == {"BRD": ["BRD-1", "BRD-2"]}
    assert reader(guides="join").targets("BRD-1") == ["BRD"]
    assert reader(of_guides=True).targets("BRD_1") == ["BRD"]
    assert reader(guides="keep").targets("GATA1_2") == ["GATA1_2"]


def test_none_is_no_call_among_guides_and_a_control_among_treatments():
    assert reader(of_guides=True).targets("None") is None and reader().targets("none") == []


def test_controls_that_a_person_names_are_the_only_ones():
    read = reader(controls={"olfr7", "ctrl"})
    assert read.targets("Olfr7") == [] and read.targets("ctrl+GATA1") == ["GATA1"]
    assert read.targets("DMSO") == ["DMSO"]


def cells(**obs: Any) -> anndata.AnnData:
    rng = np.random.default_rng(0)
    held = anndata.AnnData(rng.poisson(3.0, (120, len(GENES))).astype(np.float32))
    held.var_names = list(GENES)
    held.obs_names = [f"c{k}" for k in range(120)]
    for name, labels in obs.items():
        held.obs[name] = np.resize(np.array(labels, dtype=object), 120)
    return held


def brought(folder: Path, held: anndata.AnnData, **choices: Any) -> Dataset:
    chosen = ImportChoices(representation="genes", **choices)
    return open_dataset(import_file(written(folder, held), "screen.h5ad", chosen, {}))


def hits(found: Dataset) -> dict[str, float]:
    return {name: float(np.nansum(each)) for name, each in found.snapshots().perturbation.items()}


def test_a_column_of_labels_becomes_the_design_and_the_import_names_all_of_it(tmp_path: Path):
    labels = ["control", "GATA1_1", "GATA1_2", "GATA1+SPI1", "BRD-1", "BRD-2", "multiplet", "NT"]
    found = brought(tmp_path, cells(perturbation=labels))
    assert hits(found) == {"BRD-1": 15, "BRD-2": 15, "GATA1": 45, "SPI1": 15}
    text = " ".join((*found.info.steps, *found.info.notes))
    assert "4 targets, 30 control cells ('NT', 'control')" in text
    assert "GATA1 (GATA1_1, GATA1_2)" in text and "BRD (BRD-1, BRD-2)" in text
    assert "15 cells have several targets" in text and "15 cells have no perturbation" in text
    assert np.isnan(found.snapshots().perturbation["GATA1"]).sum() == 15


def test_the_column_of_targets_goes_before_that_of_guides_and_any_column_can_be_it_by_hand(tmp_path: Path):
    held = cells(guide_ID=["STAT2g1", "STAT2g2", "NTg1"], gene=["STAT2", "STAT2", "NT"], plate_note=["x", "y", "Olfr"])
    assert hits(brought(tmp_path, held)) == {"STAT2": 80}
    by_hand = brought(tmp_path, held, perturbation_column="plate_note", control_labels="olfr")
    assert hits(by_hand) == {"x": 40, "y": 40} and "'Olfr'" in " ".join(by_hand.info.steps)
    assert hits(brought(tmp_path, held, perturbation_column="")) == {}
    assert hits(brought(tmp_path, held, perturbation_column="guide_ID", guides="keep")) == {
        "STAT2g1": 40,
        "STAT2g2": 40,
    }


@pytest.mark.parametrize(
    ("choices", "word"), [({"perturbation_column": "nothing"}, "gene"), ({"control_labels": "water"}, "water")]
)
def test_a_choice_that_is_not_there_is_one_sentence(tmp_path: Path, choices: dict[str, str], word: str):
    with pytest.raises(InvalidInputError, match=word):
        brought(tmp_path, cells(gene=["STAT2", "NT"]), **choices)


def test_a_condition_is_a_perturbation_with_a_control_and_not_where_it_is_a_time(tmp_path: Path):
    assert hits(brought(tmp_path, cells(condition=["ctrl", "AHR+ctrl", "AHR+FEV"]))) == {"AHR": 80, "FEV": 40}
    assert hits(brought(tmp_path, cells(condition=["ctrl", "stim"]))) == {"stim": 60}
    assert hits(brought(tmp_path, cells(condition=["ctrl", "12hpi", "24hpi"]))) == {}
    assert hits(brought(tmp_path, cells(condition=["healthy", "disease"]))) == {}


def test_without_a_control_the_import_asks_for_one(tmp_path: Path):
    found = brought(tmp_path, cells(gene=["STAT2", "GATA1"]))
    assert "`control_labels`" in " ".join(found.info.notes)


def test_cells_without_a_guide_are_no_controls():
    counts = np.zeros((120, 3))
    counts[:40, 0] = counts[30:60, 1] = counts[60:90, 2] = 5
    found = of_guides("guides", counts, ("GATA1_1", "SPI1_1", "NT_1"), reader(of_guides=True))
    assert found.control_cells == 30 and found.without_call == 30 and found.several == 10
    assert np.isnan(found.targets["GATA1"][90:]).all() and found.controls == ("NT_1",)


def test_cells_of_targets_beyond_the_limit_are_no_controls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr("cellflow_core.data.importing.perturbations.design.MOST_TARGETS", 1)
    found = brought(tmp_path, cells(gene=["STAT2", "STAT2", "GATA1", "NT"]))
    assert hits(found) == {"STAT2": 60}
    assert np.isnan(found.snapshots().perturbation["STAT2"]).sum() == 30
    assert "1 target with the fewest cells" in " ".join(found.info.notes)
