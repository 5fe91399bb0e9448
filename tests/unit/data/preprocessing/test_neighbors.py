"""The neighbour graph of a data set."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from cellflow_core.data.preprocessing import neighbors
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.store import store
from tests.toys import stored


def test_the_graph_is_computed_once_and_read_after(monkeypatch):
    dataset = store.open_dataset(stored())
    first = neighbors.graph_of(dataset)
    monkeypatch.setattr(neighbors, "neighbours", None)
    again = neighbors.graph_of(store.open_dataset(dataset.info.id))
    assert (first.distances != again.distances).nnz == 0
    assert (first.connectivities != again.connectivities).nnz == 0


def test_neighbours_are_the_nearest_ones():
    x = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32)
    found = neighbors.neighbours(x).distances
    apart = np.linalg.norm(x[:, None] - x[None], axis=-1)
    for cell in (0, 57, 199):
        nearest = np.sort(apart[cell])[1 : neighbors.NEIGHBOURS]
        np.testing.assert_allclose(np.sort(found[cell].data), nearest, rtol=1e-4)


def test_a_damaged_graph_is_made_anew():
    dataset = store.open_dataset(stored())
    whole = neighbors.graph_of(dataset)
    (dataset.folder / "graph.npz").write_bytes(b"PK\x03\x04 no archive")
    assert (neighbors.graph_of(dataset).distances != whole.distances).nnz == 0


def test_two_clouds_far_apart_are_two_parts_and_smoothing_stays_inside():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(60, 2)), rng.normal(size=(40, 2)) + 100]).astype(np.float32)
    found = neighbors.neighbours(x)
    count, part = found.parts()
    assert count == 2 and np.bincount(part).tolist() == [60, 40]
    smooth = found.smooth(np.repeat([0.0, 1.0], [60, 40]), rounds=3)
    np.testing.assert_allclose(smooth, np.repeat([0.0, 1.0], [60, 40]), atol=1e-5)


def test_the_same_states_inherit_the_graph(monkeypatch):
    parent = store.open_dataset(stored())
    neighbors.graph_of(parent)
    data = parent.snapshots()
    child = store.open_dataset(stored(dataclasses.replace(data, time_unit="hour")))
    neighbors.copy_to_child(parent.folder, child.folder)
    monkeypatch.setattr(neighbors, "neighbours", None)
    assert neighbors.graph_of(child).distances.shape == (180, 180)


def test_few_cells_have_a_graph():
    x = np.random.default_rng(0).normal(size=(4, 2)).astype(np.float32)
    id = store.save_dataset(
        Snapshots(x, np.zeros(4), AffineSpace.coordinates(("a", "b"))), label="x", origin="upload", source="f"
    )
    assert neighbors.graph_of(store.open_dataset(id)).connectivities.shape == (4, 4)


@pytest.mark.slow
def test_the_fast_search_of_many_cells_finds_nearly_the_same_neighbours(monkeypatch):
    x = np.random.default_rng(0).normal(size=(3000, 6)).astype(np.float32)
    exact = neighbors.neighbours(x)
    monkeypatch.setattr(neighbors, "_EXACT", 100)
    fast = neighbors.neighbours(x)
    found = (exact.distances > 0).multiply(fast.distances > 0).sum() / (exact.distances > 0).sum()
    assert found > 0.99 and fast.parts()[0] == 1
