"""The page on the landscape: the surface changes in time, and a group of cells rolls."""

from __future__ import annotations

import json

import pytest

from tests.pages.explore.test_flow import trained, words
from tests.pages.test_pages import opened

pytestmark = pytest.mark.usefixtures("quiet", "home")


def scene(page) -> dict:
    (sent,) = (json.loads(each.proto.json) for each in page.get("bidi_component") if "landscape_3d" in each.proto.id)
    return json.loads(sent["figure"])


def test_the_surface_of_each_time_is_played_and_its_basins_are_listed():
    page = opened("landscape", run=trained().id, plays="true", height="quasi")
    assert not page.exception, page.exception
    figure = scene(page)
    assert [each["name"] for each in figure["frames"]] == ["0", "0.5", "1", "1.5", "2"]
    assert figure["layout"]["updatemenus"][0]["buttons"][0]["label"] == "▶ Play"
    assert "At day 0 cells are in " in words(page)
    assert "Basins over time" in [each.label for each in page.expander]
    page.toggle(key="plays").set_value(False).run()
    assert scene(page)["layout"]["updatemenus"][0]["buttons"][0]["label"] == "▶ Roll"


def test_the_group_that_is_chosen_rolls_by_the_link_too():
    run = trained().id
    page = opened("landscape", run=run, height="quasi")
    assert "from cells" not in words(page)
    page.selectbox(key="roll_group").set_value("fast").run()
    assert not page.exception and "with Speed = fast" in words(page)
    linked = opened("landscape", run=run, height="quasi", roll_group="slow")
    assert linked.selectbox(key="roll_group").value == "slow" and "with Speed = slow" in words(linked)
