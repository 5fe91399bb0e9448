"""The sampling floor against distances between fresh samples of a known population."""

from __future__ import annotations

import numpy as np
import pytest

from cellflow_core.analysis.sampling_floor import FEWEST, sampling_floor
from cellflow_core.math.distances import mmd, sliced
from cellflow_core.math.ot import wasserstein


@pytest.mark.parametrize(("dims", "error"), [(2, 0.08), (5, 0.04), (10, 0.02)])
def test_it_is_the_distance_of_two_samples_of_as_many_cells(dims: int, error: float) -> None:
    """Within a few per cent; halves alone are 40, 15 and 7 % too far."""
    rng = np.random.default_rng(dims)
    draw = lambda: rng.normal(size=(300, dims)).astype(np.float32)  # noqa: E731
    truth = np.mean([wasserstein(draw(), draw()) for _ in range(12)])
    found = np.mean([sampling_floor(draw(), wasserstein, seed) for seed in range(4)])
    assert found == pytest.approx(truth, rel=error)


@pytest.mark.parametrize("distance", [mmd, sliced])
def test_it_holds_for_other_distances(distance) -> None:
    rng = np.random.default_rng(0)
    draw = lambda: rng.normal(size=(400, 3))  # noqa: E731
    truth = np.mean([distance(draw(), draw()) for _ in range(20)])
    assert np.mean([sampling_floor(draw(), distance, seed) for seed in range(8)]) == pytest.approx(truth, rel=0.15)


def test_of_few_or_equal_cells_it_is_that_of_halves() -> None:
    few = np.random.default_rng(1).normal(size=(FEWEST - 2, 2))
    assert 0 < sampling_floor(few, wasserstein) < 3
    assert sampling_floor(np.ones((40, 2)), wasserstein) == 0
