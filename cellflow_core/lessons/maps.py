"""Lesson 7: arrows on a map. A coherent picture is not a right one.

The cells, their true velocities and four UMAPs are stored beside this file; `benchmarks/lesson_maps.py` makes them.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import Float

from cellflow_core.analysis.results.lesson_picture import Layer, LessonPicture
from cellflow_core.lessons.lesson import Lesson, Turn
from cellflow_core.math.neighbors import nearest_others
from cellflow_core.math.velocity_graph import cosines, velocity_graph

Array = np.ndarray
FILE = Path(__file__).parent / "maps.npz"
NEIGHBORS = 20
LENGTH = 0.07  # of an arrow, of the width of the map
WITHIN = np.cos(np.pi / 4)
EDGES = (0.5, 0.75)
SETTINGS = (
    "Principal components",
    "UMAP",
    "UMAP, another seed",
    "UMAP, 5 neighbors",
    "UMAP, velocities without any direction",
)


def take(setting: int, seed: int) -> Turn:
    """Every cell has an arrow of one length: the mean over its neighbors on the map, as streams and grids are drawn."""
    held = _stored()
    x, v, later = held["x"], held["v"], held["later"]
    place = held["maps"][min(setting, 3)]
    random = setting == len(SETTINGS) - 1
    if random:
        place, v = held["maps"][1], np.random.default_rng((7, seed)).normal(size=v.shape)
    arrow = velocity_graph(x, v, nearest_others(x, NEIGHBORS)).displacement(place)
    near = nearest_others(place, NEIGHBORS)
    arrow = (arrow + arrow[near].sum(axis=1)) / (NEIGHBORS + 1)
    right = float(np.mean(cosines(arrow, place[later] - place) > WITHIN))
    alike = float(np.mean(cosines(np.repeat(arrow, NEIGHBORS, axis=0), arrow[near].reshape(-1, 2))))
    length = LENGTH * float(np.ptp(place, axis=0).max())
    end = place + length * arrow / np.maximum(np.linalg.norm(arrow, axis=1, keepdims=True), 1e-30)
    wrong = cosines(arrow, place[later] - place) <= WITHIN
    layers = (
        Layer("points", "cells", *place.T, role="quiet"),
        _arrows("arrows", place, end, "first", answer=False),
        _arrows("more than 45° off", place[wrong], end[wrong], "second", answer=True),
    )
    made_of = ", made of velocities that were drawn at random for each cell," if random else ""
    words = (
        f"{right:.0%} of the arrows{made_of} point to where their cell goes, within 45 degrees; by chance it would be "
        f"25%. Neighboring arrows agree with a mean cosine of {alike:.2f}, because a map averages over neighbors: "
        "arrows look orderly even where they mean nothing. Trust what is the same on several maps, and numbers more "
        "than pictures."
    )
    return Turn(LessonPicture(layers, "", "", equal=True), 2 - int(np.searchsorted(EDGES, right)), words)


def _arrows(name: str, begin: Float[Array, "n 2"], end: Float[Array, "n 2"], role: str, answer: bool) -> Layer:
    return Layer("arrows", name, *begin.T, role=role, answer=answer, to_x=end[:, 0], to_y=end[:, 1])  # type: ignore[arg-type]


@cache
def _stored() -> dict[str, Array]:
    with np.load(FILE, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


LESSON = Lesson(
    "maps",
    "Arrows on a map",
    "The arrows on a UMAP are velocities of thousands of genes, folded until they fit on paper.",
    "Map",
    SETTINGS,
    "How many of these arrows point to where their cell goes?",
    ("Most (more than three quarters)", "More than half", "Fewer than half"),
    take,
    ("velocity", "See where the estimators of your own velocities agree"),
)
