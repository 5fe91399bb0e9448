"""Paths of least action between two groups of cells, there and back, in several trainings: which is harder, where are
cells near, and which genes change along them?"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from cellflow_core.analysis.dynamics import Dynamics, Model, dynamics
from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.fields.fixed_points import FixedPoint, fixed_points, support_radius
from cellflow_core.analysis.fields.horizon import interval
from cellflow_core.analysis.fields.least_action import Support, evenly_spaced, least_action_path, length_along
from cellflow_core.analysis.fields.time_range import last_time
from cellflow_core.analysis.flow import cells_near
from cellflow_core.analysis.initial_cells import labels_of
from cellflow_core.analysis.mean_field import InPopulation, interaction_note
from cellflow_core.analysis.quasi_potential import Frozen
from cellflow_core.analysis.results import LeastAction
from cellflow_core.analysis.simulate import simulate
from cellflow_core.data.preprocessing.selection import in_the_middle
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.fitting import seeded
from cellflow_core.math.neighbors import NEIGHBORS, nearest_neighbors
from cellflow_core.models.contract import DynamicsModel
from cellflow_core.plural import counted
from cellflow_core.time_units import format_time

Array = np.ndarray
Group = Sequence[str]
"""(annotation, value) of cells."""
SHOWN = 41
"""Points of a path that are kept, evenly spaced along it."""
CELLS = 10_000
"""Measured cells, drawn at random where there are more, that a path is held against and is led over at first."""
LED = 1_000
"""Measured cells of any time, drawn at random where there are more, near which a path is kept."""
GENES = 100
"""Genes that are listed, those that change most."""
REST = 30.0
"""Typical intervals for which the held field is followed to where a cell comes to rest."""
ARRIVED = 0.1
"""Distance from an attractor at which a cell has come to rest in it (standard deviations, pooled)."""


class Ends(NamedTuple):
    """What is asked for: rows of the cells in the middle of the two groups, names of the groups, and whether the path
    leads between these cells ("middle") or between the attractors that the held field brings them to."""

    rows: Int[Array, " ends"]
    names: tuple[str, str]
    place: str


def least_action(
    model: DynamicsModel,
    data: Snapshots,
    view: Embedding,
    start: Group,
    end: Group,
    time: float | None = None,
    place: str = "middle",
    siblings: Sequence[DynamicsModel] = (),
) -> LeastAction:
    """Paths in the field held at `time` (None: the last measured one), of this model and of its siblings.

    A model with noise is asked for its drift and the D of its noise, another one for its velocity, with D = 1.
    A sibling without a path has NaN, and a note says why.
    Raises ValueError, with a sentence, where the model has no field, a group has no cells, both are the same or the
    field brings one of them to no attractor, and KeyError for an annotation that the data do not have.
    """
    time = last_time(data) if time is None else float(time)
    ends = _asked(data, start, end, place)
    near = cells_near(data, time)
    hops = _short_hops(data.x, ends.rows)
    with seeded(0):  # on one thread: in one order of all sums
        every = [_paths(model, data, near, ends, time, hops)]
        if np.isnan(every[0][1]).any():
            raise ValueError(_restless(ends))
        lost: list[str] = []
        for sibling in siblings:
            try:
                every.append(_paths(sibling, data, near, ends, time, hops))
            except ValueError as error:
                every.append(_no_path(data.dim))
                lost.append(f"Another training, of {sibling.title}, has no path: {error}.")
    paths, action, line, times, converged = (np.stack(each) for each in zip(*every, strict=True))
    moving, diffusion = _held(model, data, near, time)
    genes, values = _genes(data, paths)
    return LeastAction(
        view=view.name,
        axes=view.axes,
        time=time if len(data.times) else np.nan,
        time_unit=data.time_unit,
        start=ends.names[0],
        end=ends.names[1],
        place=place,
        rows=ends.rows,
        x=paths,
        places=np.where(np.isnan(paths[..., :1]), np.nan, view.project(np.nan_to_num(paths))),
        times=times,
        action=action,
        line=line,
        converged=converged,
        diffusion=diffusion,
        **_support(data, near, paths[0]),
        genes=genes,
        values=values,
        span=float(np.ptp(data.times)) if len(data.times) > 1 else np.nan,
        notes=(*_notes(moving, data, time, diffusion, len(siblings)), *dict.fromkeys(lost), *view.note),
    )


def _asked(data: Snapshots, start: Group, end: Group, place: str) -> Ends:
    if place not in ("middle", "attractor"):
        raise ValueError(f"place={place!r} is neither middle nor attractor")
    if tuple(start) == tuple(end):
        raise ValueError(f"the path begins and ends in {start[1]}: choose two different groups")
    rows = []
    for name, value in (start, end):
        chosen = labels_of(data, name) == value
        if not value or not chosen.any():
            raise ValueError(f"no cell has {name} = {value or 'nothing'}: choose a group that has cells")
        rows.append(in_the_middle(data.x, chosen))
    if (data.x[rows[0]] == data.x[rows[1]]).all():
        raise ValueError(f"the cells in the middle of {start[1]} and {end[1]} are in the same state: choose other ones")
    names = (start[1], end[1]) if start[1] != end[1] else (f"{start[0]} {start[1]}", f"{end[0]} {end[1]}")
    return Ends(np.array(rows), names, place)


def _held(model: Model, data: Snapshots, near: Array, time: float) -> tuple[Dynamics, float]:
    """(dynamics whose field is the drift of a model with noise, its D at this time; NaN without noise)."""
    moving = dynamics(InPopulation(model, data.x[near]))
    if moving.kind != "stochastic" or moving.noise is None:
        return moving, np.nan
    with torch.no_grad():
        sigma = float(moving.noise(torch.full((1,), time, device=moving.device)))
    return replace(moving, velocity=None), sigma**2 / 2 or np.nan


def _paths(
    model: DynamicsModel, data: Snapshots, near: Array, ends: Ends, time: float, hops: Array
) -> tuple[Array, Array, Array, Array, Array]:
    """(states [2, points, dim], actions [2], those of the straight line [2], times [2, points], converged [2]) there
    and back; NaN where the field of this training brings a group to no attractor."""
    moving, diffusion = _held(model, data, near, time)
    moving.field  # noqa: B018 - says first, and best, that there is none
    exact, _ = _held(copy.deepcopy(model).double(), data, near, time)
    states = data.x[ends.rows]
    x, action, line, times, converged = _no_path(data.dim)
    if ends.place == "attractor":
        found = _attractors(model, moving, data, near, states, time)
        if found is None:
            return x, action, line, times, converged
        states = found
    led = np.concatenate([states[:1], data.x[hops[1:-1]], states[1:]])
    some = data.x[_some(len(data.x), ends.rows, LED)]
    support = Support(some, support_radius(some))
    for k, step in enumerate((1, -1)):
        first, last = states[::step]
        noise = np.nan_to_num(diffusion, nan=1.0)
        made = least_action_path(exact, first, last, time, noise, guesses=(led[::step],), support=support)
        passed = length_along(made.x)
        x[k] = evenly_spaced(made.x, SHOWN)
        times[k] = np.interp(np.linspace(0, passed[-1], SHOWN), passed, made.times)
        action[k], line[k], converged[k] = made.action, made.line, made.converged
    return x, action, line, times, converged


def _no_path(dim: int) -> tuple[Array, Array, Array, Array, Array]:
    """What `_paths` gives where there is none."""
    x, times = np.full((2, SHOWN, dim), np.nan, np.float32), np.full((2, SHOWN), np.nan)
    return x, np.full(2, np.nan), np.full(2, np.nan), times, np.zeros(2, bool)


def _attractors(
    model: Model, moving: Dynamics, data: Snapshots, near: Array, states: Array, time: float
) -> Float[Array, "2 dim"] | None:
    """Where the held field brings two cells to rest among measured ones; None unless that is in two places."""
    frozen = Frozen(model, time, 0.0, data.x[near], interval(moving, data))
    rest = simulate(frozen, states, [0.0, REST * frozen.interval], noise=False).x[-1]
    known = [each for each in fixed_points(moving, data.x[near], time) if each.supported and each.kind == "attractor"]
    found = [_nearest(each, known, ARRIVED * moving.spec.scale) for each in rest]
    first, last = found
    return np.stack([first.x, last.x]) if first and last and first is not last else None


def _nearest(x: Array, points: Sequence[FixedPoint], most: float) -> FixedPoint | None:
    near = [each for each in points if np.linalg.norm(each.x - x) <= most]
    return min(near, key=lambda each: float(np.linalg.norm(each.x - x)), default=None)


def _restless(ends: Ends) -> str:
    return (
        f"the field held at this time does not bring {ends.names[0]} and {ends.names[1]} to rest in two different "
        "attractors among the measured cells: take the cells in the middle of the groups, or another time"
    )


def _some(count: int, kept: Array, most: int = CELLS) -> Int[Array, " some"]:
    """About `most` rows at most, those that are kept among them."""
    every = np.arange(count)
    return every if count <= most else np.union1d(np.random.default_rng(0).choice(every, most, replace=False), kept)


def _short_hops(x: Float[Array, "cells dim"], rows: Int[Array, " ends"]) -> Int[Array, " hops"]:
    """Rows of the cells on the path of least squared distances between nearest neighbors; the ends where there is
    none."""
    some = _some(len(x), rows)
    distance, near = nearest_neighbors(x[some], NEIGHBORS + 1)
    first = np.repeat(np.arange(len(some)), near.shape[1])
    edges = np.maximum(np.square(distance.ravel(), dtype=np.float64), 1e-12)
    graph = csr_array((edges, (first, near.ravel())), shape=(len(some), len(some)))
    begin, end = np.searchsorted(some, rows)
    _, before = dijkstra(graph, directed=False, indices=begin, return_predecessors=True)
    hops = [end]
    while hops[-1] != begin and before[hops[-1]] >= 0:
        hops.append(before[hops[-1]])
    return some[hops[::-1]] if hops[-1] == begin else rows


def _support(data: Snapshots, near: Array, paths: Float[Array, "2 points dim"]) -> dict[str, Array]:
    """Distance of the paths from the cells of the held time, and the nearest measured cell of any time."""
    known, every = near[_some(len(near), np.zeros(0, int))], _some(len(data.x), np.zeros(0, int))
    points = paths.reshape(-1, data.dim)
    distance = nearest_neighbors(data.x[known], 1, points)[0][:, 0] / support_radius(data.x[known])
    nearest = every[nearest_neighbors(data.x[every], 1, points)[1][:, 0]]
    return {"distance": distance.reshape(2, -1), "nearest": nearest.reshape(2, -1)}


def _genes(data: Snapshots, paths: Float[Array, "trainings 2 points dim"]) -> tuple[tuple[str, ...], Array]:
    """(the genes with the largest range along the path there, their expression along every path)."""
    if not data.space.genes:
        return (), np.zeros((*paths.shape[:3], 0), np.float32)
    top = np.argsort(-np.ptp(data.space.decode(paths[0, 0]), axis=0), kind="stable")[:GENES]
    values = np.stack([[data.space.decode(each)[:, top] for each in both] for both in paths])
    return tuple(data.space.genes[k] for k in top), values.astype(np.float32)


def _notes(moving: Dynamics, data: Snapshots, time: float, diffusion: float, siblings: int) -> tuple[str, ...]:
    held = f"The field of time {format_time(time)} is held" if len(data.times) else "The field is held"
    noise = (
        f"the D = {diffusion:.3g} of {moving.title}"
        if np.isfinite(diffusion)
        else f"{moving.title} has {'it in a latent state' if moving.kind == 'sampler' else 'none'}, so an action is "
        "given for D = 1 and has no scale: only actions of one model, one time and one state space compare, and none "
        "is a probability"
    )
    several = (
        f"Ranges are over {counted(siblings + 1, 'training')} that differ by seed or method."
        if siblings
        else "One training: how much of an action is chance of the training is not known."
    )
    return (
        f"{held} while the cell moves: where the true field changes in time, or cells divide, they do otherwise.",
        f"Noise is taken to be the same in every direction and place of the {data.dim} axes of the state: {noise}.",
        "A path is kept near measured cells of any time, since a field may vanish far from all of them. It is the "
        "best of the local minima that are reached from the straight line and from one of short hops between measured "
        "cells: a better one may be there.",
        several,
        *interaction_note(moving, "the cells measured nearest that time"),
    )
