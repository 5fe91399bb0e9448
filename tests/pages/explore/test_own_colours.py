"""Colours of groups are chosen on the Data page and used by every view; the range of a scale stands in the link."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.store import group_colours, open_dataset
from tests import examples, toys
from tests.pages.test_pages import opened

pytestmark = pytest.mark.usefixtures("quiet", "home")


def drawn(page: AppTest) -> list[dict[str, Any]]:
    """The traces of the first figure."""
    return json.loads(page.get("plotly_chart")[0].proto.spec)["data"]


@pytest.fixture
def cells() -> str:
    points, t = examples.cells(120)
    labels = {"type": np.where(points[:, 1] > 0, "up", "down")}
    return toys.stored(Snapshots(points, t, AffineSpace.of_genes(("Gata1", "Spi1")), "days", labels=labels))


def test_colours_and_range_are_chosen_by_hand(cells: str) -> None:
    page = opened("data", dataset=cells)
    page.selectbox(key=f"colour_{cells}").set_value(("label", "type")).run()
    usual = page.color_picker(key=f"group_colour_{cells}_type_0").value
    page.color_picker(key=f"group_colour_{cells}_type_0").set_value("#123456").run()
    assert not page.exception and usual != "#123456"
    assert group_colours.read(open_dataset(cells)) == {"type": {"down": "#123456"}}
    assert "#123456" in [trace["marker"]["color"] for trace in drawn(page)]
    page.button(key="usual_colours").click().run()
    assert group_colours.read(open_dataset(cells)) == {} and usual in [t["marker"]["color"] for t in drawn(page)]


def test_the_range_of_a_scale_stands_in_the_link(cells: str) -> None:
    page = opened("data", dataset=cells, gene="Spi1", colour_high="0.5")
    page.selectbox(key=f"colour_{cells}").set_value(("gene", "")).run()
    assert page.number_input(key="colour_high").value == 0.5
    marker = drawn(page)[0]["marker"]
    assert marker["cmax"] == 0.5 and marker["cmin"] < 0.5
    page.number_input(key="colour_low").set_value(2.0).run()
    assert not page.exception and any("ends before it begins" in each.value for each in page.warning)
    assert "cmax" not in drawn(page)[0]["marker"]


def test_cells_of_a_landscape_and_fates_take_the_chosen_colours(cells: str) -> None:
    group_colours.choose(open_dataset(cells), "type", {"up": "#123456"})
    run = toys.finished(toys.recipe(cells))
    page = opened("landscape", run=run.id)
    assert "#123456" not in json.dumps(drawn(page))
    page.selectbox(key="cells").set_value(("label", "type")).run()
    assert not page.exception and "#123456" in json.dumps(drawn(page))
    (scene,) = (each.proto for each in page.get("bidi_component") if "scene" in each.proto.component_name)
    figure = json.loads(json.loads(scene.json)["figure"])
    traces = {each["name"]: each["marker"]["color"] for each in figure["data"] if "marker" in each}
    assert traces["up"] == "#123456" and traces["down"] != "#123456"
    page = opened("fates", run=run.id)
    page.selectbox(key="states").set_value("type").run()
    assert not page.exception and "#123456" in json.dumps(drawn(page))
