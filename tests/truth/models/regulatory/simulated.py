"""Cells of known circuits, the models trained on them, and how well a network is ranked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from cellflow_core.analysis.perturbations.clamp import clamped
from cellflow_core.analysis.simulate import simulate
from cellflow_core.data.prior_network import PriorNetwork
from cellflow_core.data.simulators.krumsiek import GENES, Krumsiek, Settings
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.models import registry
from cellflow_core.train.trainer import TrainConfig, fit

Array = np.ndarray
BYSTANDER = "noise"
"""A gene that acts on none and that none acts on."""


def myeloid(seed: int, n_times: int = 6) -> tuple[Snapshots, Array]:
    """(cells of the myeloid circuit with one gene of pure noise beside its own, network [targets, sources])."""
    simulator = Krumsiek(Settings(seed=seed, n_times=n_times, cells_per_time=300))
    data = simulator.simulate()
    noise = 0.5 + 0.2 * np.random.default_rng(seed).normal(size=(len(data.x), 1)).astype(np.float32)
    both = replace(data, x=np.hstack([data.x, noise]), space=AffineSpace.of_genes((*GENES, BYSTANDER)))
    return both, np.pad(simulator.network(), (0, 1))


def trained(name: str, data: Snapshots, seed: int = 0, training: dict[str, Any] | None = None, **settings: Any):
    model = registry.create(name, settings, data.spec, seed)
    fit(model, data, TrainConfig.preset("standard", type(model), **(training or {})), seed=seed)
    return model.eval()


def auroc(network: Array, truth: Array) -> float:
    """Of the size of entries against edges, the diagonal left out: 0.5 is chance."""
    others = ~np.eye(len(truth), dtype=bool)
    return float(roc_auc_score(truth[others] != 0, np.abs(network)[others]))


def correlation(data: Snapshots) -> Array:
    return np.corrcoef(data.x.T)


def right_signs(network: Array, truth: Array) -> float:
    """Share of the true edges between two genes whose sign is right."""
    edges = (truth != 0) & ~np.eye(len(truth), dtype=bool)
    return float((np.sign(network) == truth)[edges].mean())


def bystander_share(network: Array) -> float:
    """Mean size of the entries of the last gene, row and column, over that of the entries of all other genes."""
    size = np.abs(network) * ~np.eye(len(network), dtype=bool)
    n = len(size) - 1
    return float((size[-1].sum() + size[:, -1].sum()) / (2 * n) / (size[:-1, :-1].sum() / (n * (n - 1))))


def change(model, data: Snapshots, gene: str, level: float) -> dict[str, float]:
    """Mean change of each gene at the last time, in standard deviations, with one held at a level from the first on."""
    start, times = data.at(data.times[0])[:150], [float(data.times[0]), float(data.times[-1])]
    ends = [simulate(each, start, times, seed=0).x[-1] for each in (model, clamped(model, data, {gene: level}))]
    moved = (ends[1] - ends[0]).mean(axis=0) / data.x.std(axis=0)
    return dict(zip(data.space.genes, moved.tolist(), strict=True))


def with_prior(data: Snapshots, truth: Array, wrong: int = 12, seed: int = 0) -> Snapshots:
    """The same cells with a prior network: the true edges, signs included, and some that are wrong."""
    edges = truth.astype(float)
    free = np.argwhere(truth == 0)
    for target, source in free[np.random.default_rng(seed).choice(len(free), wrong, replace=False)]:
        edges[target, source] = 1.0
    target, source = np.nonzero(edges)
    names = np.array(data.space.genes)
    return replace(data, network=PriorNetwork("made", names[source], names[target], edges[target, source]))
