"""Permutation scores: high where unspliced RNA follows spliced RNA, low where both are drawn by themselves."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from cellflow_core.analysis.results import PermutationScores
from cellflow_core.analysis.rna_velocity.permutation import permutation_scores
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.splicing import SplicingSpace
from cellflow_core.models import registry
from cellflow_core.models.contract import HasPermutationScores
from cellflow_core.models.rna_velocity.steady_state import SteadyState
from cellflow_core.models.splicing.permutation_score import permutation_scores as scores_of
from cellflow_core.reporting.rna_velocity.permutation_scores import of_gene, of_scores, rows
from tests import toy_models

CELLS = 600


class Diagonal(toy_models.Shuffled, HasPermutationScores):
    """Fits u = s."""

    def permutation_scores(self, x, groups, rng):
        genes = len(self.spec.genes)
        return scores_of(lambda u, s: ((u + s) / 2, (u + s) / 2), (x[:, :genes], x[:, genes:]), groups, rng)


def cells() -> Snapshots:
    """Unspliced RNA of the first gene is that of its spliced RNA, but for noise, in one type only; that of the second
    has nothing to do with it; the third does not vary."""
    rng = np.random.default_rng(0)
    u, s = rng.gamma(4.0, 1.0, (2, CELLS, 3))
    kind = np.repeat(["still", "moving"], CELLS // 2)
    u[kind == "moving", 0] = s[kind == "moving", 0] + rng.normal(0, 0.3, CELLS // 2)
    u[:, 2] = s[:, 2] = 1.0
    kind[:5] = ["rare", "rare", "rare", "", "nan"]
    space = SplicingSpace.of(("Tied", "Free", "Flat"), u.astype(np.float32), s.astype(np.float32))
    unit = dataclasses.replace(space, scale=np.ones(6, np.float32))
    x = np.concatenate([u, s], axis=1).astype(np.float32)
    channels = {"unspliced": u.astype(np.float32), "spliced": s.astype(np.float32)}
    return Snapshots(x, None, unit, labels={"type": kind}, channels=channels)


def found(by: str) -> PermutationScores:
    data = cells()
    with registry.registered("diagonal", "tests", Diagonal):
        return permutation_scores(registry.create("diagonal", {}, data.spec, 0), data, by)


def test_scores_are_high_in_the_group_whose_fit_depends_on_its_cells():
    result = found("type")
    assert result.names == ("moving", "still") and result.cells.tolist() == [300, 295]
    assert result.score[0, 0] > 10 and np.abs(result.score[:, 1]).max() < 3 and abs(result.score[1, 0]) < 3
    assert np.isnan(result.score[:, 2]).all() and np.isnan(result.highest[2])
    assert result.highest[0] == result.score[0, 0] and result.chance == pytest.approx(1.9545, abs=1e-3)
    assert "5 cells without a group" in result.notes[0]


def test_words_say_what_a_high_and_a_low_score_mean():
    result = dataclasses.replace(found("type"), score=np.array([[12.34, 0.5, np.nan], [1.0, 1.2, np.nan]]))
    believed = dataclasses.replace(result, score=np.full((2, 3), 9.0))
    assert "scores of the others show nothing" in of_scores(result) and "the others" not in of_scores(believed)
    assert "In 1 of 3 genes" in of_scores(result) and "within 2 groups of type" in of_scores(result)
    assert "12.3 in moving, above what chance gives (2.0)" in of_gene(result, "Tied")
    assert "1.2, no more than chance gives (2.0)" in of_gene(result, "Free")
    assert "this shows no dynamics" in of_gene(result, "Free")
    assert "varies in none of the 2 groups of type" in of_gene(result, "Flat")
    assert rows(result)["gene"] == ["Tied", "Free", "Flat"] and rows(result)["highest score"][:2] == [12.34, 1.2]


def test_cells_without_annotation_are_shuffled_within_clusters():
    result = found("")
    assert len(result.names) == 12 and result.cells.sum() == CELLS and not result.notes
    assert "within 12 clusters" in of_gene(result, "Tied")


def test_models_and_annotations_without_scores_are_refused():
    data = cells()
    with pytest.raises(ValueError, match="has no permutation scores"):
        permutation_scores(SteadyState(SteadyState.Config(), data.spec), data)
    with pytest.raises(KeyError):
        found("nobody")
    few = dataclasses.replace(data, labels={"type": np.arange(CELLS).astype(str)})
    with registry.registered("diagonal", "tests", Diagonal), pytest.raises(ValueError, match="no group of type has 20"):
        permutation_scores(registry.create("diagonal", {}, few.spec, 0), few, "type")


def test_shuffled_values_are_those_of_the_group():
    rng, held = torch.Generator().manual_seed(0), []
    groups = torch.arange(60) % 2
    values = torch.arange(60.0)[:, None].repeat(1, 2)

    def kept(u, s):
        held.append((u, s))
        return u, s

    scores_of(kept, (values, values), groups, rng)
    for k, (u, s) in enumerate(held):
        assert (u % 2 == k // 2).all() and (s % 2 == k // 2).all()
    assert not torch.equal(held[1][0][:, 0], held[1][0][:, 1]) and not torch.equal(held[1][0], held[1][1])
