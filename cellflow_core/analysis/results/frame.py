"""The frame of a figure of measured and simulated cells: measured ones decide it, so that none far off shrinks it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

Array = np.ndarray
BEYOND = 0.25
"""How far beyond the measured cells a frame may reach, in their spans."""
ROOM = 0.06
"""Empty room at each edge, in spans of the frame."""


def frame(
    measured: Float[Array, "cells 2"] | None, simulated: Float[Array, "*points 2"]
) -> tuple[Float[Array, " 2"], Float[Array, " 2"]]:
    """(low, high) corners that hold every measured cell, and simulated ones that are not far beyond them."""
    points = np.asarray(simulated, dtype=float).reshape(-1, 2)
    low, high = np.nanmin(points, axis=0), np.nanmax(points, axis=0)
    if measured is not None:
        first, last = (
            np.asarray(each, dtype=float) for each in (np.nanmin(measured, axis=0), np.nanmax(measured, axis=0))
        )
        far = BEYOND * (last - first)
        low, high = np.clip(low, first - far, first), np.clip(high, last, last + far)
    room = ROOM * (high - low)
    return low - room, high + room


def leaving(paths: Float[Array, "steps paths 2"], low: Float[Array, " 2"], high: Float[Array, " 2"]) -> int:
    """How many paths are outside these corners at one step or more."""
    return int(((paths < low) | (paths > high)).any(axis=(0, 2)).sum())
