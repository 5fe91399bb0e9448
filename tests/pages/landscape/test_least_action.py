"""The path between two states on Landscape: what is asked, what is shown, and what is said where it cannot be."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from tests import example_groups, examples, toys
from tests.pages import test_views
from tests.pages.test_views import asked, message, opened, trained  # noqa: F401

GENES = AffineSpace.of_genes(("Gata1", "Spi1"))
PART = "Path between two states"


@pytest.fixture(autouse=True)
def answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two axes, as the runs of these tests have."""
    made = example_groups.least_action(genes=("Gata1", "Spi1"))
    made = dataclasses.replace(made, values=made.values[..., :2], start="up", end="down")
    monkeypatch.setitem(test_views.ANSWERS, "least_action", lambda: made)


def questions(heard: list, name: str) -> list:
    return [settings for question, _, settings in heard if question == name]


def test_the_path_is_asked_for_between_two_groups_of_the_link(asked: list) -> None:  # noqa: F811
    run = trained(GENES)
    page = opened("landscape", run=run.id, part=PART, from_type="up", to_type="down")
    assert questions(asked, "least_action") == [
        {"view": "pca", "time": 4.0, "start": ("type", "up"), "end": ("type", "down"), "place": "middle"}
    ]
    assert not questions(asked, "barriers"), "what is not shown is not asked"
    shown = message(page)
    assert "Going from down to up takes 4 times the action of going back" in shown
    assert "there at 40% to 60% of its length" in shown
    assert "Spi1 falls (25%), Gata1 rises (75%)" in shown
    tables = [set(each.value.columns) for each in page.dataframe]
    assert any("half of the change, or its turn, at (% of the path)" in each for each in tables)
    page.selectbox(key="from_type").set_value(("type", "down")).run()
    page.segmented_control(key="between").set_value("attractor").run()
    last = questions(asked, "least_action")[-1]
    assert (last["start"], last["end"], last["place"]) == (("type", "down"), ("type", "down"), "attractor")


def test_groups_measured_first_and_last_are_the_ends_at_first(asked: list) -> None:  # noqa: F811
    points, t = examples.cells(120)
    labels = {"type": np.where(t < 2, "early", np.where(t < 4, "between", "late")), "mine": np.where(t > 3, "my", "")}
    run = toys.finished(toys.recipe(toys.stored(Snapshots(points, t, GENES, "days", labels=labels))))
    page = opened("landscape", run=run.id, part=PART)
    (settings,) = questions(asked, "least_action")
    assert (settings["start"], settings["end"]) == (("type", "early"), ("type", "late"))
    assert page.selectbox(key="to_type").options == ["between", "early", "late", "my"], "a saved selection is an end"


def test_data_without_two_groups_say_what_to_do(asked: list) -> None:  # noqa: F811
    points, t = examples.cells(120)
    run = toys.finished(toys.recipe(toys.stored(Snapshots(points, t, GENES, "days"))))
    page = opened("landscape", run=run.id, part=PART)
    assert page.header[0].value == "A path needs two groups of cells"
    assert not questions(asked, "least_action")


def test_coordinates_have_a_path_and_no_genes(monkeypatch: pytest.MonkeyPatch, asked: list) -> None:  # noqa: F811
    bare = example_groups.least_action(genes=(), values=np.zeros((2, 2, 11, 0)), start="up", end="down")
    monkeypatch.setitem(test_views.ANSWERS, "least_action", lambda: bare)
    page = opened("landscape", run=trained(AffineSpace.coordinates(("a", "b"))).id, part=PART)
    assert "come without genes" in message(page) and "Going from down to up" in message(page)


def test_a_model_without_a_field_offers_no_path(asked: list) -> None:  # noqa: F811
    page = opened("landscape", run=trained(GENES, model="ot-displacement", settings={}).id, part=PART)
    assert page.segmented_control(key="part").options == ["Cells that roll", "Surface over time"]
    assert not questions(asked, "least_action")
