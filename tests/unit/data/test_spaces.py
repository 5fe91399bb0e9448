"""Every state space maps both ways, knows the slope of each gene, and is stored and hashed whole."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Literal

import numpy as np
import pytest

from cellflow_core.data.snapshots import DataRequirement, Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.spaces.neural import NeuralSpace
from cellflow_core.data.spaces.pca import pca
from cellflow_core.data.state_space import StateSpace
from cellflow_core.data.store.snapshots_file import load_snapshots, save_snapshots
from tests import STORED

GENES = ("Sox2", "<b>bad</b>", "Gata1", "Spi1", "Actb")
X = np.random.default_rng(3).normal(size=(9, 2))


def neural(output: Literal["linear", "rate"] = "linear") -> NeuralSpace:
    """A space of 2 axes and 5 genes with random weights."""
    rng = np.random.default_rng(0)

    def layers(*widths: int) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
        return tuple((rng.normal(size=(a, b)), rng.normal(size=b)) for a, b in pairwise(widths))

    outputs = 5 + (output == "rate")
    return NeuralSpace("vae", ("z1", "z2"), GENES, layers(5, 7, 6, 2), layers(2, 6, 7, outputs), output)


def principal() -> StateSpace:
    return pca(np.random.default_rng(1).normal(size=(40, 5)), GENES, 2)[1]


COUNTED = replace(neural("rate"), dispersion=np.array([0.5, 1.0, 2.0, 5.0, 50.0]))
SPACES = [neural("linear"), neural("rate"), principal(), AffineSpace.of_genes(("Sox2", "Spi1"))]


@pytest.mark.parametrize("space", SPACES, ids=["neural", "rate", "pca", "genes"])
def test_the_slope_of_a_gene_agrees_with_finite_differences(space):
    h = 1e-2
    decoded = space.decode(X)
    pushed = space.pushforward(X, np.tile([0.3, -0.7], (9, 1)))
    for gene in space.genes:
        value, slope = space.value_and_gradient(X, gene)
        at = space.index(gene)
        np.testing.assert_allclose(value, decoded[:, at], rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(space.expression(X, gene), value, rtol=1e-4, atol=1e-4)
        measured = [
            (space.expression(X + h * axis, gene) - space.expression(X - h * axis, gene)) / (2 * h)
            for axis in np.eye(2)
        ]
        np.testing.assert_allclose(slope, np.stack(measured, axis=1), rtol=2e-2, atol=2e-2)
        np.testing.assert_allclose(pushed[:, at], slope @ [0.3, -0.7], rtol=1e-3, atol=1e-3)


def test_shares_of_a_rate_space_add_up_with_what_all_other_genes_take():
    found = np.expm1(neural("rate").decode(X)).sum(axis=1)
    assert (found > 0).all() and (found < 1.0001e4).all() and found.min() < 9999


def test_counts_have_the_mean_and_the_variance_of_the_law():
    """Mean within 3 %, variance within 12 %, of 40,000 cells at one state."""
    x, size = np.repeat(X[:1], 40_000, axis=0), np.full(40_000, 300.0)
    share = np.expm1(COUNTED.decode(X[:1])[0]) / 1e4
    found = COUNTED.sample_counts(x, size, np.random.default_rng(1))
    assert np.issubdtype(found.dtype, np.integer) and found.min() >= 0
    mean = 300 * share
    np.testing.assert_allclose(found.mean(axis=0), mean, rtol=0.03, atol=0.01)
    np.testing.assert_allclose(found.var(axis=0), mean + mean**2 / COUNTED.dispersion, rtol=0.12, atol=0.02)
    double = COUNTED.sample_counts(x, 2 * size, np.random.default_rng(2)).mean(axis=0)
    np.testing.assert_allclose(double, 2 * mean, rtol=0.03, atol=0.02)


def test_counts_are_drawn_where_the_law_is_known_and_only_there(tmp_path):
    data = Snapshots(X, np.zeros(9), COUNTED)
    save_snapshots(tmp_path / "cells.npz", data)
    back = load_snapshots(tmp_path / "cells.npz")
    one, other = (each.sample_counts(X, np.full(9, 100.0), np.random.default_rng(0)) for each in (COUNTED, back.space))
    np.testing.assert_array_equal(one, other)
    assert DataRequirement.COUNTS in back.has and back.fingerprint == data.fingerprint
    assert data.fingerprint != Snapshots(X, np.zeros(9), neural("rate")).fingerprint
    for space in (neural("rate"), neural("linear"), principal()):
        assert DataRequirement.COUNTS not in Snapshots(X, np.zeros(9), space).has
        with pytest.raises(ValueError, match="counts"):
            space.sample_counts(X, np.full(9, 100.0), np.random.default_rng(0))
    with pytest.raises(ValueError, match="dispersions"):
        replace(neural("linear"), dispersion=COUNTED.dispersion)


def test_many_cells_are_read_in_blocks_and_alike():
    space, x = neural("rate"), np.random.default_rng(4).normal(size=(5000, 2)).astype(np.float32)
    np.testing.assert_allclose(space.decode(x)[4000:4010], space.decode(x[4000:4010]), rtol=1e-4, atol=1e-4)
    assert space.gene_std(x) == pytest.approx(space.decode(x).std(axis=0), rel=0.1)


@pytest.mark.parametrize("space", SPACES, ids=["neural", "rate", "pca", "genes"])
def test_a_space_is_stored_whole(space, tmp_path):
    data = Snapshots(X, np.repeat([0.0, 1.0, 2.0], 3), space)
    save_snapshots(tmp_path / "cells.npz", data)
    back = load_snapshots(tmp_path / "cells.npz")
    assert (
        back.fingerprint == data.fingerprint and back.space.genes == space.genes and DataRequirement.GENES in back.has
    )
    np.testing.assert_array_equal(back.space.decode(X), space.decode(X))


def test_the_fingerprint_knows_the_weights():
    space = neural()
    weight, bias = space.decoder[0]
    other = replace(space, decoder=((weight + 1e-3, bias), *space.decoder[1:]))
    t = np.zeros(9)
    assert len({Snapshots(X, t, each).fingerprint for each in (space, other, neural("rate"))}) == 3


@pytest.mark.parametrize(
    ("kind", "fingerprint"),
    [("pca", "942d286304b67d0e"), ("genes", "c2d421d29718a115"), ("coordinates", "fb6c3c962cc88390")],
)
def test_cells_stored_before_there_were_learnt_spaces_keep_their_fingerprint(kind, fingerprint):
    assert load_snapshots(STORED / f"{kind}.npz").fingerprint == fingerprint


def test_principal_components_give_training_genes_back():
    genes = np.random.default_rng(5).normal(size=(30, 8)).astype(np.float32)
    x, space = pca(genes, tuple("ABCDEFGH"), 8)
    np.testing.assert_allclose(space.decode(x), genes, atol=1e-5)
    np.testing.assert_allclose(space.encode(genes), x, atol=1e-5)


def test_what_cannot_be_reached_is_said():
    with pytest.raises(KeyError, match="'Z'.*5 genes"):
        neural().expression(X, "Z")
    with pytest.raises(KeyError, match="without genes"):
        AffineSpace.coordinates(("a", "b")).value_and_gradient(X, "Z")
    with pytest.raises(ValueError, match="without genes"):
        AffineSpace.coordinates(("a", "b")).decode(X)
    with pytest.raises(ValueError, match="affine"):
        AffineSpace("vae", ("a",))
    with pytest.raises(ValueError, match="5 genes"):
        replace(neural(), genes=GENES[:4])
    with pytest.raises(ValueError, match="learnt"):
        replace(neural(), kind="pca")
