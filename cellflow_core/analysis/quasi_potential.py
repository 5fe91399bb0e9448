"""The quasi-potential -log p of the law that simulated cells settle in when the field of one time is held."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from cellflow_core.analysis.dynamics import Dynamics, Model, ModelWrapper, dynamics
from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.fields.horizon import interval
from cellflow_core.analysis.fields.time_range import cells_of_time, first_time
from cellflow_core.analysis.flow import cells_near
from cellflow_core.analysis.grid import Grid
from cellflow_core.analysis.mean_field import InPopulation, interaction_note
from cellflow_core.analysis.simulate import simulate
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.models.contract import Context
from cellflow_core.time_units import format_duration, format_time

Array = np.ndarray
CELLS = 2000
"""Cells that are simulated to find where they settle."""
SMALL_NOISE = 0.2
"""Noise lent to a model without its own, in standard deviations (pooled) for each square root of a typical interval."""
SURE = 6.0
"""Height up to which -log p is measured: a few of the simulated cells are there."""
CAP = 12.0
"""Height at which -log p is cut."""
KERNELS = ((1.0, 0.85), (3.0, 0.1), (8.0, 0.05))
"""(width in widths of the grid, share) of the kernels that estimate p: the wide ones reach where no cell is."""
CONVERGENCE_TOL = 0.04
"""Total variation between the laws of two looks below which they count as the same."""
MAX_ROUNDS = 12


@dataclass(frozen=True)
class Frozen(ModelWrapper):
    """The field of one time held for ever, with the model's noise, or with `sigma` (state / sqrt(time)) without.

    around  cells that stay where they are and that the moving ones feel, where the model's cells feel each other
    interval  that steps divide (time)
    """

    model: Model
    time: float
    sigma: float
    around: Array
    interval: float

    def dynamics(self, context: Context) -> Dynamics:
        inner = dynamics(InPopulation(self.model, self.around), context)
        drift = inner.drift if inner.kind == "stochastic" else inner.field
        assert drift is not None
        own = inner.noise if inner.kind == "stochastic" else None
        return Dynamics(
            kind="stochastic",
            title=inner.title,
            spec=replace(inner.spec, times=(0.0, self.interval), interval=self.interval),
            device=inner.device,
            drift=lambda t, x: drift(torch.full_like(t, self.time), x),
            noise=lambda t: own(torch.full_like(t, self.time)) if own else torch.full_like(t, self.sigma),
            constrain=inner.constrain,
        )


def quasi_potential(
    model: Model, moving: Dynamics, data: Snapshots, view: Embedding, grid: Grid, time: float, seed: int
) -> tuple[Array, str, tuple[str, ...]]:
    """-log p of the settled law, at most CAP above the deepest place."""
    rng = np.random.default_rng(seed)
    begin = first_time(data)
    first = data.x[cells_of_time(data, begin)]
    x = first[rng.integers(len(first), size=CELLS)] if len(first) != CELLS else first
    if time > begin:
        moved = simulate(model, x, [begin, time], seed=seed)
        x, weight = moved.x[-1], moved.weight[-1].astype(float)
        x = x[rng.choice(len(x), len(x), p=weight / weight.sum())] if np.ptp(weight) > 0 else x
    if moving.kind in ("plan", "sampler"):
        law = density(grid, view.project(x))
        without_end = (
            "moves cells by an equation of its own, which is not followed until they settle"
            if moving.has_field
            else "has no field that could be followed until cells settle"
        )
        notes: tuple[str, ...] = (
            f"{moving.title} {without_end}: height is -log of the density of its cells at time {format_time(time)}.",
        )
    else:
        law, notes = _settle(model, moving, data, view, grid, x, time, seed)
    if not law[grid.inside].any():
        raise ValueError(
            f"{moving.title} carries no cell to where cells were measured by time "
            f"{format_time(time)}, so there is nothing to "
            "make a landscape of; look at Time for where it takes them, and train it longer"
        )
    with np.errstate(divide="ignore"):
        height = -np.log(law / law[grid.inside].max())
    height = np.where(grid.near, np.minimum(height, CAP), np.nan)
    return (
        height - np.nanmin(height),
        "-log p",
        (
            *notes,
            f"Heights above {SURE:g} show only the path down to settled cells: too few simulated cells are there to "
            "tell how high it is. -log p is not an energy: it depends on the noise, and more noise makes it flatter.",
        ),
    )


def density(grid: Grid, points: Array, weight: Array | None = None) -> Array:
    """Density of settled cells in the view, never quite zero near them."""
    return sum((share * grid.density(points, weight, width) for width, share in KERNELS), np.zeros(grid.shape))


def _settle(
    model: Model, moving: Dynamics, data: Snapshots, view: Embedding, grid: Grid, x: Array, time: float, seed: int
) -> tuple[Array, tuple[str, ...]]:
    """Density in the view once it stops changing, with what was done in words."""
    spec, typical = moving.spec, interval(moving, data)
    sigma = SMALL_NOISE * spec.scale / typical**0.5
    frozen = Frozen(model, time, sigma, data.x[cells_near(data, time)], typical)
    pause = typical / 2
    points = view.project(x)
    law = density(grid, points)
    begun = grid.share_inside(points, grid.inside)
    elapsed, reason = 0.0, "still moving"
    for look in range(MAX_ROUNDS):
        moved = simulate(frozen, x, [0.0, pause], seed=seed + look + 1, steps_per_interval=10)
        x, points = moved.x[-1], view.project(moved.x[-1])
        now, inside = density(grid, points), grid.share_inside(points, grid.inside)
        if inside < begun - 0.2 or not now[grid.inside].any():
            reason = "leaving"
            break
        change = 0.5 * np.abs(now / now.sum() - law / law.sum()).sum()
        law, elapsed = now, elapsed + pause
        if change < CONVERGENCE_TOL:
            reason = "settled"
            break
    spent = format_duration(elapsed, spec.time_unit)
    lent = (
        f"with the noise of {moving.title}"
        if moving.kind == "stochastic"
        else f"with a noise of {sigma:.3g} state per square root of time that we lent it ({moving.title} has none)"
    )
    ends = {
        "settled": f"and their law stopped changing after {spent}.",
        "still moving": f"for {spent}; their law was still changing then.",
        "leaving": f"for {spent}; after that they leave the region of measured cells, where the field means nothing.",
    }
    held = f"they were moved to time {format_time(time)}, then the field of that time was held,"
    how = held if len(data.times) else "they followed the field,"
    return law, (
        f"Height is -log p of simulated cells: {how} {lent}, {ends[reason]}",
        *interaction_note(moving, "the cells measured nearest that time"),
    )
