"""Directed information where it is known in closed form, from each kind of motion. Each test states its error."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.models.gene_networks.conditional_information import directed_information, partial_correlation
from tests.truth.models.regulatory.simulated import trained

pytestmark = pytest.mark.truth
GENES = ("a", "b", "c")


def chain(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(before, after): a drives b, b represses c, each level also keeps a part of itself."""
    rng = np.random.default_rng(seed)
    x = np.zeros((count + 50, 3))
    for k in range(1, len(x)):
        a, b, c = x[k - 1]
        x[k] = np.array([0.5 * a, 0.5 * b + a, 0.5 * c - b]) + rng.normal(size=3)
    x = x[50:]
    return x[:-1], x[1:]


def checked(found: np.ndarray) -> None:
    """The two edges with their signs are at least three times as large as any other entry."""
    edges = np.zeros((3, 3), bool)
    edges[1, 0] = edges[2, 1] = True
    assert found[1, 0] > 0 > found[2, 1]
    assert np.abs(found[edges]).min() > 3 * np.abs(found[~edges]).max()
    assert (np.diag(found) == 0).all()


def test_information_of_a_gaussian_is_that_of_its_partial_correlation():
    """-log(1 - r^2) / 2 within 0.06 nats; of genes that do not act, 0 within 0.06."""
    before, after = (torch.from_numpy(each).float() for each in chain(1500, 0))
    found = directed_information(before, after, 5)
    exact = -0.5 * torch.log(1 - partial_correlation(before, after)[1, 0] ** 2)
    assert float(exact) > 0.3 and float(found[1, 0]) == pytest.approx(float(exact), abs=0.06)
    assert float(found[0, 1]) < 0.06 and float(found[0, 2]) < 0.06
    with pytest.raises(ValueError, match="too few"):
        directed_information(before[:5], after[:5], 5)


def test_followed_individuals():
    before, after = chain(900, 1)
    x = np.stack([before, after], axis=1).reshape(-1, 3).astype(np.float32)
    subject, t = np.repeat(np.arange(len(before)), 2), np.tile([0.0, 1.0], len(before))
    data = Snapshots(x, t, AffineSpace.of_genes(GENES), subject=subject)
    checked(trained("scribe", data, motion="series", points=800).network().numpy())


def test_velocities():
    x, after = chain(900, 2)
    data = Snapshots(x.astype(np.float32), None, AffineSpace.of_genes(GENES), velocity=after - x)
    model = trained("scribe", data, motion="velocity", points=800)
    checked(model.network().numpy())
    with pytest.raises(KeyError, match="no group"):
        model.network("a")


def test_cells_of_times_are_paired_and_the_seed_decides():
    """Cells that keep apart: pairs by optimal transport are mostly right, and the driven gene is found."""
    rng = np.random.default_rng(3)
    a, b = rng.uniform(0, 1, (2, 300))
    parts = [np.stack([a, b + k * a / 4, rng.uniform(0, 1, 300)], axis=1) for k in range(4)]
    x = np.concatenate([each + 0.005 * rng.normal(size=each.shape) for each in parts]).astype(np.float32)
    data = Snapshots(x, np.repeat(np.arange(4.0), 300), AffineSpace.of_genes(GENES))
    one, same, other = (trained("scribe", data, seed).network().numpy() for seed in (0, 0, 1))
    assert np.array_equal(one, same) and not np.array_equal(one, other)
    assert one[1, 0] > 0 and one[1, 0] == np.abs(one).max()


def test_nothing_is_found_in_noise():
    """Every estimate below 0.1 nats among 500 independent steps."""
    x = np.random.default_rng(4).normal(size=(500, 3)).astype(np.float32)
    v = np.random.default_rng(5).normal(size=(500, 3))
    data = Snapshots(x, None, AffineSpace.of_genes(GENES), velocity=v)
    assert np.abs(trained("scribe", data, motion="velocity").network().numpy()).max() < 0.1
