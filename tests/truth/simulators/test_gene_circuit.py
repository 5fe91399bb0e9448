"""The gene circuit against the published table of the same circuit, and against its own equations by differences."""

from __future__ import annotations

import numpy as np
import pytest

from cellflow_core.data.simulators.gene_circuit import LABEL, GeneCircuit, Settings

pytestmark = pytest.mark.truth


def test_clouds_and_numbers_of_cells_are_those_of_the_published_table(shared):
    """Of the dividing cells at each day: means of A and B within 0.1, spreads within 0.03, numbers within 10 %."""
    table = np.genfromtxt(shared / "deepruot" / "simulation_gene_data.csv", delimiter=",", names=True)
    data = GeneCircuit(Settings(cells_per_time=2000)).simulate()
    assert data.mass is not None
    for k, t in enumerate(data.times):
        seen = table[table["samples"] == t]
        theirs = np.stack([seen["x1"], seen["x2"]], axis=1)
        theirs = theirs[theirs.sum(axis=1) > 0.8]
        moving = data.labels[LABEL][data.t == t] == "A on"
        ours = data.at(float(t))[moving][:, :2]
        np.testing.assert_allclose(ours.mean(axis=0), theirs.mean(axis=0), atol=0.1)
        np.testing.assert_allclose(ours.std(axis=0), theirs.std(axis=0), atol=0.03)
        assert moving.mean() * data.mass[k] / data.mass[0] * 400 == pytest.approx(len(theirs), rel=0.1)


def test_mass_is_that_of_the_cells_that_were_drawn():
    """Within 3 % at each day, from other lines of descent; growth is between 0 and the rate of division."""
    circuit = GeneCircuit(Settings(cells_per_time=3000))
    data = circuit.simulate()
    assert data.mass is not None
    for t, mass in zip(data.times, data.mass, strict=True):
        assert mass / data.mass[0] == pytest.approx(circuit.mass(float(t)), rel=0.03)
        rate = circuit.growth(float(t), data.at(float(t)))
        assert (rate >= 0).all() and (rate < circuit.settings.division_rate).all()


def test_the_network_is_the_signs_of_the_slopes_of_the_drift():
    """Exactly, at a hundred states; decay is taken off the diagonal."""
    circuit, h = GeneCircuit(), 1e-5
    x = np.random.default_rng(0).uniform(0.3, 2.0, size=(100, 3))
    for k, step in enumerate(np.eye(3) * h):
        slope = (circuit.drift(0.0, x + step) - circuit.drift(0.0, x - step)) / (2 * h)
        slope[:, k] += 8.0 * 0.4
        assert (np.sign(np.round(slope, 6)) == circuit.network()[:, k]).all()
