"""Weights of linear regulation and the response to a perturbation, where both are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from cellflow_core.data.prior_network import PriorNetwork
from cellflow_core.models.regulatory.linear_grn import ridge_network
from tests.truth.models.regulatory.regulated import cells, influence
from tests.truth.models.regulatory.simulated import trained

pytestmark = pytest.mark.truth
GENES = ("a", "b", "c", "d")


def chain(count: int = 3000, seed: int = 0) -> np.ndarray:
    """b = 0.8 a + noise, c = -0.5 b + noise, all around a level of 10; d is of its own."""
    a, b, c, d = np.random.default_rng(seed).normal(size=(4, count))
    b = 0.8 * a + 0.6 * b
    return np.stack([a, b, -0.5 * b + np.sqrt(0.75) * c, d], axis=1) + 10


def test_weights_are_those_of_the_equation():
    """Within 0.05, in standard deviations; a gene further up the chain has none, though it correlates."""
    found = influence("linear-grn", cells(chain(), GENES), regulators="a, b, d")
    np.testing.assert_allclose(found[2], [0, -0.5, 0, 0], atol=0.05)
    assert np.abs(found[3]).max() < 0.05 and (found[:, 2] == 0).all() and (np.diag(found) == 0).all()
    assert influence("correlation", cells(chain(), GENES))[2, 0] < -0.35


def test_one_inverse_gives_every_regression():
    """Beside the regression of each gene on the named sources, column by column, to 1e-8."""
    z, sources = np.random.default_rng(0).normal(size=(60, 5)), np.array([0, 2, 3])
    found = ridge_network(z, 2.0, sources)
    centered = z - z.mean(axis=0)
    for target in range(5):
        others = sources[sources != target]
        x = centered[:, others]
        own = np.linalg.solve(x.T @ x + 2 * np.eye(len(others)), x.T @ centered[:, target])
        np.testing.assert_allclose(found[target, others], own, atol=1e-8)
    np.testing.assert_allclose(ridge_network(z, 2.0, sources, np.ones((5, 5), bool)), found, atol=1e-8)


def test_a_prior_network_says_who_may_act():
    """c on a alone: the weight of the whole path, -0.4 (within 0.05); a gene without known regulators gets none."""
    prior = PriorNetwork("known", np.array(["a", "a"]), np.array(["b", "c"]), np.ones(2))
    data = replace(cells(chain(), GENES), network=prior)
    found = influence("linear-grn", data, prior="mask")
    expected = np.zeros((4, 4))
    expected[1, 0], expected[2, 0] = 0.8, -0.4
    np.testing.assert_allclose(found, expected, atol=0.05)
    assert ((found != 0) == (expected != 0)).all()
    with pytest.raises(ValueError, match="prior network"):
        influence("linear-grn", cells(chain(), GENES), prior="mask")


def test_a_perturbation_runs_down_the_chain():
    """a is held 5 lower: b falls by 4 and c rises by 2 (within 0.25), d stays; nothing falls below 0."""
    model = trained("linear-grn", cells(chain(), GENES), regulators="a, b, d")
    here = torch.full((1, 4), 10.0)
    found = model.response(here, {"a": 5.0})[0].numpy()
    assert found[0] == -5
    np.testing.assert_allclose(found[1:], [-4, 2, 0], atol=0.25)
    one = model.response(here, {"a": 5.0}, steps=1)[0].numpy()
    assert abs(one[2]) < 0.3  # it has not come further than b
    assert (model.response(torch.full((1, 4), 1.0), {"a": -20.0}) + 1 >= 0)[:, 1:].all()
    assert torch.equal(model.response(here, {}), torch.zeros(1, 4))
    with pytest.raises(KeyError, match="no gene"):
        model.response(here, {"e": 0.0})


def test_a_group_has_its_own_weights():
    x = np.concatenate([chain(1500, 0), chain(1500, 1)])
    x[1500:, 1] = 20 - x[1500:, 1]  # in the other group a represses b
    model = trained("linear-grn", cells(x, GENES, kind=np.repeat(["one", "other"], 1500)), annotation="kind")
    assert model.network("one")[1, 0] > 0.3 and model.network("other")[1, 0] < -0.3
    here = torch.full((1, 4), 10.0)
    assert model.response(here, {"a": 5.0}, "one")[0, 1] < -1 < 1 < model.response(here, {"a": 5.0}, "other")[0, 1]


def test_the_seed_draws_the_bags():
    data = cells(chain(200), GENES)
    one, same, other = (influence("linear-grn", data, seed) for seed in (0, 0, 1))
    assert np.array_equal(one, same) and not np.array_equal(one, other)
    np.testing.assert_allclose(one, other, atol=0.1)
