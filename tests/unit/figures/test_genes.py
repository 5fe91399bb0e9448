"""Figures and words of genes and their networks, from made-up results."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cellflow_core.analysis.regulation.group_trends import group_trends, membership
from cellflow_core.analysis.results import FateGenes, FateInfluence, GeneNetwork
from cellflow_core.figures import theme
from cellflow_core.figures.genes import expression, regulation, trends
from cellflow_core.reporting.regulation import summaries as words
from tests.examples import HOSTILE

GENES = (HOSTILE, "Gata1", "Spi1", "Klf1")
SCORE = np.array([[1.0, 0, 0, 0], [0, -1, -0.5, 0], [0, -0.8, 0, 0], [0, 0.9, 0.1, 0]])
TRUTH = np.array([[0, 0, 0, 0], [0, 0, -1, 0], [0, -1, 0, 0], [0, 1, 0, 0]])


def network(**changes) -> GeneNetwork:
    known = {
        "genes": GENES,
        "kind": "network",
        "score": SCORE,
        "unit": "",
        "cells": "10 cells",
        "correlation": np.eye(4),
        "top": 3,
        "recurs": (np.abs(SCORE) > 0.4).astype(int),
        "trainings": 1,
        "overlap": np.zeros(0),
        "overlap_by_chance": 0.1,
    }
    return GeneNetwork(**(known | changes))


def judged(model: float, beside: float, auroc: float = 0.9) -> GeneNetwork:
    scores = np.array([[model, auroc, 1, 1, 0.5], [beside, 0.6, 1, 1, 0.4]])
    return network(truth=TRUTH, scored=("this model", "correlation of expression"), scores=scores)


def drivers() -> tuple[FateGenes, FateInfluence]:
    value = np.array([[0.1, 0.8, -0.5, 0.7], [-0.1, -0.8, 0.5, -0.7]])
    genes = FateGenes(("Ery", "Mye"), GENES, ("A",), value, value - 0.1, value + 0.1, np.ones((2, 4), int))
    pushes = np.array([[0.0, 2.0, -1.0, 0.1], [0.0, -2.0, 1.0, 0.0]])
    return genes, FateInfluence(("Ery", "Mye"), GENES, "state / day", pushes, pushes - 1, pushes + 1)


@pytest.mark.parametrize("dark", [False, True])
def test_every_figure_has_the_theme_and_no_markup_of_a_user(dark):
    values, codes = np.random.default_rng(0).normal(size=60), np.arange(60) % 2
    made = group_trends(HOSTILE, values, np.arange(60.0), membership(codes, 2, 60), (HOSTILE, "b"), "time")
    figures = {
        "regulators": regulation.regulators(network(), dark=dark),
        "regulon": regulation.regulon(network(), "Gata1", dark=dark),
        "strongest": regulation.strongest(network(truth=TRUTH), dark=dark),
        "matrix": regulation.matrix(network(), dark=dark),
        "influence": regulation.influence(drivers()[1], "Ery", dark=dark),
        "trends": trends.trends(made, dark=dark),
        "violins": expression.violins(HOSTILE, values, codes, (HOSTILE, "b"), dark=dark),
        "dots": expression.dots(GENES[:2], np.eye(2), np.eye(2), (HOSTILE, "b"), dark=dark),
    }
    for name, figure in figures.items():
        assert figure.layout.template == theme.template(dark), name
        assert "<img" not in figure.to_json(), name
        json.loads(figure.to_json())


def test_violins_are_outlines_of_all_cells_with_their_quartiles():
    values = np.random.default_rng(0).normal(2.0, 0.5, 20_000)
    level, width = expression.outline(values)
    assert level[0] == values.min() and level[-1] == values.max()
    np.testing.assert_allclose(width, np.exp(-2 * (level - 2.0) ** 2), atol=0.05)
    sparse = expression.outline(np.r_[np.zeros(900), np.linspace(1.0, 5.0, 100)])[1]
    assert sparse.argmax() == 0 and 0 < sparse[-10] < 0.1
    assert (expression.outline(np.full(3, 7.0))[1] == 1).all()
    figure = expression.violins("Gata1", np.r_[values, 1.0], np.r_[np.zeros(20_000, int), 2], ("a", "empty", "one"))
    times = expression.violins("Gata1", values, np.arange(20_000) % 3, ("0", "1", "2"), in_order=True)
    assert all(each.fillcolor.startswith("rgba(") for each in times.data[:3])
    assert [each.name for each in figure.data] == ["a", "one", "middle half of the cells", "median"]
    np.testing.assert_allclose(figure.data[-1].y, [np.median(values), 1.0], rtol=1e-6)
    assert figure.data[-1].text[0].startswith("a: median 2") and tuple(figure.layout.xaxis.tickvals) == (0, 1, 2)
    assert figure.layout.xaxis.ticklabeloverflow == "allow"  # plotly leaves out names that reach over a narrow figure


def test_signs_are_told_by_more_than_colour():
    figure = regulation.regulon(network(), "Gata1")
    lines = {each.name: each.line.dash for each in figure.data if each.name in ("activates", "represses")}
    assert lines == {"activates": "solid", "represses": "4px 3px"}
    bars = {each.name: each.marker.pattern.shape for each in regulation.regulators(network()).data}
    assert bars == {"activation": "", "repression": "/"}
    assert regulation.describe_regulon(network(), "Gata1") == "Gata1 activates Klf1 (0.9), represses Spi1 (-0.8)."
    assert "acts on no other gene" in regulation.describe_regulon(network(), "Klf1")


def test_what_a_gene_does_to_itself_is_no_edge():
    assert network().strongest(9) == [(3, 1), (2, 1), (1, 2), (3, 2)]
    drawn = regulation.matrix(network()).data[0]
    assert np.isnan(np.diag(np.array(drawn.z))).all() and drawn.text[3, 1] == "+" and drawn.text[2, 1] == "−"


def test_edges_and_regulators_are_tables():
    rows = words.edge_rows(network(truth=TRUTH, trainings=3))
    assert rows["source"] == ["Gata1", "Gata1", "Spi1", "Spi1"] and rows["sign"][0] == "activates"
    assert rows["truth"] == ["activates", "represses", "represses", "no edge"]
    assert rows["strongest in (of 3 trainings)"] == [1, 1, 1, 0]
    regulators = words.regulator_rows(network())
    assert regulators["gene"][0] == "Gata1" and regulators["outgoing influence"][0] == 1.7
    assert regulators["among the 3 strongest edges"][:2] == [2, 1]
    assert words.edge_rows(network(score=np.zeros((4, 4))))["source"] == []


def test_a_gene_is_highest_somewhere_and_changes_along_an_order():
    values, codes = np.arange(60.0), np.arange(60) % 2
    whole = group_trends("Gata1", values, np.repeat([0.0, 1.0], 30), membership(None, 1, 60), ("all",), "time")
    summary = words.of_gene(whole, "Gata1", np.array([29.0, 30.0, 0.0]), ("a", "b", "none"), np.array([30, 30, 0]))
    assert summary.answer == (
        "Gata1 is highest in b (mean 30) and lowest in a (29); over all cells it goes from 14.5 to 44.5 along time."
    )
    alone = words.of_gene(None, "Gata1", values[codes == 0].mean(keepdims=True), ("all cells",), np.array([30]))
    assert alone.answer == "Gata1 has a mean of 29."


def test_a_network_is_trusted_by_the_truth_and_by_other_trainings():
    assert words.of_network(judged(2.0, 1.5)).trust == "good"
    assert words.of_network(judged(2.0, 1.5, 0.6)).trust == "fair"
    worse = words.of_network(judged(1.2, 1.5))
    assert worse.trust == "poor" and "adds nothing to correlation" in worse.why
    alone = words.of_network(network())
    assert alone.trust == "fair" and "one training only" in alone.why and "not a cause" in alone.why
    assert "Gata1 activates Klf1" in alone.answer
    assert words.of_network(network(trainings=2, overlap=np.array([0.1]))).trust == "poor"
    assert "share 60%" in words.of_network(network(trainings=2, overlap=np.array([0.6]))).why
    assert words.of_network(network(score=np.zeros((4, 4)))).trust == "poor"
    assert words.of_network(judged(np.nan, np.nan)).trust == "fair"


def test_scores_stand_beside_a_random_order():
    rows = words.score_rows(judged(2.0, 1.5))
    assert rows["network"][-1] == "a random order" and rows["AUPRC"][-1] == 0.25
    assert rows["right signs (%)"] == [100.0, 100.0, 50.0]
    with pytest.raises(ValueError, match="not known"):
        words.score_rows(network())


def test_two_models_are_compared_over_the_genes_that_both_know():
    order = [3, 1, 2]
    other = network(genes=tuple(GENES[k] for k in order), score=SCORE[np.ix_(order, order)])
    assert "among 3 genes, the two share 100% (Jaccard, and 100% of all edges" in words.of_two(network(), other)
    assert "no pair of genes" in words.of_two(network(), network(genes=("a", "b", "c", "d")))


def test_edges_of_a_prior_network_say_so():
    prior = np.where(TRUTH == 0, 0.0, TRUTH) * np.array([1, 1, -1, 1])
    made = network(prior=prior, prior_name="CollecTRI")
    assert words.edge_rows(made)["evidence"] == [
        "learnt, prior",
        "learnt, prior",
        "learnt, prior with the other sign",
        "learnt",
    ]
    assert "3 are in the prior network CollecTRI, which has 3 edges" in words.of_prior(made)
    assert "it would be 0.8" in words.of_prior(made) and words.of_prior(network()) == ""


def test_drivers_are_first_by_both_or_that_is_denied():
    genes, influence = drivers()
    assert words.of_drivers(genes, influence, "Ery").answer.startswith("Gata1 goes with Ery and pushes cells")
    assert words.of_drivers(genes, None, "Ery").answer == f"Gata1, Klf1 and {HOSTILE} go most with Ery."
    other = FateInfluence(influence.names, GENES, "", -influence.influence, influence.low, influence.high)
    assert "No gene is first by both" in words.of_drivers(genes, other, "Ery").answer
    rows = words.driver_rows(genes, influence, "Ery")
    assert rows["gene"][0] == "Gata1" and rows["correlation with the fate"][0] == 0.8
