"""Lesson 1: snapshots have no arrows. Two clones cross, or do not, and what was measured is the same."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment

from cellflow_core.analysis.results.lesson_picture import Layer, LessonPicture, segments
from cellflow_core.lessons.lesson import Lesson, Turn

Array = np.ndarray
CELLS = 24
RULES = ("at random", "each with its nearest cell", "by optimal transport")
CHOICES = (*(f"The pairs {each}" for each in RULES), "The two snapshots cannot tell")


def take(setting: int, seed: int) -> Turn:
    """The truth is drawn with the seed: clones that stay on their side, or change it."""
    rng = np.random.default_rng((1, seed))
    side = np.repeat([-1.0, 1.0], CELLS // 2)
    before = np.stack([np.zeros(CELLS), side], axis=1) + rng.normal(0, 0.22, (CELLS, 2))
    cross = bool(rng.integers(2))
    after = np.stack([np.full(CELLS, 3.0), -side if cross else side], axis=1) + rng.normal(0, 0.22, (CELLS, 2))
    mixed = rng.permutation(CELLS)  # the order in which cells are measured says nothing
    partner = _pairs(before, after[mixed], setting, rng)
    found = mixed[partner]
    right = float(np.mean(side[found] == side))  # of the clone; clones have one side before
    layers = (
        Layer("lines", f"pairs {RULES[setting]}", *segments(before, after[found]), role="first"),
        Layer("lines", "the true clones", *segments(before, after), role="truth", answer=True),
        Layer("points", "cells on day 0", before[:, 0], before[:, 1], role="second"),
        Layer("points", "cells on day 3", after[:, 0], after[:, 1], role="third"),
    )
    course = "change sides" if cross else "stay on their side"
    words = (
        f"The clones were marked with a barcode, and they {course}: {right:.0%} of these pairs join cells of a clone. "
        "With another draw it is the other one, and the two snapshots look the same. Optimal transport takes the "
        "shortest pairs, which is an assumption; only marks that are inherited decide it."
    )
    return Turn(LessonPicture(layers, "gene 1", "gene 2", equal=True), 3, words)


def _pairs(
    before: Float[Array, "n 2"], after: Float[Array, "n 2"], rule: int, rng: np.random.Generator
) -> Int[Array, " n"]:
    if rule == 0:
        return rng.permutation(len(after))
    cost = ((before[:, None] - after[None]) ** 2).sum(axis=2)
    return cost.argmin(axis=1) if rule == 1 else linear_sum_assignment(cost)[1]


LESSON = Lesson(
    "pairing",
    "Snapshots have no arrows",
    "Cells are destroyed when they are measured, so no one sees which cell of day 3 came from which cell of day 0.",
    "Pair the cells",
    tuple(each.capitalize() for each in RULES),
    "Which pairs are the true ones?",
    CHOICES,
    take,
    ("fates", "Hold the fates of a model against clones that were measured"),
)
