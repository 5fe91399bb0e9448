"""Lesson 2: straight paths, curved flows. A velocity field is the mean of all pairs that pass by a place."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from cellflow_core.analysis.results.lesson_picture import Layer, LessonPicture, paths, segments
from cellflow_core.lessons.lesson import Lesson, Turn
from cellflow_core.plural import counted

Array = np.ndarray
COUNTS = (1, 2, 8, 64)
WIDTH = 0.2  # of the bridge around each straight line
STEPS = 80
NEAR = 0.5


def take(setting: int, seed: int) -> Turn:
    """The velocity of flow matching in closed form: pairs (a_i, b_i), bridges of one width.

    u(t, x) = sum_i w_i (b_i - a_i),  w_i in proportion to exp(-|x - (1 - t) a_i - t b_i|^2 / (2 width^2))
    """
    rng = np.random.default_rng((2, seed))
    count = max(COUNTS)
    begin = np.stack([np.zeros(count), rng.normal(0, 0.5, count)], axis=1)
    goal = np.stack([np.full(count, 3.0), np.where(rng.random(count) < 0.5, 1.2, -1.2)], axis=1)
    begin[0], goal[0] = (0.0, 0.45), (3.0, -1.2)  # the cell that is followed crosses the others
    goal[:, 1] += rng.normal(0, 0.12, count)
    pairs = COUNTS[setting]
    a, b = begin[:pairs], goal[:pairs]
    flow = _follow(a, b, np.concatenate([a[:1], a[1:12]]))
    missed = float(np.linalg.norm(flow[-1, 0] - b[0]))
    arrives = missed < NEAR
    line = segments(a[:1], b[:1])
    layers = (
        Layer("lines", "straight paths of the pairs", *segments(a, b), role="quiet"),
        Layer("lines", "trajectories of the flow", *paths(flow[:, 1:]), role="first", answer=True),
        Layer("lines", "trajectory of the cell", *paths(flow[:, :1]), role="second", answer=True),
        Layer("lines", "straight path of the cell", *line, role="truth"),
        Layer("points", "cells", a[:, 0], a[:, 1], role="quiet"),
        Layer("points", "the cell and its partner", *np.stack([a[0], b[0]], axis=1), role="second"),
    )
    others = ("There is no other pair: it", "Beside one other pair it", f"Among {pairs} pairs it")[min(setting, 2)]
    words = (
        f"{others} {'keeps to' if arrives else 'leaves'} its line and ends {missed:.1f} from its partner; the two "
        "groups of partners are at a distance of 2.4. Flow matching learns from straight lines, yet the velocity at a "
        "place is the mean of all lines through it: trajectories do not cross, and one pair does not decide a fate."
    )
    return Turn(LessonPicture(layers, "gene 1", "gene 2", equal=True), 0 if arrives else 1, words)


def _follow(
    a: Float[Array, "pairs 2"], b: Float[Array, "pairs 2"], x: Float[Array, "n 2"]
) -> Float[Array, "times n 2"]:
    """Runge-Kutta of order 2 along the mean velocity."""

    def velocity(t: float, at: Array) -> Array:
        square = ((at[:, None] - (1 - t) * a - t * b) ** 2).sum(axis=2)
        weight = np.exp(-(square - square.min(axis=1, keepdims=True)) / (2 * WIDTH**2))
        return (weight / weight.sum(axis=1, keepdims=True)) @ (b - a)

    found, h = [x], 1 / STEPS
    for k in range(STEPS):
        half = found[-1] + h / 2 * velocity(k * h, found[-1])
        found.append(found[-1] + h * velocity((k + 0.5) * h, half))
    return np.stack(found)


LESSON = Lesson(
    "averaging",
    "Straight paths, curved flows",
    "Flow matching is trained on straight lines between pairs of cells; it learns their mean at each place.",
    "The field is the mean of",
    tuple(counted(each, "pair") for each in COUNTS),
    "Will the marked cell arrive at its partner along the mean of {setting}?",
    ("Yes, it follows its line", "No, it ends elsewhere"),
    take,
    ("flow", "See where the learnt trajectories of your own cells are curved"),
)
