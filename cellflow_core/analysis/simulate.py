"""Cells moved forward in time by a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.analysis.displacement_interpolation import along_plans
from cellflow_core.analysis.dynamics import Dynamics, Model, dynamics
from cellflow_core.math.integrate import (
    BLOCK,
    Field,
    InteractionField,
    brownian_increments,
    integrate,
    step_error,
    time_grid,
)
from cellflow_core.models.contract import Context
from cellflow_core.time_units import format_time

TOLERANCE = {"deterministic": 0.01, "stochastic": 0.05, "plan": 0.0}
"""Largest step error that is accepted without shorter steps, in standard deviations (pooled) of the data."""
GROWTH_STEPS = 8
"""Steps between two measured times by which growth is summed along the paths that a model samples."""
STEPS_PER_INTERVAL = {"deterministic": 4, "stochastic": 16, "plan": 1}
"""Steps between two measured times to begin with."""
MOST_STEPS, MOST_STIFF_STEPS = 8, 256
"""Times as many are taken at most; the second where errors are larger than the data, as where a rate of the field is so
large that its steps diverge."""
MAX_INTERACTING_CELLS = 1024
"""Most cells that a cell interacts with; where more move together, so many of them at random represent all."""


@dataclass(frozen=True)
class Simulation:
    """Simulated cells at ascending times.

    x                   [steps, cells, dim] state
    log_weight          [steps, cells] log mass of each cell, 0 at the start where the context gives no other
    steps_per_interval  integration steps between two measured times
    step_error          90 % quantile over cells of the distance at the end to a simulation with half the step (state);
                        0 for plans, nan where the number of steps was given
    tracks_cells        whether column i is the same cell at all steps
    """

    times: Float[np.ndarray, " steps"]
    x: Float[np.ndarray, "steps cells dim"]
    log_weight: Float[np.ndarray, "steps cells"]
    steps_per_interval: int
    step_error: float
    notes: tuple[str, ...] = ()
    tracks_cells: bool = True

    @property
    def weight(self) -> Float[np.ndarray, "steps cells"]:
        """Share of the mass of each step that each cell carries."""
        weight = np.exp(self.log_weight - self.log_weight.max(axis=1, keepdims=True))
        return weight / weight.sum(axis=1, keepdims=True)


def simulate(
    model: Model,
    x0: Float[np.ndarray, "cells dim"],
    times: Sequence[float] | np.ndarray,
    *,
    seed: int = 0,
    noise: bool = True,
    context: Context | None = None,
    steps_per_interval: int | None = None,
) -> Simulation:
    """Cells x0, given at times[0], at all `times` (ascending; between and beyond the measured ones too).

    Noise with a drift, or with velocity and score, gives the stochastic equation; a velocity the ordinary one; a
    coupling displacement interpolation from the nearest measured cells (McCann 1997). Growth is integrated into
    log_weight. Where cells interact, all of them move together and interact with each other.

    noise               False integrates the velocity alone (or the drift, where there is no velocity)
    context             one row for each cell; integration steps end at the times of its doses
    steps_per_interval  integration steps between two measured times; None: as many as step halving requires
    """
    outputs = [float(each) for each in times]
    x0 = np.ascontiguousarray(x0, dtype=np.float32)
    context = context or Context()
    moving = dynamics(model, context)
    if x0.ndim != 2 or x0.shape[1] != moving.spec.dim:
        raise ValueError(
            f"initial cells have shape {x0.shape}, {moving.title} moves cells of {moving.spec.dim} coordinates"
        )
    if not len(x0):
        raise ValueError("there is no cell to start from")
    kind = moving.kind if noise or not moving.has_field else "deterministic"
    if kind == "sampler":
        return _sampled(moving, context, x0, outputs, seed)
    if kind == "plan":
        x, log_weight = along_plans(moving.plans, x0, outputs, np.random.default_rng(seed) if noise else None)
        if context.log_weight is not None:
            log_weight = log_weight + context.log_weight.cpu().numpy()
        notes = (*_outside_note(moving, outputs), *_growth_note(moving))
        return Simulation(np.array(outputs), x, log_weight, 1, 0.0, notes)
    start = torch.from_numpy(x0).to(moving.device)
    if moving.initial is not None:
        start = moving.initial(start)
    with torch.no_grad():
        count, error = steps_per_interval, float("nan")
        if count is None:
            count, error = _step_count(model, context, kind, start, outputs, seed)
        x, log_weight = _integrated(model, context, kind, start, outputs, count, seed)
    if not np.isfinite(x).all():
        raise FloatingPointError(
            f"{moving.title} sent {int((~np.isfinite(x[-1]).all(axis=1)).sum())} of {len(x0)} cells to infinity: "
            "its field is not defined that far in time or state"
        )
    notes = (*_growth_note(moving), *_interaction_note(moving, len(x0)))
    return Simulation(np.array(outputs), x, log_weight, count, error, notes)


def _integrated(
    model: Model, context: Context, kind: str, start: Tensor, outputs: list[float], count: int, seed: int
) -> tuple[Float[np.ndarray, "steps cells dim"], Float[np.ndarray, "steps cells"]]:
    """(states, log mass) at the outputs, block by block; in one block where cells interact."""
    whole = dynamics(model, context)
    at = whole.clock.positions_of
    steps = time_grid(at(outputs), at(_knots(whole, context, outputs)), count)
    x = np.empty((len(outputs), *start.shape), np.float32)
    log_weight = np.empty(x.shape[:2], np.float32)
    block_size = BLOCK if whole.interaction is None else len(start)
    for block, first in enumerate(range(0, len(start), block_size)):
        cells = slice(first, first + block_size)
        own = context.take(cells)
        part = dynamics(model, own).on_clock()
        field, sigma = _drift_and_noise(part, kind)
        moved, logs = integrate(
            field,
            start[cells],
            steps,
            sigma=sigma,
            rate=part.growth,
            others=_population(part, own, len(start), seed),
            constrain=part.constrain,
            noise=brownian_increments(seed, block, whole.device),
        )
        if own.log_weight is not None:
            logs = logs + own.log_weight.to(logs)
        x[:, cells], log_weight[:, cells] = moved.cpu().numpy(), logs.cpu().numpy()
    return x, log_weight


def _knots(moving: Dynamics, context: Context, outputs: list[float]) -> tuple[float, ...]:
    """Times at which steps end: measured ones and those of doses; with fewer than two, the first and last output too,
    so that there is an interval to divide."""
    knots = {*moving.spec.times, *context.knots}
    return tuple(sorted(knots if len(knots) > 1 else {*knots, outputs[0], outputs[-1]}))


def _sampled(moving: Dynamics, context: Context, x0: np.ndarray, outputs: list[float], seed: int) -> Simulation:
    """States that a model samples itself. Growth is summed by the midpoint rule over steps of its paths."""
    assert moving.sampler is not None
    rng, rate = torch.Generator(moving.device).manual_seed(seed), moving.growth
    times, kept = outputs, list(range(len(outputs)))
    if rate is not None:
        at, knots = moving.clock.positions_of, _knots(moving, context, outputs)
        grid = time_grid(at(outputs), at(knots), GROWTH_STEPS)
        times, kept = moving.clock.time(torch.tensor(grid.times, dtype=torch.float64)).tolist(), list(grid.kept)
    with torch.no_grad():
        start = torch.from_numpy(x0).to(moving.device)
        x = moving.sampler(start if moving.initial is None else moving.initial(start), tuple(times), rng)
        log_weight = x.new_zeros(x.shape[:2])
        for k, (start, end) in enumerate(pairwise(times)):
            if rate is not None:
                middle = rate(x.new_full((x.shape[1],), (start + end) / 2), (x[k] + x[k + 1]) / 2)
                log_weight[k + 1] = log_weight[k] + (end - start) * middle
    x, log_weight = x[kept].cpu().numpy(), log_weight[kept].cpu().numpy()
    if context.log_weight is not None:
        log_weight = log_weight + context.log_weight.cpu().numpy()
    if not np.isfinite(x).all():
        raise FloatingPointError(f"{moving.title} drew cells that are not finite: train it longer or with fewer axes")
    notes = (*_outside_note(moving, outputs), *_growth_note(moving))
    if not moving.tracks_cells:
        anew = "draws other cells at each time but the first: it tells what is there, not what becomes of a cell."
        notes = (f"{moving.title} {anew}", *notes)
    return Simulation(np.array(outputs), x, log_weight, 1, float("nan"), notes, moving.tracks_cells)


def _drift_and_noise(moving: Dynamics, kind: str) -> tuple[Field, Callable[[Tensor], Tensor] | None]:
    if kind == "stochastic" and moving.drift is not None:
        return moving.drift, moving.noise
    return moving.field, None


def _step_count(
    model: Model, context: Context, kind: str, start: Tensor, outputs: list[float], seed: int
) -> tuple[int, float]:
    """(steps in an interval, their error): doubled until the error on a few cells is below the tolerance."""
    few = torch.linspace(0, len(start) - 1, min(len(start), 64)).long().to(start.device)
    own = context.take(few)
    part = dynamics(model, own).on_clock()
    at = part.clock.positions_of
    field, sigma = _drift_and_noise(part, kind)
    count = STEPS_PER_INTERVAL[kind]
    while True:
        steps = time_grid(at([outputs[0], outputs[-1]]), at(_knots(part, context, outputs)), count)
        population = _population(part, own, len(few), seed)
        rate = part.growth if population else None  # mass moves no cell unless cells interact
        error = step_error(
            field, start[few], steps, sigma=sigma, rate=rate, others=population, constrain=part.constrain, seed=seed
        )
        width = part.spec.scale * part.spec.dim**0.5
        most = MOST_STEPS if error <= width else MOST_STIFF_STEPS
        if error <= TOLERANCE[kind] * width or count >= most * STEPS_PER_INTERVAL[kind]:
            return count, error
        count *= 2


def _population(moving: Dynamics, context: Context, cells: int, seed: int) -> InteractionField | None:
    """The interaction among cells that move together: with all of them, or with MAX_INTERACTING_CELLS drawn once."""
    interaction, first = moving.interaction, context.log_weight
    if interaction is None:
        return None
    some = torch.randperm(cells, generator=torch.Generator().manual_seed(seed))[:MAX_INTERACTING_CELLS].to(
        moving.device
    )

    def mean_force(t: Tensor, x: Tensor, log_weight: Tensor) -> Tensor:
        mass = log_weight if first is None else log_weight + first.to(log_weight)
        return interaction(t, x, x[some], mass[some].softmax(dim=0))

    return mean_force


def _interaction_note(moving: Dynamics, cells: int) -> tuple[str, ...]:
    """A note where cells interact."""
    if moving.interaction is None:
        return ()
    who = (
        f"each interacts with all {cells:,} of them"
        if cells <= MAX_INTERACTING_CELLS
        else f"each interacts with the same {MAX_INTERACTING_CELLS:,} random ones of them"
    )
    return (
        f"In {moving.title} cells act on each other: the simulated cells move together and {who}, by mass, and with no "
        "others. Initial cells selected by hand miss those that were around them.",
    )


def _growth_note(moving: Dynamics) -> tuple[str, ...]:
    """A note where cells differ in mass."""
    if not moving.has_growth:
        return ()
    return (f"{moving.title} learnt growth: a cell that divides counts for more, one that dies for less.",)


def _outside_note(moving: Dynamics, outputs: list[float]) -> tuple[str, ...]:
    """A note where a model without a field is asked for times before the first or after the last measured one."""
    if moving.has_field:
        return ()
    first, last = moving.spec.times[0], moving.spec.times[-1]
    if first <= outputs[0] and outputs[-1] <= last:
        return ()
    there = "cells do not move" if moving.tracks_cells else "the cells are those of the nearest measured time"
    return (
        f"{moving.title} couples measured cells and predicts nothing outside times "
        f"{format_time(first)} to {format_time(last)}: there "
        f"{there}.",
    )
