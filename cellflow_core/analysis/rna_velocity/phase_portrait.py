"""Unspliced over spliced RNA of a gene, with the lines at steady state and the velocities of several estimators, and
the course that a model has fitted."""

from __future__ import annotations

import numpy as np

from cellflow_core.analysis.results import PhasePortrait
from cellflow_core.analysis.rna_velocity.estimates import estimates
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.models.contract import DynamicsModel, HasKinetics


def phase_portrait(model: DynamicsModel | None, data: Snapshots, gene: str) -> PhasePortrait:
    """Of the model and the quick estimators; None: of these alone.

    Raises ValueError where the data have no moments, KeyError, with a sentence, for a gene that is none of them.
    """
    k = data.space.index(gene)
    found = estimates(model, data)
    course = model.course(k) if isinstance(model, HasKinetics) else None
    return PhasePortrait(
        gene=gene,
        spliced=found.spliced[:, k],
        unspliced=found.unspliced[:, k],
        estimators=found.names,
        velocity=found.velocity[:, :, k],
        slope=found.slope[:, k],
        course=np.zeros((0, 2)) if course is None else course.detach().cpu().numpy().astype(float),
        notes=found.notes,
    )
