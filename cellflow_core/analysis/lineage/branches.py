"""Branches that a model puts the cells on."""

from __future__ import annotations

import numpy as np

from cellflow_core.analysis.dynamics import Model
from cellflow_core.analysis.lineage.cell_lineages import lineage_weights
from cellflow_core.analysis.results import CellBranches
from cellflow_core.analysis.transitions.fates import absorption
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.models.contract import DynamicsModel, HasLineages, HasTransitions


def cell_branches(model: Model, data: Snapshots) -> CellBranches:
    """Weights on the lineages of a model; of one that has none, fate probabilities by its transitions to the terminal
    states that are found; no branches of any other model."""
    weight = np.zeros((len(data.x), 0))
    if isinstance(model, HasLineages):
        weight = lineage_weights(model, data)
    elif isinstance(model, HasTransitions) and isinstance(model, DynamicsModel):
        weight = np.nan_to_num(absorption(model, data, "", ()).chance)
    return CellBranches(getattr(model, "title", ""), weight)
