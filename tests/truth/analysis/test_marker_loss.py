"""A cell that loses a marker is no other cell for that: fates are read from the other genes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.perturbations.knock_out import perturbation
from cellflow_core.analysis.perturbations.screen import screen
from cellflow_core.config import Config
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.models.contract import Context, DynamicsModel, HasVelocity

pytestmark = pytest.mark.truth
GENES = ("Master", "Marker", "Other")


def forked() -> Snapshots:
    """Cells go up or down by the sign of Master; Marker, on a scale four times as large, only tells which."""
    rng = np.random.default_rng(0)
    sign, late = np.where(np.arange(400) % 2, 1.0, -1.0), np.arange(400) >= 200
    x = np.stack([sign * (0.2 + late), 4 * (sign > 0) * late, np.zeros(400)], axis=1) + 0.05 * rng.normal(size=(400, 3))
    labels = {"fate": np.where(sign > 0, "up", "down")}
    return Snapshots(x.astype(np.float32), late.astype(float), AffineSpace.of_genes(GENES), "d", labels=labels)


DATA = forked()
VIEW = Embedding("pca", ("a", "b"), DATA.x[:, :2], DATA.x)


class Forked(DynamicsModel, HasVelocity):
    title, summary, paper = "Made up", "For tests.", "none"
    Config = Config

    def __init__(self) -> None:
        super().__init__(Config(), DATA.spec)

    def phases(self):
        return ()

    def velocity(self, t: torch.Tensor, x: torch.Tensor, context: Context) -> torch.Tensor:
        return torch.stack([x[:, 0].sign(), 4.0 * (x[:, 0] > 0), 0 * x[:, 0]], dim=1)


def test_the_loss_of_a_marker_changes_no_fate_and_that_of_the_master_does() -> None:
    model = Forked()
    for gene, moved in (("Marker", False), ("Master", True)):
        found = perturbation(model, DATA, VIEW, gene, states="fate")
        assert (np.abs(found.change).max() > 0.3) == moved, (gene, found.names, found.change)
        if not moved:
            np.testing.assert_array_equal(found.change, 0.0)


def test_a_screen_says_the_same() -> None:
    found = screen(Forked(), DATA, VIEW, GENES[:2], states="fate")
    change = np.abs(found.change).max(axis=1)
    assert change[0] > 0.3 and change[1] == 0.0
