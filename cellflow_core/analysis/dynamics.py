"""What moves the cells of a model, whatever its capabilities. The only place that asks what a model can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.data.snapshots import DataSpec
from cellflow_core.math.integrate import Field
from cellflow_core.models.clock import MEASURED, Clock
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

BLOCK = 2048


@dataclass(frozen=True)
class Dynamics:
    """What moves the cells of a model: functions of (t [batch], x [batch, dim]) in the data's units.

    kind         "stochastic" (dx = drift dt + noise dW), "deterministic" (dx = velocity dt), "plan" (displacement
                 interpolation between the cells of a transport plan) or "sampler" (the model samples later cells)
    velocity     of the continuity equation, or None; drift, noise: of the stochastic equation, or None
    interaction  with a population, (t, x, population, weight of each of its cells) -> [batch, dim], to be added to
                 velocity or drift, which leave it out (`mean_field.InPopulation` adds it for a fixed population)
    growth       d log mass / dt, potential: U, plans: by interval, sampler: (cells, times, generator) -> states;
                 None where the model has none
    initial      applied once to the initial cells by a perturbation, or None
    constrain    projects states to those that a perturbation allows, or None
    tracks_cells False for a sampler that draws other cells at each time, instead of moving the same ones
    clock        of the model's networks, on which its fields are smooth; in measured time the speed of a cell may jump
                 where one interval ends and a longer one begins
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
    initial: Callable[[Tensor], Tensor] | None = None
    constrain: Callable[[Tensor], Tensor] | None = None
    tracks_cells: bool = True
    clock: Clock = MEASURED

    def check_follows(self) -> None:
        """Raises ValueError, with a sentence, where the model does not track single cells."""
        if not self.tracks_cells:
            raise ValueError(
                f"{self.title} draws other cells at each time and follows none, so it cannot say what becomes of a "
                "cell; a model that moves cells is needed"
            )

    @property
    def has_growth(self) -> bool:
        """Whether cells gain or lose mass."""
        return self.growth is not None or any(plan.target_mass is not None for plan in self.plans)

    @property
    def has_field(self) -> bool:
        return self.velocity is not None or self.drift is not None

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

    def on_clock(self) -> Dynamics:
        """The same as functions of the position on the clock, per interval: what `simulate` integrates, so that no step
        sees a jump."""
        clock, noise, interaction = self.clock, self.noise, self.interaction
        if not clock.times:
            return self

        def per_interval(field: Field | None) -> Field | None:
            if field is None:
                return None

            def scaled(position: Tensor, x: Tensor) -> Tensor:
                t = clock.time(position)
                return _times(1 / clock.speed(t), field(t, x))

            return scaled

        def mutual(position: Tensor, x: Tensor, cloud: Tensor, weight: Tensor) -> Tensor:
            assert interaction is not None
            t = clock.time(position)
            return _times(1 / clock.speed(t), interaction(t, x, cloud, weight))

        def sigma(position: Tensor) -> Tensor:
            assert noise is not None
            t = clock.time(position)
            return noise(t) / clock.speed(t).sqrt()

        return replace(
            self,
            velocity=per_interval(self.velocity),
            drift=per_interval(self.drift),
            growth=per_interval(self.growth),
            noise=None if noise is None else sigma,
            interaction=None if interaction is None else mutual,
        )


class ModelWrapper(ABC):
    """A changed model: a perturbation wraps a model, or another wrapper; it is never an option of a model."""

    @abstractmethod
    def dynamics(self, context: Context) -> Dynamics:
        """The dynamics of the wrapped model, changed."""


Model = DynamicsModel | ModelWrapper


def dynamics(model: Model, context: Context | None = None) -> Dynamics:
    """What moves the cells of this model. Raises ValueError that names what the model has where nothing does."""
    context = context or Context()
    if isinstance(model, ModelWrapper):
        return model.dynamics(context)
    model.eval()
    has, clock = capabilities(model), model.clock

    def field(name: str, per_time: bool = True) -> Field | None:
        """The capability of this name as a function of measured time and state."""
        if name not in has:
            return None
        ask = getattr(model, name)
        if not per_time:
            return lambda t, x: ask(clock.position(t), x, context)
        return lambda t, x: _times(clock.speed(t), ask(clock.position(t), x, context))

    velocity, drift, score = field("velocity"), field("drift"), field("score", per_time=False)
    noise = _noise(model) if "noise" in has else None
    if noise is not None and score is not None:
        half = _half_score(score, noise)
        if drift is None and velocity is not None:
            v = velocity
            drift = lambda t, x: v(t, x) + half(t, x)  # noqa: E731
        elif velocity is None and drift is not None:
            b = drift
            velocity = lambda t, x: b(t, x) - half(t, x)  # noqa: E731
    plans = ()
    sampler = _sampler(model, context) if isinstance(model, HasSampler) else None
    if sampler is not None:
        kind = "sampler"
    elif drift is not None and noise is not None:
        kind = "stochastic"
    elif velocity is not None or drift is not None:
        kind = "deterministic"
    elif isinstance(model, HasCoupling):
        kind = "plan"
        plans = tuple(clock.measured(model.coupling(k)) for k in range(len(model.spec.times) - 1))
    else:
        raise ValueError(
            f"{model.title} cannot be simulated: it has {', '.join(sorted(has)) or 'no capability at all'}; "
            "needed is a velocity, a drift with noise, a coupling or a sampler"
        )
    return Dynamics(
        kind=kind,
        title=model.title,
        spec=clock.outer(model.spec),
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
        clock=clock,
    )


def blocks(x: Float[np.ndarray, "cells dim"], device: torch.device) -> tuple[Tensor, ...]:
    """States on the device of a model, at most BLOCK at a time: all at once may need more memory than there is."""
    return torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32)).to(device).split(BLOCK)


def cell_blocks(cells: int) -> list[slice]:
    """The rows of a table of cells, at most BLOCK of them at a time."""
    return [slice(first, first + BLOCK) for first in range(0, cells, BLOCK)]


def values_at(
    field: Field, x: Float[np.ndarray, "cells dim"], time: float, device: torch.device
) -> Float[np.ndarray, "cells ..."]:
    """A field at states of one time, in its own unit."""
    with torch.no_grad():
        parts = [field(block.new_full((len(block),), time), block) for block in blocks(x, device)]
    return torch.cat(parts).cpu().numpy()


def _times(factor: Tensor, values: Tensor) -> Tensor:
    """Each row by its factor."""
    return values * (factor[:, None] if values.ndim == 2 else factor)


def _noise(model: DynamicsModel) -> Callable[[Tensor], Tensor]:
    assert isinstance(model, HasNoise)
    clock = model.clock
    return lambda t: model.noise(clock.position(t)) * clock.speed(t).sqrt()


def _sampler(model: HasSampler, context: Context) -> Callable[[Tensor, tuple[float, ...], torch.Generator], Tensor]:
    assert isinstance(model, DynamicsModel)
    clock = model.clock
    return lambda x0, times, rng: model.sample(x0, tuple(clock.positions_of(times)), rng, context)


def _among(model: DynamicsModel, context: Context) -> Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]:
    assert isinstance(model, HasInteraction)
    clock = model.clock
    return lambda t, x, cloud, weight: _times(
        clock.speed(t), model.interaction(clock.position(t), x, cloud, weight, context)
    )


def _half_score(score: Field, noise: Callable[[Tensor], Tensor]) -> Field:
    """sigma^2 / 2 score: what the drift has beyond the velocity (Song et al. 2021, arXiv:2011.13456, eq. 13)."""
    return lambda t, x: noise(t).square()[:, None] / 2 * score(t, x)
