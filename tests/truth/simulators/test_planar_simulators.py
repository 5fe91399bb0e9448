"""The tree and the cycle: slopes against differences, valleys against rest, courses against an ODE solver."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from cellflow_core.data.simulators import sde
from cellflow_core.data.simulators.branching_tree import LABEL, BranchingTree
from cellflow_core.data.simulators.branching_tree import Settings as Tree
from cellflow_core.data.simulators.cell_cycle import PHASE, CellCycle
from cellflow_core.data.simulators.cell_cycle import Settings as Cycle

pytestmark = pytest.mark.truth

TREES = {
    "two": BranchingTree(Tree(n_fates=2)),
    "three": BranchingTree(Tree()),
    "four": BranchingTree(Tree(n_fates=4)),
    "four at once": BranchingTree(Tree(n_fates=4, n_branchings=1)),
    "lopsided, of 10 axes": BranchingTree(Tree(n_fates=3, n_branchings=1, bias=1.0, noise_dims=8)),
}
each_tree = pytest.mark.parametrize("tree", TREES.values(), ids=TREES.keys())


@each_tree
def test_the_drift_of_the_tree_is_the_slope_of_its_potential(tree):
    """Central differences at 500 places on and beside the tree, within 1e-6."""
    x = np.random.default_rng(0).uniform(-0.5, 4.5, (500, len(tree.axes))) - [0, 2, *[2] * (len(tree.axes) - 2)]
    h = 1e-5
    slope = [(tree.potential(x + h * axis) - tree.potential(x - h * axis)) / (2 * h) for axis in np.eye(len(tree.axes))]
    np.testing.assert_allclose(tree.drift(0.0, x), -np.stack(slope, axis=1), atol=1e-6)


@each_tree
def test_cells_rest_where_the_landscape_of_the_tree_is_lowest(tree):
    """The drift vanishes within 1e-6 and points back from all sides; the valleys of the grid lie within a grid step."""
    stable = np.stack(list(tree.steady_states().values()))
    assert len(stable) == tree.settings.n_fates == len(tree.fates) - 1
    assert np.abs(tree.drift(0.0, stable)).max() < 1e-6
    jump = 1e-4 * np.eye(stable.shape[1])
    for state in stable:
        slope = (tree.drift(0.0, state + jump) - tree.drift(0.0, state - jump)) / 2e-4
        assert np.linalg.eigvals(slope).real.max() < -0.5
    assert (tree.fate_of(stable) == tree.fates[:-1]).all()
    land = tree.landscape(160)
    filled = np.where(np.isnan(land.height), np.inf, land.height)
    shifts = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j]
    around = np.min([filled[1 + i : 159 + i, 1 + j : 159 + j] for i, j in shifts], axis=0)
    rows, columns = np.nonzero(filled[1:-1, 1:-1] < around)
    valleys = np.stack([land.x[columns + 1], land.y[rows + 1]], axis=1)
    assert len(valleys) == len(stable) and np.nanmin(land.height) == 0
    away = np.linalg.norm(valleys[:, None] - land.stable[None], axis=2).min(axis=0)
    assert away.max() < np.hypot(land.x[1] - land.x[0], land.y[1] - land.y[0])


def test_the_landscape_of_the_tree_is_the_law_of_cells_that_ran_long():
    """At the end of the tree: shares of the valleys, width across and along, from 4,000 cells."""
    tree = TREES["two"]
    rng = np.random.default_rng(0)
    x = np.repeat(np.stack(list(tree.steady_states().values())), 2000, axis=0)
    x, _ = sde.final_state(tree, x, 0.0, 10.0, rng, step=0.005)
    land = tree.landscape(160)
    p = np.exp(-np.nan_to_num(land.height, nan=200.0))
    p /= p.sum()
    for values, grid, law in ((x[:, 0], land.x, p.sum(axis=0)), (np.abs(x[:, 1]), np.abs(land.y), p.sum(axis=1))):
        mean = (law * grid).sum()
        spread = np.sqrt((law * (grid - mean) ** 2).sum())
        assert abs(values.mean() - mean) < 4.5 * spread / np.sqrt(4000) + 0.01
        assert abs(values.std() / spread - 1) < 0.06


def test_even_valleys_get_even_shares():
    """By symmetry, within 4 standard errors; a bias leans to the first."""
    for name, pairs in (("two", [(0, 1)]), ("four", [(0, 3), (1, 2)]), ("four at once", [(0, 3), (1, 2)])):
        share = list(TREES[name].fate_shares(cells=4000).values())
        assert sum(share) == pytest.approx(1.0) and share[-1] < 0.12
        for a, b in pairs:
            assert abs(share[a] - share[b]) < 4 * np.sqrt(2 * 0.25 / 4000)
    leaning = BranchingTree(Tree(n_fates=2, bias=2.0)).fate_shares(cells=4000)
    assert leaning["end 1"] - leaning["end 2"] > 0.1


@each_tree
def test_shares_of_the_tree_agree_with_a_finer_step(tree):
    """Steps of 0.01 and 0.0025, within 4 standard errors of their difference."""
    fine = BranchingTree(Tree(**{**tree.settings.as_dict(), "step": 0.0025}))
    coarse, finer = tree.fate_shares(cells=3000), fine.fate_shares(cells=3000, seed=1)
    for fate in tree.fates:
        p = (coarse[fate] + finer[fate]) / 2
        assert abs(coarse[fate] - finer[fate]) < 4 * np.sqrt(2 * max(p * (1 - p), 0.001) / 3000)


def test_shares_of_the_tree_come_again_and_a_held_axis_decides():
    tree = TREES["two"]
    assert tree.fate_shares(cells=500) == tree.fate_shares(cells=500) != tree.fate_shares(cells=500, seed=1)
    held = tree.fate_shares({"across": 1.5}, cells=500)
    assert held["end 1"] == 0 and held["end 2"] > 0.9
    assert tree.fate_shares({"along": 0.0}, cells=500)["undecided"] == 1
    with pytest.raises(KeyError, match="Nanog.*along, across"):
        tree.fate_shares({"Nanog": 0.0})


def test_cells_of_the_tree_are_labelled_by_their_valley():
    data = TREES["three"].simulate()
    label = data.labels[LABEL]
    assert (label[data.t == 0] == "undecided").all() and set(label[data.t == data.times[-1]]) >= {
        "end 1",
        "end 2",
        "end 3",
    }
    share = TREES["three"].fate_shares()
    for fate, true in share.items():
        cells = label[data.t == data.times[-1]]
        assert abs((cells == fate).mean() - true) < 4 * np.sqrt(0.25 / len(cells))


def test_without_noise_the_cycle_is_the_ode():
    """Mean of cells with noise 0.01 after 18 hours against an adaptive solver, within 0.01 and 4 standard errors."""
    cycle = CellCycle(Cycle(noise=0.01, synchrony=1.0, exit_rate=0.1, step=0.01))
    rng = np.random.default_rng(0)
    start = np.array([1.3, 0.0, 0.0])
    x, _ = sde.final_state(cycle, np.tile(start, (500, 1)), 0.0, 18.0, rng, step=0.01)
    exact = solve_ivp(lambda t, y: cycle.drift(t, y[None])[0], (0, 18), start, rtol=1e-9, atol=1e-9).y[:, -1]
    np.testing.assert_allclose(x.mean(axis=0), exact, atol=0.015)


def test_a_turn_takes_the_time_it_says():
    """The ODE is back after one period; the mean of synchronous cells is at the right phase, within 0.02 of a turn."""
    cycle = CellCycle(Cycle(period=10.0))
    back = solve_ivp(lambda t, y: cycle.drift(t, y[None])[0], (0, cycle.period()), [1.0, 0.0], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(back.y[:, -1], [1.0, 0.0], atol=1e-6)
    assert cycle.period({"cycle 1": 0.5}) == 0.0
    with pytest.raises(KeyError, match="cycle 1, cycle 2"):
        cycle.period({"exit": 0.0})
    data = cycle.simulate()
    for t in data.times:
        mean = data.at(t).mean(axis=0, dtype=np.float64)
        gap = cycle.phase(mean[None])[0] - t / 10.0
        assert abs((gap + 0.5) % 1 - 0.5) < 0.02
    assert data.covariates[PHASE].min() >= 0 and data.covariates[PHASE].max() < 1


def test_cells_of_mixed_phases_turn_and_stand_still():
    """Radius and phase of 4,000 cells keep their law over 18 hours: mean of r within 4.5 standard errors, no mean."""
    cycle = CellCycle(Cycle(synchrony=0.0, cells_per_time=4000, n_times=3))
    data = cycle.simulate()
    first = np.hypot(*data.at(0.0).T)
    for t in data.times:
        x = data.at(t)
        radius = np.hypot(*x.T)
        assert abs(radius.mean() - first.mean()) < 4.5 * first.std() * np.sqrt(2 / 4000) + 0.001
        assert abs(radius.std() / first.std() - 1) < 0.06
        assert np.abs(x.mean(axis=0)).max() < 4.5 * np.sqrt(0.5 / 4000)


def test_the_law_of_the_cycle_stands_still_under_its_own_flow():
    """div(p v) = 0 for the rotation and b - sigma^2 / 2 grad log p = rotation, by central differences within 1e-5."""
    cycle = CellCycle()
    x, h = np.random.default_rng(0).uniform(-1.5, 1.5, (200, 2)), 1e-5

    def log_p(z):
        return -cycle._height(np.hypot(z[:, 0], z[:, 1]))

    score = np.stack([(log_p(x + h * e) - log_p(x - h * e)) / (2 * h) for e in np.eye(2)], axis=1)
    flow = cycle.drift(0.0, x) - cycle.settings.noise**2 / 2 * score
    np.testing.assert_allclose(flow, cycle.rotation(x), atol=1e-5)
    np.testing.assert_allclose((flow * score).sum(axis=1), 0.0, atol=1e-3)  # the rotation itself has no divergence


def test_what_no_landscape_of_the_cycle_shows():
    """The share by quadrature against cells of the law at rest, within 1 %; nearly all of the motion by default."""
    cycle = CellCycle(Cycle(synchrony=0.0, noise=0.25))
    x = cycle.start_cells(40_000, np.random.default_rng(0))
    turning = (cycle.rotation(x) ** 2).sum() / (cycle.drift(0.0, x) ** 2).sum()
    assert cycle.non_gradient() == pytest.approx(turning, abs=0.01)
    assert CellCycle().non_gradient() > 0.95
    land = cycle.landscape(161)
    row, column = np.unravel_index(np.nanargmin(land.height), land.height.shape)
    assert np.hypot(land.x[column], land.y[row]) == pytest.approx(1.0, abs=0.03) and len(land.stable) == 0
