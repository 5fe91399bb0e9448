"""Figures of the truth: they draw its numbers, say them in words, and never take a name for markup."""

from __future__ import annotations

import json

import numpy as np
import plotly.graph_objects as go
import pytest

from cellflow_core.figures import theme
from cellflow_core.figures.data import ground_truth, network
from tests import examples

ACTS = np.array([[1, 0, -1], [1, 0, 0], [0, -1, 0]])
TIMES = np.linspace(0, 4, 9)
PATH = np.stack([TIMES, TIMES**2], axis=1)
GRID = np.linspace(-1, 1, 12)
HEIGHT = GRID[:, None] ** 2 + GRID**2 + np.where(GRID > 0.9, np.nan, 0)


def every(dark: bool = False, a: str = "a", b: str = "b") -> dict[str, go.Figure]:
    return {
        "network": network.network(ACTS, (a, b, "c"), dark=dark),
        "table": network.table(ACTS, (a, b, "c"), dark=dark),
        "landscape": ground_truth.landscape(GRID, GRID, HEIGHT, np.zeros((1, 2)), (a, b), dark=dark),
        "shares": ground_truth.shares({a: 0.7, b: 0.3}, {a: 0.1, b: 0.9}, f"{a} off", dark=dark),
        "course": ground_truth.course(TIMES, PATH, (a, b), unit=a, spread=0.1 * PATH, dark=dark),
        "states": ground_truth.states({a: np.array([0.0, 1.0])}, (a, b), dark=dark),
        "responses": ground_truth.responses(TIMES, {a: PATH, b: 2 * PATH}, (a, b), unit=b, dark=dark),
        "portrait": ground_truth.phase_portrait(PATH, PATH, a, latent=TIMES, dark=dark),
    }


@pytest.mark.parametrize("dark", [False, True])
def test_every_figure_has_the_theme(dark: bool) -> None:
    for name, figure in every(dark).items():
        assert figure.layout.template == theme.template(dark), name
        json.loads(figure.to_json())


def test_names_are_never_markup() -> None:
    for name, figure in every(a=examples.HOSTILE, b="ok").items():
        text = json.dumps(figure.to_plotly_json(), default=str)
        assert "<img" not in text and "<a " not in text and "&lt;" in text, name


def test_arrows_end_at_their_targets_with_the_sign_of_the_influence() -> None:
    figure = every()["network"]
    lines = {each.name: each for each in figure.data}
    assert np.isnan(lines["activates"].x).sum() == 2 and np.isnan(lines["represses"].x).sum() == 2
    genes = np.stack([lines["genes"].x, lines["genes"].y], axis=1)
    gaps = np.flatnonzero(np.isnan(lines["represses"].x))
    ends = np.stack([lines["represses"].x[gaps - 1], lines["represses"].y[gaps - 1]], axis=1)
    assert [int(np.linalg.norm(genes - end, axis=1).argmin()) for end in ends] == [0, 2]
    assert lines["represses"].line.dash != "solid" and lines["ends of activates"].fill == "toself"
    assert [each.text for each in figure.layout.annotations] == ["a", "b", "c"]


def test_a_network_without_influences_is_drawn() -> None:
    nothing = np.zeros((2, 2), dtype=int)
    assert network.network(nothing, ("a", "b")).data
    assert network.describe(nothing, ("a", "b")).startswith("0 influences among 2 genes")


def test_words_have_the_numbers() -> None:
    assert network.describe(ACTS, ("a", "b", "c")) == (
        "4 influences among 3 genes: a is activated by a and repressed by c; b is activated by a; c is repressed by b."
    )
    assert "a from 70% to 10%, b from 30% to 90%" in ground_truth.describe_shares(
        {"a": 0.7, "b": 0.3}, {"a": 0.1, "b": 0.9}, "x"
    )
    assert "a 70%, b 30%" in ground_truth.describe_shares({"a": 0.7, "b": 0.3})
    assert "rest at (0.00, 0.00)" in ground_truth.describe_landscape(HEIGHT, np.zeros((1, 2)), ("a", "b"))
    assert "b from 0 to 16, between 0 and 16" in ground_truth.describe_course(TIMES, PATH, ("a", "b"), "Levels")
    assert "liver: b 1" in ground_truth.describe_states({"liver": np.array([0.0, 1.0])}, ("a", "b"))
    assert "in 9 cells" in ground_truth.describe_portrait(PATH, PATH, "a")
