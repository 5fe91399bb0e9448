"""Plans say whether they converged, and models note it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.math import sinkhorn
from cellflow_core.models.transport.ot_solvers import Entropic, Exact
from cellflow_core.models.transport.pair_sampler import Pairing
from cellflow_core.models.transport.transport_plans import plans


@pytest.fixture
def hurried(monkeypatch) -> SnapshotTensors:
    """Cells whose plan at epsilon 0.01 is nearly converged after so few iterations, and not quite."""
    monkeypatch.setattr(sinkhorn, "MAX_ITERATIONS", 100)
    monkeypatch.setattr(sinkhorn, "_TOLERANCE", 1e-3)
    t = np.repeat((0.0, 0.1), (60, 50))
    x = np.random.default_rng(0).normal(size=(len(t), 2)) + 10 * t[:, None]
    return SnapshotTensors.from_snapshots(Snapshots(x, t, AffineSpace.coordinates(("a", "b"))))


def test_a_plan_tells_whether_it_converged(hurried):
    found, loose, exact = (
        plans(each, hurried, torch.Generator().manual_seed(0))[0] for each in (Entropic(0.01), Entropic(0.5), Exact())
    )
    assert not found.converged and not found.take(torch.arange(3)).converged
    assert loose.converged and exact.converged


def test_the_note_is_kept_with_the_weights_and_older_weights_have_none(hurried):
    pairing = Pairing(Entropic(0.01))
    pairing.prepare(hurried, torch.Generator().manual_seed(0))
    loaded = Pairing(Entropic(0.01))
    loaded.load_state_dict(pairing.state_dict())
    assert loaded.notes() == pairing.notes() and "did not converge" in loaded.notes()[0]
    loaded.load_state_dict({})
    assert loaded.notes() == ()
