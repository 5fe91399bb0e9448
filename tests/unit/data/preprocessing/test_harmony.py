"""Harmony brings batches together where their cells are alike, and leaves what differs between cell types."""

import numpy as np
import pytest

from cellflow_core.data.preprocessing.harmony import batch_mixing_score, harmony_integrate, mixed_at_random


def test_batches_meet_and_types_stay_apart():
    rng = np.random.default_rng(0)
    kind = np.tile([0, 1], 300)
    batch = np.repeat(["a", "b"], 300)
    x = rng.normal(size=(600, 5)).astype(np.float32)
    x[:, 0] += 12 * kind
    x[batch == "b", 1] += 6
    moved = harmony_integrate(x, batch)
    assert moved.shape == x.shape and moved.dtype == np.float32

    def gap(values, groups, axis):
        first, second = (values[groups == each, axis].mean() for each in np.unique(groups))
        return abs(first - second)

    assert gap(x, batch, 1) > 5 and gap(moved, batch, 1) < 2
    assert gap(moved, kind, 0) > 10
    assert np.array_equal(moved, harmony_integrate(x, batch))


def test_one_batch_is_refused():
    with pytest.raises(ValueError, match="one batch only"):
        harmony_integrate(np.zeros((4, 2), np.float32), np.array(["a"] * 4))


def test_mixing_is_nothing_apart_and_as_at_random_where_batches_are_spread_evenly():
    rng = np.random.default_rng(1)
    batch = rng.choice(["a", "b", "c"], 3_000, p=[0.5, 0.3, 0.2])
    x = rng.normal(size=(3_000, 3))
    assert mixed_at_random(batch) == pytest.approx(1 - 0.25 - 0.09 - 0.04, abs=0.02)
    assert batch_mixing_score(x, batch) == pytest.approx(mixed_at_random(batch), abs=0.02)
    assert batch_mixing_score(x + 100 * (batch == "a")[:, None] - 100 * (batch == "b")[:, None], batch) == 0.0
