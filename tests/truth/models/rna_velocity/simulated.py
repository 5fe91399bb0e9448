"""Simulated cells in the moments of all their genes, with the true velocity of the spliced RNA."""

from __future__ import annotations

import dataclasses
from functools import cache
from typing import Any

import numpy as np

from cellflow_core.analysis.dynamics import dynamics
from cellflow_core.analysis.fields.cell_velocities import velocity_at
from cellflow_core.data.preprocessing.moments import moments_of
from cellflow_core.data.preprocessing.splicing_layers import SplicingLayers
from cellflow_core.data.simulators.registry import create
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.steps.moments import Settings, in_moments
from cellflow_core.models import registry
from cellflow_core.train.trainer import TrainConfig, fit

EVERY_GENE = {"min_r2": -1.0, "min_slope": 0.0, "min_shared_counts": 0}


@cache
def moments(name: str, cells: int = 500, seed: int = 0, **settings: Any) -> tuple[Snapshots, np.ndarray, np.ndarray]:
    """(cells, true ds/dt [cells, genes], latent time [cells]) of a simulator of the splicing family, one snapshot."""
    process = create(name, {"cells_per_time": cells, "seed": seed, **settings})
    truth, layers = process.simulate(), process.layers()
    counts = all((each == np.round(each)).all() for each in layers.values())
    use = Settings.from_dict(EVERY_GENE | {"values": "counts" if counts else "normalised"})
    given = SplicingLayers(layers["unspliced"], layers["spliced"], process.axes)
    found = moments_of(given, use, counts, lambda stage: None)
    data = dataclasses.replace(in_moments(Snapshots(truth.x, None, truth.space), found, given), covariates={})
    assert truth.velocity is not None
    at = [process.axes.index(each) for each in found.genes]
    return data, truth.velocity[:, at], truth.covariates.get("latent time", np.full(len(data.x), np.nan))


def cosine(model: str, name: str, **settings: Any) -> float:
    """Median over the cells of the cosine between the velocity that a model estimates and the true one, genes scaled
    by the standard deviation of their spliced RNA."""
    data, truth, _ = moments(name, **settings)
    made = registry.create(model, {}, data.spec, seed=0)
    fit(made, data, TrainConfig.preset("standard", type(made)), seed=0)
    found = data.space.split(velocity_at(dynamics(made), data.x, 0.0))[1]
    assert data.spliced is not None
    found, truth = (each / data.spliced.std(axis=0) for each in (found, truth))
    size = np.linalg.norm(found, axis=1) * np.linalg.norm(truth, axis=1)
    return float(np.median((found * truth).sum(axis=1) / np.maximum(size, 1e-12)))
