"""The bound of individual fits: curves that are of this kind are followed without error."""

from __future__ import annotations

import free_fits as program
import numpy as np
import pytest


@pytest.mark.parametrize("curve", [program.lagged, program.transit])
def test_a_curve_of_its_own_kind_is_followed(curve) -> None:
    t = np.array([0.5, 1, 2, 4, 8, 16, 32.0])
    p = np.log([0.1, 1.0, 20.0, 0.4])
    found = program.relative_errors(curve, p + 0.3, t, curve(p, t, 100.0), 100.0, np.random.default_rng(0))
    assert np.abs(found).max() < 1e-3


def test_the_exponentials_of_two_compartments() -> None:
    """Rates have the sum and product of the model, and parts sum to one."""
    (fast, a), (slow, b) = program.modes(0.1, 0.3, 0.2)
    assert fast + slow == pytest.approx(0.6) and fast * slow == pytest.approx(0.02) and a + b == pytest.approx(1)
