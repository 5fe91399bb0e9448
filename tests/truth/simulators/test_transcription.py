"""Simulators of unspliced and spliced RNA against their equations: circuit, bifurcation, boosting, no change."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from cellflow_core.data.preprocessing.velocity_genes import steady_state
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.simulators.transcription import six_gene_circuit as circuit
from cellflow_core.data.simulators.transcription import splicing_bifurcation as bifurcation
from cellflow_core.data.simulators.transcription import transcriptional_boosting as boosting
from cellflow_core.data.simulators.transcription import unchanging_population as unchanging
from cellflow_core.data.simulators.transcription.splicing import LATENT
from cellflow_core.data.snapshots import Snapshots

pytestmark = pytest.mark.truth


def velocity(data: Snapshots) -> np.ndarray:
    assert data.velocity is not None
    return data.velocity


def test_the_circuit_has_ten_signed_edges_that_act_as_they_say():
    made = circuit.SixGeneCircuit()
    edges = made.network()
    assert (edges == -1).sum() == 6 and (edges == 1).sum() == 4 and not edges.diagonal().any()
    s = np.full(6, 2.0)
    slopes = np.array(
        [(made.transcription(s + 1e-4 * e) - made.transcription(s - 1e-4 * e)) / 2e-4 for e in np.eye(6)]
    ).T
    assert (np.sign(np.round(slopes, 6)) == edges).all()
    assert made.transcription(np.zeros(6)) == pytest.approx(made.rates[0].mean() * (edges == -1).sum(axis=1))


def test_rates_of_the_circuit_are_log_normal_and_correlated():
    drawn = np.log([circuit.SixGeneCircuit(circuit.Settings(seed=seed)).rates for seed in range(200)])
    of_each = drawn.transpose(1, 0, 2).reshape(3, -1)
    assert np.exp(np.median(of_each, axis=1)) == pytest.approx([5, 0.5, 0.125], rel=0.06)
    assert of_each.std(axis=1) == pytest.approx([0.4] * 3, rel=0.08)
    assert np.corrcoef(of_each)[1, 2] == pytest.approx(0.8, abs=0.05)


def test_the_circuit_without_noise_follows_its_equations():
    """Euler with steps of 0.002 h against an ODE solver: 1 % of the highest level."""
    made = circuit.SixGeneCircuit(circuit.Settings(step=0.002, seed=4))
    _, beta, gamma = made.rates

    def field(t: float, y: np.ndarray) -> np.ndarray:
        return np.concatenate([made.transcription(y[6:]) - beta * y[:6], beta * y[:6] - gamma * y[6:]])

    times = np.linspace(0, 40, 21)
    solved = solve_ivp(field, (0, 40), [1, 0, 1, 0, 1, 0, *[0] * 6], t_eval=times, rtol=1e-9, atol=1e-9).y.T
    found = made.layer_courses(times)
    both = np.concatenate([found["unspliced"], found["spliced"]], axis=1)
    assert np.abs(both - solved).max() < 0.01 * solved.max()
    held = made.mean_trajectory(times, {"Gene1": 0.0})
    assert (held[:, 0] == 0).all() and held[-1, 1] > found["spliced"][-1, 1] - 1e-9  # freed of its inhibitor


def test_cells_of_the_circuit_lie_on_one_path():
    made = circuit.SixGeneCircuit(circuit.Settings(cells_per_time=400, noise=0.0))
    data, layers = made.simulate(), made.layers()
    latent = data.covariates[LATENT]
    assert latent[0] == 0 and (np.diff(latent) > 0).all() and latent[-1] == pytest.approx(40, rel=0.2)
    np.testing.assert_allclose(layers["spliced"], made.layer_courses(latent)["spliced"], rtol=1e-9)
    slope = np.gradient(layers["spliced"], latent, axis=0)
    assert np.corrcoef(slope[5:-5].ravel(), velocity(data)[5:-5].ravel())[0, 1] > 0.99
    noisy = circuit.SixGeneCircuit(circuit.Settings(cells_per_time=400, noise=0.5)).simulate()
    assert not np.allclose(noisy.x, data.x, atol=0.5) and noisy.x.min() >= 0
    assert DataRequirement.VELOCITY in data.has and len(data.times) == 1


def test_the_velocity_of_a_fate_is_the_slope_of_its_course():
    use = bifurcation.Settings(cells_per_time=300, measured="levels", measurement_error_sd=0.0)
    made = bifurcation.SplicingBifurcation(use)
    data = made.simulate()
    latent, fate = data.covariates[LATENT], data.labels[bifurcation.LABEL]
    assert set(fate) == {"A", "B", "undecided"} and (latent[fate == "undecided"] < use.branch_time).all()
    for each in "AB":
        of = made.kinetics(each)
        at = fate == each
        np.testing.assert_allclose(data.x[at], of.levels(latent[at])[1], rtol=1e-5, atol=1e-4)
        later, before = (of.levels(latent[at] + step)[1] for step in (1e-4, -1e-4))
        switches = np.concatenate([of.on, of.off])
        calm = np.abs(latent[at][:, None] - switches).min(axis=1) > 2e-4
        np.testing.assert_allclose(velocity(data)[at][calm], ((later - before) / 2e-4)[calm], atol=1e-2)
    other = np.char.startswith(made.axes, "FateB")
    assert (data.x[fate == "A"][:, other] == 0).all() and data.x[(fate == "B") & (latent > 12)][:, other].min() > 0


def test_fates_are_chosen_at_their_share_and_read_from_the_genes():
    made = bifurcation.SplicingBifurcation(bifurcation.Settings(fate_a=0.3, cells_per_time=4000))
    data = made.simulate()
    late = data.covariates[LATENT] > 10
    true = data.labels[bifurcation.LABEL][late]
    assert (made.fate_of(data.x[late]) == true).mean() > 0.99
    assert (true == "A").mean() == pytest.approx(0.3, abs=0.04) and made.fate_shares()["A"] == 0.3
    early = data.covariates[LATENT] < 5
    assert (made.fate_of(data.x[early]) == "undecided").mean() > 0.95


def test_a_pulse_labels_what_was_transcribed_in_it_along_the_fate_of_each_cell():
    """Genes that stay on during the pulse: new RNA is what the equations make from nothing in that time."""
    known = {"cells_per_time": 300, "measured": "levels", "measurement_error_sd": 0.0}
    made = bifurcation.SplicingBifurcation(bifurcation.Settings(pulse=1.5, efficiency=0.8, **known))
    without = bifurcation.SplicingBifurcation(bifurcation.Settings(**known))
    data, layers = made.simulate(), made.layers()
    assert set(without.layers()) == {"unspliced", "spliced"} and np.array_equal(data.x, without.simulate().x)
    np.testing.assert_allclose(layers["unspliced"] + layers["spliced"], layers["total"])
    latent, fate = data.covariates[LATENT], data.labels[bifurcation.LABEL]
    for each, other in ("AB", "BA"):
        rates, at = made.kinetics(each), fate == each
        nothing = np.zeros((1, len(made.axes)))
        u, s = rates.after(nothing, nothing, rates.alpha, np.full_like(nothing, 1.5))
        on = (rates.on < latent[at][:, None] - 1.5) & (latent[at][:, None] < rates.off)
        assert on.any() and np.allclose(layers["new"][at][on], np.broadcast_to(0.8 * (u + s), on.shape)[on])
        assert (layers["new"][at][:, np.char.startswith(made.axes, f"Fate{other}")] == 0).all()
    expected = made.layer_courses(np.array([12.0]))
    np.testing.assert_allclose(expected["total"], expected["unspliced"] + expected["spliced"])
    assert (expected["new"] < expected["total"]).all() and (expected["new"] >= -1e-9).all()


def test_boosted_genes_follow_the_equations_with_a_rate_that_changes():
    made = boosting.TranscriptionalBoosting(boosting.Settings(genes=5, boosted=0.4))
    usual, more = made.kinetics
    times = np.linspace(0, 12, 25)
    for gene in range(5):

        def field(t: float, y: np.ndarray, gene: int = gene) -> list[float]:
            alpha = sum(float(k.alpha[gene]) * (k.on[gene] <= t < k.off[gene]) for k in (usual, more))
            return [alpha - usual.beta[gene] * y[0], usual.beta[gene] * y[0] - usual.gamma[gene] * y[1]]

        start = [each[0, gene] for each in made.levels(np.zeros(1))]
        solved = solve_ivp(field, (0, 12), start, t_eval=times, max_step=0.01, rtol=1e-8).y
        np.testing.assert_allclose(np.stack([each[:, gene] for each in made.levels(times)]), solved, atol=0.05)
    assert made.axes[:2] == ("Boosted1", "Boosted2") and more.alpha[2:].max() == 0
    assert (usual.alpha + more.alpha)[:2] == pytest.approx(6 * usual.alpha[:2])


def test_constant_rates_read_boosted_genes_the_wrong_way_round():
    """Before the boost every boosted gene rises; the steady-state line through all its cells says that it falls."""
    made = boosting.TranscriptionalBoosting(boosting.Settings(measured="levels", measurement_error_sd=0.0))
    data, layers = made.simulate(), made.layers()
    slope, _ = steady_state(layers["unspliced"], layers["spliced"])
    read = layers["unspliced"] - slope * layers["spliced"]
    latent, kind = data.covariates[LATENT], np.array([each.rstrip("0123456789") for each in made.axes])
    before = (latent > 5) & (latent < 8)
    wrong = {each: (read * velocity(data) < 0)[before][:, kind == each].mean() for each in ("Boosted", "Induced")}
    assert wrong["Boosted"] > 0.5 > 0.2 > wrong["Induced"]


def test_cells_that_do_not_change_differ_by_counting_alone():
    use = unchanging.Settings(cells_per_time=6000, size_sd=0.0)
    made = unchanging.UnchangingPopulation(use)
    data, layers = made.simulate(), made.layers()
    assert not velocity(data).any() and not data.covariates and not data.labels
    for name, level in zip(("unspliced", "spliced"), made.levels, strict=True):
        mean = use.capture_rate * level[0]
        assert (np.abs(layers[name].mean(axis=0) - mean) < 5 * np.sqrt(mean / 6000)).all()
        assert layers[name].var(axis=0) == pytest.approx(mean, rel=0.15)
    alpha, beta, gamma = use.rates(60)
    u, s = (each[0] for each in made.levels)
    assert alpha - beta * u == pytest.approx(0, abs=1e-9) and beta * u - gamma * s == pytest.approx(0, abs=1e-9)


def test_groups_and_times_change_nothing():
    made = unchanging.UnchangingPopulation(unchanging.Settings(groups=3, n_times=2, cells_per_time=3000))
    data = made.simulate()
    states = made.steady_states()
    assert set(data.labels[unchanging.LABEL]) == set(states) == {"group 1", "group 2", "group 3"}
    for name, level in states.items():
        for time in data.times:
            cells = data.x[(data.labels[unchanging.LABEL] == name) & (data.t == time)]
            assert cells.mean(axis=0) == pytest.approx(level, rel=0.1, abs=0.3)
