"""Lesson 8: marker or driver. Only a knock-out tells them from each other."""

from __future__ import annotations

from functools import cache

import numpy as np

from cellflow_core.analysis.results.lesson_picture import Layer, LessonPicture
from cellflow_core.data.simulators.toggle import GENES, LABEL, Settings, Toggle
from cellflow_core.lessons.lesson import Lesson, Turn

Array = np.ndarray
KNOCKED_OUT = ("MasterA", "MarkerA1", "MasterB", "MarkerB2", "Steady1")
CELLS = 400
FATES = ("fate A", "fate B", "undecided")
LEAST = 0.1


def take(setting: int, seed: int) -> Turn:
    """The true circuit of the demo, 400 cells: a gene is held at 0 from the first day on."""
    gene = KNOCKED_OUT[setting]
    cells, fate = _cells()
    last = np.isin(fate, FATES[:2])
    level, in_a = cells[last, GENES.index(gene)], fate[last] == FATES[0]
    together = float(np.corrcoef(level, in_a)[0, 1])
    before, after = _shares("", seed), _shares(gene, seed)
    x = np.arange(float(len(FATES)))
    layers = (
        Layer("bars", "as it is", x, before, role="first", names=FATES),
        Layer("bars", f"without {gene}", x, after, role="second", names=FATES, answer=True),
    )
    change = float(after[0] - before[0])
    words = (
        f"{gene} has a correlation of {together:+.2f} with fate A. Without it the share of fate A is {after[0]:.0%} "
        f"(before {before[0]:.0%}). A marker follows the gene that decides and correlates as much, and nothing happens "
        "when it is lost. Correlation finds both; only a perturbation tells which one drives."
    )
    answer = 0 if change < -LEAST else 2 if change > LEAST else 1
    return Turn(LessonPicture(layers, "", "share of cells", share=True), answer, words)


@cache
def _cells() -> tuple[Array, Array]:
    """(levels, fates) of the cells of the last day."""
    data = Toggle(Settings(cells_per_time=CELLS)).simulate()
    last = data.t == data.times[-1]
    return data.x[last], data.labels[LABEL][last]


@cache
def _shares(gene: str, seed: int) -> Array:
    clamp = {gene: 0.0} if gene else None
    found = Toggle(Settings(step=0.05)).fate_shares(clamp, cells=CELLS, seed=seed)
    return np.array([found[each] for each in FATES])


LESSON = Lesson(
    "markers",
    "Marker or driver",
    "A gene that is high in a fate may drive it, or only tell of it.",
    "Knock out",
    KNOCKED_OUT,
    "What happens to the share of fate A without {setting}?",
    ("It falls", "It stays about the same (within 10 %)", "It rises"),
    take,
    ("perturb", "Knock a gene out in a model of your own cells"),
)
