"""Velocities consistent among genes, beside those of the steady-state ratio. Each test states the cosines."""

from __future__ import annotations

import pytest

from tests.truth.models.rna_velocity.simulated import cosine

pytestmark = pytest.mark.truth


@pytest.mark.parametrize(
    ("name", "least"),
    [("six-gene-circuit", 0.88), ("splicing-bifurcation", 0.8), ("transcriptional-boosting", 0.8)],
)
def test_nearer_to_the_truth_than_the_steady_state_ratio(name: str, least: float):
    found, baseline = (cosine(model, name) for model in ("consistent-velocity", "steady-state"))
    print(f"{name}: {found:.3f} beside {baseline:.3f}")
    assert found > least and found > baseline + 0.02
