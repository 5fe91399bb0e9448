"""How much of a velocity field is the gradient of something, and so can be drawn as a landscape at all."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from cellflow_core.analysis.dynamics import Dynamics
from cellflow_core.analysis.fields.cell_velocities import velocity_at
from cellflow_core.analysis.grid import Grid
from cellflow_core.time_units import format_time

Array = np.ndarray
AXES = 20
"""Principal axes in which the fit is made."""
FEATURES = 250
CELLS = 1000
FEWEST = 3.0
"""Cells that a share is told of at a place, by Kish's effective size."""
WIDE = 1.5
"""Width of the kernel of that mean, in widths of the grid: one cell in two, or fewer, is tested."""


class NonGradient(NamedTuple):
    """Part of the squared velocity of cells that no potential explains.

    share   of all of it, 0 to 1; note: in words
    cells   [cells]: rows of those it was tested on; unexplained, whole [cells]: squares (state / time)^2 of what is not
            explained of the velocity of each, and of the velocity
    """

    share: float
    note: str
    cells: Int[Array, " cells"]
    unexplained: Float[Array, " cells"]
    whole: Float[Array, " cells"]

    def around(self, grid: Grid, points: Float[Array, "cells 2"]) -> Float[Array, "rows columns"]:
        """The share at each grid point, a ratio of means over the tested cells around it, 0 to 1; NaN where fewer than
        FEWEST of them are. points: of all cells that were given, in the view of the grid."""
        there = points[self.cells]
        means = grid.average(there, np.stack([self.unexplained, self.whole], axis=1), WIDE)
        with np.errstate(invalid="ignore"):
            share = np.where(means[..., 1] > 0, np.clip(means[..., 0] / means[..., 1], 0.0, 1.0), 0.0)
        return np.where(grid.support(there, WIDE) >= FEWEST, share, np.nan)


def non_gradient(moving: Dynamics, x: Float[Array, "cells dim"], time: float, seed: int = 0) -> NonGradient:
    """Part of the squared velocity of these cells that no potential explains.

    A potential phi, linear in quadratic and random Fourier features (Rahimi & Recht 2007) of the leading principal
    axes, is fitted so that -grad phi is the velocity at one half of the cells and at points between them; the share is
    1 - R^2 on the other half. All axes are scaled alike: another scale would turn gradients into rotations. What the
    features cannot fit counts as unexplained, so the share is an upper estimate. Exactly 0 for a model whose
    velocity is a gradient by construction.
    """
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(x), CELLS, replace=False) if len(x) > CELLS else np.arange(len(x))
    if moving.potential is not None:
        note = f"{moving.title} moves cells down a potential by construction: all of its flow is a gradient."
        chance = " Its cells also move by chance, which no surface shows." if moving.kind == "stochastic" else ""
        return NonGradient(0.0, note + chance, chosen, np.zeros(len(chosen)), np.ones(len(chosen)))
    chosen = chosen[rng.permutation(len(chosen))]
    fitted, tested = np.split(chosen, [len(chosen) // 2])
    places = _between(x[fitted], rng)
    v = velocity_at(moving, x[tested], time)
    left = unexplained(places, velocity_at(moving, places, time), x[tested], v, seed=seed)
    whole = np.square(v, dtype=np.float64).sum(axis=1)
    share = _share(left, whole)
    at = f" at time {format_time(time)}" if moving.spec.times else ""
    note = (
        f"About {share:.0%} of the flow (squared velocity of the cells{at}) goes around rather than down: no surface "
        "can show that part."
    )
    return NonGradient(share, note, tested, left, whole)


def _between(x: Array, rng: np.random.Generator, copies: int = 3) -> Array:
    """The cells and points on the line from each to another of the nearest in a random sample."""
    made = [x]
    for _ in range(copies):
        other = x[rng.integers(len(x), size=(len(x), 8))]
        nearest = np.square(other - x[:, None]).sum(axis=2).argmin(axis=1)
        share = rng.random((len(x), 1)).astype(x.dtype)
        made.append(x + share * (other[np.arange(len(x)), nearest] - x))
    return np.concatenate(made)


def share_unexplained(x: Array, v: Array, test_x: Array, test_v: Array, seed: int = 0) -> float:
    """1 - R^2 of the best gradient field of the fit (x, v) on the test cells (test_x, test_v), between 0 and 1."""
    return _share(unexplained(x, v, test_x, test_v, seed), np.square(test_v, dtype=np.float64).sum(axis=1))


def _share(left: Array, whole: Array) -> float:
    return float(np.clip(left.sum() / whole.sum(), 0.0, 1.0)) if whole.sum() else 0.0


def unexplained(x: Array, v: Array, test_x: Array, test_v: Array, seed: int = 0) -> Float[Array, " tests"]:
    """Square of what the best gradient field of the fit (x, v) leaves of the velocity of each test cell.

    Of one cell no more counts than its own square or the mean one: beyond the cells of the fit, features run wild.
    """
    if not np.square(test_v).sum():
        return np.zeros(len(test_x))
    center = x.mean(axis=0, dtype=np.float64)
    _, _, axes = np.linalg.svd(x - center, full_matrices=False)
    axes = axes[:AXES]
    scale = np.sqrt(np.square((x - center) @ axes.T).mean()) or 1.0
    unit = np.sqrt(np.square(v).mean()) or 1.0
    inputs, tests = (x - center) @ axes.T / scale, (test_x - center) @ axes.T / scale
    targets, answers = v @ axes.T / unit, test_v @ axes.T / unit
    lost = np.square(test_v / unit).sum(axis=1) - np.square(answers).sum(axis=1)  # outside the leading axes
    best = np.inf
    rng = np.random.default_rng(seed)
    held = rng.random(len(inputs)) < 0.25
    choice = None
    for width in (0.15, 0.4, 1.0):
        frequencies = rng.normal(size=(FEATURES, inputs.shape[1])) * width
        phases = rng.uniform(0, 2 * np.pi, FEATURES)
        normal, right = _equations(inputs[~held], targets[~held], frequencies, phases)
        for ridge in (1e-6, 1e-3, 1e-1):
            found = np.linalg.solve(normal + ridge * np.trace(normal) / len(normal) * np.eye(len(normal)), right)
            error = float(_errors(inputs[held], targets[held], frequencies, phases, found).sum())
            if error < best:
                best, choice = error, (frequencies, phases, ridge)
    assert choice is not None
    frequencies, phases, ridge = choice
    normal, right = _equations(inputs, targets, frequencies, phases)
    found = np.linalg.solve(normal + ridge * np.trace(normal) / len(normal) * np.eye(len(normal)), right)
    whole = np.square(test_v, dtype=np.float64).sum(axis=1)
    left = (_errors(tests, answers, frequencies, phases, found) + np.maximum(lost, 0.0)) * unit**2
    return np.minimum(left, np.maximum(whole, whole.mean()))


def _equations(x: Array, v: Array, frequencies: Array, phases: Array) -> tuple[Array, Array]:
    """Normal equations of v = -grad phi, summed over the axes of the gradient."""
    size = FEATURES + x.shape[1] + x.shape[1] * (x.shape[1] + 1) // 2
    normal, right = np.zeros((size, size)), np.zeros(size)
    for axis in range(x.shape[1]):
        slope = _slopes(x, axis, frequencies, phases)
        normal += slope.T @ slope
        right -= slope.T @ v[:, axis]
    return normal, right


def _errors(x: Array, v: Array, frequencies: Array, phases: Array, found: Array) -> Float[Array, " cells"]:
    """Squared error of -grad phi at each place."""
    parts = [v[:, k] + _slopes(x, k, frequencies, phases) @ found for k in range(x.shape[1])]
    return np.square(np.stack(parts)).sum(axis=0)


def _slopes(x: Array, axis: int, frequencies: Array, phases: Array) -> Array:
    """d / dx_axis of every feature: cos(w.x + b), x_i, and x_i x_j for i <= j."""
    waves = -frequencies[:, axis] * np.sin(x @ frequencies.T + phases)
    dim = x.shape[1]
    linear = np.zeros((len(x), dim))
    linear[:, axis] = 1.0
    i, j = np.triu_indices(dim)
    squares = (i == axis) * x[:, j] + (j == axis) * x[:, i]
    return np.concatenate([waves, linear, squares], axis=1)
