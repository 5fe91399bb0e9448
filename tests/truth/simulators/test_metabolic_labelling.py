"""Labelled RNA against its equations: new RNA is what was made during the pulse."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from cellflow_core.data.simulators.transcription.metabolic_labelling import MetabolicLabelling, Settings
from cellflow_core.data.simulators.transcription.splicing import LATENT

pytestmark = pytest.mark.truth


def test_new_rna_solves_the_equations_from_nothing_at_the_begin_of_the_pulse():
    """An ODE solver, begun without RNA when the label is given: 1e-6 of the highest level."""
    made = MetabolicLabelling(Settings(genes=6, pulse=3.0, efficiency=0.8, measured="levels"))
    use = made.kinetics

    def field(t: float, y: np.ndarray) -> np.ndarray:
        alpha = np.where((use.on <= t) & (t < use.off), use.alpha, 0.0)
        return np.concatenate([alpha - use.beta * y[:6], use.beta * y[:6] - use.gamma * y[6:]])

    for end in (3.5, 7.0, 11.0):
        solved = solve_ivp(field, (end - 3.0, end), np.zeros(12), rtol=1e-9, atol=1e-9, max_step=0.002).y[:, -1]
        found = made.layer_courses(np.array([end]))
        assert found["new"][0] == pytest.approx(0.8 * (solved[:6] + solved[6:]), abs=0.02)
        assert found["total"][0] == pytest.approx(found["unspliced"][0] + found["spliced"][0])


def test_rates_follow_in_hours_from_the_label():
    """Genes that stay on: alpha from new RNA after a pulse so short that none of it decays, to 3 %."""
    made = MetabolicLabelling(Settings(genes=9, pulse=0.05, efficiency=1.0, measured="levels"))
    induced = [k for k, name in enumerate(made.axes) if name.startswith("Induced")]
    new = made.layer_courses(np.array([13.0]))["new"][0]
    assert new[induced] / 0.05 == pytest.approx(made.kinetics.alpha[induced], rel=0.03)


def test_cells_have_their_layers_and_velocity():
    made = MetabolicLabelling(Settings(cells_per_time=400))
    data, layers = made.simulate(), made.layers()
    latent, expected = data.covariates[LATENT], made.layer_courses(data.covariates[LATENT])
    for name, values in layers.items():  # Poisson counts
        assert (values == np.round(values)).all()
        assert values.mean() == pytest.approx(expected[name].mean(), rel=0.02)
    assert (layers["new"] <= layers["total"]).all() and len(data.times) == 1
    assert (layers["unspliced"] + layers["spliced"] == layers["total"]).all()
    step = 1e-4
    slope = (made.mean_trajectory(latent + step) - made.mean_trajectory(latent - step)) / (2 * step)
    assert data.velocity is not None
    np.testing.assert_allclose(data.velocity, slope, rtol=1e-3, atol=1e-2)
