"""Circuits on which settings can be chosen: where cells end, and what a lost gene changes."""

from __future__ import annotations

import circuit_knockouts
import pytest


def test_three_genes_end_where_the_signal_lets_them():
    circuit = circuit_knockouts.created("three-genes")
    plain = circuit.fate_shares(cells=400)
    assert plain["signal"] == pytest.approx(0.5, abs=0.02) and plain["A on"] == 0
    assert circuit.fate_shares({"B": 0.0}, cells=400)["A on"] == pytest.approx(0.5, abs=0.02)
    assert circuit.fate_shares({"C": 0.0}, cells=400)["B on"] == pytest.approx(1, abs=0.01)


def test_without_a_repressor_its_target_is_the_highest_of_the_ring():
    circuit = circuit_knockouts.created("ring:step=0.5")
    plain = circuit.fate_shares(cells=400)
    assert min(plain.values()) > 0.1 and sum(plain.values()) == pytest.approx(1)
    for gene, target in zip(circuit.fates, (*circuit.fates[1:], circuit.fates[0]), strict=True):
        assert circuit.fate_shares({f"{gene} protein": 0.0}, cells=400)[target] > 0.98


def test_several_circuits_have_a_mean():
    rows = [
        circuit_knockouts._row("c", "m", 0, {"A": 0.4, "B": 0.2}, ["A"], 0.0),
        circuit_knockouts._row("d", "m", 0, {"A": 0.1}, ["A"], 0.0),
    ]
    last = circuit_knockouts.table(rows).splitlines()[-1]
    assert last.split() == ["mean", "over", "circuits", "m", "0.200"]
