"""An RNA velocity becomes that of the state: the one that came with the file, or that of any estimator."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from cellflow_core.config import Config, setting
from cellflow_core.data.preprocessing.normalisation import dense
from cellflow_core.data.spaces.rates import ProjectedRates, project_rates
from cellflow_core.data.steps.contract import OnProgress, Step, StepResult
from cellflow_core.data.store.dataset import Dataset

Array = np.ndarray
LAYER = "velocity"
EVERY_CELL = "Every cell has a velocity, those too where the estimators disagree and the page Velocity draws no arrow."
NOTE = "The unit of time of the velocity is that of its estimator and need not be that of the data."


@dataclass(frozen=True)
class Settings(Config):
    source: str = setting(
        LAYER, "layer of the file that holds the velocity of each gene, or the estimator that gave it", label="Velocity"
    )
    units: Literal["counts", "expression"] = setting(
        "counts",
        "units of the layer: counts before the logarithm, as scVelo and velocyto have it, or those of the expression",
        choice_labels={"counts": "counts before the logarithm", "expression": "expression as stored"},
        label="Units of the velocity",
    )


class UseVelocity(Step):
    """d log(1 + c) / dt = v / (1 + c) for normalised counts c of velocity v, then the map of the space."""

    title = "Use an RNA velocity"
    summary = (
        "Takes the velocity of each gene that came with the file into the axes of the state, so that models can learn "
        "from it. It needs axes that are a linear map of genes."
    )
    Config = Settings
    settings: Settings

    def apply(self, dataset: Dataset, on_progress: OnProgress) -> StepResult:
        settings, data = self.settings, dataset.snapshots()
        if settings.source not in dataset.info.layers:
            raise ValueError(
                f"{dataset.info.label!r} has no layer {settings.source!r} with a velocity of each gene: import a file "
                "that has one, or estimate the velocity"
            )
        on_progress("reading the velocity of the genes")
        layer = dataset.layer(settings.source)
        at = {name: k for k, name in enumerate(layer.genes)}
        genes = tuple(each for each in data.space.genes if each in at)
        columns = [at[each] for each in genes]
        rates = dense(layer.table()[:, columns]).astype(np.float64)
        of_unspliced = None
        if data.space.has_splicing:
            name = f"{settings.source}_unspliced"
            if name in dataset.info.layers:
                of_unspliced = dense(dataset.layer(name).table()[:, columns]).astype(np.float64)
        elif settings.units == "counts":
            rates /= np.exp(dense(dataset.measured.table()[:, columns]))  # 1 + c of each cell
        on_progress("projecting the velocity")
        found = project_rates(data.space, genes, rates, of_unspliced)
        return _result(dataset, found.velocity, f"the layer {settings.source!r}", _about(found, len(data.space.genes)))


def given_velocity(dataset: Dataset, values: Float[Array, "cells k"], source: str) -> StepResult:
    """The velocity that an estimator gives: of the state [cells, dim], or of the genes of the state [cells, genes].

    Of genes, in units of the expression of the state. Raises ValueError, with a sentence, where the shape is another,
    a value is missing, or genes cannot be projected.
    """
    data = dataset.snapshots()
    values = np.asarray(values)
    genes = len(data.space.genes)
    if values.ndim != 2 or len(values) != len(data.x) or values.shape[1] not in (data.dim, genes or data.dim):
        of_genes = f" or {genes:,} genes" if genes else ""
        raise ValueError(
            f"the velocity of {source} is a table of shape {values.shape}: {len(data.x):,} cells x {data.dim} axes"
            f"{of_genes} are expected, in the order of this data set"
        )
    if values.shape[1] == data.dim:
        return _result(dataset, values, source, ())
    found = project_rates(data.space, data.space.genes, values.astype(np.float64))
    return _result(dataset, found.velocity, source, _about(found, genes))


def velocity_of_moments(
    dataset: Dataset,
    genes: tuple[str, ...],
    spliced: Float[Array, "cells k"],
    rates: Float[Array, "cells k"],
    units: str,
    source: str,
) -> StepResult:
    """The velocity that an estimator gives for the moments of the same cells, in the axes of this data set.

    spliced  moments of the velocity genes, in counts of a cell of median size; rates: ds/dt of them (1 / time)
    units    "counts" where the expression is log(1 + c) of normalised counts c, "expression" where it is c itself

    A gene has the mean of c over the cells at k times that of its moments s, whatever the total that c was brought to:
    dc/dt = k ds/dt, and d log(1 + c)/dt = k ds/dt / (1 + k s). The moments stand for c there, since a count of zero in
    one cell says little of its level. Raises ValueError, with a sentence, where the genes cannot be projected.
    """
    space, measured = dataset.snapshots().space, dataset.measured
    at = {name: k for k, name in enumerate(measured.genes)}
    known = [k for k, name in enumerate(genes) if name in at and name in set(space.genes)]
    c = dense(measured.table()[:, [at[genes[k]] for k in known]]).astype(np.float64)
    s, v = spliced[:, known].astype(np.float64), rates[:, known].astype(np.float64)
    level = (np.expm1(c) if units == "counts" else c).mean(axis=0)
    mean = s.mean(axis=0)
    k = np.divide(level, mean, out=np.zeros_like(level), where=mean > 0)
    speeds = k * v / (1 + k * s) if units == "counts" else k * v
    found = project_rates(space, tuple(genes[each] for each in known), speeds)
    about = (*_about(found, len(space.genes)), EVERY_CELL)
    return _result(dataset, found.velocity, source, about)


def _result(dataset: Dataset, velocity: Array, source: str, notes: tuple[str, ...]) -> StepResult:
    data = dataset.snapshots()
    missing = int((~np.isfinite(velocity).all(axis=1)).sum())
    if missing:
        raise ValueError(
            f"the velocity of {source} is missing in {missing:,} of {len(data.x):,} cells: leave these out"
        )
    if not velocity.any():
        raise ValueError(f"the velocity of {source} is zero in every cell: estimate it again")
    verb = "took" if data.velocity is None else "replaced the velocity by"
    return StepResult(
        dataclasses.replace(data, velocity=np.ascontiguousarray(velocity, dtype=np.float32)),
        f"{verb} the velocity of {source}, in the {data.dim} axes of the state",
        notes=(NOTE, *notes),
        name="velocity",
    )


def _about(found: ProjectedRates, genes: int) -> tuple[str, ...]:
    """How much of the velocity the state holds."""
    notes = []
    if found.known < genes:
        notes.append(
            f"The velocity of {found.known:,} of {genes:,} genes of the state is known; the others count as 0."
        )
    if found.kept < 0.999:
        notes.append(f"The axes of the state keep {found.kept:.0%} of the squared velocity of their genes.")
    return tuple(notes)
