"""Measured effects of stored data sets: what is compared within, what is kept, and the shell."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cellflow_core.analysis.perturbations.perturbation_groups import free_annotations, likely_batch
from cellflow_core.analysis.perturbations.stored_effects import effects_of
from cellflow_core.cli import main
from cellflow_core.data.importing.pipeline import ImportChoices, import_file
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.store import open_dataset
from cellflow_core.figures.perturbations import measured_effects as figures
from cellflow_core.reporting import measured_effect_summaries as words
from tests import toys

GENES = ("GATA1", "SPI1", "KLF1", "=SUM(A1)")
DIXIT = "dixit2016_bmdc_perturbseq/dixit2016_bmdc_tf24.h5ad"


def screen(seed: int = 0) -> Snapshots:
    """GATA1 lowers KLF1 by 2 and itself by 1, SPI1 does nothing; two batches, and a type that GATA1 makes rarer."""
    rng = np.random.default_rng(seed)
    target = np.repeat(["control", "GATA1", "SPI1"], [160, 60, 60])
    x = rng.normal(2, 0.5, (280, 4))
    x[target == "GATA1"] -= (1.0, 0.0, 2.0, 0.0)
    kind = np.where(rng.random(280) < np.where(target == "GATA1", 0.1, 0.6), "red", "white")
    design = {each: (target == each).astype(float) for each in ("GATA1", "SPI1")}
    labels = {"perturbation": target, "batch": np.resize(["b1", "b2"], 280), "type": kind}
    return Snapshots(x, None, AffineSpace.of_genes(GENES), perturbation=design, labels=labels)


def traces(figure: Any) -> list[Any]:
    return list(figure.data)


def test_batches_are_found_and_the_perturbation_itself_is_no_group():
    assert free_annotations(screen()) == ("batch", "type")
    assert likely_batch(screen()) == "batch"
    data = screen()
    confounded = np.where(data.labels["perturbation"] == "control", "b1", "b2")
    confounded[:2] = "b2"
    assert likely_batch(replace(data, channels={**data.channels, "labels": {"batch": confounded}})) == ""


def test_an_answer_is_stored_once_and_read_again(monkeypatch: pytest.MonkeyPatch):
    id = toys.stored(screen())
    found = effects_of(id, annotation="type")
    assert found.strata == ("batch",) and found.genes == GENES
    monkeypatch.setattr("cellflow_core.analysis.perturbations.stored_effects.measured_effects", None)
    again = effects_of(id, annotation="type")
    assert again.names == found.names and np.array_equal(again.change, found.change)
    assert len(list((open_dataset(id).folder / "measured_effects").iterdir())) == 1


def test_a_difference_whose_distance_may_be_zero_is_called_borderline():
    found = effects_of(toys.stored(screen()), annotation="type")
    assert "borderline" not in words.of_effects(found).why
    near = replace(found, distance_low=np.where(found.found, -0.01, found.distance_low))
    assert "GATA1 is borderline" in words.of_effects(near).why


def test_the_shell_prints_the_answer_and_writes_tables_that_run_nothing(tmp_path: Path, capsys):
    id = toys.stored(screen())
    out, genes = tmp_path / "targets.csv", tmp_path / "genes.csv"
    line = [
        "measured-effects",
        id,
        "--target",
        "GATA1",
        "--shares",
        "type",
        "--out",
        str(out),
        "--genes-out",
        str(genes),
    ]
    assert main(line) == 0
    shown = capsys.readouterr().out
    assert "Of 2 targets only GATA1 differs from the control cells." in shown
    assert "GATA1 (60 cells): 1 of 3 genes changes; down KLF1 -1.90 (" in shown
    assert "The perturbed gene itself: GATA1 -1." in shown and "within each batch" in shown
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert [each["target"] for each in rows] == ["GATA1", "SPI1"] and rows[0]["differs from controls"] == "yes"
    assert float(rows[0]["half against half"]) < float(rows[0]["no change"])
    listed = list(csv.DictReader(genes.read_text().splitlines()))
    assert {each["gene"] for each in listed} == {"GATA1", "SPI1", "KLF1", "'=SUM(A1)"}
    assert next(each for each in listed if each["perturbed"])["adjusted p"] == ""


def test_the_shell_names_the_targets_there_are(capsys):
    assert main(["measured-effects", toys.stored(screen()), "--target", "TP53"]) == 2
    assert "GATA1, SPI1" in capsys.readouterr().err
    assert main(["measured-effects", toys.stored()]) == 2
    assert "perturbation design" in capsys.readouterr().err


def test_words_and_figures_have_the_numbers():
    found = effects_of(toys.stored(screen()), annotation="type")
    effect = found.names.index("GATA1")
    assert words.of_effects(found).trust == "good" and words.of_effect(found, effect).trust == "good"
    assert words.of_effect(found, 1 - effect).trust == "poor"
    assert words.gene_rows(found, effect)["perturbed"][0] == "yes"
    share = dict(zip(found.groups, words.share_rows(found, effect)["change (points)"], strict=True))
    assert share["red"] == pytest.approx(-50, abs=15)
    for dark in (False, True):
        ranked = figures.ranked(found, dark=dark)
        assert [trace.name for trace in traces(ranked)] == [
            "two halves of the controls",
            "differs from the controls",
            "does not",
        ]
        assert len(traces(figures.shares(found, effect, dark=dark))[0].y) == 2
    drawn = figures.genes(found, effect)
    assert {trace.name: list(trace.y) for trace in traces(drawn)}["the perturbed gene"] == ["GATA1"]
    heat = traces(figures.heat_map(found))[0]
    assert np.isnan(np.array(heat.z)).sum() == 2  # each target's own gene
    assert "KLF1 -1.9" in figures.describe_genes(found, effect) and "GATA1" in figures.describe_ranked(found)
    assert "KLF1 -1.9" in figures.describe_heat_map(found) and "red -" in figures.describe_shares(found, effect)


def test_dixit_knock_outs_lower_their_own_gene_and_stat2_comes_first(shared: Path):
    """BMDC Perturb-seq (Dixit et al. 2016): each of 8 targets lowers its own mRNA a little, which no score counts; the
    loss of Stat2 lowers Stat1, as in the interferon pathway, and is the strongest."""
    id = import_file(shared / DIXIT, "dixit.h5ad", ImportChoices(representation="genes"), {})
    found = effects_of(id)
    own = found.change[found.own]
    assert found.control_cells == 992 and len(found.names) == len(own) == 8
    assert (own < -0.03).all() and (own > -0.25).all()
    assert (found.high[found.own] < 0).all()
    first = int(found.order[0])
    assert found.names[first] == "Stat2" and found.found[first]
    assert found.genes[found.strongest(first, -1, 1)[0]] == "Stat1"
    assert not found.found[found.names.index("Hif1a")]
