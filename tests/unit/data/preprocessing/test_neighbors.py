"""The neighbour graph of a data set."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from cellflow_core.data import store
from cellflow_core.data.preprocessing import neighbor_graph as stored_graph
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.math import neighbors
from cellflow_core.math.neighbors import neighbor_graph
from tests.toys import stored


def test_the_graph_is_computed_once_and_read_after(monkeypatch):
    dataset = store.open_dataset(stored())
    first = stored_graph.graph_of(dataset)
    monkeypatch.setattr(stored_graph, "neighbor_graph", None)
    again = stored_graph.graph_of(store.open_dataset(dataset.info.id))
    assert (first.distances != again.distances).nnz == 0
    assert (first.connectivities != again.connectivities).nnz == 0


def test_neighbours_are_the_nearest_ones():
    x = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32)
    found = neighbor_graph(x).distances
    separation = np.linalg.norm(x[:, None] - x[None], axis=-1)
    for cell in (0, 57, 199):
        nearest = np.sort(separation[cell])[1 : neighbors.NEIGHBORS]
        np.testing.assert_allclose(np.sort(found[cell].data), nearest, rtol=1e-4)


def test_a_damaged_graph_is_made_anew():
    dataset = store.open_dataset(stored())
    whole = stored_graph.graph_of(dataset)
    (dataset.folder / "graph.npz").write_bytes(b"PK\x03\x04 no archive")
    assert (stored_graph.graph_of(dataset).distances != whole.distances).nnz == 0


def test_two_clouds_far_apart_are_two_parts_and_smoothing_stays_inside():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(60, 2)), rng.normal(size=(40, 2)) + 100]).astype(np.float32)
    found = neighbor_graph(x)
    count, part = found.connected_components()
    assert count == 2 and np.bincount(part).tolist() == [60, 40]
    smooth = found.smooth(np.repeat([0.0, 1.0], [60, 40]), rounds=3)
    np.testing.assert_allclose(smooth, np.repeat([0.0, 1.0], [60, 40]), atol=1e-5)


def test_the_same_states_inherit_the_graph(monkeypatch):
    parent = store.open_dataset(stored())
    stored_graph.graph_of(parent)
    data = parent.snapshots()
    child = store.open_dataset(stored(dataclasses.replace(data, time_unit="hour")))
    stored_graph.copy_to_child(parent.folder, child.folder)
    monkeypatch.setattr(stored_graph, "neighbor_graph", None)
    assert stored_graph.graph_of(child).distances.shape == (180, 180)


def test_few_cells_have_a_graph():
    x = np.random.default_rng(0).normal(size=(4, 2)).astype(np.float32)
    id = store.save_dataset(
        Snapshots(x, np.zeros(4), AffineSpace.coordinates(("a", "b"))), label="x", origin="upload", source="f"
    )
    assert stored_graph.graph_of(store.open_dataset(id)).connectivities.shape == (4, 4)


@pytest.mark.slow
def test_the_fast_search_of_many_cells_finds_nearly_the_same_neighbours(monkeypatch):
    x = np.random.default_rng(0).normal(size=(3000, 6)).astype(np.float32)
    exact = neighbor_graph(x)
    monkeypatch.setattr(neighbors, "_EXACT", 100)
    fast = neighbor_graph(x)
    found = (exact.distances > 0).multiply(fast.distances > 0).sum() / (exact.distances > 0).sum()
    assert found > 0.99 and fast.connected_components()[0] == 1
