"""The level that a perturbed gene is set to where none is asked for."""

from __future__ import annotations

from typing import Literal

import numpy as np
from jaxtyping import Float

from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace

Array = np.ndarray
Kind = Literal["knock-out", "knock-down", "over-expression", "shift", "edges"]
KINDS = ("knock-out", "knock-down", "over-expression", "shift", "edges")
HELD = KINDS[:3]
"""Kinds in which a gene is held at a level throughout."""
DEFAULT_Z_SCORE = -5.0
"""Standard deviations from the mean that a shifted gene is set to where none are asked for."""


def lowest_level(measured: Float[Array, " cells"]) -> float | None:
    """0 where that means no expression; None where measured values clearly go below 0, as in scaled data."""
    lowest, highest = np.quantile(measured, [0.01, 0.99])
    return None if lowest < -0.25 * max(highest, 0.0) else 0.0


def knocked_down(read: Float[Array, " cells"], strength: float) -> float:
    """Level of a gene of which a knock-down of this strength (0 to 1) leaves the rest of its mean: 1 is a knock-out."""
    none = clamp_level(read, "knock-out", lowest_level(read))
    return none + (1 - strength) * (float(read.mean()) - none)


def strength_of(read: Float[Array, " cells"], level: float) -> float:
    """The strength of the knock-down that leaves this level; 1 for a gene whose mean is its lowest level."""
    none = clamp_level(read, "knock-out", lowest_level(read))
    return 1 - (level - none) / (float(read.mean()) - none) if read.mean() > none else 1.0


def clamp_level(read: Float[Array, " cells"], kind: Kind, none: float | None) -> float:
    """Level of a knock-out or of a source whose edges are cut (`none`, or the 1 % quantile without), or of an
    over-expression (99 % quantile), of the expression read from the states of the measured cells: a level that the
    axes cannot represent would push cells out of the data."""
    if kind == "over-expression":
        return float(np.quantile(read, 0.99))
    return float(np.quantile(read, 0.01)) if none is None else none


def default_level(data: Snapshots, read: Array, kind: Kind, none: float | None) -> float:
    """DEFAULT_Z_SCORE of a shift, else `clamp_level`; in a learnt space never below what any measured cell reads,
    since the decoder extrapolates there, and a share of all counts never becomes 0."""
    if kind == "shift":
        return DEFAULT_Z_SCORE
    level = clamp_level(read, kind, none)
    return level if isinstance(data.space, AffineSpace) else max(level, float(read.min()))
