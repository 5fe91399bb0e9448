"""Knock-outs of a model held against measured ones, and how that is said and drawn."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from cellflow_core.analysis.perturbations.knock_out_scores import knock_out_scores
from cellflow_core.analysis.results.knock_outs import HALVES, MEAN, STILL, KnockOutScores
from cellflow_core.config import Config
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.figures.perturbations import knock_outs as figures
from cellflow_core.models.contract import DynamicsModel, HasVelocity
from cellflow_core.reporting import screen_summaries as words

GENES = ("A", "B", "C", "D", "E")


class Acts(DynamicsModel, HasVelocity):
    """A makes C, B makes D, E rests: dx/dt, of which the measured effects are those of one unit of time."""

    title, summary, paper, Config = "Acts", "Acts.", "none", Config

    def phases(self):
        return ()

    def velocity(self, t, x, context):
        v = x * 0.0
        v[:, 2], v[:, 3] = x[:, 0], x[:, 1]
        return v


def measured() -> Snapshots:
    """Controls at times 0 and 1, and at time 1 cells without A or B and what these make; 60 cells each."""
    rng = np.random.default_rng(0)
    x = rng.normal(1.0, 0.05, (240, 5))
    t, group = np.repeat([0.0, 1.0, 1.0, 1.0], 60), np.repeat([0, 0, 1, 2], 60)
    x[t == 1, 2:4] += 1.0
    for k in (1, 2):
        x[group == k, k - 1] = 0.0
        x[group == k, k + 1] -= 1.0
    design = {"A": (group == 1).astype(float), "B": (group == 2).astype(float)}
    return Snapshots(x.astype(np.float32), t, AffineSpace.of_genes(GENES), channels={"perturbation": design})


@pytest.fixture(scope="module")
def result() -> KnockOutScores:
    data = measured()
    return knock_out_scores(Acts(Config(), data.spec), data, "Acts")


def test_a_model_that_is_right_is_as_good_as_a_repeat(result):
    assert result.rows == ("Acts", STILL, MEAN, HALVES) and result.targets == ("A", "B")
    own, still, mean, halves = result.scores[:, :, 0].mean(axis=1)
    assert own > 0.95 and still == pytest.approx(0, abs=1e-9) and mean < 0.05 and halves > 0.95
    assert (result.scores[0, :, 2] == 1).all() and (result.scores[2, :, 2] == 0).all()
    assert result.scale[[0, 3]] == pytest.approx([1.0, 1.0], abs=0.05) and result.scale[2] == 0
    assert result.changed.tolist() == [1, 1] and result.cells.tolist() == [60, 60]
    np.testing.assert_allclose(result.predicted[0, [2, 3]], [-1.0, 0.0], atol=0.05)
    assert "trained on the cells of every target" in result.notes[0]


def test_it_is_stored_said_and_drawn(result, tmp_path):
    result.save(tmp_path / "found.npz")
    back = KnockOutScores.load(tmp_path / "found.npz")
    assert words.rows_table(back)["prediction"] == list(result.rows)
    message = words.of_knock_outs(back)
    assert message.trust == "fair" and "Acts predicts them better than" in message.answer
    assert words.target_table(back)["target"] == ["A", "B"]
    worse = dataclasses.replace(back, scores=np.where(np.arange(4)[:, None, None] == 0, -1.0, back.scores))
    assert words.of_knock_outs(worse).trust == "poor" and "is no better than" in words.of_knock_outs(worse).answer
    vague = dataclasses.replace(back, scores=np.where(np.arange(4)[:, None, None] == 3, -0.1, back.scores))
    assert np.isnan(vague.scale).all() and "cannot rank predictions" in words.of_knock_outs(vague).why
    figure = figures.genes(back, 0)
    assert len(figure.data[0].x) == 4 and "C -1" in figures.describe_genes(back, 0)


def test_two_targets_have_to_be_genes_of_the_state():
    data = measured()
    design = {"A": data.channels["perturbation"]["A"], "X": data.channels["perturbation"]["B"]}
    other = dataclasses.replace(data, channels={"perturbation": design})
    with pytest.raises(ValueError, match="1 of the perturbed genes"):
        knock_out_scores(Acts(Config(), data.spec), other, "Acts")
