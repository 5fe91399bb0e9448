"""How much of a velocity field is the gradient of something, and so can be drawn as a landscape at all."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from cellflow_core.analysis.dynamics import Dynamics
from cellflow_core.analysis.fields.cell_velocities import velocity_at
from cellflow_core.time_units import format_time

Array = np.ndarray
AXES = 20
"""Principal axes in which the fit is made."""
FEATURES = 250
CELLS = 1000


def non_gradient_share(
    moving: Dynamics, x: Float[np.ndarray, "cells dim"], time: float, seed: int = 0
) -> tuple[float, str]:
    """(share, note): part of the squared velocity of these cells that no potential explains, between 0 and 1.

    A potential phi, linear in quadratic and random Fourier features (Rahimi & Recht 2007) of the leading principal
    axes, is fitted so that -grad phi is the velocity at one half of the cells and at points between them; the share is
    1 - R^2 on the other half. All axes are scaled alike: another scale would turn gradients into rotations. What the
    features cannot fit counts as unexplained, so the share is an upper estimate. Exactly 0 for a model whose
    velocity is a gradient by construction.
    """
    if moving.potential is not None:
        note = f"{moving.title} moves cells down a potential by construction: all of its flow is a gradient."
        chance = " Its cells also move by chance, which no surface shows." if moving.kind == "stochastic" else ""
        return 0.0, note + chance
    rng = np.random.default_rng(seed)
    if len(x) > CELLS:
        x = x[rng.choice(len(x), CELLS, replace=False)]
    x = x[rng.permutation(len(x))]
    middle = len(x) // 2
    fitted, tested = _between(x[:middle], rng), x[middle:]
    share = share_unexplained(
        fitted, velocity_at(moving, fitted, time), tested, velocity_at(moving, tested, time), seed=seed
    )
    at = f" at time {format_time(time)}" if moving.spec.times else ""
    return share, (
        f"About {share:.0%} of the flow (squared velocity of the cells{at}) goes around rather than down: no surface "
        "can show that part."
    )


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
    whole = np.square(test_v).sum()
    if not whole:
        return 0.0
    center = x.mean(axis=0, dtype=np.float64)
    _, _, axes = np.linalg.svd(x - center, full_matrices=False)
    axes = axes[:AXES]
    scale = np.sqrt(np.square((x - center) @ axes.T).mean()) or 1.0
    unit = np.sqrt(np.square(v).mean()) or 1.0
    inputs, tests = (x - center) @ axes.T / scale, (test_x - center) @ axes.T / scale
    targets, answers = v @ axes.T / unit, test_v @ axes.T / unit
    lost = whole / unit**2 - np.square(answers).sum()  # what lies outside the leading axes is not explained
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
            error = _error(inputs[held], targets[held], frequencies, phases, found)
            if error < best:
                best, choice = error, (frequencies, phases, ridge)
    assert choice is not None
    frequencies, phases, ridge = choice
    normal, right = _equations(inputs, targets, frequencies, phases)
    found = np.linalg.solve(normal + ridge * np.trace(normal) / len(normal) * np.eye(len(normal)), right)
    error = _error(tests, answers, frequencies, phases, found) + lost
    return float(np.clip(error / (whole / unit**2), 0.0, 1.0))


def _equations(x: Array, v: Array, frequencies: Array, phases: Array) -> tuple[Array, Array]:
    """Normal equations of v = -grad phi, summed over the axes of the gradient."""
    size = FEATURES + x.shape[1] + x.shape[1] * (x.shape[1] + 1) // 2
    normal, right = np.zeros((size, size)), np.zeros(size)
    for axis in range(x.shape[1]):
        slope = _slopes(x, axis, frequencies, phases)
        normal += slope.T @ slope
        right -= slope.T @ v[:, axis]
    return normal, right


def _error(x: Array, v: Array, frequencies: Array, phases: Array, found: Array) -> float:
    parts = [v[:, k] + _slopes(x, k, frequencies, phases) @ found for k in range(x.shape[1])]
    return float(sum(np.square(part).sum() for part in parts))


def _slopes(x: Array, axis: int, frequencies: Array, phases: Array) -> Array:
    """d / dx_axis of every feature: cos(w.x + b), x_i, and x_i x_j for i <= j."""
    waves = -frequencies[:, axis] * np.sin(x @ frequencies.T + phases)
    dim = x.shape[1]
    linear = np.zeros((len(x), dim))
    linear[:, axis] = 1.0
    i, j = np.triu_indices(dim)
    squares = (i == axis) * x[:, j] + (j == axis) * x[:, i]
    return np.concatenate([waves, linear, squares], axis=1)
