"""RNA velocity fitted in each batch by itself, beside the fit to all cells."""

from __future__ import annotations

import numpy as np

from cellflow_core.analysis.initial_cells import labels_of
from cellflow_core.analysis.results import GroupVelocities
from cellflow_core.analysis.rna_velocity.estimates import fitted, quick_estimators, spliced_velocity, steady_state_slope
from cellflow_core.analysis.rna_velocity.orders import spearman
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.math.velocity_graph import cosines
from cellflow_core.plural import counted

LEAST = 50
"""Cells that a group must have to be fitted."""


def group_velocities(data: Snapshots, by: str) -> GroupVelocities:
    """Fits the first quick estimator to the cells of each value of an annotation, and compares with its fit to all.

    Raises ValueError, with a sentence, where fewer than two groups have LEAST cells, and KeyError for an annotation
    the data do not have.
    """
    values = labels_of(data, by)
    names, sizes = np.unique(values[values != ""].astype(str), return_counts=True)
    kept = [str(name) for name, size in zip(names, sizes, strict=True) if size >= LEAST]
    if len(kept) < 2:
        raise ValueError(
            f"{counted(len(kept), 'group')} of {by} with {LEAST} cells or more: at least 2 are needed to compare fits"
        )
    estimator = quick_estimators()[0]
    whole = fitted(estimator, data)
    everywhere, slope = spliced_velocity(whole, data), steady_state_slope(whole)
    cosine, slope_rho, cells = [], [], []
    for name in kept:
        here = values == name
        own = data.take(here)
        model = fitted(estimator, own)
        assert own.spliced is not None
        spread = own.spliced.std(axis=0)
        scale = np.where(spread > 0, spread, 1.0)
        a, b = spliced_velocity(model, own) / scale, everywhere[here] / scale
        cosine.append(float(np.median(cosines(a, b))))
        slope_rho.append(spearman(steady_state_slope(model), slope))
        cells.append(int(here.sum()))
    small = len(names) - len(kept)
    return GroupVelocities(
        by=by,
        names=tuple(kept),
        cells=np.array(cells),
        cosine=np.array(cosine),
        slope_rho=np.array(slope_rho),
        notes=(
            f"{whole.title}, fitted in each group by itself. Moments are means over neighbors of all groups.",
            *((f"{small} groups have fewer than {LEAST} cells and were not fitted.",) if small else ()),
        ),
    )
