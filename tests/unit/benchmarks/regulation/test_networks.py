"""The benchmark of networks: a row a set and model, sentences for what cannot be, and what is read of each set."""

from __future__ import annotations

import json

import network_cases
import networks
import numpy as np
import pytest


def test_one_row_a_set_and_model_with_every_seed(tmp_path, capsys):
    out = tmp_path / "rows.json"
    asked = ["--data", "six-gene", "--draws", "1", "--seeds", "0,1", "--steps", "2", "--out", str(out)]
    networks.main([*asked, "--models", "random,correlation,correlation with the velocity,rna-ode"])
    rows = json.loads(out.read_text())["rows"]
    assert [each["model"] for each in rows] == ["random", "correlation", "correlation with the velocity", "rna-ode"]
    assert all(each["data"] == "six-gene/0" and (each["edges"], each["candidates"]) == (10, 30) for each in rows)
    assert rows[1]["auroc"] == pytest.approx([0.67, 0.67], abs=0.01) and rows[1]["overlap"] == 1
    assert len(rows[0]["auroc"]) == 100 and np.mean(rows[0]["auroc"]) == pytest.approx(0.5, abs=0.05)
    assert rows[3]["seeds"] == [0, 1] and 0 < rows[3]["overlap"] <= 1

    networks.main([*asked, "--models", "correlation:kind=spearman"])
    assert len(json.loads(out.read_text())["rows"]) == 5
    capsys.readouterr()
    networks.main(["--show", str(out)])
    shown = capsys.readouterr().out
    assert "| auprc over random | six-gene |" in shown and "| random, 95 % below |" in shown
    assert "`correlation:kind=spearman`" in shown
    with pytest.raises(SystemExit, match="rows.json"):
        networks.main([*asked, "--windows", "7"])


def test_scores_are_held_against_random_orders_over_sets():
    """Twice the score of random orders in each of four sets; of the means of random orders few are as high."""
    orders = np.random.default_rng(0).normal(1.0, 0.2, (4, 100)).tolist()
    about = {"auroc": [0.5], "early_precision_over_random": [1.0], "signs": [1.0]}
    rows = [{"data": f"s{k}", "model": "random", "auprc_over_random": each, **about} for k, each in enumerate(orders)]
    rows += [{**each, "model": "flecs", "auprc_over_random": [2 * np.mean(each["auprc_over_random"])]} for each in rows]
    last = networks.shown(rows).splitlines()
    assert "2.00 (2.00 to 2.00)" in last[-2]
    below = float(last[-1].split(" | ")[5])
    assert below == pytest.approx(1 + 1.645 * 0.2 / 2, abs=0.05)


def test_a_score_of_0_has_no_geometric_mean():
    random = {"a": 1.0, "b": 1.0, "c": 1.0}
    assert networks.times_random([1.0, 0.0, 2.0], random) == ""
    assert networks.times_random([2.0, 2.0, 2.0], random) == "2.00 (2.00 to 2.00)"


def test_what_a_set_lacks_is_said(tmp_path, capsys):
    out = tmp_path / "rows.json"
    asked = ["--data", "krumsiek/0", "--models", "rna-ode,difference in the knock-out", "--seeds", "0"]
    networks.main([*asked, "--out", str(out)])
    reasons = [each["left_out"] for each in json.loads(out.read_text())["rows"]]
    assert "needs an RNA velocity" in reasons[0] and "nothing to take it from" in reasons[1]
    networks.main(["--data", "GSD,mES", "--models", "random", "--files", str(tmp_path / "nowhere")])
    assert capsys.readouterr().err.count("is left out") == 2


def test_a_model_without_a_network_is_refused():
    with pytest.raises(SystemExit, match="no network"):
        networks.main(["--draws", "1", "--models", "dynamo"])
    with pytest.raises(KeyError, match="no data 'DREAM5'"):
        networks.main(["--data", "DREAM5", "--models", "random"])


def test_settings_give_a_network_and_fit_the_data():
    assert networks.settings_of("rna-ode:trees=3", "times") == ("rna-ode", {"trees": 3, "network": True})


@pytest.mark.parametrize(
    ("name", "cells", "genes", "edges", "times"),
    [
        ("GSD", 2000, 19, 76, 6),
        ("CY", 2000, 6, 6, 6),
        ("mES", 456, 100, 594, 5),
        ("dream4-series", 220, 100, 176, 21),
        ("dream4-steady", 201, 100, 176, 0),
    ],
)
def test_sets_are_read_as_they_are_described(shared, name, cells, genes, edges, times):
    case = network_cases.load(name, shared, 6, "simulation")
    assert case.data.x.shape == (cells, genes) and len(case.data.times) == times
    assert int((case.truth != 0)[case.candidates].sum()) == edges
    if name == "dream4-series":
        assert len(np.unique(case.data.subject)) == 20
    if name == "dream4-steady":
        assert sum(each.sum() for each in case.data.perturbation.values()) == 150


def test_a_known_edge_stands_in_the_row_of_its_target(shared):
    """Of GSD the file says that SOX9 activates AMH, of HSC that Gfi1 represses cJun."""
    for name, source, target, sign in (("GSD", "SOX9", "AMH", 1), ("HSC", "Gfi1", "cJun", -1)):
        case = network_cases.load(name, shared, 6, "pseudotime")
        genes = case.data.space.genes
        assert case.truth[genes.index(target), genes.index(source)] == sign


def test_difference_in_the_knock_out_finds_what_a_gene_does(shared):
    case = network_cases.load("dream4-steady", shared, 6, "simulation")
    found = networks.inferred("difference in the knock-out", case, 0, 0)
    assert networks.network_scores(found, case.truth, case.candidates).auroc > 0.8
