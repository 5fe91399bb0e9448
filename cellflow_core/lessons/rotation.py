"""Lesson 6: no hill for a cycle. A landscape explains only the part of the motion that is a gradient."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from cellflow_core.analysis.results.lesson_picture import Layer, LessonPicture
from cellflow_core.lessons.lesson import Lesson, Turn

Array = np.ndarray
SHARES = (0.0, 0.3, 0.5, 0.7, 1.0)
CELLS, SHOWN, SCALE = 600, 90, 0.35
EDGES = (0.2, 0.8)


def take(setting: int, seed: int) -> Turn:
    """v = -(1 - s) x + s (-y, x) at cells around 0, and the hill of degree 4 whose gradient is nearest to it."""
    s = SHARES[setting]
    cells = np.random.default_rng((6, seed)).normal(0, 1, (CELLS, 2))
    v = -(1 - s) * cells + s * np.stack([-cells[:, 1], cells[:, 0]], axis=1)
    slope = _gradient(cells)
    fit = slope @ np.linalg.lstsq(slope.reshape(-1, slope.shape[-1]), v.ravel(), rcond=None)[0]
    explained = 1 - float(((v - fit) ** 2).sum() / (v**2).sum())
    some = cells[:SHOWN]
    layers = (
        Layer("points", "cells", cells[:, 0], cells[:, 1], role="quiet"),
        _arrows("velocity of the cells", some, v[:SHOWN], "first", answer=False),
        _arrows("down the best hill", some, fit[:SHOWN], "second", answer=True),
    )
    words = (
        f"The best hill explains {explained:.0%} of the motion. Nothing that rolls downhill comes back, so what "
        "goes round is left over, whatever its height. A surface can be drawn for a cycle all the same: the share that "
        "it leaves unexplained has to stand beside it."
    )
    answer = 2 - int(np.searchsorted(EDGES, explained))
    return Turn(LessonPicture(layers, "gene 1", "gene 2", equal=True), answer, words)


def _arrows(name: str, at: Array, v: Array, role: str, answer: bool) -> Layer:
    end = at + SCALE * v
    return Layer("arrows", name, *at.T, role=role, answer=answer, to_x=end[:, 0], to_y=end[:, 1])  # type: ignore[arg-type]


def _gradient(x: Float[Array, "cells 2"]) -> Float[Array, "cells 2 terms"]:
    """Gradients of x^i y^j, 1 <= i + j <= 4."""
    found = []
    for i in range(5):
        for j in range(5 - i):
            if i + j:
                dx = i * x[:, 0] ** max(i - 1, 0) * x[:, 1] ** j
                dy = j * x[:, 0] ** i * x[:, 1] ** max(j - 1, 0)
                found.append(np.stack([dx, dy], axis=1))
    return np.stack(found, axis=2)


LESSON = Lesson(
    "rotation",
    "No hill for a cycle",
    "Waddington's landscape says that cells roll downhill; a cell cycle goes round.",
    "Share of rotation",
    tuple(f"{each:.0%}" for each in SHARES),
    "The motion is {setting} rotation. How much of it can a landscape explain?",
    ("Nearly all (more than 80 %)", "A part (20 to 80 %)", "Hardly anything (less than 20 %)"),
    take,
    ("landscape", "See what share of your own model's motion is no gradient"),
)
