"""Every page: drawn, selected from, changed, opened again by its link, without an error of the console, and axe finds
nothing serious, light and dark, at 1280 and at 390 pixels. On a map of cells one unit is as long on every axis of every
panel."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_accessibility import violations
from tests.browser.test_main_job import drawn, main, settled
from tests.browser.test_state import CAMERA_EYE, link

pytestmark = pytest.mark.browser


class Case(NamedTuple):
    """A page: the figure that it draws, an option of a row of buttons, and what the link then holds.

    of     the run that it shows, by what is special of it
    query  more of its link
    """

    page: str
    figure: str = ""
    row: str = ""
    option: str = ""
    held: tuple[str, str] = ("", "")
    of: str = "cells"
    query: str = ""


UNEVEN = """[...document.querySelectorAll('.js-plotly-plot')].flatMap((each) => {
  const layout = each._fullLayout;
  const unit = (axis) => axis._length / Math.abs(axis.range[1] - axis.range[0]);
  const first = layout.yaxis?.scaleanchor ? unit(layout.xaxis) : 0;
  const panels = first ? Object.values(layout._plots) : [];
  return panels.flatMap(({ xaxis, yaxis }) => [unit(xaxis) / first, unit(yaxis) / first]);
}).filter((ratio) => Math.abs(ratio - 1) > 0.01)"""
HELD = "([name, value]) => new URLSearchParams(location.search).get(name)?.startsWith(value)"
OUTLINE = "&outline=pca+-9,-9+9,-9+9,9+-9,9"
CASES = (
    Case("", of=""),
    Case("learn", row="lesson", option="2 ", held=("lesson", "2 "), of=""),
    Case("data", of="data"),
    Case("train", of="data"),
    Case("runs", of=""),
    Case("compare", of="data"),
    Case("landscape", "landscape_3d", "on", "Paths", ("on", "Paths"), query=OUTLINE),
    Case("flow", "flow_lines", "style", "Grid", ("style", "Grid")),
    Case("velocity", "velocity_arrows", "by", "Speed", ("by", "Speed"), of="velocity"),
    Case("time", "time_cells", "start", "the previous", ("start", "the previous measured time")),
    Case("fates", "fates_shares", "part", "One cell", ("part", "One cell"), query=OUTLINE),
    Case("genes", "genes_trend", "part", "Network", ("part", "Network")),
    Case("perturb", "perturb_sides", "ask", "Screen", ("ask", "Screen of many genes"), query=OUTLINE),
    Case("courses", "courses_fit_0", "part", "Checks", ("part", "Checks"), of="courses"),
)


def listened(page: Page) -> list[str]:
    """Errors of the console from now on; streamlit itself looks for its server below the page, in vain."""
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on(
        "console",
        lambda each: (
            found.append(f"{each.text} {each.location}")
            if each.type == "error" and "_stcore" not in each.location["url"]
            else None
        ),
    )
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.page or "home")
def test_a_page_is_drawn_changed_and_found_again(case: Case, page: Page, server: str, page_ids: dict[str, str]):
    errors = listened(page)
    name = "dataset" if case.of == "data" else "run"
    page.goto(f"{server}/{case.page}" + (f"?{name}={page_ids[case.of]}{case.query}" if case.of else ""))
    page.get_by_role("heading", level=1).first.wait_for()
    if case.figure:
        assert drawn(page, case.figure)
    settled(page)
    assert page.evaluate(UNEVEN) == []
    if case.row:
        page.locator(f".st-key-{case.row}").get_by_text(case.option).first.click()
        page.wait_for_function(HELD, arg=case.held)
        settled(page)
        before = link(page)
        page.reload()
        page.get_by_role("heading", level=1).first.wait_for()
        settled(page)
        chosen = page.locator(f".st-key-{case.row}").locator("[aria-checked=true], [aria-selected=true]").first
        expect(chosen).to_contain_text(case.option.strip())
        assert link(page) == before
    if case.query and case.page != "perturb":
        expect(main(page)).to_contain_text("outlined")
    assert not violations(page)
    page.set_viewport_size({"width": 390, "height": 800})
    assert not violations(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate(UNEVEN) == []
    if case.page == "genes":
        picture = page.locator(".js-plotly-plot").first.bounding_box()
        for key in ("pick_run", "part", "network_of"):
            box = page.locator(f".st-key-{key}").bounding_box()
            assert picture and box and box["y"] > picture["y"] + picture["height"]
    assert not errors


def test_two_views_turn_together_and_choices_are_undone(page: Page, server: str, page_ids: dict[str, str]):
    errors = listened(page)
    page.goto(f"{server}/landscape?run={page_ids['cells']}&beside_it=landscape")
    both = page.locator(".cellflow-scene")
    expect(both).to_have_count(2)
    page.wait_for_function("[...document.querySelectorAll('.cellflow-scene')].every((each) => each._fullLayout?.scene)")
    settled(page)
    both.first.focus()
    before = page.evaluate(CAMERA_EYE)
    both.first.press("ArrowLeft")
    page.wait_for_function(f"before => ({CAMERA_EYE}).x !== before.x", arg=before)
    eyes = "[...document.querySelectorAll('.cellflow-scene')].map((each) => each._fullLayout.scene.camera.eye.x)"
    page.wait_for_function(f"Math.abs({eyes}[0] - {eyes}[1]) < 1e-6")
    page.wait_for_url("**camera=**")
    settled(page)
    page.locator(".st-key-on_right").get_by_text("Paths").click()
    page.wait_for_url("**on_right=Paths**")
    expect(page.locator(".st-key-undo_choice button").first).to_be_enabled()
    settled(page)
    page.keyboard.press("Control+z")
    page.wait_for_url(lambda url: "on_right" not in url)
    settled(page)
    assert link(page)["beside_it"] == ["landscape"]
    assert not violations(page)
    page.set_viewport_size({"width": 390, "height": 800})
    one, two = (both.nth(k).bounding_box() for k in range(2))
    assert one and two and two["y"] >= one["y"] + one["height"] and two["width"] <= 390
    for key, words in (("controls_of", "Landscape, first"), ("controls_of_right", "Landscape, second")):
        expect(page.locator(f".st-key-{key}").get_by_text(words)).to_be_visible()
    assert not errors
