"""Population balance on flows that are known. Each test states its error."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.stats import spearmanr

from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.transitions.fates import absorption, transition_fates
from cellflow_core.analysis.transitions.kernel import transitions
from cellflow_core.data.simulators.registry import create
from cellflow_core.math.velocity_graph import cosines
from tests.truth.models.pseudotime.simulated import finished_types, islands, order, ring, snapshot, trained, tree

pytestmark = pytest.mark.truth
NAMED = {"annotation": "place", "sources": "first", "sinks": "end 1,end 2"}


@pytest.fixture(scope="module")
def bifurcation():
    """(cells of a fork, place along it, trained model)."""
    data, place = tree(3, n_branchings=1, n_fates=2)
    fate = np.asarray(data.labels["fate"])
    ends = np.where(place > np.quantile(place, 0.8), fate, "between")
    marks = np.where(np.asarray(data.labels["place"]) == "first", "first", ends)
    data = snapshot(data.x, place=marks, fate=fate)
    return data, place, trained("pba", data, **NAMED)


def test_the_order_goes_from_the_sources_to_the_sinks(bifurcation):
    """Spearman with the place along the tree at least 0.95."""
    data, place, model = bifurcation
    assert spearmanr(order(model, data), place)[0] >= 0.95


def test_the_expected_step_points_along_the_drift(bifurcation):
    """Mean cosine with the true drift of the cells between source and sinks above 0.6; without rates it is near 0."""
    data, place, model = bifurcation
    drift = create("branching-tree", {"n_branchings": 1, "n_fates": 2}).drift(0.0, data.x.astype(float))
    between = (place > 0.5) & (place < 3)

    def cosine(chain) -> float:
        step = chain @ data.x - data.x
        size = np.linalg.norm(step, axis=1) * np.linalg.norm(drift, axis=1)
        return float(((step * drift).sum(axis=1) / np.maximum(size, 1e-12))[between].mean())

    chain = transitions(model, data)[0]
    undirected = trained("pba", data, **NAMED, diffusion=1000.0)
    assert cosine(chain) > 0.6 and abs(cosine(transitions(undirected, data)[0])) < 0.3


def split_process(x: np.ndarray) -> np.ndarray:
    """Drift of an Ornstein-Uhlenbeck process whose mean splits in two at 1 on the first axis."""
    mean = 1.5 * np.sign(x[:, 1]) * np.clip(x[:, 0] - 1, 0, 1)
    return np.stack([np.ones(len(x)), -2 * (x[:, 1] - mean)], axis=1)


def steady_state(cells: int, seed: int, noise: float = 0.05, dt: float = 0.01) -> np.ndarray:
    """Cells of the process that begin at 0 at a constant rate and leave at 4, each seen once, at any time between."""
    rng = np.random.default_rng(seed)
    x = np.stack([np.zeros(cells), rng.normal(0, 0.2, cells)], axis=1)
    seen, found = rng.integers(0, int(6 / dt), cells), np.full((cells, 2), np.nan)
    for step in range(int(6 / dt)):
        found[seen == step] = x[seen == step]
        x = x + split_process(x) * dt + np.sqrt(2 * noise * dt) * rng.normal(size=x.shape)
        x[:, 0] = np.abs(x[:, 0])
    return found[found[:, 0] < 4]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_drift_of_a_bifurcating_ou_process_is_found(seed):
    """Mean cosine with the true drift between sources and sinks above 0.75 (0.82 and 0.83); it is below 0.15 for the
    same links without sources and sinks. On either branch the expected step leads to the mean of the process: its
    second axis correlates with that of the drift by more than 0.3."""
    x = steady_state(2200, seed)
    place = np.select([x[:, 0] < 0.25, x[:, 0] > 3.75], ["first", "end"], "between")
    data, drift = snapshot(x, place=place), split_process(x)
    between = (x[:, 0] > 0.4) & (x[:, 0] < 3.5)

    def steps(**settings) -> np.ndarray:
        named = {"annotation": "place", "sources": "first", "sinks": "end"}
        return (transitions(trained("pba", data, **named | settings), data)[0] @ data.x - data.x)[between]

    found, blind = steps(), steps(diffusion=1e3)
    assert cosines(found, drift[between]).mean() > 0.75
    assert abs(cosines(blind, drift[between]).mean()) < 0.15
    assert np.corrcoef(found[:, 1], drift[between, 1])[0, 1] > 0.3


def test_fates_follow_from_the_transitions(bifurcation):
    """Cells past the fork go to their own end with a mean probability above 0.95; the start is undecided. The mean
    first passage time falls along the tree, to 0 in the ends: Spearman with the place below -0.9."""
    data, place, model = bifurcation
    found = absorption(model, data, "place", ("end 1", "end 2"))
    fate = np.asarray(data.labels["fate"])
    for k, name in enumerate(found.terminal.names):
        assert found.chance[fate == name, k].mean() > 0.95
    view = Embedding("pca", ("a", "b"), data.x, data.x)
    fates = transition_fates(model, data, view, "place", ("end 1", "end 2"), start="first")
    assert fates.steps is not None and spearmanr(fates.steps, place[fates.rows])[0] < -0.9
    assert not fates.steps[found.state[fates.rows] >= 0].any() and fates.steps[found.state[fates.rows] < 0].min() >= 1
    shares = fates.share
    assert shares.sum() == pytest.approx(1) and 0.2 < shares[0] < 0.8


def test_rows_of_transitions_are_those_of_the_data_whatever_their_order(bifurcation):
    data, place, _ = bifurcation
    mixed = np.random.default_rng(0).permutation(len(data.x))
    timed = dataclasses.replace(data, t=(place > 1).astype(float)).take(mixed)
    still = dataclasses.replace(data, t=None).take(mixed)
    found, wanted = (transitions(trained("pba", each, **NAMED), each)[0] for each in (timed, still))
    np.testing.assert_allclose(found.toarray(), wanted.toarray(), atol=1e-5)
    with pytest.raises(ValueError, match="trained on"):
        transitions(trained("pba", timed, **NAMED), timed.take(np.arange(50)))


def test_what_cannot_be_balanced_is_refused(bifurcation):
    data = bifurcation[0]
    with pytest.raises(ValueError, match="islands"):
        trained("pba", islands())
    with pytest.raises(ValueError, match="where cells enter and leave"):
        trained("pba", data)
    with pytest.raises(ValueError, match="no group 'nobody'"):
        trained("pba", data, annotation="place", sources="nobody")
    with pytest.raises(ValueError, match="no sources"):
        trained("pba", data, annotation="place", sinks="end 1")


def test_a_cycle_and_finished_types_are_noted(bifurcation):
    assert len(bifurcation[2].notes()) == 1
    for cells, words in ((ring(), "on a cycle"), (finished_types(), "finished types")):
        place = np.where(cells[:, 0] < np.quantile(cells[:, 0], 0.1), "first", "later")
        model = trained("pba", snapshot(cells, place=place), annotation="place", sources="first")
        assert any(words in each for each in model.notes())


def test_growth_rates_of_the_data_are_sources_and_sinks(bifurcation):
    data, place, _ = bifurcation
    grown = dataclasses.replace(data, channels={**data.channels, "growth": (2 - place).astype(np.float32)})
    model = trained("pba", grown)
    assert "growth rates" in model.notes()[0] and spearmanr(order(model, grown), place)[0] >= 0.9
