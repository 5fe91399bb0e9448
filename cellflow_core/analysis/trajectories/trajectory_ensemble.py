"""Where one cell can go: many futures from the same start, how far they spread and how they divide among the fates.

A model with noise is simulated by Euler-Maruyama (math/integrate.py) with seeds that are fixed, so that the same
question has the same answer. A plan draws the partners of the cell anew for each future, a sampler its own course.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from cellflow_core.analysis.dynamics import Dynamics, Model, dynamics
from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.fields.horizon import final_cells, followed_times, horizon_note
from cellflow_core.analysis.fields.time_range import cells_of_time, first_time, of_time
from cellflow_core.analysis.initial_cells import InitialCells, Polygon, select_initial_cells
from cellflow_core.analysis.results import TrajectoryEnsemble
from cellflow_core.analysis.simulate import Simulation, simulate
from cellflow_core.analysis.terminal_states import TerminalStates, terminal_states
from cellflow_core.analysis.trajectories.paths import corner_note, frame_note, path_points, path_times
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.time_units import format_time

Array = np.ndarray
DRAWS = 4000
NEIGHBORS = 40
"""Cells nearest to one that start with it where a model has no noise."""


def simulate_ensemble(
    model: Model,
    data: Snapshots,
    view: Embedding,
    cell: int | None = None,
    polygon: Polygon = (),
    states: str = "",
    count: int = 200,
    siblings: Sequence[Model] = (),
    seed: int = 0,
) -> TrajectoryEnsemble:
    """`count` futures of one cell, or of the cells in a polygon of the view, until the last measured time. A model that
    has no noise knows one of each cell: the nearest cells tell how far the fate depends on where it stands.

    cell      row of the data set; None, without a polygon: the cell of the first time nearest to their median
    siblings  trainings that differ by seed or method: the shares are means over all, the interval covers them too
    Raises ValueError, with a sentence, where there is no such cell, or nothing was measured after it.
    """
    if not 1 <= count <= 5000:
        raise ValueError(f"{count} futures are asked for, 1 to 5000 can be drawn")
    moving = dynamics(model)
    moving.check_follows()
    start, row = _start(data, view, cell, polygon, count, seed)
    if alone := row >= 0 and moving.kind == "deterministic":
        start = _with_neighbors(data, start)
    ends = terminal_states(data, states, final_cells(model, data, seed))
    x0 = start.x if moving.kind == "deterministic" else np.resize(start.x, (count, data.dim))
    times = path_times(moving, start.time, _followed(moving, data, start))
    made = simulate(model, x0, times, seed=seed)
    others = [simulate(each, x0, times[[0, -1]], seed=seed) for each in siblings]
    fate, mass = ends.of(made.x[-1]), np.stack([_fate_mass(each, ends) for each in (made, *others)])
    share, low, high = fate_proportions(mass, seed, one=len(x0) == 1)
    paths, weight = path_points(view, moving, times, made.x).astype(float), made.weight.astype(float)
    mean, covariance = _bundles(paths, weight, fate, len(ends.names))
    notes = (*_chance(moving), *horizon_note(moving, data), *_agree(mass, ends.names, alone))
    return TrajectoryEnsemble(
        view=view.name,
        axes=view.axes,
        time_unit=data.time_unit,
        kind=moving.kind,
        start=start.text,
        cell=row,
        starts=view.points[start.cells],
        times=times,
        paths=paths.astype(np.float32),
        weight=weight,
        mean=mean,
        covariance=covariance,
        spread=np.array([_spread(x, w) for x, w in zip(made.x, weight, strict=True)]),
        measured_times=data.times if len(data.times) else np.full(1, np.nan),
        measured_spread=np.array([_spread(data.at(t)) for t in data.times] or [_spread(data.x)]),
        ends=fate,
        names=ends.names,
        share=share,
        low=low,
        high=high,
        centers=ends.centers(view),
        interval=_interval(len(x0), len(start.x), moving, len(siblings)),
        notes=(*notes, *frame_note(paths, view), *made.notes, *view.note),
    )


def _followed(moving: Dynamics, data: Snapshots, start: InitialCells) -> Float[Array, " times"]:
    """Times through which the cells are followed. Raises ValueError where nothing was measured after the start."""
    times = followed_times(moving, data)
    if start.time >= times[-1]:
        raise ValueError(
            f"{start.text} belongs to the last time ({format_time(float(times[-1]))}): nothing after it was measured"
        )
    return times


def _fate_mass(found: Simulation, ends: TerminalStates) -> Float[Array, "futures fates"]:
    """The mass of each future at the end, in the column of its fate."""
    fate = ends.of(found.x[-1])
    mass = np.zeros((len(fate), len(ends.names)))
    mass[np.arange(len(fate)), fate] = np.exp(found.log_weight[-1].astype(float))
    return mass


def fate_proportions(
    mass: Float[Array, "models futures fates"], seed: int = 0, one: bool = False
) -> tuple[Float[Array, " fates"], Float[Array, " fates"], Float[Array, " fates"]]:
    """(share, low, high): mean over the models, and the 95 % interval of a share of which so many futures were seen,
    NaN for `one` path.

    Each draw takes one of the models, and shares from the posterior under Jeffreys' prior, Dirichlet(n p + 1/2), which
    is honest for a fate that none of n futures reached, where a bootstrap would be sure. Futures of unequal mass count
    as n = (sum m)^2 / sum m^2 (Kish 1965).
    """
    rng = np.random.default_rng(seed)
    each = mass.sum(axis=2)
    n = each.sum(axis=1) ** 2 / np.square(each).sum(axis=1)
    shares = mass.sum(axis=1) / mass.sum(axis=(1, 2))[:, None]
    which = rng.integers(len(mass), size=DRAWS)
    drawn = rng.standard_gamma(n[which, None] * shares[which] + 0.5)
    drawn /= drawn.sum(axis=1, keepdims=True)
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    share = shares.mean(axis=0)
    if one:
        return share, np.full_like(share, np.nan), np.full_like(share, np.nan)
    return share, np.minimum(low, share), np.maximum(high, share)


def _start(
    data: Snapshots, view: Embedding, cell: int | None, polygon: Polygon, count: int, seed: int
) -> tuple[InitialCells, int]:
    """The cells to start from, and the row of a single one (-1 for several)."""
    if len(polygon) and cell is None:
        found = select_initial_cells(data, view, count, polygon=polygon, seed=seed)
        return found, int(found.cells[0]) if len(found.cells) == 1 else -1
    if cell is None:
        first = np.flatnonzero(cells_of_time(data, first_time(data)))
        middle = np.median(data.x[first], axis=0)
        cell = int(first[np.square(data.x[first] - middle).sum(axis=1).argmin()])
    if not 0 <= cell < len(data.x):
        raise ValueError(f"there is no cell {cell}: these data have cells 0 to {len(data.x) - 1}")
    time = float(data.t[cell]) if len(data.t) else first_time(data)
    return InitialCells(np.array([cell]), data.x[[cell]], time, f"cell {cell}{of_time(data, time)}"), cell


def _with_neighbors(data: Snapshots, start: InitialCells) -> InitialCells:
    """One cell, and the cells of its time that are nearest to it in the state."""
    there = np.flatnonzero(cells_of_time(data, start.time))
    there = there[there != start.cells[0]]
    distance = np.square(data.x[there] - start.x[0]).sum(axis=1)
    near = there[np.argsort(distance, kind="stable")[:NEIGHBORS]]
    if not len(near):
        return start
    cells = np.concatenate([start.cells, near])
    return InitialCells(cells, data.x[cells], start.time, f"{start.text} and its {len(near)} nearest cells")


def _bundles(
    paths: Array, weight: Array, fate: Array, fates: int
) -> tuple[Float[Array, "fates steps 2"], Float[Array, "fates steps 2 2"]]:
    """`_bundle` of the paths to each fate."""
    found = [_bundle(paths[:, fate == k], weight[:, fate == k]) for k in range(fates)]
    return np.stack([mean for mean, _ in found]), np.stack([covariance for _, covariance in found])


def _bundle(paths: Array, weight: Array) -> tuple[Float[Array, "steps 2"], Float[Array, "steps 2 2"]]:
    """(mean, covariance) of some paths in the view at each step, NaN where there is none."""
    steps, count, _ = paths.shape
    if not count:
        return np.full((steps, 2), np.nan), np.full((steps, 2, 2), np.nan)
    share = weight / weight.sum(axis=1, keepdims=True)
    mean = np.einsum("sc,scd->sd", share, paths)
    deviations = paths - mean[:, None]
    return mean, np.einsum("sc,sci,scj->sij", share, deviations, deviations)


def _spread(x: Float[Array, "cells dim"], weight: Array | None = None) -> float:
    """Root mean square distance from the mean (state)."""
    middle = np.average(x.astype(float), axis=0, weights=weight)
    return float(np.sqrt(np.average(np.square(x - middle).sum(axis=1), weights=weight)))


def _interval(futures: int, starts: int, moving: Dynamics, siblings: int) -> str:
    """What the interval covers, in words."""
    more = f" and {siblings + 1} trainings that differ by seed or method" if siblings else "; one training only"
    if moving.kind != "deterministic":
        of = "" if starts == 1 else f" of {starts:,} cells"
        return f"95 %, for {futures:,} futures{of}{more}; not how wrong the model's noise may be"
    if starts == 1:
        return "none: there is one path only, and nothing to draw"
    return f"95 %, for the {starts:,} cells chosen{more}"


def _chance(moving: Dynamics) -> tuple[str, ...]:
    """Where the differences between futures come from, and why paths of a plan have corners."""
    if moving.kind == "deterministic":
        return ()
    if moving.kind == "stochastic":
        return (
            f"The futures differ by the noise of {moving.title}. How strong it is was set, guessed or fitted, "
            "not measured: snapshots fit strong noise with one motion and weak noise with another.",
        )
    if moving.kind == "plan":
        return (
            "The futures differ by the partner that is drawn from the plan at each measured time: its width comes from "
            "the regularisation of the plan, not from chance in cells.",
            *corner_note(moving),
        )
    return (f"The futures are drawn by {moving.title} itself.",)


def _agree(mass: Array, names: Sequence[str], one_path: bool) -> tuple[str, ...]:
    """Where there is one path only: do trainings from other seeds lead it to the same fate?"""
    if not one_path or len(mass) == 1:
        return ()
    fates = mass[:, 0].argmax(axis=1)
    same = int((fates == fates[0]).sum())
    return (f"{same} of {len(mass)} trainings that differ by seed or method lead this cell to {names[fates[0]]}.",)
