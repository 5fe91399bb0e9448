"""Lesson 4: noise and fates. Cells that begin alike end differently."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from cellflow_core.analysis.results.lesson_picture import Layer, LessonPicture, paths
from cellflow_core.lessons.lesson import Lesson, Turn

Array = np.ndarray
SIGMA = (0.0, 0.15, 0.4, 0.8)
CELLS, SHOWN = 400, 24
BEGIN, LAST, STEP = 0.15, 6.0, 0.02
FEW, MANY = 0.05, 0.25


def take(setting: int, seed: int) -> Turn:
    """dx = (x - x^3) dt + sigma dW from x = 0.15, just right of the ridge at 0; valleys at -1 and 1."""
    sigma = SIGMA[setting]
    rng = np.random.default_rng((4, seed))
    times = np.arange(0, LAST + STEP / 2, STEP)
    found = np.empty((len(times), CELLS))
    found[0] = BEGIN
    for k in range(1, len(times)):
        x = found[k - 1]
        found[k] = x + STEP * (x - x**3) + sigma * np.sqrt(STEP) * rng.standard_normal(CELLS)
    left = float(np.mean(found[-1] < 0))
    some = np.stack([np.broadcast_to(times[:, None], (len(times), SHOWN)), found[:, :SHOWN]], axis=2)[::5]
    across = np.array([0.0, LAST])
    layers = (
        Layer("lines", "the two valleys", *_level(across, (-1.0, 1.0)), role="quiet"),
        Layer("lines", "the ridge", across, np.zeros(2), role="truth"),
        Layer("lines", f"{SHOWN} of {CELLS} cells", *paths(some), role="first", answer=True),
        Layer("points", "all cells begin here", np.zeros(1), np.array([BEGIN]), role="second"),
    )
    words = (
        f"{left:.0%} of {CELLS} cells end in the left valley. Without noise none would: all begin right of the ridge. "
        "Near a ridge noise decides, so a fate is a probability. A model "
        "without noise gives every cell one fate, however close the decision is."
    )
    answer = 0 if left <= FEW else 1 if left <= MANY else 2
    return Turn(LessonPicture(layers, "time (days)", "state"), answer, words)


def _level(across: Float[Array, " 2"], heights: tuple[float, ...]) -> tuple[Array, Array]:
    each = np.stack([np.stack([across, np.full(2, height)], axis=1) for height in heights], axis=1)
    return paths(each)


LESSON = Lesson(
    "noise",
    "Noise decides fates",
    "Cells that are alike can end differently: near a ridge, chance decides.",
    "Noise σ",
    tuple(f"{each:g}" for each in SIGMA),
    "All cells begin just right of the ridge. With σ = {setting}, how many end in the left valley?",
    ("None or hardly any (up to 5 %)", "Some (5 to 25 %)", "Many (more than 25 %)"),
    take,
    ("fates", "See which of your own cells are near a decision"),
)
