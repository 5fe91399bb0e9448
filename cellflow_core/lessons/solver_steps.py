"""Lesson 3: steps of a solver. The field may be right and the trajectory wrong."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from cellflow_core.analysis.results.lesson_picture import Layer, LessonPicture
from cellflow_core.lessons.lesson import Lesson, Turn

Array = np.ndarray
STEPS = (12, 32, 128, 1024)
CLOSE = 0.05


def take(setting: int, seed: int) -> Turn:
    """One turn of dx/dt = (-y, x) by the methods of Euler and Runge-Kutta (order 4); the truth is a circle."""
    begin = 2 * np.pi * np.random.default_rng((3, seed)).random()
    angle = begin + np.linspace(0, 2 * np.pi, 200)
    steps = STEPS[setting]
    euler, runge = _orbit(begin, steps, order=1), _orbit(begin, steps, order=4)
    outward = float(np.linalg.norm(euler[-1])) - 1
    off = float(np.linalg.norm(runge[-1] - runge[0]))
    layers = (
        Layer("lines", "true trajectory", np.cos(angle), np.sin(angle), role="truth"),
        Layer("lines", "Euler", euler[:, 0], euler[:, 1], role="second", answer=True),
        Layer("lines", "Runge-Kutta", runge[:, 0], runge[:, 1], role="first", answer=True),
        Layer("points", "the cell", *euler[:1].T, role="second"),
    )
    answer = 0 if abs(outward) < CLOSE else 1 if outward > 0 else 2
    words = (
        f"After one turn in {steps} steps Euler is {outward:.0%} outside the circle, because each step leaves along "
        f"the tangent; Runge-Kutta is off by {off:.1g} of the radius. No better network helps here: the velocity was "
        "exact. If a trajectory changes when the step is halved, it was the solver's."
    )
    return Turn(LessonPicture(layers, "gene 1", "gene 2", equal=True), answer, words)


def _orbit(begin: float, steps: int, order: int) -> Float[Array, "steps 2"]:
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    h, term, step = 2 * np.pi / steps, np.eye(2), np.eye(2)
    for k in range(1, order + 1):  # for a linear field both methods are the first terms of exp(h turn)
        term = term @ turn * h / k
        step = step + term
    found = [np.array([np.cos(begin), np.sin(begin)])]
    for _ in range(steps):
        found.append(step @ found[-1])
    return np.stack(found)


LESSON = Lesson(
    "solver-steps",
    "The steps of a solver",
    "A velocity field says where to go next; how far one goes before asking again changes where one ends.",
    "Steps of a turn",
    tuple(str(each) for each in STEPS),
    "The velocity goes round the circle exactly. Where is the cell after one turn in {setting} Euler steps?",
    ("Back where it began", "Outside the circle", "Inside the circle"),
    take,
    ("flow", "See how your own model's trajectories are integrated"),
)
