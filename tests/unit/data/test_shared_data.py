"""Every reference data set comes in as its description says: cells, features, times, and the capabilities it feeds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import open_all  # type: ignore[import-not-found]
import pytest

from tests.conftest import SHARED

DAYS = [0.0, 1.0, 2.0, 3.0, 4.0]
HALVES = "pramila_500genes_1sample_24T.csv", "pramila_500genes_1VALsample_24T.csv"
YEAST = [float(each) for each in range(0, 125, 5) if each != 105]
PendingDownload = tuple[int, int, list[float] | int, set[str]]
EXPECTED: dict[str, PendingDownload] = {
    "eb_embryoid_body/eb_subset2750.h5ad": (2750, 100, [1.5, 7.5, 13.5, 19.5, 25.5], {"time course", "velocity"}),
    "eb_embryoid_body/eb_velocity_subset2750.npz": (2750, 100, DAYS, {"time course", "velocity"}),
    "deepruot/emt.csv": (3133, 10, DAYS[:4], {"time course", "unbalanced"}),
    "deepruot/mouse_hematopoiesis.csv": (10998, 2, DAYS[:3], {"time course", "unbalanced"}),
    "deepruot/simulation_gene_data.csv": (3031, 2, DAYS, {"time course", "unbalanced"}),
    "deepruot/gaussian_10d.csv": (1900, 10, DAYS[:2], {"time course", "unbalanced"}),
    "tigon/emt_latent3d.csv": (3133, 3, [0, 1 / 3, 1, 3, 7], {"time course", "unbalanced"}),
    "tigon/simulation3d.csv": (2947, 3, DAYS, {"time course", "unbalanced"}),
    "weinreb_larry_cospar": (781, 2481, [2, 4, 6], {"time course", "unbalanced", "lineage", "genes"}),
    "scode_mes_pe": (456, 100, [0, 12, 24, 48, 72], {"time course", "genes", "pseudotime", "network"}),
    "scode_mef_neuron": (
        373,
        100,
        [0, 2, 5, 20, 22],
        {"time course", "unbalanced", "genes", "pseudotime", "network"},
    ),
    "kouno2013_thp1": (960, 45, [0, 1, 6, 12, 24, 48, 72, 96], {"time course", "genes"}),
    "guo2010_preimplantation": (440, 48, [0, 1, 2, 3, 4, 5, 6], {"time course", "unbalanced", "genes"}),
    "pancreas_endocrinogenesis": (739, 7192, [], {"snapshot", "genes", "splicing"}),
    "pancreas_scvelo_tests/pancreas_50obs.h5ad": (50, 27998, [], {"snapshot", "genes", "splicing"}),
    "pancreas_scvelo_tests/pancreas_100obs_preprocessed.h5ad": (100, 200, [], {"snapshot", "genes", "splicing"}),
    "dyngen_bifurcating": (1000, 250, 6, {"time course", "genes", "splicing"}),
    "schiebinger_reprogramming/moscot_temporal_1000x1479.h5ad": (1000, 1479, [10, 10.5, 11], {"time course", "genes"}),
    "schiebinger_reprogramming/wot_diffmap_day0_day2_9679x20.h5ad": (9679, 20, [0, 2], {"time course", "growth"}),
    "paul15_myeloid": (2660, 3004, 6, {"pseudotime", "genes"}),
    "dixit2016_bmdc_perturbseq": (14427, 24, [], {"snapshot", "genes", "perturbation"}),
    "dream4_inferelator": (
        421,
        100,
        [50.0 * each for each in range(21)],
        {"time course", "unbalanced", "genes", "perturbation", "network"},
    ),
    "cellbox_melanoma": (89, 99, [], {"snapshot", "perturbation"}),
    **{
        f"phoenix_yeast_pramila/{each}": (24, 500, YEAST, {"time course", "genes", "subjects", "network"})
        for each in HALVES
    },
    "pathreg_bmmc": (9740, 529, 6, {"pseudotime", "genes", "network"}),
    "krumsiek11": (640, 11, 6, {"time course", "genes"}),
    "pharmacokinetics/warfarin.csv": (298, 2, 16, {"time course", "subjects", "dose"}),
    "pharmacokinetics/theo_sd.csv": (132, 1, 78, {"time course", "subjects", "dose"}),
    "pharmacokinetics/mavoglurant.csv": (2427, 1, 115, {"time course", "subjects", "dose"}),
    "pharmacokinetics/neural_pk_sim_data.csv": (5376, 1, 449, {"time course", "subjects", "dose"}),
}
"""Data set: cells, features, its times (or only how many), what it feeds. From the description that lies beside them.

Six windows are proposed for times that run without a step. Of the tables of individuals the description states the rows
and who they are of; how many rows hold a measurement, and at how many times, was counted from the files with pandas.
"""
BEELINE = {"GSD": 19, "HSC": 11, "VSC": 8, "mCAD": 5, "dyn-BF": 7, "dyn-CY": 6, "dyn-LI": 7, "dyn-TF": 8}
EXPECTED |= {
    f"beeline_{'synthetic' if '-' in name else 'curated'}/{name}_2000_0": (
        2000,
        genes,
        6,
        {"time course", "genes", "network"} | (set() if name in ("dyn-CY", "dyn-LI") else {"pseudotime"}),
    )
    for name, genes in BEELINE.items()
}


@pytest.fixture(scope="module")
def rows() -> dict[str, dict[str, Any]]:
    if not SHARED.is_dir():
        pytest.skip(f"the reference data sets are not at {SHARED}")
    return {each["data"]: each for each in open_all.rows_of(SHARED)}


def test_every_data_set_is_there_and_none_failed(rows) -> None:
    assert [f"{each['data']}: {each['sentence']}" for each in rows.values() if not each["ok"]] == []
    assert set(rows) == set(EXPECTED) and len({each.split("/")[0] for each in rows}) >= 22


@pytest.mark.parametrize("data", EXPECTED)
def test_it_comes_in_as_its_description_says(rows, data) -> None:
    row, (cells, features, times, feeds) = rows[data], EXPECTED[data]
    assert (row["cells"], row["features"], set(row["feeds"])) == (cells, features, feeds)
    if isinstance(times, int):
        assert row["times"] == times == len(row["at"])
    else:
        assert row["at"] == pytest.approx(times) and row["times"] == len(times)
    assert row["sentence"].endswith(".") and f"{cells:,} " in row["sentence"] and "\n" not in row["sentence"]


LEFT_OUT = {"dream4_inferelator": 220, "paul15_myeloid": 2643}
"""Cells that come in where some have no time (DREAM4: all but the series)."""


def test_all_cells_come_in_but_those_without_a_time_or_a_value(rows) -> None:
    assert {data: row["kept_cells"] for data, row in rows.items() if row["kept_cells"] != row["cells"]} == LEFT_OUT


def test_files_beside_the_cells_are_told_as_what_they_are(rows) -> None:
    printed = rows["dream4_inferelator"]["sentence"]
    assert "gold_standard.tsv (a network)" in printed and "tf_names.tsv (a list of names)" in printed
    assert "pert.csv (what was done to each row of expr.csv)" in rows["cellbox_melanoma"]["sentence"]
    assert rows["scode_mes_pe"]["beside"] == ["reference_TFTF_network.txt"]


def test_a_file_that_cannot_come_in_is_a_row_that_is_not_ok(tmp_path: Path) -> None:
    (tmp_path / "good").mkdir()
    lines = "".join(f"{k % 2},{k / 7},{-k}\n" for k in range(40))
    (tmp_path / "good/cells.csv").write_text(f"day,x1,x2\n{lines}")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad/cells.h5ad").write_bytes(b"\x89HDF\r\n\x1a\nnothing")
    bad, good = open_all.rows_of(tmp_path)
    assert (bad["data"], bad["ok"], bad["cells"]) == ("bad", False, 0) and "cells.h5ad" in bad["sentence"]
    assert (good["data"], good["ok"], good["cells"], good["feeds"]) == ("good", True, 40, ["time course"])
    assert "NO " in open_all.table([bad, good]) and "1 of 2 are ok" in open_all.table([bad, good])
