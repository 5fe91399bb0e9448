"""Cells and particles that the browser draws: picture, outline, F5, keys, rest for who asks for it, and axe."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.figures.scatter import DRAWN_UP_TO
from tests import toys
from tests.browser.test_accessibility import violations
from tests.browser.test_main_job import choose, settled
from tests.browser.test_state import link

pytestmark = pytest.mark.browser
HELD = "(map) => ({drawn: map.cellMap.drawn, steps: map.cellMap.steps ?? 0, running: map.cellMap.running})"
PIXELS = """
(canvas) => {
  const copy = Object.assign(document.createElement("canvas"), {width: canvas.width, height: canvas.height});
  copy.getContext("2d").drawImage(canvas, 0, 0);
  const {data} = copy.getContext("2d").getImageData(0, 0, copy.width, copy.height);
  return data.reduce((sum, each) => sum + (each > 0), 0);
}
"""


def shown(page: Page) -> Locator:
    """The map, once its picture is on the screen."""
    map = page.locator(".map").first
    map.wait_for()
    page.wait_for_function("(map) => map.cellMap?.shown", arg=map.element_handle())
    settled(page)
    return map


def big(home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Id of a data set of more cells than plotly draws, in two clouds."""
    monkeypatch.setenv("CELLFLOW_HOME", str(home))
    rng = np.random.default_rng(0)
    side = np.where(np.arange(DRAWN_UP_TO + 1000) % 2, 1.0, -1.0)
    x = rng.normal(0, 0.2, (len(side), 2)) + np.stack([side, np.zeros_like(side)], axis=1)
    kinds = {"side": np.where(side > 0, "right", "left")}
    return toys.stored(Snapshots(x.astype(np.float32), None, AffineSpace.coordinates(("a", "b")), labels=kinds), "many")


def test_many_cells_are_drawn_outlined_and_found_again(page: Page, server: str, server_home: Path, monkeypatch):
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{server}/data?dataset={big(server_home, monkeypatch)}")
    map = shown(page)
    assert map.evaluate(HELD)["drawn"] == DRAWN_UP_TO + 1000
    assert page.locator(".map .name").all_inner_texts() == ["left", "right"]
    map.locator(".outline").click()
    frame = map.locator(".frame")
    frame.scroll_into_view_if_needed()
    box = frame.bounding_box() or {}
    corners = [(0.02, 0.05), (0.48, 0.05), (0.48, 0.95), (0.02, 0.95)]
    places = [(box["x"] + a * box["width"], box["y"] + b * box["height"]) for a, b in corners]
    page.mouse.move(*places[0])
    page.mouse.down()
    for x, y in [*places[1:], places[0]]:
        page.mouse.move(x, y, steps=4)
    page.mouse.up()
    outlined = page.get_by_text(re.compile(r"30,[45]\d\d cells outlined"))  # half of them: those on the left
    expect(outlined).to_be_visible()
    page.wait_for_function("() => location.search.includes('outline=')")
    page.reload()
    assert len(shown(page).evaluate("(map) => map.cellMap.outline")) > 10
    expect(outlined).to_be_visible()
    page.locator(".map .clear").click()
    expect(outlined).not_to_be_visible()
    frame.focus()
    before = map.evaluate("(map) => map.cellMap.view.scale")
    frame.press("+")
    assert map.evaluate("(map) => map.cellMap.view.scale") > before
    assert not violations(page)
    assert not [each for each in errors if "404" not in each], errors


def test_particles_move_rest_and_stay_on_a_phone(
    page: Page, chromium: Browser, server: str, small_runs: dict[str, str]
):
    address = f"{server}/flow?run={list(small_runs)[1]}&style=Particles"
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(address)
    map = shown(page)
    page.wait_for_function("(map) => map.cellMap.steps > 3", arg=map.element_handle())
    assert map.locator(".trails").evaluate(PIXELS) > 100
    assert "Particles that follow the flow" in (map.locator(".frame").get_attribute("aria-label") or "")
    map.get_by_role("button", name="Pause").click()
    expect(map.get_by_role("button", name="Play")).to_be_visible()
    assert not map.evaluate(HELD)["running"]
    assert (map.bounding_box() or {})["width"] <= 390 and page.evaluate("document.body.scrollWidth") <= 390
    choose(page, "Colour", "type")
    expect(map.locator(".name")).to_have_text(["down", "up"])
    assert link(page)["by"] == ["type"] and not violations(page)
    calm = chromium.new_context(reduced_motion="reduce").new_page()
    calm.goto(address)
    still = shown(calm)
    calm.wait_for_timeout(1000)
    assert still.evaluate(HELD)["steps"] == 0 and still.locator(".trails").evaluate(PIXELS) > 100
    calm.context.close()
