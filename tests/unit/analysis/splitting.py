"""Cells that part in two, and small models of their motion: what the tests of analyses share."""

import numpy as np
import torch

from cellflow_core.analysis.embedding import Embedding
from cellflow_core.config import Config
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.models.contract import (
    DynamicsModel,
    HasCoupling,
    HasDrift,
    HasGrowth,
    HasNoise,
    HasPotential,
    HasVelocity,
    TransportPlan,
)

GENES = ("Up", "Side", "Still")


def splitting(cells: int = 120) -> Snapshots:
    """Cells that move up with speed 1 and away from Side = 0 to one of two sides, three quarters to the right."""
    rng = np.random.default_rng(0)
    frames = []
    for time in (0.0, 1.0, 2.0):
        side = np.where(np.arange(cells) % 4, 1.0, -1.0)
        x = np.stack([np.full(cells, time), side * (0.2 + 2 * time), np.zeros(cells)], axis=1)
        frames.append(x + 0.1 * rng.normal(size=x.shape))
    t = np.repeat([0.0, 1.0, 2.0], cells)
    kind = np.where(np.concatenate(frames)[:, 1] > 0, "right <b>", "left")
    x = np.concatenate(frames).astype(np.float32)
    return Snapshots(x, t, AffineSpace.of_genes(GENES), "day", labels={"kind": kind})


DATA = splitting()
VIEW = Embedding("pca", ("a", "b"), DATA.x[:, :2], DATA.x)


class Made(DynamicsModel):
    title = "Made up"
    summary = "For tests."
    paper = "none"
    Config = Config

    def __init__(self):
        super().__init__(Config(), DATA.spec)

    def phases(self):
        return ()


class Split(Made, HasVelocity):
    def velocity(self, t, x, context):
        return torch.stack([torch.ones_like(t), 2 * torch.tanh(20 * x[:, 1]), -x[:, 2]], dim=1)


class Noisy(Made, HasDrift, HasNoise):
    def drift(self, t, x, context):
        return torch.stack([torch.ones_like(t), 2 * torch.tanh(20 * x[:, 1]), -x[:, 2]], dim=1)

    def noise(self, t):
        return torch.full_like(t, 0.3)


class Hill(Split, HasPotential):
    def potential(self, t, x, context):
        return -x[:, 0] + 0.5 * x[:, 2].square()


class NoisyHill(Noisy, HasPotential):
    def potential(self, t, x, context):
        return -x[:, 0] + 0.5 * x[:, 2].square()


class Growing(Split, HasGrowth):
    def growth(self, t, x, context):
        return x[:, 1].sign()


class Plans(Made, HasCoupling):
    def coupling(self, k):
        a, b = (torch.from_numpy(DATA.at(time)) for time in DATA.times[k : k + 2])
        return TransportPlan(float(k), float(k + 1), a, b, torch.full((len(a),), 1 / len(a)))
