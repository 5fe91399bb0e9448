"""Cells in which it is known which gene depends on which, and models trained on them."""

from __future__ import annotations

import numpy as np

from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.models import registry
from cellflow_core.train.trainer import TrainConfig, fit


def cells(x: np.ndarray, genes: tuple[str, ...], **labels: np.ndarray) -> Snapshots:
    return Snapshots(x.astype(np.float32), None, AffineSpace.of_genes(genes), labels=labels)


def trained(name: str, data: Snapshots, seed: int = 0, **settings):
    model = registry.create(name, settings, data.spec, seed)
    fit(model, data, TrainConfig.preset("standard", type(model)), seed=seed)
    return model.eval()


def influence(name: str, data: Snapshots, seed: int = 0, group: str = "", **settings) -> np.ndarray:
    return trained(name, data, seed, **settings).network(group).detach().numpy()
