"""Snapshots without a clock whose order and branches are known, and models trained on them."""

from __future__ import annotations

import itertools

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from cellflow_core.data.simulators.registry import create
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.models import registry
from cellflow_core.models.context import Context
from cellflow_core.models.contract import DynamicsModel
from cellflow_core.train.trainer import TrainConfig, fit

START = {"start_annotation": "place", "start": "first"}


def snapshot(x: np.ndarray, **labels: np.ndarray) -> Snapshots:
    axes = tuple(f"x{k + 1}" for k in range(x.shape[1]))
    return Snapshots(x.astype(np.float32), None, AffineSpace.coordinates(axes), labels=labels)


def tree(seed: int, **settings) -> tuple[Snapshots, np.ndarray]:
    """(cells of all times of the branching tree as one snapshot, with the first 5 % named; place along the tree)."""
    data = create("branching-tree", {"seed": seed, "cells_per_time": 250, **settings}).simulate()
    place = data.x[:, 0]
    first = np.where(place < np.quantile(place, 0.05), "first", "later")
    return snapshot(data.x, place=first, fate=data.labels["true fate"]), place


def ring(cells: int = 600) -> np.ndarray:
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 2 * np.pi, cells)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1) + 0.08 * rng.normal(size=(cells, 2))


def islands() -> Snapshots:
    x = np.random.default_rng(0).normal(size=(200, 2))
    return snapshot(np.concatenate([x, x + 50]))


def trained(name: str, data: Snapshots, **settings) -> DynamicsModel:
    model = registry.create(name, settings, data.spec, 0)
    fit(model, data, TrainConfig.preset("standard", type(model)))
    return model.eval()


def order(model, data: Snapshots) -> np.ndarray:
    return model.latent_time(torch.from_numpy(data.x), Context()).numpy()


def other_order(model, data: Snapshots) -> np.ndarray | None:
    found = model.other_direction(torch.from_numpy(data.x), Context())
    return None if found is None else found.numpy()


def finished_types() -> np.ndarray:
    """Five groups of cells in a row, with eight cells on the way from one to the next."""
    rng = np.random.default_rng(0)
    centers = 8 * np.arange(5)[:, None] * np.eye(1, 6)
    between = [a + (b - a) * np.linspace(0.1, 0.9, 8)[:, None] for a, b in itertools.pairwise(centers)]
    groups = [each + rng.normal(size=(200, 6)) for each in centers]
    return np.concatenate([*groups, *(each + 0.2 * rng.normal(size=each.shape) for each in between)])


def branch_f1(model, data: Snapshots) -> float:
    """Mean F1 of the ends, each matched to one lineage."""
    weight = model.lineages(torch.from_numpy(data.x), Context()).weight.numpy()
    fate = np.asarray(data.labels["fate"])
    lineage, fate = weight.argmax(axis=1)[fate != "undecided"], fate[fate != "undecided"]
    names = np.unique(fate)
    f1 = [[_f1(lineage == k, fate == each) for k in range(weight.shape[1])] for each in names]
    rows, columns = linear_sum_assignment(-np.array(f1))
    return float(np.array(f1)[rows, columns].sum() / len(names))


def _f1(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * (a & b).sum() / max(a.sum() + b.sum(), 1)
