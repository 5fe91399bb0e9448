"""Estimates of RNA velocity of the same cells: three quick ones, and the model that is looked at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from cellflow_core.analysis.dynamics import dynamics
from cellflow_core.analysis.fields.cell_velocities import velocity_blocks
from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.splicing import SplicingSpace
from cellflow_core.models import registry
from cellflow_core.models.contract import DynamicsModel, HasKinetics
from cellflow_core.models.splicing.estimator import SplicingModel

Array = np.ndarray
FAMILY = "rna_velocity"
"""Of the models among which quick estimators are looked for."""


@dataclass(frozen=True)
class Estimates:
    """Of all cells and velocity genes, in RNA of a cell of median size; the first is the model, where one was given.

    spliced, unspliced  moments [cells, genes]
    velocity            ds/dt of each estimator, [estimators, cells, genes] (RNA / its own unit of time)
    slope               unspliced over spliced RNA at steady state, [estimators, genes]; NaN where one has no such line
    rate_names, rates   of the first estimator, with their units, [genes, rates]; none where it has no kinetics
    """

    names: tuple[str, ...]
    genes: tuple[str, ...]
    unspliced: Float[Array, "cells genes"]
    spliced: Float[Array, "cells genes"]
    velocity: Float[Array, "estimators cells genes"]
    slope: Float[Array, "estimators genes"]
    rate_names: tuple[str, ...]
    rates: Float[Array, "genes rates"]
    notes: tuple[str, ...] = ()

    @property
    def scale(self) -> Float[Array, " genes"]:
        """Standard deviation of the spliced RNA of each gene; 1 where it is 0."""
        found = self.spliced.std(axis=0)
        return np.where(found > 0, found, 1.0)

    def scaled(self, estimator: int) -> Float[Array, "cells genes"]:
        """Velocities of one estimator with each gene in units of its standard deviation."""
        return self.velocity[estimator] / self.scale


def estimates(model: DynamicsModel | None, data: Snapshots) -> Estimates:
    """The model's, where there is one, and the quick ones'. Raises ValueError, with a sentence, where the state is no
    spliced and unspliced RNA of velocity genes."""
    if DataRequirement.MOMENTS not in data.has or not isinstance(data.space, SplicingSpace):
        raise ValueError(
            "estimates of RNA velocity are compared where the state is the unspliced and spliced RNA of velocity "
            "genes: take the step “Velocity genes and moments” on the Data page first"
        )
    models = [] if model is None else [model]
    notes: tuple[str, ...] = ()
    for name in quick_estimators():
        kind = registry.find(name)
        if model is not None and isinstance(model, kind):
            continue
        if not kind.needs <= data.has:
            notes = (f"{kind.title} was left out: it needs {', '.join(sorted(kind.needs - data.has))}.",)
            continue
        models.append(fitted(name, data))
    velocity = np.empty((len(models), len(data.x), len(data.space.genes)), np.float32)
    for each, found in zip(models, velocity, strict=True):
        _fill(found, each, data)
    slope = np.stack([steady_state_slope(each) for each in models])
    assert data.unspliced is not None and data.spliced is not None
    titles = tuple(each.title for each in models)
    return Estimates(
        titles, data.space.genes, data.unspliced, data.spliced, velocity, slope, *kinetic_rates(models[0]), notes
    )


def quick_estimators() -> tuple[str, ...]:
    """Names of the estimators that need no training, and so are always asked, in the order of the registry."""
    found = [(name, registry.find(name)) for name in registry.names() if registry.family(name) == FAMILY]
    return tuple(name for name, kind in found if issubclass(kind, SplicingModel) and kind.quick)


def fitted(name: str, data: Snapshots) -> DynamicsModel:
    """A quick estimator of this name, fitted to all cells."""
    model = registry.create(name, {}, data.spec, seed=0)
    frames = SnapshotTensors.from_snapshots(data)
    for phase in model.phases():
        assert phase.prepare is not None and not phase.updates
        phase.prepare(frames, torch.Generator().manual_seed(0))
    return model


def spliced_velocity(model: DynamicsModel, data: Snapshots) -> Float[Array, "cells genes"]:
    """ds/dt of cells in a SplicingSpace, each at its own time (RNA / time). Raises ValueError, with a sentence, where
    the model has no field."""
    found = np.empty((len(data.x), len(data.space.genes)), np.float32)
    _fill(found, model, data)
    return found


def _fill(found: Float[Array, "cells genes"], model: DynamicsModel, data: Snapshots) -> None:
    """Writes ds/dt of all cells, of which those of a block are known as velocities of the state at a time."""
    assert isinstance(data.space, SplicingSpace)
    for rows, velocity in velocity_blocks(dynamics(model), data):
        found[rows] = data.space.split(velocity)[1]


def kinetic_rates(model: DynamicsModel) -> tuple[tuple[str, ...], Float[Array, "genes rates"]]:
    """(names with units, rates) of a model with kinetics; no rates of any other."""
    if not isinstance(model, HasKinetics):
        return (), np.zeros((len(model.spec.genes), 0))
    found = model.kinetics()
    names = tuple(f"{name} ({unit})" for name, unit in zip(found.names, found.units, strict=True))
    return names, found.values.detach().cpu().numpy().astype(float)


def steady_state_slope(model: DynamicsModel) -> Float[Array, " genes"]:
    """gamma / beta of a model with kinetics; beta is 1 where splicing is its unit of time."""
    genes = len(model.spec.genes)
    if not isinstance(model, HasKinetics):
        return np.full(genes, np.nan)
    rates = model.kinetics()
    by_name = dict(zip(rates.names, rates.values.detach().cpu().numpy().T, strict=True))
    if "degradation" not in by_name:
        return np.full(genes, np.nan)
    return by_name["degradation"] / by_name.get("splicing", 1.0)
