"""A lesson: one sentence, one control, one picture, and one question whose answer is predicted before it is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cellflow_core.analysis.results.lesson_picture import LessonPicture


@dataclass(frozen=True)
class Turn:
    """One setting of the control, calculated.

    answer  the right one of the choices, by number
    words   what came out and why, with the numbers of this turn: also what stands for the picture where none is seen
    """

    picture: LessonPicture
    answer: int
    words: str


@dataclass(frozen=True)
class Lesson:
    """name      in links
    sentence  what it teaches
    control   what is set, and `settings`: its values in words, the first is shown first
    question  that is asked at every setting, with {setting} in its place
    take      (number of the setting, seed) -> turn, in less than a second
    page      on which the same is seen of one's own data, and what to look at there
    """

    name: str
    title: str
    sentence: str
    control: str
    settings: tuple[str, ...]
    question: str
    choices: tuple[str, ...]
    take: Callable[[int, int], Turn]
    page: tuple[str, str]
