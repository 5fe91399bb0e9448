"""Landscapes of transitions on a fork that is known, and walks along chains that are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.stats import spearmanr

from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.transitions.chain_landscape import chain_landscape
from cellflow_core.math.markov_chains.random_paths import random_paths
from tests.truth.models.pseudotime.simulated import START, snapshot, trained, tree


@pytest.fixture(scope="module")
def fork():
    """(cells of a fork with its source and ends named, place along it, view)."""
    data, place = tree(3, n_branchings=1, n_fates=2, cells_per_time=60)
    fate = np.asarray(data.labels["fate"])
    ends = np.where(place > np.quantile(place, 0.85), fate, "between")
    data = snapshot(data.x, end=ends, fate=fate, place=data.labels["place"])
    return data, place, Embedding("pca", ("x1", "x2"), data.x[:, :2], data.x)


def test_the_potential_of_a_population_balance_falls_into_both_ends(fork):
    """Height falls along the tree (Spearman below -0.9), and walks end in a basin of each end: three in four of them in
    all, and at least a fifth in each."""
    data, place, view = fork
    marks = np.where(data.labels["place"] == "first", "first", data.labels["end"])
    data = snapshot(data.x, end=marks, fate=data.labels["fate"])
    model = trained("pba", data, annotation="end", sources="first", sinks="end 1,end 2")
    found = chain_landscape(
        model, data, view, by="fate", start_polygon=((-9.0, -9.0), (0.5, -9.0), (0.5, 9.0), (-9.0, 9.0))
    )
    there = np.isfinite(found.cell_height)
    assert found.kind.startswith("potential") and spearmanr(found.cell_height[there], place[there])[0] < -0.9
    assert found.path_height.shape == (61, min(150, found.simulated)) and found.path_times[1] >= 1
    settled = {
        name[:5]: share for name, share in zip(found.basins, found.settled, strict=True) if name.startswith("end")
    }
    assert set(settled) == {"end 1", "end 2"} and sum(settled.values()) > 0.75 and min(settled.values()) > 0.2


def test_the_long_run_of_a_chain_is_lowest_at_its_ends(fork):
    data, place, view = fork
    found = chain_landscape(trained("dpt", data, **START), data, view)
    assert found.kind == "quasi-potential -log p" and np.nanmin(found.height) == 0
    late = place > np.quantile(place, 0.8)
    assert np.nanmedian(found.cell_height[late]) < np.nanmedian(found.cell_height[~late])
    with pytest.raises(ValueError, match="follow no potential"):
        chain_landscape(trained("dpt", data, **START), data, view, kind="potential")
    with pytest.raises(ValueError, match="no transitions between measured cells"):
        chain_landscape(trained("tscan", data, **START), data, view)


def test_walks_go_as_often_as_the_chain_says():
    chain = csr_array(np.array([[0, 0.25, 0.75], [0, 1, 0], [0, 0.5, 0.5]]))
    found = random_paths(chain, np.zeros(4000, int), 2, 1, np.random.default_rng(0))
    assert found.shape == (3, 4000) and not found[0].any()
    assert (found[1] == 1).mean() == pytest.approx(0.25, abs=0.03)
    assert (found[2] == 1).mean() == pytest.approx(0.625, abs=0.03) and (found[2] != 0).all()
