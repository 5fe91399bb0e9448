"""Scores of predicted knock-outs, measured and of a circuit."""

from __future__ import annotations

import circuit_knockouts
import knockouts
import numpy as np
import pytest

from cellflow_core.analysis.perturbations.knock_out_scores import KnockOuts

GENES = ("A", "B", "C", "D", "E")


@pytest.fixture
def screen() -> KnockOuts:
    """A raises C, B raises D, E does nothing; 200 cells of each target and of the controls."""
    rng = np.random.default_rng(0)
    x, target = rng.normal(1.0, 0.2, (600, 5)), np.repeat(["control", "A", "B"], 200)
    x[target == "A", 2] += 1.0
    x[target == "B", 3] += 1.0
    return KnockOuts(x, GENES, target, "control")


def test_a_perfect_answer_no_change_and_the_other_target(screen: KnockOuts) -> None:
    perfect = screen.scores("A", screen.change["A"])
    assert perfect["R2"] == pytest.approx(1.0) and perfect["sign"] == perfect["discrimination"] == 1.0
    still = screen.scores("A", np.zeros(5))
    assert still["R2"] == 0.0 and still["sign"] == still["discrimination"] == 0.5
    other = screen.scores("A", screen.change["B"])
    assert other["R2"] < 0 and other["discrimination"] == 0.0


def test_the_target_left_out_is_in_no_prediction(screen: KnockOuts) -> None:
    changed = KnockOuts(screen.x + 5.0 * (screen.target == "A")[:, None], GENES, screen.target, "control")
    for name in ("mean response", "one gene", "linear-grn", "linear-grn, all"):
        one, other = (knockouts.ROWS[name](each, "A", 0) for each in (screen, changed))
        np.testing.assert_allclose(one, other, atol=1e-6, err_msg=name)


def test_half_against_half_is_near_one_where_effects_are_large(screen: KnockOuts) -> None:
    assert screen.halves("A", 0)["R2"] > 0.98


def test_errors_of_a_circuit_are_those_of_the_worst_fate() -> None:
    truth = {"A": {"up": -0.5, "down": 0.5}, "B": {"up": 0.0, "down": 0.0}}
    found = {"A": {"up": -0.2, "down": 0.1}, "B": {"up": 0.1, "down": -0.1}}
    assert circuit_knockouts.errors(truth, found, "none") == pytest.approx({"A": 0.4, "B": 0.1})
    (row,) = [circuit_knockouts._row("c", "m", 0, {"A": 0.4, "B": 0.1}, ["A"], 0.0)]
    assert (row["drivers"], row["others"], row["largest"]) == (0.4, 0.1, 0.4)
    assert "0.400 ± 0.000" in circuit_knockouts.table([row])


def test_cells_of_no_fate_are_where_a_model_puts_them_elsewhere() -> None:
    truth = {"A": {"up": -0.5, "none": 0.5}}
    assert circuit_knockouts.errors(truth, {"A": {"up": -0.4, "elsewhere": 0.4}}, "none") == pytest.approx({"A": 0.1})
    assert circuit_knockouts.errors(truth, {"A": {"up": -0.5}}, "none") == pytest.approx({"A": 0.5})


def test_a_circuit_has_settings_and_its_network() -> None:
    circuit = circuit_knockouts.created("krumsiek:n_times=3,noise=0.1")
    assert circuit.settings.n_times == 3
    network = circuit_knockouts.network_of(circuit)
    assert np.array_equal(network.matrix(circuit.axes), circuit.network())


def test_the_first_pair_of_the_six_gene_circuit_decides_and_its_read_out_does_not() -> None:
    circuit = circuit_knockouts.created("six-gene:cells_per_time=40,last_time=24.0")
    assert circuit.simulate().x.shape == (280, 7) and not circuit.network()[:, 6].any()
    plain = circuit.fate_shares(cells=300)
    assert 0.2 < plain["Gene1 wins"] < 0.9
    assert circuit.fate_shares({"Gene1": 0.0}, cells=300)["Gene1 wins"] == 0.0
    assert circuit.fate_shares({"Gene2": 0.0}, cells=300)["Gene1 wins"] == 1.0
    for marker in ("Gene4", "ReadOut"):
        assert circuit.fate_shares({marker: 0.0}, cells=300) == plain
