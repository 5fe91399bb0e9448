"""Cells of dx = b(t, x) dt + sigma(t) dW that divide and die: Euler-Maruyama, and what follows from it.

d log mass = growth(t, x) dt along each path. Values are reflected at 0 where they cannot be negative; clamped genes
never move. The error of a mean over cells is of first order in the step (Kloeden & Platen 1992, section 10.2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from jaxtyping import Float

from cellflow_core.data.simulators.contract import HasGrowth

Array = np.ndarray
Start = Callable[[int, np.random.Generator], Float[Array, "cells dim"]]
"""Fresh cells at the time a course begins."""


class Process(Protocol):
    """What is run: a simulator that knows its drift. Where it knows growth as well, cells gain and lose mass."""

    @property
    def axes(self) -> tuple[str, ...]: ...
    def drift(self, t: float, x: Array, /) -> Array: ...
    def noise(self, t: float, /) -> Array: ...


class FateProcess(Process, Protocol):
    """A process that names the fate of a state."""

    @property
    def fates(self) -> tuple[str, ...]: ...
    def fate_of(self, x: Array, /) -> Array: ...


@dataclass(frozen=True)
class Population:
    """Independent cells x [cells, dim] seen at t [cells]; mass [times] each time stands for, None without growth."""

    x: Float[Array, "cells dim"]
    t: Float[Array, " cells"]
    mass: Float[Array, " times"] | None


def mean_trajectory(
    process: Process,
    x: Float[Array, "cells dim"],
    begin: float,
    end: float,
    rng: np.random.Generator,
    *,
    step: float,
    positive: bool = False,
    clamp: Mapping[str, float] | None = None,
) -> Iterator[tuple[Float[Array, "cells dim"], Float[Array, " cells"]]]:
    """(cells, log of their mass) after each step, the start included. x itself is left alone.

    step      longest time step: the time from begin to end is cut into equal ones
    positive  reflect every coordinate at 0
    clamp     genes held at levels from the first moment on. Raises KeyError that lists the axes for an unknown one
    """
    held, levels = held_columns(process.axes, clamp)
    x = np.array(x, dtype=np.float64)
    x[:, held] = levels
    log_mass = np.zeros(len(x))
    yield x, log_mass
    steps = int(np.ceil((end - begin) / step - 1e-9))
    for k in range(steps):
        dt = (end - begin) / steps
        t = begin + k * dt
        if isinstance(process, HasGrowth):
            log_mass = log_mass + process.growth(t, x) * dt
        kick = process.noise(t) * np.sqrt(dt) * rng.standard_normal(x.shape)
        x = x + process.drift(t, x) * dt + kick
        if positive:
            x = np.abs(x)
        x[:, held] = levels
        yield x, log_mass


def final_state(
    process: Process,
    x: Float[Array, "cells dim"],
    begin: float,
    end: float,
    rng: np.random.Generator,
    *,
    step: float,
    positive: bool = False,
    clamp: Mapping[str, float] | None = None,
) -> tuple[Float[Array, "cells dim"], Float[Array, " cells"]]:
    """(cells, log of their mass) at the end of a course."""
    *_, final = mean_trajectory(process, x, begin, end, rng, step=step, positive=positive, clamp=clamp)
    return final


def population(
    process: Process,
    start: Start,
    times: Float[Array, " times"],
    cells: int,
    rng: np.random.Generator,
    *,
    step: float,
    positive: bool = False,
    fastest: float = 0.0,
    begin: float = 0.0,
) -> Population:
    """So many independent cells at each time, drawn from the growing population.

    begin    time of the start cells, at or before the first of the times
    fastest  an upper bound of growth (1 / time): a cell is kept with probability mass / largest possible mass, which is
             exact and makes no copies. Raises ValueError where a cell grows faster
    """
    grows = isinstance(process, HasGrowth)
    frames, mass = [], []
    for time in times:
        kept: list[Array] = []
        while sum(map(len, kept)) < cells:
            fresh = start(2 * cells if grows else cells, rng)
            x, log_mass = final_state(process, fresh, begin, float(time), rng, step=step, positive=positive)
            if grows:
                limit = (time - begin) * fastest
                if log_mass.max() > limit + 1e-9:
                    raise ValueError(f"a cell grew by exp({log_mass.max():.3g}), more than the stated exp({limit:.3g})")
                x = x[rng.random(len(x)) < np.exp(log_mass - limit)]
            kept.append(x)
            if len(kept) == 1:
                mass.append(cells * float(np.exp(log_mass).mean()))
        frames.append(np.concatenate(kept)[:cells])
    return Population(
        np.concatenate(frames), np.repeat(times, cells), np.array(mass, dtype=np.float32) if grows else None
    )


def fate_shares(
    process: FateProcess,
    x: Float[Array, "cells dim"],
    begin: float,
    end: float,
    rng: np.random.Generator,
    *,
    step: float,
    positive: bool = False,
    clamp: Mapping[str, float] | None = None,
    of: Literal["population", "start cells"] = "population",
) -> dict[str, float]:
    """Share of each fate at the end, with genes held at levels from the first moment on.

    of  "population": share of the mass, so that cells that multiply count more; "start cells": share of the cells of
        the first moment by where their line ends
    """
    x, log_mass = final_state(process, x, begin, end, rng, step=step, positive=positive, clamp=clamp)
    weight = np.exp(log_mass) if of == "population" else np.ones(len(x))
    reached = process.fate_of(x)
    return {name: float(weight[reached == name].sum() / weight.sum()) for name in process.fates}


def held_columns(axes: tuple[str, ...], clamp: Mapping[str, float] | None) -> tuple[list[int], Array]:
    """(columns, levels) of the clamped genes. Raises KeyError that lists the axes for an unknown one."""
    clamp = clamp or {}
    unknown = sorted(set(clamp) - set(axes))
    if unknown:
        raise KeyError(f"{', '.join(unknown)} not among what is simulated here: {', '.join(axes)}")
    return [axes.index(each) for each in clamp], np.array(list(clamp.values()), dtype=np.float64)
