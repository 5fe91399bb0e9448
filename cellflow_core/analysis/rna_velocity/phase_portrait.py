"""Unspliced over spliced RNA of a gene, with the lines at steady state and the velocities of several estimators, and
the course that a model has fitted."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from cellflow_core.analysis.results import PhasePortrait
from cellflow_core.analysis.rna_velocity.estimates import estimates
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.math.neighbors import nearest_neighbors
from cellflow_core.models.contract import DynamicsModel, HasKinetics

Array = np.ndarray


def phase_portrait(model: DynamicsModel | None, data: Snapshots, gene: str) -> PhasePortrait:
    """Of the model and the quick estimators; None: of these alone.

    Raises ValueError where the data have no moments, KeyError, with a sentence, for a gene that is none of them.
    """
    k = data.space.index(gene)
    found = estimates(model, data)
    fitted = model.course(k) if isinstance(model, HasKinetics) else None
    course = np.zeros((0, 2)) if fitted is None else fitted.detach().cpu().numpy().astype(float)
    return PhasePortrait(
        gene=gene,
        spliced=found.spliced[:, k],
        unspliced=found.unspliced[:, k],
        estimators=found.names,
        velocity=found.velocity[:, :, k],
        slope=found.slope[:, k],
        course=course,
        rate_names=found.rate_names,
        rates=found.rates[k],
        course_r2=course_r2(found.unspliced[:, k], found.spliced[:, k], course),
        notes=found.notes,
    )


def course_r2(
    unspliced: Float[Array, " cells"], spliced: Float[Array, " cells"], course: Float[Array, "points 2"]
) -> float:
    """Share of the variance of both kinds of RNA, each in standard deviations, that the points of the course nearest to
    the cells have; NaN where there is no course."""
    if not len(course):
        return float("nan")
    cells = np.stack([unspliced, spliced], axis=1).astype(float)
    size = np.where(cells.std(axis=0) > 0, cells.std(axis=0), 1.0)
    away, _ = nearest_neighbors(course / size, 1, cells / size)
    varies = np.square((cells - cells.mean(axis=0)) / size).sum()
    return float(1 - np.square(away).sum() / varies) if varies > 0 else float("nan")
