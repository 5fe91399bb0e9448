"""Correlations where they are known, and where there are none. Each test states its error."""

from __future__ import annotations

import numpy as np
import pytest

from tests.truth.models.regulatory.regulated import cells, influence
from tests.truth.models.regulatory.simulated import trained

pytestmark = pytest.mark.truth
GENES = ("a", "b", "c")


def pair(count: int = 2000) -> np.ndarray:
    """b = -a + noise of the same size, so that r = -1 / sqrt 2; c is of its own."""
    a, noise, c = np.random.default_rng(0).normal(size=(3, count))
    return np.stack([a, noise - a, c], axis=1)


@pytest.mark.parametrize("kind", ["pearson", "spearman"])
def test_a_known_correlation_has_no_direction_and_no_self_influence(kind):
    """Within 0.03 of -0.707 (Pearson) and of -0.690 (Spearman, normal variables); of 0 within 0.06."""
    found = influence("correlation", cells(pair(), GENES), kind=kind)
    expected = {"pearson": -np.sqrt(0.5), "spearman": -6 / np.pi * np.arcsin(np.sqrt(0.5) / 2)}[kind]
    assert found[1, 0] == pytest.approx(expected, abs=0.03) and found[0, 1] == found[1, 0]
    assert np.abs(found[2, :2]).max() < 0.06 and (np.diag(found) == 0).all()


def test_ranks_see_any_rising_function():
    a = np.random.default_rng(1).uniform(0, 1, 500)
    data = cells(np.stack([a, np.exp(20 * a)], axis=1), ("a", "b"))
    assert influence("correlation", data, kind="spearman")[1, 0] == pytest.approx(1.0, abs=1e-6)
    assert influence("correlation", data)[1, 0] < 0.8


def test_a_gene_that_does_not_vary_has_no_edge():
    x = pair()
    x[:, 2] = 3.7
    found = influence("correlation", cells(x, GENES))
    assert (found[2] == 0).all() and (found[:, 2] == 0).all() and found[1, 0] < -0.6


def test_groups_have_networks_of_their_own():
    """In one group the genes rise together, in the other one against the other; over all cells it cancels."""
    x = pair()
    x[1000:, 1] *= -1
    kind = np.repeat(["up", "down", "few"], [1005, 990, 5])
    model = trained("correlation", cells(x[:, :2], GENES[:2], kind=kind), annotation="kind")
    assert model.network("up")[1, 0] < -0.6 and model.network("down")[1, 0] > 0.6
    assert abs(float(model.network()[1, 0])) < 0.1
    assert "few" in model.notes()[0]
    with pytest.raises(KeyError, match="down, up"):
        model.network("few")


def test_an_annotation_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="no annotation 'stage'"):
        trained("correlation", cells(pair(50), GENES), annotation="stage")
    with pytest.raises(ValueError, match="too few"):
        trained("correlation", cells(pair(5), GENES))
