"""Fates of clones against fates that a model predicts."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.lineage import clones
from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.models import registry


def fork(swapped: int = 0, lineage: bool = True) -> Snapshots:
    """60 early cells on a line, of clones of two; each clone is met again in four cells that went up or down, the right
    half up. swapped: one clone in so many went to the other side, 0 for none."""
    rng = np.random.default_rng(0)
    place = np.linspace(-1, 1, 60)
    clone = np.arange(60) // 2
    up = (np.arange(30) >= 15) ^ (np.arange(30) % swapped == 1 if swapped else np.zeros(30, bool))
    early = np.stack([place, np.zeros(60)], axis=1)
    later = np.stack([np.repeat(place[::2] / 5, 4), np.repeat(np.where(up, 1.0, -1.0), 4)], axis=1)
    x = np.concatenate([early, later]) + rng.normal(0, 0.02, (180, 2))
    kind = np.concatenate([np.repeat("young", 60), np.repeat(np.where(up, "up <b>", "down"), 4)])
    own = np.concatenate([clone, np.repeat(np.arange(30), 4)])
    space = AffineSpace.coordinates(("a", "b"))
    return Snapshots(
        x, np.repeat([0.0, 1.0], [60, 120]), space, "day", labels={"kind": kind}, lineage=own if lineage else None
    )


def view(data: Snapshots) -> Embedding:
    return Embedding("pca", ("a", "b"), data.x[:, :2], data.x)


def turned(data: Snapshots) -> Snapshots:
    """The same with early cells that already lean to the side of their place."""
    x = data.x.copy()
    x[:60, 1] = x[:60, 0]
    return Snapshots(x, data.t, data.space, "day", labels=data.labels, lineage=data.lineage)


def joined(data: Snapshots, name: str = "ot-displacement", **settings):
    model = registry.create(name, settings, data.spec, seed=0)
    model.prepare(SnapshotTensors.from_snapshots(data), torch.Generator().manual_seed(0))  # type: ignore[operator]
    return model


def bias(data: Snapshots, **settings):
    return clones.clonal_bias(joined(data), data, view(data), "kind", ("up <b>", "down"), **settings)


def test_a_model_that_knows_the_side_is_right_about_all_clones():
    found = bias(turned(fork()))
    assert found.auroc[1] == pytest.approx(1.0) and found.auroc[0] > 0.99
    assert len(found.predicted) == 60 and set(found.observed) == {0.0, 1.0} and (found.later == 4).all()
    np.testing.assert_array_equal(found.predicted, found.without_growth)
    assert "30 clones" in found.interval and found.points.shape == (60, 2)


def test_a_fifth_of_clones_on_the_other_side_is_a_fifth_less_than_sure():
    """Of a sharp prediction that is wrong about a share s of either side, the AUROC is 1 - s."""
    found = [bias(turned(fork(swapped))) for swapped in (5, 2)]
    assert found[0].auroc[1] == pytest.approx(0.8, abs=0.02)
    assert found[1].auroc[1] == pytest.approx(0.5, abs=0.04)
    for each in found:
        assert each.auroc[0] < each.auroc[1] < each.auroc[2]


def test_a_growing_fate_counts_for_more():
    data = turned(fork())
    few = data.take(np.flatnonzero((data.t == 0) | (data.x[:, 1] > 0) | (np.arange(180) % 4 == 0)))
    found = clones.clonal_bias(joined(few, "waddington-ot", epsilon=0.5), few, view(few), "kind", ("up <b>", "down"))
    between = (found.without_growth > 0.05) & (found.without_growth < 0.95)
    assert between.any() and not np.array_equal(found.predicted, found.without_growth)
    assert found.auroc[1] > 0.95 and found.ungrown_auroc[1] > 0.95


def test_auroc_is_the_share_of_pairs_in_order():
    rng = np.random.default_rng(1)
    predicted, observed = rng.integers(0, 5, 40) / 4, rng.integers(0, 3, 40) / 2
    high, low = predicted[observed > 0.5], predicted[observed < 0.5]
    order = np.sign(high[:, None] - low[None, :])
    assert clones.auroc(predicted, observed) == pytest.approx(((order + 1) / 2).mean())
    assert np.isnan(clones.auroc(predicted, np.ones(40)))


def test_evidence_is_only_of_cells_that_are_neither():
    data = fork()
    rows = clones.evidence(data, "kind", ("up <b>", "down"))
    assert (data.t[rows.cells] == 0).all() and (data.labels["kind"][rows.cells] == "young").all()
    np.testing.assert_array_equal(clones.evidence(data, "kind", ("up <b>", "down"), "young").cells, rows.cells)


def test_says_what_is_lacking():
    data = fork()
    with pytest.raises(ValueError, match="lineage"):
        clones.evidence(fork(lineage=False), "kind", ("up <b>", "down"))
    with pytest.raises(ValueError, match="'down'"):
        clones.evidence(data, "kind", ("down", "down"))
    with pytest.raises(ValueError, match="'left' or 'right'"):
        clones.evidence(data, "kind", ("left", "right"))
    with pytest.raises(KeyError, match="'fate'"):
        clones.evidence(data, "fate", ("up <b>", "down"))


def test_survives_the_disk(tmp_path):
    found = bias(turned(fork()))
    found.save(tmp_path / "bias.npz")
    read = type(found).load(tmp_path / "bias.npz")
    assert read.names == found.names and read.notes == found.notes
    np.testing.assert_array_equal(read.predicted, found.predicted)
