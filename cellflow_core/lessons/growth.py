"""Lesson 5: growth looks like motion. More cells there does not mean that more went there."""

from __future__ import annotations

import numpy as np

from cellflow_core.analysis.results.lesson_picture import Layer, LessonPicture
from cellflow_core.lessons.lesson import Lesson, Turn

RATES = (0.0, 0.35, 0.7, 1.4)
DAYS, CELLS = 2.0, 2000
EDGES = (0.55, 0.75, 0.88)
FATES = ("fate A", "fate B")


def take(setting: int, seed: int) -> Turn:
    """Of 2,000 cells each chooses a fate with equal chance; those of A then divide (a Yule process) at the rate."""
    rng = np.random.default_rng((5, seed))
    chose = np.array([(in_a := int(rng.binomial(CELLS, 0.5))), CELLS - in_a])
    rate = RATES[setting]
    lines = rng.geometric(np.exp(-rate * DAYS), chose[0])  # descendants of each cell after that time
    last = np.array([int(lines.sum()), chose[1]])
    share = last / last.sum()
    x = np.arange(2.0)
    layers = (
        Layer("bars", "of the cells that chose", x, chose / CELLS, role="first", names=FATES),
        Layer("bars", "of the cells on the last day", x, share, role="second", names=FATES, answer=True),
    )
    words = (
        f"On the last day {share[0]:.0%} of the cells are of fate A, although {chose[0] / CELLS:.0%} chose it: each of "
        f"its cells has {np.exp(rate * DAYS):.1f} descendants on average. A model that only moves cells has to send "
        "more of them to A to explain this. A rate of division, or clones, distinguish both."
    )
    return Turn(LessonPicture(layers, "", "share of cells", share=True), int(np.searchsorted(EDGES, share[0])), words)


LESSON = Lesson(
    "growth",
    "Growth looks like motion",
    "A group of cells becomes larger because cells come, or because they divide.",
    "Divisions of fate A",
    tuple(f"{each:g} per day" for each in RATES),
    "Half of the cells choose fate A and divide {setting}. What share is of fate A two days later?",
    ("About half", "About two thirds", "About four fifths", "More than nine tenths"),
    take,
    ("fates", "Compare the fates of your own cells with and without growth"),
)
