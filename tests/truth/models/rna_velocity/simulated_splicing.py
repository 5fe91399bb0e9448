"""Simulated cells of one time as estimators of RNA velocity take them, and what is known of them."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from cellflow_core.data.simulators import registry
from cellflow_core.data.simulators.contract import HasLayers
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.splicing import SplicingSpace


class Simulated(NamedTuple):
    """velocity: true ds/dt [cells, genes]; latent: true time of each cell."""

    data: Snapshots
    space: SplicingSpace
    velocity: np.ndarray
    latent: np.ndarray


@cache
def simulated(name: str = "splicing", genes: int = 9, cells: int = 300) -> Simulated:
    """RNA levels with 3 % noise, which neighbors need not average."""
    chosen = {"genes": genes, "cells_per_time": cells, "n_times": 1, "measured": "levels"}
    made = registry.create(name, chosen)
    assert isinstance(made, HasLayers)
    truth, layers = made.simulate(), made.layers()
    u, s = (layers[each].astype(np.float32) for each in ("unspliced", "spliced"))
    space = SplicingSpace.of(tuple(made.axes), u, s)
    data = Snapshots(space.join(u, s), None, space, unspliced=u, spliced=s)
    assert truth.velocity is not None and truth.covariates is not None
    return Simulated(data, space, truth.velocity, truth.covariates["latent time"])


def correlations(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Pearson r over cells of every gene."""
    return np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(found.T, truth.T, strict=True)])
