"""The direction in which cells move at one time, as a field of arrows over a view."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float

from cellflow_core.analysis.dynamics import Dynamics, Model, dynamics
from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.fields.cell_velocities import compared, state_graph, velocity_at
from cellflow_core.analysis.fields.time_range import first_time, last_time, middle_time
from cellflow_core.analysis.grid import Grid
from cellflow_core.analysis.growth import growth_at, growth_notes
from cellflow_core.analysis.mean_field import InPopulation, interaction_note
from cellflow_core.analysis.results import FlowField
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.math.velocity_graph import cosines
from cellflow_core.time_units import format_time, format_times

Array = np.ndarray
PAIRS = 10_000
"""Most pairs of a plan that a picture is made from."""
ENOUGH = 300
"""Cells that make a picture: where the nearest times have fewer, the next nearest times are taken as well."""


def flow_field(
    model: Model,
    data: Snapshots,
    view: Embedding,
    time: float | None = None,
    projection: Literal["field", "graph"] = "field",
    size: int = 40,
    siblings: Sequence[Model] = (),
) -> FlowField:
    """The velocity of the cells measured nearest to `time` (None: the middle measured time), averaged on a grid.

    projection  "field": velocities are projected as the view projects states; "graph": an arrow points to the
                neighbors that the velocity points to (La Manno et al. 2018), and its length is the speed in the state
    siblings    the same model from other seeds: how far their arrows agree is told at each grid point

    Raises ValueError, with a sentence, for the graph of a model that has no field.
    """
    moving = dynamics(model)
    if time is None:
        time = middle_time(data)
    rows, others = None, []
    if moving.kind == "plan" and projection == "field":
        cells, points, arrows, growth, notes = _displacements(moving, view, time)
    else:
        near = rows = cells_near(data, time)
        alone, moving = moving, dynamics(InPopulation(model, data.x[near]))
        cells = view.points[near]
        points = cells
        arrows, how = _projected(data, view, near, velocity_at(moving, data.x[near], time), projection)
        for each in siblings:
            v = velocity_at(dynamics(InPopulation(each, data.x[near])), data.x[near], time)
            others.append(_projected(data, view, near, v, projection)[0])
        growth = None if moving.growth is None else growth_at(moving, data.x[near], time)
        measured = f" measured {_when(data.t[near])}" if len(data.times) else ""
        notes = (f"Arrows come from the {len(near):,} cells{measured}.", _which(moving))
        notes += (*how, *uneven_note(moving), *interaction_note(alone, "the others of these"))
    grid = view.grid(size)
    there = grid.inside_of(points)
    field, *fields = (_averaged(grid, points, each, there) for each in (arrows, *others))
    if fields:
        notes += (f"Arrows are faint where {len(fields) + 1} trainings of this model point in different directions.",)
    return FlowField(
        view=view.name,
        time=time if len(data.times) else np.nan,
        time_unit=data.time_unit,
        axes=view.axes,
        x=grid.x,
        y=grid.y,
        u=field[..., 0],
        v=field[..., 1],
        speed=np.hypot(field[..., 0], field[..., 1]),
        cells=cells,
        arrows=arrows,
        speed_axes="the map" if projection == "field" else "the state",
        growth=growth,
        rows=rows,
        support=np.where(there, grid.support(points), np.nan),
        agreement=agreement(np.stack([field, *fields])) if fields else None,
        notes=(*notes, *(growth_notes(data) if moving.has_growth else ()), *view.note, *_outside(data, time)),
    )


def _averaged(grid: Grid, points: Array, arrows: Array, there: Array) -> Float[Array, "rows columns 2"]:
    """Mean arrow at each grid point, NaN where there are no cells."""
    field = grid.average(points, arrows)
    field[~there] = np.nan
    return field


def agreement(fields: Float[Array, "trainings rows columns 2"]) -> Float[Array, "rows columns"]:
    """Mean cosine between the arrows of each two trainings: 1 where all agree, about 0 for arrows at random, NaN where
    one has none. A field at rest agrees with none. Raises ValueError for fewer than two."""
    count = len(fields)
    if count < 2:
        raise ValueError(f"agreement is between two trainings or more, got {count}")
    length = np.linalg.norm(fields, axis=-1, keepdims=True)
    unit = np.divide(fields, length, out=np.zeros_like(fields), where=length > 0)
    unit[np.isnan(fields)] = np.nan
    squared = np.square(unit.sum(axis=0)).sum(axis=-1)  # sum over all pairs, each with itself too
    own = np.square(unit).sum(axis=(0, -1))
    return (squared - own) / (count * (count - 1))


def _projected(
    data: Snapshots, view: Embedding, near: Array, v: Array, projection: Literal["field", "graph"]
) -> tuple[Array, tuple[str, ...]]:
    """(arrows [cells, 2] in the view, what the projection leaves out, in words)."""
    x = data.x[near]
    if projection == "graph":
        graph = state_graph(data.space, x, v)
        arrows = graph.displacement(view.points[near].astype(np.float64))
        length = np.linalg.norm(arrows, axis=1, keepdims=True)
        speed = np.linalg.norm(v, axis=1, keepdims=True)
        states, velocities = compared(data.space, x, v)
        kept = np.median(cosines(graph.displacement(states.astype(np.float64)), velocities))
        return arrows / np.maximum(length, 1e-30) * speed, (
            "Velocity graph: an arrow points to the neighbors that the velocity of its cell points to, among "
            f"{graph.neighbors.shape[1]}. In the state itself, such steps have a cosine of {kept:.2f} with the "
            "velocities (median): what lies between that and 1 is lost.",
        )
    arrows = view.project_velocity(x, v)
    if view.linear is None:
        return arrows, ()
    plane = np.linalg.qr(view.linear[0])[0]
    whole = float(np.square(v, dtype=np.float64).sum())
    seen = float(np.square(v @ plane).sum()) / whole if whole > 0 else 0.0
    return arrows, (f"This plane shows {seen:.0%} of the squared velocity of these cells; the rest points out of it.",)


def cells_near(data: Snapshots, time: float, enough: int = ENOUGH) -> Array:
    """Indices of the cells measured at this time or on both sides of it, of more times where those are too few; of all
    cells where no time is known."""
    if not len(data.times):
        return np.arange(len(data.x))
    if time in data.times:
        chosen = {time}
    else:
        before, after = data.times[data.times < time], data.times[data.times > time]
        chosen = {*before[-1:].tolist(), *after[:1].tolist()}
    for each in sorted(data.times, key=lambda t: abs(t - time)):
        if np.isin(data.t, list(chosen)).sum() >= enough:
            break
        chosen.add(each)
    return np.flatnonzero(np.isin(data.t, list(chosen)))


def uneven_note(moving: Dynamics) -> tuple[str, ...]:
    """That speeds jump where intervals differ in length; nothing where they do not, or where time is as measured."""
    if not moving.clock.times:
        return ()
    return (
        "The measured times are uneven, and every interval was learnt alike: where a longer one follows a shorter one, "
        "speeds drop at once at the measured time between them. The jump is not in the data.",
    )


def _which(moving: Dynamics) -> str:
    if moving.velocity is None:
        return f"{moving.title} learns a stochastic equation: the arrows are its drift, the noise is not drawn."
    if moving.kind == "stochastic":
        return (
            f"{moving.title} is stochastic: the arrows are the mean motion of the population (the velocity of its "
            "continuity equation), not the drift that a single cell feels besides the noise."
        )
    return f"The arrows are the velocity field that {moving.title} learnt."


def _displacements(
    moving: Dynamics, view: Embedding, time: float
) -> tuple[Array, Array, Array, Array | None, tuple[str, ...]]:
    """(cells and points in the view, arrows, growth, notes) of the plan whose interval holds `time`."""
    plan = next((each for each in moving.plans if time <= each.t1), moving.plans[-1])
    time = min(max(time, plan.t0), plan.t1)
    every = len(plan.weight)
    if every > PAIRS:
        drawn = np.random.default_rng(0).choice(every, PAIRS, replace=False)
        plan = plan.take(torch.from_numpy(drawn).to(plan.x0.device))
    x0, x1, there, speed = (
        each.cpu().numpy() for each in (plan.x0, plan.x1, plan.interpolate(time), plan.velocity_at(time))
    )
    points = view.project(there)
    if plan.tangent_offsets is None:
        arrows = (view.project(x1) - view.project(x0)) / (plan.t1 - plan.t0)
        meaning = (
            "is the displacement between them, divided by the time between, and says nothing about the path in between"
        )
    else:
        arrows = view.project_velocity(there, speed)
        meaning = "is the speed of a pair along its path, a curve that passes smoothly through the measured cells"
    note = (
        f"{moving.title} has no velocity field: it joins cells at {format_time(plan.t0)} with "
        f"partners at {format_time(plan.t1)}; an arrow "
        f"{meaning}."
    )
    notes = (note, f"{PAIRS:,} of its {every:,} pairs are drawn, at random.") if every > PAIRS else (note,)
    return points, points, arrows, None if plan.target_mass is None else plan.growth.cpu().numpy(), notes


def _when(times: Array) -> str:
    distinct = format_times(np.unique(times))
    return f"at {distinct[0]}" if len(distinct) == 1 else f"at {', '.join(distinct[:-1])} and {distinct[-1]}"


def _outside(data: Snapshots, time: float) -> tuple[str, ...]:
    first, last = first_time(data), last_time(data)
    if first <= time <= last or not len(data.times):
        return ()
    return (
        f"Time {format_time(time)} lies outside the measured times {format_time(first)} to "
        f"{format_time(last)}: this is an extrapolation.",
    )
