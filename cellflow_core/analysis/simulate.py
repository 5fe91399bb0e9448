"""Cells moved forward by a model. The only place that asks what a model can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.analysis.displacement_interpolation import along_plans
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.math.integrate import (
    BLOCK,
    Field,
    InteractionField,
    brownian_increments,
    integrate,
    step_error,
    time_grid,
)
from cellflow_core.models.contract import (
    Context,
    DynamicsModel,
    HasCoupling,
    HasInteraction,
    HasNoise,
    HasSampler,
    TransportPlan,
    capabilities,
)

TOLERANCE = {"deterministic": 0.01, "stochastic": 0.05, "plan": 0.0}
"""Largest step error that is accepted without shorter steps, in spreads of the data."""
PER_GAP = {"deterministic": 4, "stochastic": 16, "plan": 1}
"""Steps between two measured times to begin with; at most eight times as many are taken."""
MAX_INTERACTING_CELLS = 1024
"""Most cells that a cell feels; where more move together, so many of them at random stand for all."""


@dataclass(frozen=True)
class Dynamics:
    """What moves the cells of a model: functions of (t [batch], x [batch, dim]) in the data's units.

    kind       "stochastic" (dx = drift dt + noise dW), "deterministic" (dx = velocity dt), "plan" (straight lines
               between the cells that a transport plan joins) or "sampler" (the model's own way)
    velocity   of the continuity equation, or None; drift, noise: of the stochastic equation, or None
    interaction  what other cells do, (t, x, cloud, share of each of the cloud) -> [batch, dim], to be added to velocity
               or drift, which leave it out (`crowd.Amid` adds it, for others that stay where they are)
    growth     d log mass / dt, potential: U, plans: by interval, sampler: (cells, times, generator) -> their courses;
               None where the model has none
    constrain  moves states to where a perturbation allows them, or None
    follows    False for a sampler that draws other cells at each time, instead of moving the same ones
    """

    kind: Literal["stochastic", "deterministic", "plan", "sampler"]
    title: str
    spec: DataSpec
    device: torch.device
    velocity: Field | None = None
    drift: Field | None = None
    noise: Callable[[Tensor], Tensor] | None = None
    growth: Field | None = None
    interaction: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor] | None = None
    potential: Field | None = None
    plans: tuple[TransportPlan, ...] = ()
    sampler: Callable[[Tensor, tuple[float, ...], torch.Generator], Tensor] | None = None
    constrain: Callable[[Tensor], Tensor] | None = None
    tracks_cells: bool = True

    def check_follows(self) -> None:
        """Raises ValueError, with a sentence, where there is no telling what becomes of a cell."""
        if not self.tracks_cells:
            raise ValueError(
                f"{self.title} draws other cells at each time and follows none, so it cannot say what becomes of a "
                "cell; a model that moves cells is needed"
            )

    @property
    def has_growth(self) -> bool:
        """Do cells gain and lose mass on the way?"""
        return self.growth is not None or any(plan.target_mass is not None for plan in self.plans)

    @property
    def field(self) -> Field:
        """The velocity, or the drift of a model that has no velocity."""
        found = self.velocity or self.drift
        if found is None:
            raise ValueError(
                f"{self.title} has {'its own sampler' if self.sampler else 'a static plan between measured times'} and "
                "no velocity field, so it cannot say how a cell moves anywhere else; a model with a velocity is needed"
            )
        return found


class ModelWrapper(ABC):
    """A changed model: a perturbation wraps a model, it is never an option of one."""

    @abstractmethod
    def dynamics(self, context: Context) -> Dynamics:
        """The motion of the model inside, changed."""


Model = DynamicsModel | ModelWrapper


def dynamics(model: Model, context: Context | None = None) -> Dynamics:
    """What moves the cells of this model. Raises ValueError that names what the model has where nothing does."""
    context = context or {}
    if isinstance(model, ModelWrapper):
        return model.dynamics(context)
    model.eval()
    has = capabilities(model)

    def field(name: str) -> Field | None:
        """The capability of this name as a function of time and state."""
        ask = getattr(model, name) if name in has else None
        return None if ask is None else lambda t, x: ask(t, x, context)

    velocity, drift, score = field("velocity"), field("drift"), field("score")
    noise: Callable[[Tensor], Tensor] | None = model.noise if isinstance(model, HasNoise) and "noise" in has else None
    if noise is not None and score is not None:
        half = _half_score(score, noise)
        if drift is None and velocity is not None:
            v = velocity
            drift = lambda t, x: v(t, x) + half(t, x)  # noqa: E731
        elif velocity is None and drift is not None:
            b = drift
            velocity = lambda t, x: b(t, x) - half(t, x)  # noqa: E731
    plans = ()
    sampler = (lambda x0, times, rng: model.sample(x0, times, rng, context)) if isinstance(model, HasSampler) else None
    if sampler is not None:
        kind = "sampler"
    elif drift is not None and noise is not None:
        kind = "stochastic"
    elif velocity is not None or drift is not None:
        kind = "deterministic"
    elif isinstance(model, HasCoupling):
        kind = "plan"
        plans = tuple(model.coupling(k) for k in range(len(model.spec.times) - 1))
    else:
        raise ValueError(
            f"{model.title} cannot be simulated: it has {', '.join(sorted(has)) or 'no capability at all'}; "
            "needed is a velocity, a drift with noise, a coupling or a sampler"
        )
    return Dynamics(
        kind=kind,
        title=model.title,
        spec=model.spec,
        device=model.device,
        velocity=velocity,
        drift=drift,
        noise=noise,
        growth=field("growth"),
        interaction=_among(model, context) if "interaction" in has else None,
        potential=field("potential"),
        plans=plans,
        sampler=sampler,
        tracks_cells=model.tracks_cells if isinstance(model, HasSampler) else True,
    )


def _among(model: DynamicsModel, context: Context) -> Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]:
    assert isinstance(model, HasInteraction)
    return lambda t, x, cloud, weight: model.interaction(t, x, cloud, weight, context)


def _half_score(score: Field, noise: Callable[[Tensor], Tensor]) -> Field:
    """sigma^2 / 2 score: what the drift has beyond the velocity (Song et al. 2021, arXiv:2011.13456, eq. 13)."""
    return lambda t, x: noise(t).square()[:, None] / 2 * score(t, x)


@dataclass(frozen=True)
class Simulation:
    """Cells on their way.

    x           [steps, cells, dim] state, log_weight [steps, cells] log mass of each cell relative to its start
    per_gap     integration steps between two measured times
    step_error  distance at the end to the same with half the step, that nine in ten cells keep (state); 0 for plans,
                nan where the number of steps was given
    follows     whether column i is the same cell at all steps
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
    context: Mapping[str, Tensor] | None = None,
    steps_per_interval: int | None = None,
) -> Simulation:
    """Cells x0, which stand at times[0], at all `times` (ascending; between and beyond the measured ones too).

    Noise with a drift, or with velocity and score, gives the stochastic equation; a velocity the ordinary one; a
    coupling straight lines to the partners of the nearest measured cells (McCann 1997). Growth is gathered in
    log_weight. Where cells feel each other, all of them move together, and they feel those that are simulated.

    noise    False follows the velocity alone (or the drift, where there is no velocity)
    context  one row for each cell; cfgen knows "label"
    per_gap  integration steps between two measured times. None: as many as the halving of the steps asks for.
    """
    outputs = [float(each) for each in times]
    x0 = np.ascontiguousarray(x0, dtype=np.float32)
    moving = dynamics(model, context)
    if x0.ndim != 2 or x0.shape[1] != moving.spec.dim:
        raise ValueError(
            f"start cells have shape {x0.shape}, {moving.title} moves cells of {moving.spec.dim} coordinates"
        )
    if not len(x0):
        raise ValueError("there is no cell to start from")
    kind = moving.kind if noise or moving.kind != "stochastic" else "deterministic"
    if moving.sampler is not None:
        return _sampled(moving, x0, outputs, seed)
    if kind == "plan":
        x, log_weight = along_plans(moving.plans, x0, outputs, np.random.default_rng(seed) if noise else None)
        notes = (*_beyond(moving, outputs), *_grown(moving))
        return Simulation(np.array(outputs), x, log_weight, 1, 0.0, notes)
    start = torch.from_numpy(x0).to(moving.device)
    with torch.no_grad():
        count, error = steps_per_interval, float("nan")
        if count is None:
            count, error = _step_count(model, context or {}, kind, start, outputs, seed)
        steps = time_grid(outputs, moving.spec.times, count)
        x = np.empty((len(outputs), *x0.shape), np.float32)
        log_weight = np.empty(x.shape[:2], np.float32)
        block_size = BLOCK if moving.interaction is None else len(x0)
        for block, first in enumerate(range(0, len(x0), block_size)):
            cells = slice(first, first + block_size)
            part = dynamics(model, {name: value[cells] for name, value in (context or {}).items()})
            field, sigma = _drift_and_noise(part, kind)
            moved, logs = integrate(
                field,
                start[cells],
                steps,
                sigma=sigma,
                rate=part.growth,
                others=_crowd(part, len(x0), seed),
                constrain=part.constrain,
                noise=brownian_increments(seed, block, moving.device),
            )
            x[:, cells], log_weight[:, cells] = moved.cpu().numpy(), logs.cpu().numpy()
    if not np.isfinite(x).all():
        raise FloatingPointError(
            f"{moving.title} sent {int((~np.isfinite(x[-1]).all(axis=1)).sum())} of {len(x0)} cells to infinity: "
            "its field is not usable that far in time or state"
        )
    notes = (*_grown(moving), *_felt(moving, len(x0)))
    return Simulation(np.array(outputs), x, log_weight, count, error, notes)


def _sampled(moving: Dynamics, x0: np.ndarray, outputs: list[float], seed: int) -> Simulation:
    """The courses that a model draws itself."""
    assert moving.sampler is not None
    rng = torch.Generator(moving.device).manual_seed(seed)
    with torch.no_grad():
        x = moving.sampler(torch.from_numpy(x0).to(moving.device), tuple(outputs), rng).cpu().numpy()
    if not np.isfinite(x).all():
        raise FloatingPointError(f"{moving.title} drew cells that are not finite: train it longer or with fewer axes")
    notes = _beyond(moving, outputs)
    if not moving.tracks_cells:
        anew = "draws other cells at each time but the first: it tells what is there, not what becomes of a cell."
        notes = (f"{moving.title} {anew}", *notes)
    return Simulation(
        np.array(outputs), x, np.zeros(x.shape[:2], np.float32), 1, float("nan"), notes, moving.tracks_cells
    )


def _drift_and_noise(moving: Dynamics, kind: str) -> tuple[Field, Callable[[Tensor], Tensor] | None]:
    if kind == "stochastic" and moving.drift is not None:
        return moving.drift, moving.noise
    return moving.field, None


def _step_count(
    model: Model, context: Context, kind: str, start: Tensor, outputs: list[float], seed: int
) -> tuple[int, float]:
    """(steps to a gap, their error): doubled until the error on a few cells is below the tolerance."""
    few = torch.linspace(0, len(start) - 1, min(len(start), 64)).long().to(start.device)
    part = dynamics(model, {name: value[few] for name, value in context.items()})
    field, sigma = _drift_and_noise(part, kind)
    count = PER_GAP[kind]
    while True:
        steps = time_grid([outputs[0], outputs[-1]], part.spec.times, count)
        crowd = _crowd(part, len(few), seed)
        rate = part.growth if crowd else None  # which moves no cell where none feels another
        error = step_error(
            field, start[few], steps, sigma=sigma, rate=rate, others=crowd, constrain=part.constrain, seed=seed
        )
        enough = error <= TOLERANCE[kind] * part.spec.scale * part.spec.dim**0.5
        if enough or count >= 8 * PER_GAP[kind]:
            return count, error
        count *= 2


def _crowd(moving: Dynamics, cells: int, seed: int) -> InteractionField | None:
    """What cells that move together do to each other: all of them feel all, or CROWD of them drawn once."""
    among = moving.interaction
    if among is None:
        return None
    felt = torch.randperm(cells, generator=torch.Generator().manual_seed(seed))[:MAX_INTERACTING_CELLS].to(
        moving.device
    )
    return lambda t, x, log_weight: among(t, x, x[felt], log_weight[felt].softmax(dim=0))


def _felt(moving: Dynamics, cells: int) -> tuple[str, ...]:
    """A note where cells feel each other."""
    if moving.interaction is None:
        return ()
    who = (
        f"each feels all {cells:,} of them"
        if cells <= MAX_INTERACTING_CELLS
        else f"each feels the same {MAX_INTERACTING_CELLS:,} random ones of them"
    )
    return (
        f"In {moving.title} cells act on each other: the simulated cells move together and {who}, by their mass, and "
        "no others. Cells that were picked by hand miss those that were around them.",
    )


def _grown(moving: Dynamics) -> tuple[str, ...]:
    """A note where cells do not all count alike."""
    if not moving.has_growth:
        return ()
    return (f"{moving.title} learnt growth: a cell that divides counts for more, one that dies for less.",)


def _beyond(moving: Dynamics, outputs: list[float]) -> tuple[str, ...]:
    """A note where a model without a field is asked for times before the first or after the last measured one."""
    first, last = moving.spec.times[0], moving.spec.times[-1]
    if first <= outputs[0] and outputs[-1] <= last:
        return ()
    there = "the cells stand still" if moving.tracks_cells else "the cells are those of the nearer end"
    return (
        f"{moving.title} joins measured cells and says nothing outside times {first:g} to {last:g}: there {there}.",
    )
