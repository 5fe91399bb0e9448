"""The simulator against finer steps, closed forms and long runs: it is the truth others are held against."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from cellflow_core.data.simulators import sde
from cellflow_core.data.simulators.stationary import stationary_law
from cellflow_core.data.simulators.toggle import GENES, LABEL, Settings, Toggle

pytestmark = pytest.mark.truth
CELLS = 4000
MEAN = [
    0.1704773,
    2.006008,
    1.109689,
    1.541179,
    1.239154,
    0.9323735,
    0.8835283,
    0.734359,
    0.5895522,
    1.001475,
    1.508911,
    2.00342,
]


def test_three_thousand_cells_from_undecided_to_two_fates() -> None:
    data = Toggle().simulate()
    assert data.x.shape == (3000, 12) and [int((data.t == t).sum()) for t in data.times] == [600] * 5
    assert (data.x >= 0).all() and data.mass is not None and (np.diff(data.mass) > 0).all()
    fates = data.labels[LABEL]
    assert (fates[data.t == 0] == "undecided").all()
    last = fates[data.t == data.times[-1]]
    assert (last == "undecided").mean() < 0.03
    assert 0.55 < (last == "fate A").mean() < 0.75
    assert (Toggle().simulate().x == data.x).all()


def test_cells_of_the_last_time_are_the_population() -> None:
    share = Toggle().fate_shares()
    last = Toggle(Settings(cells_per_time=CELLS, n_times=2)).simulate().labels[LABEL][CELLS:]
    assert abs((last == "fate A").mean() - share["fate A"]) < 4 * np.sqrt(0.25 / CELLS + 0.25 / 10_000)


def test_the_demo_is_a_fair_sample() -> None:
    share, data = Toggle().fate_shares(), Toggle().simulate()
    last = data.labels[LABEL][data.t == data.times[-1]]
    assert all(abs((last == fate).mean() - share[fate]) < 0.025 for fate in Toggle.fates)


def test_shares_agree_with_a_finer_step() -> None:
    coarse = Toggle().fate_shares(cells=CELLS)
    fine = Toggle(Settings(step=0.005)).fate_shares(cells=CELLS, seed=1)
    for fate in Toggle.fates:
        assert abs(coarse[fate] - fine[fate]) < 4 * np.sqrt(2 * 0.25 / CELLS)


def test_without_noise_the_course_is_the_ode() -> None:
    circuit = Toggle(Settings(noise=0.05, step=0.002))
    rng = np.random.default_rng(0)
    start = np.tile(circuit.start_cells(1, rng), (500, 1))
    x = sde.final_state(circuit, start, 0.0, 1.0, rng, step=0.002, positive=True)[0].mean(axis=0)
    exact = solve_ivp(lambda t, y: circuit.drift(t, y[None])[0], (0, 1), start[0], rtol=1e-8).y[:, -1]
    assert np.abs(x - exact).max() < 0.05


def test_growth_makes_the_population_lean_to_the_faster_fate() -> None:
    alike = Toggle(Settings(growth_difference=0.0))
    mass, lines = Toggle().fate_shares(cells=CELLS), Toggle().fate_shares(of="start cells", cells=CELLS)
    assert 0.01 < mass["fate A"] - lines["fate A"] < 0.06
    mass, lines = (alike.fate_shares(cells=1000, of=each) for each in ("population", "start cells"))
    assert abs(mass["fate A"] - lines["fate A"]) < 0.01


@pytest.mark.parametrize(
    ("clamp", "fate"),
    [
        ({"MasterA": 0.0}, "fate B"),
        ({"MasterB": 0.0}, "fate A"),
        ({"MasterA": 3.0}, "fate A"),
        ({"Progenitor": 2.0}, "undecided"),
    ],
)
def test_masters_decide(clamp, fate) -> None:
    assert Toggle().fate_shares(clamp=clamp, cells=1000)[fate] > 0.98


@pytest.mark.parametrize("level", [0.0, 2.5])
def test_markers_are_not_causes(level) -> None:
    shares = Toggle().fate_shares(cells=1000)
    for marker in (each for each in GENES if each.startswith("Marker")):
        assert Toggle().fate_shares(clamp={marker: level}, cells=1000) == shares


def test_a_clamp_is_sustained_and_unknown_genes_are_named() -> None:
    rng = np.random.default_rng(0)
    circuit = Toggle()
    start = circuit.start_cells(20, rng)
    for x, _ in sde.mean_trajectory(circuit, start, 0.0, 1.0, rng, step=0.02, positive=True, clamp={"MasterB": 0.5}):
        assert (x[:, GENES.index("MasterB")] == 0.5).all()
    with pytest.raises(KeyError, match="Nanog"):
        Toggle().fate_shares(clamp={"Nanog": 0.0})


def test_stationary_law_of_a_double_well_is_the_boltzmann_law() -> None:
    noise, x, y = 0.7, np.linspace(-2, 2, 80), np.linspace(-1.5, 1.5, 60)
    p = stationary_law(lambda z: np.stack([z[:, 0] - z[:, 0] ** 3 + 0.1, -z[:, 1]], axis=1), noise, x, y)
    potential = (x**4 / 4 - x**2 / 2 - 0.1 * x)[None] + (y**2 / 2)[:, None]
    exact = np.exp(-2 * potential / noise**2)
    exact /= exact.sum() * (x[1] - x[0]) * (y[1] - y[0])
    assert np.abs(p - exact).max() < 0.01 * exact.max()


def test_landscape_has_its_valleys_where_the_drift_rests() -> None:
    circuit = Toggle()
    land = circuit.landscape()
    state = np.zeros((2, 12))
    state[:, 1:3] = land.stable
    assert np.abs(circuit.drift(0.0, state)[:, 1:3]).max() < 1e-6
    filled = np.where(np.isnan(land.height), np.inf, land.height)
    inner = filled[1:-1, 1:-1]
    around = np.min(
        [filled[1 + i : 159 + i, 1 + j : 159 + j] for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j], axis=0
    )
    rows, columns = np.nonzero(inner < around)
    valleys = np.stack([land.x[columns + 1], land.y[rows + 1]], axis=1)
    assert len(valleys) == 2
    away = np.linalg.norm(valleys[:, None] - land.stable[None], axis=2).min(axis=0)
    assert away.max() < 0.08 and land.height[rows + 1, columns + 1].min() == 0
    assert np.linalg.norm(valleys[land.height[rows + 1, columns + 1].argmin()] - land.stable[0]) < 0.08


def test_landscape_is_the_law_of_cells_that_ran_long() -> None:
    circuit = Toggle(Settings(noise=0.8, last_time=30.0, bias=0.0))
    rng = np.random.default_rng(3)
    start = circuit.start_cells(3000, rng)
    start[:, 0] = 0
    x = sde.final_state(circuit, start, 0.0, 30.0, rng, step=0.02, positive=True, clamp={"Progenitor": 0.0})[0]
    land = circuit.landscape()
    p = np.exp(-np.nan_to_num(land.height, nan=50.0))
    p /= p.sum()
    below = np.add.outer(land.y, land.x) < 3.0
    assert abs((x[:, 1] + x[:, 2] < 3.0).mean() - p[below].sum()) < 0.05
    both = land.x[None] > land.y[:, None] + 1
    assert abs((x[:, 1] > x[:, 2] + 1).mean() - p[both].sum()) < 0.05
