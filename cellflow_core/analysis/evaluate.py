"""Protocol loo-v1: how near a model comes to the cells of a time that it was not trained on, beside trivial answers.

For each time but the first and the last: a model that was trained without it starts from all measured cells of the
time before and predicts the cells at the time left out; the exact Wasserstein-1 distance of the two clouds is the
score (state). A model with noise makes one draw a cell, a plan sends each cell to several of its partners. Training is
the caller's, so that evaluation knows no trainer.

`scores` reports beside it what one number cannot tell: the way from the first time on, W2, MMD, sliced distances, mass,
density and coverage, each for the model and for the answers that need none.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from jaxtyping import Float

from cellflow_core.analysis.dynamics import Model, dynamics
from cellflow_core.analysis.results import BaselineScores, Distances, Scores
from cellflow_core.analysis.simulate import simulate
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.train_validation_split import halves
from cellflow_core.math import distances
from cellflow_core.math.ot import EXACT_LIMIT, exact_plan, wasserstein
from cellflow_core.models.contract import DynamicsModel

Array = np.ndarray
PROTOCOL = "loo-v1"
SPLITS = 5
"""Random halvings that the sampling floor is the mean of."""
PARTNERS = 8
"""Partners that each cell is sent to where a plan is scored, if they stay within the limit of exact distances: the
cloud is then the plan's, as in the row `midpoint`, and not that of one draw from it."""


@dataclass(frozen=True)
class Baselines:
    """Exact Wasserstein-1 distances (state) to the cells of one time, without a model: see `BaselineScores`."""

    previous: float
    next: float
    linear: float
    midpoint: float
    floor: float


def middle_times(data: Snapshots) -> tuple[float, ...]:
    """The times that can be left out. Raises ValueError where there are under three times."""
    if DataRequirement.HOLD_OUT not in data.has:
        raise ValueError(
            f"leaving a time out needs cells at three or more times, these data have {len(data.times)}: "
            "the time left out must lie between two others"
        )
    return tuple(float(each) for each in data.times[1:-1])


def score(model: Model, data: Snapshots, time: float, seed: int = 0, noise: bool = True) -> float:
    """W1 between the measured cells of `time` and those of the time before, moved there by the model.

    noise  False follows the velocity of a stochastic model, as in `simulate`
    """
    before, _ = _neighbours(data, time)
    found = simulate(model, _sent(model, data.at(before), EXACT_LIMIT), [before, time], seed=seed, noise=noise)
    return wasserstein(found.x[-1], data.at(time), weight=found.weight[-1])


def baselines(data: Snapshots, time: float, seed: int = 0) -> Baselines:
    """What a model has to beat at this time."""
    cells = data.at(time)
    return Baselines(
        **{name: wasserstein(each.x, cells, weight=each.weight) for name, each in _answers(data, time, seed).items()},
        floor=float(np.mean([wasserstein(*halves(data, time, seed + k)) for k in range(SPLITS)])),
    )


def scores(
    model: Model,
    data: Snapshots,
    time: float,
    *,
    seed: int = 0,
    noise: bool = True,
    limit: int = EXACT_LIMIT,
    unit: Float[Array, " dim"] | None = None,
    baselines: BaselineScores | None = None,
) -> Scores:
    """Every distance of a model to the cells of `time`, and of the answers that need none.

    limit   cells a side above which W1 and W2 are means over random blocks (an upper bound), which a note says
    unit    length of 1 on each axis of `data`, for distances that compare with those of the same cells scaled otherwise
    beside  what `trivial` answered for the same data, time, limit and unit; None: it is asked here
    """
    before, _ = _neighbours(data, time)
    found = {}
    for start in dict.fromkeys((before, float(data.times[0]))):
        moved = simulate(model, _sent(model, data.at(start), limit), [start, time], seed=seed, noise=noise)
        grown = float(np.exp(moved.log_weight[-1].astype(np.float64)).mean())
        cloud = _Cloud(moved.x[-1], moved.weight[-1], grown * _mass(data, start))
        found[start] = _distances(cloud, data.at(time), _mass(data, time), limit, unit, seed)
    baselines = baselines or baseline_scores(data, time, seed=seed, limit=limit, unit=unit)
    return Scores(
        time=time,
        time_unit=data.time_unit,
        from_previous=found[before],
        from_first=found[float(data.times[0])],
        **{name: getattr(baselines, name) for name in ("previous", "next", "linear", "midpoint", "floor")},
        notes=_notes(model, data, time, limit),
    )


def baseline_scores(
    data: Snapshots, time: float, *, seed: int = 0, limit: int = EXACT_LIMIT, unit: Float[Array, " dim"] | None = None
) -> BaselineScores:
    """Every distance of the answers that need no model; the arguments are those of `scores`."""
    cells, mass = data.at(time), _mass(data, time)
    answers = _answers(data, time, seed)
    rows = {name: _distances(each, cells, mass, limit, unit, seed) for name, each in answers.items()}
    parts = [halves(data, time, seed + k) for k in range(SPLITS)]
    split = [_distances(_Cloud(one, None, np.nan), other, mass, limit, unit, seed) for one, other in parts]
    means = {each.name: float(np.mean([getattr(part, each.name) for part in split])) for each in fields(Distances)}
    return BaselineScores(time=time, floor=Distances(**means), **rows)


def _sent(model: Model, cells: Float[Array, "cells dim"], limit: int) -> Float[Array, "sent dim"]:
    """The cells that set out: each once, or as often as its partners count where a plan says who goes where."""
    often = min(PARTNERS, limit // len(cells)) if dynamics(model).kind == "plan" else 1
    return np.repeat(cells, max(often, 1), axis=0)


@dataclass(frozen=True)
class Scaling:
    """A shift and a length for each axis, after which cells have mean 0 and spread 1."""

    center: Float[Array, " dim"]
    spread: Float[Array, " dim"]

    def apply(self, data: Snapshots) -> Snapshots:
        """The same cells in units of the spread. Genes cannot be read from them any more."""
        return replace(
            data,
            x=(data.x - self.center) / self.spread,
            velocity=None if data.velocity is None else data.velocity / self.spread,
            space=AffineSpace.coordinates(data.space.axes),
        )

    def unit(self, common: Scaling) -> Float[Array, " dim"]:
        """Length of 1 on each axis of data that were scaled by this, in units of the spread of `common`: see `scores`.

        Distances do not change with a shift, so that this is all they need to be comparable.
        """
        return self.spread / common.spread


def scaling(data: Snapshots, without: float | None = None) -> Scaling:
    """The z-score of all cells, as published tables take it, or of those that are not of the time `without`: a scaler
    that saw the cells left out has told the model a little of where they lie."""
    x = (data if without is None else data.without(without)).x.astype(np.float64)
    spread = x.std(axis=0)
    return Scaling(x.mean(axis=0), np.where(spread > 0, spread, 1.0))


@dataclass(frozen=True)
class _Cloud:
    """Cells with their share of the mass (None: equal shares), and the total mass, nan where it means nothing."""

    x: Array
    weight: Array | None
    mass: float


def _answers(data: Snapshots, time: float, seed: int) -> dict[str, _Cloud]:
    """The clouds that need no model, under their names."""
    before, after = _neighbours(data, time)
    x0, x1 = data.at(before), data.at(after)
    share = (time - before) / (after - before)
    row, column, mass = exact_plan(torch.from_numpy(x0), torch.from_numpy(x1), torch.Generator().manual_seed(seed))
    between = (1 - share) * x0[row.numpy()] + share * x1[column.numpy()]
    way = (x1.mean(axis=0, dtype=np.float64) - x0.mean(axis=0, dtype=np.float64)).astype(x0.dtype)
    halfway = (1 - share) * _mass(data, before) + share * _mass(data, after)
    return {
        "previous": _Cloud(x0, None, _mass(data, before)),
        "next": _Cloud(x1, None, _mass(data, after)),
        "linear": _Cloud(x0 + share * way, None, halfway),
        "midpoint": _Cloud(between, mass.numpy(), halfway),
    }


def _distances(cloud: _Cloud, cells: Array, mass: float, limit: int, unit: Array | None, seed: int) -> Distances:
    factor = 1.0 if unit is None else np.asarray(unit)
    x, y = cloud.x * factor, cells * factor
    density, coverage = distances.density_coverage(x, y, cloud.weight, seed=seed)
    return Distances(
        w1=distances.wasserstein(x, y, 1, cloud.weight, limit, seed),
        w2=distances.wasserstein(x, y, 2, cloud.weight, limit, seed),
        mmd=distances.mmd(x, y, cloud.weight, seed),
        sliced=distances.sliced(x, y, cloud.weight, seed=seed),
        mass_error=abs(cloud.mass / mass - 1),
        density=density,
        coverage=coverage,
    )


def _mass(data: Snapshots, time: float) -> float:
    """Cells that a measured time stands for, nan where their number means nothing."""
    return float("nan") if data.mass is None else float(data.mass[np.searchsorted(data.times, time)])


def _neighbours(data: Snapshots, time: float) -> tuple[float, float]:
    """The measured times before and after."""
    if time not in middle_times(data):
        raise ValueError(
            f"time {time:g} cannot be left out: it must be one of "
            f"{', '.join(f'{each:g}' for each in middle_times(data))}, which lie between two others"
        )
    at = int(np.searchsorted(data.times, time))
    return float(data.times[at - 1]), float(data.times[at + 1])


def _notes(model: Model, data: Snapshots, time: float, limit: int) -> tuple[str, ...]:
    """What a reader must know of these numbers."""
    moving = dynamics(model)
    notes = [*model.notes()] if isinstance(model, DynamicsModel) else []
    if time in moving.spec.times:
        notes.append(
            f"Time {time:g} was in training: these numbers tell how well it was learnt, not how well predicted."
        )
    if data.space.kind not in ("genes", "coordinates"):
        notes.append("The axes of the state were made from all cells, those of the time left out too.")
    most = max(int((data.t == each).sum()) for each in data.times)
    if most > limit:
        notes.append(
            f"With up to {most:,} cells at a time, W1 and W2 are means over random blocks of at most "
            f"{min(distances.EXACT_BLOCK, limit):,} cells: a little larger than the exact ones, in every row alike."
        )
    if data.mass is not None and not moving.has_growth:
        notes.append(f"{moving.title} knows no growth: its mass error is that of a number of cells that never changes.")
    if moving.kind == "deterministic":
        notes.append(f"{moving.title} has no noise: coverage tells how much of the variety of the start it kept.")
    return tuple(notes)
