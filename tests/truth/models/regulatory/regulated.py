"""Cells in which it is known which gene depends on which, and networks found in them."""

from __future__ import annotations

import numpy as np

from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from tests.truth.models.regulatory.simulated import trained


def cells(x: np.ndarray, genes: tuple[str, ...], **labels: np.ndarray) -> Snapshots:
    return Snapshots(x.astype(np.float32), None, AffineSpace.of_genes(genes), labels=labels)


def influence(name: str, data: Snapshots, seed: int = 0, group: str = "", **settings) -> np.ndarray:
    return trained(name, data, seed, None, **settings).network(group).detach().numpy()
