"""The heart against another integration, the balance of flows over a beat, and physiology."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from cellflow_core.data.simulators.individuals.heart import PARAMETERS, Heart, Settings

pytestmark = pytest.mark.truth
TIMES = np.linspace(0, 0.8, 17)
USUAL = np.array([list(PARAMETERS.values())])


def test_a_beat_is_that_of_another_integration() -> None:
    """15 beats by an adaptive solver, written down again: to 0.2 mmHg and mL."""
    systolic, diastolic, peak, resistance, compliance, impedance, filling = USUAL[0]

    def pressure(t: float, volume: float) -> float:
        s = t % 0.8 / peak
        e = 0.5 - 0.5 * np.cos(np.pi * s) if s < 1 else 0.5 + 0.5 * np.cos(2 * np.pi * (s - 1)) if s < 1.5 else 0.0
        return (diastolic + (systolic - diastolic) * e) * (volume - 5)

    def change(t: float, y: np.ndarray) -> list[float]:
        p = pressure(t, y[0])
        ejected = max(p - y[1], 0) / impedance
        return [max(filling - p, 0) / 0.02 - ejected, (ejected - y[1] / resistance) / compliance]

    found = solve_ivp(change, (0, 12.8), (120.0, 80.0), t_eval=12.0 + TIMES[:-1], rtol=1e-7, atol=1e-7, max_step=0.01)
    made = Heart().traces(USUAL, TIMES)[0, :-1]
    np.testing.assert_allclose(made[:, 1:], found.y.T, atol=0.2)
    np.testing.assert_allclose(made[:, 0], [pressure(t, v) for t, v in zip(TIMES, found.y[0], strict=False)], atol=0.5)


def test_a_beat_closes_and_what_is_ejected_flows_off() -> None:
    """The last moment is the first, and the stroke volume in a beat is what flows off through R: to 2 %."""
    heart = Heart(Settings(subjects=30))
    times = np.linspace(0, 0.8, 401)
    traces = heart.traces(heart.parameters, times)
    np.testing.assert_allclose(traces[:, 0], traces[:, -1], rtol=0.01, atol=0.3)
    stroke = traces[..., 1].max(axis=1) - traces[..., 1].min(axis=1)
    outflow = np.trapezoid(traces[..., 2], times, axis=1) / heart.parameters[:, 3]
    np.testing.assert_allclose(stroke, outflow, rtol=0.02)


def test_the_usual_heart_is_healthy_and_parameters_act_as_known() -> None:
    """Ejection fraction of 50 to 75 %, aortic pressures of about 120 over 80 mmHg; more resistance, more pressure."""
    traces = Heart().traces(USUAL, TIMES)[0]
    assert 0.5 < 1 - traces[:, 1].min() / traces[:, 1].max() < 0.75
    assert 100 < traces[:, 2].max() < 140 and 60 < traces[:, 2].min() < 90
    more = USUAL.repeat(3, axis=0)
    more[0, 3], more[1, 6], more[2, 0] = 1.4, 12.0, 3.5
    resistance, filling, elastance = Heart().traces(more, TIMES)
    assert resistance[:, 2].mean() > traces[:, 2].mean() + 5
    assert filling[:, 1].max() > traces[:, 1].max() + 10
    assert elastance[:, 1].min() < traces[:, 1].min() - 5
    with pytest.raises(ValueError, match=r"0\.8 s"):
        Heart().traces(USUAL, np.array([0.9]))


def test_hearts_know_their_parameters() -> None:
    heart = Heart(Settings(subjects=5, noise=0.05))
    data = heart.trajectories()
    np.testing.assert_allclose(np.stack(list(data.covariates.values()), 1), heart.parameters)
    clean = heart.traces(heart.parameters, data.times).reshape(-1, 3)
    assert (data.x - clean).std(axis=0) / clean.std(axis=0) == pytest.approx(0.05, rel=0.25)
