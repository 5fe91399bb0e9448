"""Harmony brings batches together where their cells are alike, and leaves what differs between cell types."""

import numpy as np
import pytest

from cellflow_core.data.harmony import corrected


def test_batches_meet_and_types_stay_apart():
    rng = np.random.default_rng(0)
    kind = np.tile([0, 1], 300)
    batch = np.repeat(["a", "b"], 300)
    x = rng.normal(size=(600, 5)).astype(np.float32)
    x[:, 0] += 12 * kind
    x[batch == "b", 1] += 6
    moved = corrected(x, batch)
    assert moved.shape == x.shape and moved.dtype == np.float32

    def gap(values, groups, axis):
        first, second = (values[groups == each, axis].mean() for each in np.unique(groups))
        return abs(first - second)

    assert gap(x, batch, 1) > 5 and gap(moved, batch, 1) < 2
    assert gap(moved, kind, 0) > 10
    assert np.array_equal(moved, corrected(x, batch))


def test_one_batch_is_refused():
    with pytest.raises(ValueError, match="one batch only"):
        corrected(np.zeros((4, 2), np.float32), np.array(["a"] * 4))
