"""Transitions between measured cells: the model's own, or those along its velocities."""

from __future__ import annotations

from typing import Any

import numpy as np

from cellflow_core.analysis.dynamics import Model, dynamics
from cellflow_core.analysis.fields.cell_velocities import NEIGHBORS, state_graph, velocities_of
from cellflow_core.analysis.rna_velocity.estimates import estimates
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.math.markov_chains.kernels import row_stochastic
from cellflow_core.math.neighbors import nearest_others
from cellflow_core.math.velocity_graph import VelocityGraph, velocity_graph
from cellflow_core.models.contract import DynamicsModel, HasTransitions

DIFFUSION = 0.2
"""Share of the transitions that go to any neighbor, whatever the velocity (Lange et al. 2022)."""


def transitions(model: Model, data: Snapshots) -> tuple[Any, tuple[str, ...]]:
    """(probabilities as scipy.sparse CSR [cells, cells], rows sum to one; notes for the reader).

    Raises ValueError, with a sentence, for a model with neither transitions nor a field.
    """
    if isinstance(model, HasTransitions):
        from scipy.sparse import csr_array

        own = model.transitions().detach().cpu().coalesce()
        if len(own) != len(data.x):
            raise ValueError(
                f"the transitions are between the {len(own):,} cells that the model was trained on, and these are "
                f"{len(data.x):,}: train it on all of them"
            )
        row, column = own.indices().numpy()
        if len(data.t):  # a model has the cells of earlier times first
            place = np.argsort(data.t, kind="stable")
            row, column = place[row], place[column]
        # in single precision rows sum to one within 1e-7, more than absorption bears
        return row_stochastic(csr_array((own.values().numpy(), (row, column)), shape=tuple(own.shape))), ()
    v = velocities_of(dynamics(model), data)
    graph = state_graph(data.space, data.x, v)
    notes = [
        f"A cell goes to one of its {graph.neighbors.shape[1]} nearest cells: {1 - DIFFUSION:.0%} of the time by the "
        "cosine between its velocity and the step, else to any of them."
    ]
    still = int((~v.any(axis=1)).sum())
    if still:
        notes.append(f"{still:,} of {len(v):,} cells have a velocity of zero, and go to any of them alike.")
    return _chain(graph), tuple(notes)


def other_estimates(model: Model, data: Snapshots) -> dict[str, Any]:
    """Transitions along the velocities of the quick estimators, title -> as `transitions`; none where the state is not
    the unspliced and spliced RNA of velocity genes."""
    if DataRequirement.MOMENTS not in data.has or not isinstance(model, DynamicsModel):
        return {}
    found, near = estimates(model, data), nearest_others(data.x, NEIGHBORS)
    x = found.spliced / found.scale
    others = enumerate(found.names[1:], 1)
    return {name: _chain(velocity_graph(x, found.scaled(k), near, sigma=None)) for k, name in others}


def _chain(graph: VelocityGraph) -> Any:
    weight = (1 - DIFFUSION) * graph.weight + DIFFUSION / graph.neighbors.shape[1]
    return VelocityGraph(graph.neighbors, weight, graph.cosine).transitions()
