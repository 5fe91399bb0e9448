"""Paths of simulated cells in a picture: the times they are drawn at, their course there, and where they leave it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float
from scipy.ndimage import distance_transform_edt

from cellflow_core.analysis.dynamics import Dynamics
from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.grid import Grid
from cellflow_core.analysis.results.frame import frame, leaving

Array = np.ndarray
STEPS, SMOOTH_STEPS = 40, 120
"""Steps of a drawn path; and of one that follows a velocity, which has no corner, so none must be drawn."""
MARGIN = 2.0
"""Widths of the grid's kernel around the surface in which a path is still on the map."""


def path_times(moving: Dynamics, begin: float, measured: Float[Array, " frames"]) -> Float[Array, " steps"]:
    """Times from `begin` to the last measured one, evenly spaced, and the measured ones between: a path that turns at a
    measured time turns there in the picture too."""
    later = measured[measured > begin]
    smooth = moving.kind == "deterministic"
    even = np.linspace(begin, measured[-1], (SMOOTH_STEPS if smooth else STEPS) + 1)
    if smooth and len(later):
        even = even[np.abs(even[:, None] - later).min(axis=1) > 0.2 * (even[1] - even[0])]
    return np.union1d(even, later)


def path_points(
    view: Embedding, moving: Dynamics, times: Float[Array, " steps"], x: Float[Array, "steps cells dim"]
) -> Float[Array, "steps cells 2"]:
    """The course of paths in the picture: `view.project` in a linear one.

    Elsewhere a state is placed by its nearest measured cells, which change along a path: that alone makes it jump to
    and fro. So each path is averaged over the stretch of it that one neighbourhood covers (a Gaussian in state space,
    of a quarter of a neighbourhood's radius); its ends stay, and so do the measured times, where a plan turns.
    """
    raw = view.project(x)
    if view.linear is not None or len(times) < 3:
        return raw
    inner = np.flatnonzero(np.isin(times[1:-1], moving.spec.times)) + 1 if moving.kind == "plan" else []
    points = raw.copy()
    for first, last in pairwise((0, *inner, len(times) - 1)):
        stretch = slice(first, last + 1)
        points[stretch] = _averaged(x[stretch], raw[stretch], view.neighborhood_radius / 4)
    return points


def _averaged(
    x: Float[Array, "steps cells dim"], raw: Float[Array, "steps cells 2"], width: float
) -> Float[Array, "steps cells 2"]:
    """Gaussian means over the steps of each path, by their distance in state space, through both of its ends."""
    states = torch.from_numpy(np.ascontiguousarray(x.swapaxes(0, 1)))
    weight = torch.exp(-0.5 * (torch.cdist(states, states) / width).square()).numpy()
    weight /= weight.sum(axis=2, keepdims=True)
    mean = np.einsum("cst,tcd->scd", weight, raw)
    length = np.concatenate([np.zeros((1, x.shape[1])), np.linalg.norm(np.diff(x, axis=0), axis=2).cumsum(axis=0)])
    share = (length / np.maximum(length[-1], 1e-12))[..., None]
    return mean + (1 - share) * (raw[0] - mean[0]) + share * (raw[-1] - mean[-1])


def cut_off_map(paths: Float[Array, "steps paths 2"], grid: Grid, surface: Array) -> Float[Array, "steps paths 2"]:
    """The paths, NaN from where they leave the surface (finite on the grid, and MARGIN around) for good, and wherever
    they are outside the grid. A gap in the surface that a path crosses does not cut it."""
    steps = np.array([grid.x[1] - grid.x[0], grid.y[1] - grid.y[0]])
    far = distance_transform_edt(~np.isfinite(surface), sampling=(steps / grid.width)[::-1])
    near = grid.at(np.asarray(far), paths) <= MARGIN
    inside = ((paths >= [grid.x[0], grid.y[0]]) & (paths <= [grid.x[-1], grid.y[-1]])).all(axis=-1)
    comes_back = np.logical_or.accumulate((near & inside)[::-1])[::-1]
    return np.where((comes_back & inside)[..., None], paths, np.nan)


def off_map_note(paths: Float[Array, "steps paths 2"]) -> tuple[str, ...]:
    """How many paths `cut_off_map` cut, in words; nothing where none was."""
    cut = int(np.isnan(paths).any(axis=(0, 2)).sum())
    if not cut:
        return ()
    verb, each = ("leaves", "its path is") if cut == 1 else ("leave", "their paths are")
    return (
        f"{cut} of {paths.shape[1]} simulated cells {verb} the map, that is, the places where cells were measured: "
        f"{each} cut there, and what becomes of them beyond rests on no measured cell.",
    )


def frame_note(paths: Float[Array, "steps paths 2"], view: Embedding) -> tuple[str, ...]:
    """How many paths leave the frame of the figures, in words; nothing where none does."""
    gone = leaving(paths, *frame(view.points, paths))
    if not gone:
        return ()
    verb = "leaves" if gone == 1 else "leave"
    return (
        f"{gone} of {paths.shape[1]} simulated cells {verb} the picture, which ends a little beyond the measured "
        "cells: no measured cell is near them there.",
    )


def corner_note(moving: Dynamics) -> tuple[str, ...]:
    """Why the paths of a plan have corners; nothing for other models."""
    if moving.kind != "plan":
        return ()
    return (
        f"{moving.title} joins cells of neighbouring measured times. Its paths turn at the measured times, where one "
        "pair ends and the next begins; between them it knows nothing of how cells move.",
    )
