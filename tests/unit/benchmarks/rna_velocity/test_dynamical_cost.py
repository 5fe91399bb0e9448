"""The benchmark of the dynamical model: made-up genes follow its equations, and stand-ins have the fits of others."""

from __future__ import annotations

import dynamical_cost
import numpy as np
import pytest


def test_genes_follow_the_splicing_equations():
    """To the noise, 5 % of alpha: the first is on from the start, and has risen in most cells."""
    u, s = dynamical_cost.moments(2000, 4, different=2)
    assert u.shape == s.shape == (2000, 4)
    t = np.random.default_rng(0).uniform(0, dynamical_cost.LAST, 2000)
    np.testing.assert_allclose(u[:, 0], 10 * (1 - np.exp(-t)), atol=2.5)
    np.testing.assert_allclose(s[:, 0], 20 * (1 - np.exp(-0.5 * t)) - 20 * (np.exp(-0.5 * t) - np.exp(-t)), atol=2.5)
    assert np.corrcoef(u[:, 0], u[:, 2])[0, 1] > 0.9 > np.corrcoef(u[:, 0], u[:, 1])[0, 1]


def test_a_row_of_its_costs():
    pytest.importorskip("scvelo", reason="the optional package scvelo is not installed: `make scvelo`")
    found = dynamical_cost.row(cells=200, genes=30, fitted=2)
    assert found["fit_s"] > 0 and found["peak_mb"] >= max(found["stages"].values()) > 100
    assert set(found["stages"]) >= {"moments", "fits", "latent_time"}
