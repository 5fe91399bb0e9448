"""All lessons, in their order."""

from __future__ import annotations

from cellflow_core.lessons import averaging, growth, maps, markers, noise, pairing, rotation, solver_steps
from cellflow_core.lessons.lesson import Lesson, Turn

_ORDER = (pairing, averaging, solver_steps, noise, growth, rotation, maps, markers)
LESSONS: dict[str, Lesson] = {each.LESSON.name: each.LESSON for each in _ORDER}
"""Every lesson by its name, in the order of the course."""


def take(name: str, setting: int, seed: int) -> Turn:
    """One turn of a lesson; the same for the same seed. Raises KeyError for a lesson that is not there."""
    return LESSONS[name].take(setting, seed)
