"""The bound of individual fits: curves that are of this kind are followed without error."""

from __future__ import annotations

import free_fits as program
import numpy as np
import pytest


@pytest.mark.parametrize("curve", [program.lagged, program.transit])
def test_a_curve_of_its_own_kind_is_followed(curve) -> None:
    t = np.array([0.5, 1, 2, 4, 8, 16, 32.0])
    p = np.log([0.1, 1.0, 20.0, 0.4])
    found = program.fit(curve, [p + 0.3], t, curve(p, t, 100.0), 100.0, np.random.default_rng(0))
    assert np.abs(found.errors).max() < 1e-3 and found.p == pytest.approx(p, abs=1e-2)


def test_two_compartments_are_never_further_than_one(tmp_path, capsys) -> None:
    rng, t = np.random.default_rng(0), np.array([0.5, 1, 2, 4, 8, 16, 24, 32.0])
    lines = ["ID,TIME,AMT,DV"]
    for who in (1, 2, 3):
        y = program.lagged(np.log([0.1, 1.0, 20.0, 0.4]), t, 100.0) * np.exp(0.1 * rng.standard_normal(len(t)))
        lines += [f"{who},0,100,.", *(f"{who},{at:g},.,{each:.5g}" for at, each in zip(t, y, strict=True) if each > 0)]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    found = program.main(["--data", str(tmp_path / "a.csv"), "--edges", "1"])
    assert found["2 compartments, lag"] <= found["1 compartment, lag"] * (1 + 1e-6)
    assert found["2 compartments, gamma"] <= found["1 compartment, gamma"] * (1 + 1e-3)
    assert "1 to inf: " in capsys.readouterr().out


def test_the_exponentials_of_two_compartments() -> None:
    """Rates have the sum and product of the model, and parts sum to one."""
    (fast, a), (slow, b) = program.modes(0.1, 0.3, 0.2)
    assert fast + slow == pytest.approx(0.6) and fast * slow == pytest.approx(0.02) and a + b == pytest.approx(1)
