"""Protocol loo-v2: how near a model comes to the cells of a time that it was not trained on, beside trivial answers.

For each time but the first and the last: a model that was trained without it starts from all measured cells of the
time before and predicts the cells at the time left out; the exact Wasserstein-1 distance of the two clouds is the
score (state). Every row has the same number of points, since a cloud of more points is nearer for that reason alone:
one a measured cell of the time before. A model with noise makes one draw a cell, a plan draws one partner of each cell.
The cloud of many partners a cell is a second column. Training is the caller's, so that evaluation knows no trainer.

`scores` reports beside it the prediction from the first time, W2, MMD, sliced distances, mass, density and coverage,
each for the model and for the baselines. In `loo-v1`, of earlier versions, a plan had up to eight points a cell.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from jaxtyping import Float

from cellflow_core.analysis.dynamics import Model, dynamics
from cellflow_core.analysis.results import BaselineScores, Distances, Scores
from cellflow_core.analysis.sampling_floor import floor_distances, sampling_floor
from cellflow_core.analysis.simulate import simulate
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.math import distances
from cellflow_core.math.ot import EXACT_LIMIT, exact_plan, wasserstein
from cellflow_core.models.contract import DynamicsModel
from cellflow_core.time_units import format_time, format_times

Array = np.ndarray
PROTOCOL = "loo-v2"
DRAWS = 5
"""Draws of partners that the midpoint is the mean of."""
PARTNERS = 8
"""Partners of each cell in the second column of a plan, if they stay within the limit of exact distances."""


@dataclass(frozen=True)
class Baselines:
    """Exact Wasserstein-1 distances (state) to the cells of one time, without a model: see `BaselineScores`."""

    previous: float
    next: float
    linear: float
    midpoint: float
    floor: float
    midpoint_plan: float


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
    found = simulate(model, data.at(before), [before, time], seed=seed, noise=noise)
    return wasserstein(found.x[-1], data.at(time), weight=found.weight[-1])


def baselines(data: Snapshots, time: float, seed: int = 0) -> Baselines:
    """What a model has to beat at this time."""
    cells = data.at(time)
    means = {
        name: float(np.mean([wasserstein(each.x, cells, weight=each.weight) for each in clouds]))
        for name, clouds in _baseline_clouds(data, time, seed).items()
    }
    return Baselines(
        **means,
        floor=sampling_floor(cells, wasserstein, seed),
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
    """Every distance of a model to the cells of `time`, and of the baselines.

    limit   cells a side above which W1 and W2 are means over random blocks (an upper bound), which a note says
    unit    length of 1 on each axis of `data`, for distances that compare with those of the same cells scaled otherwise
    baselines  what `baseline_scores` gave for the same data, time, limit and unit; None: it is computed here
    """
    before, _ = _neighbours(data, time)

    def against(start: float, partners: int = 1) -> Distances:
        cells = np.repeat(data.at(start), partners, axis=0)
        moved = simulate(model, cells, [start, time], seed=seed, noise=noise)
        grown = float(np.exp(moved.log_weight[-1].astype(np.float64)).mean())
        cloud = _Cloud(moved.x[-1], moved.weight[-1], grown * _mass(data, start))
        return _distances(cloud, data.at(time), _mass(data, time), limit, unit, seed)

    found = {start: against(start) for start in dict.fromkeys((before, float(data.times[0])))}
    many = max(min(PARTNERS, limit // len(data.at(before))), 1)
    whole = against(before, many) if many > 1 and dynamics(model).kind == "plan" else found[before]
    baselines = baselines or baseline_scores(data, time, seed=seed, limit=limit, unit=unit)
    return Scores(
        time=time,
        time_unit=data.time_unit,
        from_previous=found[before],
        from_first=found[float(data.times[0])],
        from_plan=whole,
        **{each.name: getattr(baselines, each.name) for each in fields(BaselineScores) if each.name != "time"},
        notes=_notes(model, data, time, limit),
    )


def baseline_scores(
    data: Snapshots, time: float, *, seed: int = 0, limit: int = EXACT_LIMIT, unit: Float[Array, " dim"] | None = None
) -> BaselineScores:
    """Every distance of the baselines; the arguments are those of `scores`."""
    cells, mass = data.at(time), _mass(data, time)
    rows = {
        name: _mean([_distances(each, cells, mass, limit, unit, seed) for each in clouds])
        for name, clouds in _baseline_clouds(data, time, seed).items()
    }
    return BaselineScores(time=time, floor=floor_distances(data, time, limit, unit, seed), **rows)


def _mean(several: list[Distances]) -> Distances:
    return Distances(
        **{each.name: float(np.mean([getattr(one, each.name) for one in several])) for each in fields(Distances)}
    )


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
    that saw the cells left out has already informed the model of where they lie."""
    x = (data if without is None else data.without(without)).x.astype(np.float64)
    spread = x.std(axis=0)
    return Scaling(x.mean(axis=0), np.where(spread > 0, spread, 1.0))


@dataclass(frozen=True)
class _Cloud:
    """Cells with their share of the mass (None: equal shares), and the total mass, nan where it means nothing."""

    x: Array
    weight: Array | None
    mass: float


def _baseline_clouds(data: Snapshots, time: float, seed: int) -> dict[str, list[_Cloud]]:
    """The clouds of each baseline, several where they are draws; all but `midpoint_plan` of one point a cell of the
    time before."""
    before, after = _neighbours(data, time)
    x0, x1 = data.at(before), data.at(after)
    share = (time - before) / (after - before)
    row, column, mass = (
        each.numpy()
        for each in exact_plan(torch.from_numpy(x0), torch.from_numpy(x1), torch.Generator().manual_seed(seed))
    )
    shift = (x1.mean(axis=0, dtype=np.float64) - x0.mean(axis=0, dtype=np.float64)).astype(x0.dtype)
    halfway = (1 - share) * _mass(data, before) + share * _mass(data, after)

    def between(pairs: Array) -> Array:
        return (1 - share) * x0[row[pairs]] + share * x1[column[pairs]]

    rngs = [np.random.default_rng(seed + k) for k in range(DRAWS)]
    return {
        "previous": [_Cloud(x0, None, _mass(data, before))],
        "next": [_Cloud(x1[_drawn(len(x1), len(x0), rng)], None, _mass(data, after)) for rng in rngs],
        "linear": [_Cloud(x0 + share * shift, None, halfway)],
        "midpoint": [_Cloud(between(_one_partner(row, mass, len(x0), rng)), None, halfway) for rng in rngs],
        "midpoint_plan": [_Cloud(between(np.arange(len(row))), mass, halfway)],
    }


def _drawn(cells: int, count: int, rng: np.random.Generator) -> Array:
    """`count` of the cells: without repetition, or each as often as the others but for one."""
    whole = np.tile(np.arange(cells), count // cells)
    return np.concatenate([whole, rng.choice(cells, count % cells, replace=False)])


def _one_partner(row: Array, mass: Array, cells: int, rng: np.random.Generator) -> Array:
    """Of each cell one entry of a plan, drawn by its mass: indices [cells] into `row`."""
    order = np.argsort(row, kind="stable")
    reached = np.cumsum(mass[order])
    counts = np.bincount(row, minlength=cells)
    last = np.cumsum(counts) - 1
    high = reached[last]
    low = np.concatenate([[0.0], high[:-1]])
    found = np.searchsorted(reached, low + rng.random(cells) * (high - low), side="right")
    return order[np.clip(found, last - counts + 1, last)]


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
            f"time {format_time(time)} cannot be left out: it must be one of "
            f"{', '.join(format_times(middle_times(data)))}, which lie between two others"
        )
    at = int(np.searchsorted(data.times, time))
    return float(data.times[at - 1]), float(data.times[at + 1])


def _notes(model: Model, data: Snapshots, time: float, limit: int) -> tuple[str, ...]:
    """What a reader must know of these numbers."""
    moving = dynamics(model)
    notes = [*model.notes()] if isinstance(model, DynamicsModel) else []
    if time in moving.spec.times:
        notes.append(
            f"Time {format_time(time)} was in training: these numbers tell how well it was learnt, "
            "not how well predicted."
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
