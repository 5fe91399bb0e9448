"""Scores of networks, beside values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from cellflow_core.math.network_scores import (
    candidate_edges,
    early_precision,
    edge_overlap,
    network_scores,
    overlap_by_chance,
    top_edges,
)

TRUTH = np.array([[9.0, 1.0, 0.0], [0.0, 9.0, -1.0], [0.0, 0.0, 9.0]])
"""Rows targets: gene 1 activates gene 0, gene 2 represses gene 1; six candidates."""


def test_an_order_worked_out_by_hand():
    # in order of size: true, false, true, false, false, false
    found = np.array([[0.0, 0.9, 0.8], [0.4, 0.0, 0.7], [0.3, 0.2, 0.0]])
    scores = network_scores(found, TRUTH)
    assert (scores.edges, scores.candidates) == (2, 6)
    assert scores.auprc == pytest.approx(1 / 2 * 1 + 1 / 2 * 2 / 3)
    assert scores.auprc_over_random == pytest.approx(scores.auprc * 3)
    assert scores.auroc == pytest.approx(7 / 8)  # one of the eight pairs of a true and a false edge is inverted
    assert scores.early_precision == pytest.approx(1 / 2)
    assert scores.early_precision_over_random == pytest.approx(3 / 2)
    assert scores.signs == pytest.approx(1 / 2)  # the repression was found as an activation


def test_the_truth_itself_is_perfect():
    scores = network_scores(TRUTH, TRUTH)
    assert (scores.auprc, scores.auroc, scores.early_precision, scores.signs) == (1, 1, 1, 1)


def test_a_constant_score_is_random():
    scores = network_scores(np.full((3, 3), 0.2), TRUTH)
    assert scores.auroc == pytest.approx(0.5)
    assert scores.auprc_over_random == pytest.approx(1)
    assert scores.early_precision_over_random == pytest.approx(1)


def test_nothing_found_is_random_and_has_no_right_sign():
    scores = network_scores(np.zeros((3, 3)), TRUTH)
    assert scores.auroc == pytest.approx(0.5) and scores.signs == 0


def test_ties_count_as_in_random_order():
    size = np.array([3.0, 2.0, 2.0, 2.0, 1.0])
    true = np.array([True, True, False, False, False])
    assert early_precision(size, true) == pytest.approx((1 + 1 / 3) / 2)


def test_a_random_order_has_the_ratio_one_in_the_mean():
    rng = np.random.default_rng(0)
    truth = (rng.uniform(size=(30, 30)) < 0.1).astype(float)
    found = [network_scores(rng.normal(size=(30, 30)), truth) for _ in range(50)]
    assert np.mean([each.auroc for each in found]) == pytest.approx(0.5, abs=0.02)
    assert np.mean([each.early_precision_over_random for each in found]) == pytest.approx(1, abs=0.1)


def test_self_edges_count_where_they_are_asked_for():
    assert candidate_edges("abc").sum() == 6
    own = candidate_edges("abc", self_edges=True)
    assert own.sum() == 9
    assert network_scores(np.eye(3), np.eye(3), own).auprc == 1


def test_sources_are_regulators_only():
    where = candidate_edges("abc", ["b"])
    assert [tuple(each) for each in np.argwhere(where)] == [(0, 1), (2, 1)]
    assert network_scores(np.ones((3, 3)), TRUTH, where).edges == 1


def test_regulators_are_genes():
    with pytest.raises(ValueError, match="no gene"):
        candidate_edges("abc", ["d"])
    with pytest.raises(ValueError, match="no regulator"):
        candidate_edges("abc", [])


def test_without_signs_in_the_truth_there_is_no_share_of_signs():
    assert np.isnan(network_scores(TRUTH, np.abs(TRUTH)).signs)


@pytest.mark.parametrize("truth", [np.zeros((3, 3)), np.ones((3, 3))])
def test_without_both_kinds_of_candidates_there_is_no_score(truth: np.ndarray):
    scores = network_scores(np.eye(3), truth)
    assert np.isnan([scores.auprc, scores.auroc, scores.early_precision]).all()


def test_influences_are_numbers():
    with pytest.raises(ValueError, match="missing"):
        network_scores(np.full((3, 3), np.nan), TRUTH)


def test_overlap_of_the_largest_edges():
    one = np.array([[0.0, 4.0, 3.0], [2.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    other = np.array([[0.0, -4.0, 0.0], [2.0, 0.0, 3.0], [0.0, 0.0, 0.0]])
    assert edge_overlap(one, one, 2) == 1
    assert edge_overlap(one, other, 2) == pytest.approx(1 / 3)  # [0, 1] of [0, 1], [0, 2], [1, 2]
    assert top_edges(one, 2).sum() == 2
    assert edge_overlap(one, other, 2, candidate_edges("abc", ["b", "c"])) == pytest.approx(1 / 3)
    assert edge_overlap(one, other, 1, candidate_edges("abc", ["b"])) == 1


def test_an_influence_of_zero_is_no_edge():
    sparse = np.array([[0.0, 1.0], [0.0, 0.0]])
    assert top_edges(sparse, 2).sum() == 1
    assert np.isnan(edge_overlap(np.zeros((2, 2)), np.zeros((2, 2)), 1))


def test_overlap_by_chance_is_the_mean_of_random_draws():
    rng = np.random.default_rng(0)
    drawn = [rng.permutation(50)[:12] for _ in range(4000)]
    overlap = [len(np.intersect1d(a, b)) / len(np.union1d(a, b)) for a, b in zip(drawn[::2], drawn[1::2], strict=True)]
    assert overlap_by_chance(12, 50) == pytest.approx(np.mean(overlap), abs=0.01)
    assert overlap_by_chance(50, 50) == pytest.approx(1.0)
    assert np.isnan(overlap_by_chance(3, 2))
