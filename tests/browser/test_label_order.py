"""Stages of a file are put in order by mouse, by touch and by keyboard, and left out."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.test_main_job import choose, main, settled

pytestmark = pytest.mark.browser
STAGES = ("blast", "morula", "egg", "mixed")


def opened(page: Page, server: str, folder: Path) -> Locator:
    """The list of stages of a small file, as the import guide shows it."""
    rows = [f"{k % 7 + 0.5},{k % 5 - 0.25},{STAGES[k % 4]}" for k in range(120)]
    (folder / "embryo.csv").write_text("\n".join(["x,y,kind", *rows]))
    page.goto(f"{server}/data?from=Upload")
    settled(page)
    page.locator(".st-key-upload input[type=file]").set_input_files(folder / "embryo.csv")
    choose(page, "Column with the time", "kind (does not look like a time)")
    page.get_by_text("Put the labels in order by dragging").click()
    rows_shown = page.locator("li.label")
    expect(rows_shown).to_have_count(4)
    return rows_shown


def shown(rows: Locator) -> list[str]:
    return [f"{each.locator('.time').inner_text()} {each.locator('.name').inner_text()}" for each in rows.all()]


def drag(page: Page, grasped: Locator, to: Locator) -> None:
    start, end = grasped.bounding_box(), to.bounding_box()
    assert start and end
    page.mouse.move(start["x"] + 8, start["y"] + start["height"] / 2)
    page.mouse.down()
    page.mouse.move(end["x"] + 8, end["y"] + 2, steps=4)
    page.mouse.up()


def test_stages_are_ordered_by_mouse_and_keyboard(page: Page, server: str, tmp_path: Path) -> None:
    rows = opened(page, server, tmp_path)
    assert shown(rows) == ["0 blast", "1 egg", "2 mixed", "3 morula"]
    expect(rows.first).to_contain_text("30 cells")
    drag(page, rows.filter(has_text="egg").locator(".grip"), rows.first)
    rows.filter(has_text="mixed").get_by_role("button", name="Leave out").click()
    down = rows.filter(has_text="blast").get_by_role("button", name="Later")
    down.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Alt+ArrowDown")
    assert shown(rows) == ["0 egg", "– mixed", "1 morula", "2 blast"]
    assert down.evaluate("each => each.getRootNode().activeElement === each")
    expect(page.get_by_text("blast: place 4 of 4, time 2")).to_be_attached()
    expect(main(page)).to_contain_text("0 → 1 → 2 · 90 cells used · left out: mixed (30)")
    page.locator(".st-key-import_start button").click()
    page.wait_for_url("**dataset=**")
    expect(main(page)).to_contain_text("egg is 0, morula is 1, blast is 2")


def test_stages_are_ordered_by_touch_on_a_phone(chromium: Browser, server: str, tmp_path: Path) -> None:
    context = chromium.new_context(viewport={"width": 390, "height": 800}, has_touch=True, color_scheme="dark")
    page = context.new_page()
    rows = opened(page, server, tmp_path)
    assert max(each.evaluate("each => each.scrollWidth - each.clientWidth") for each in rows.all()) <= 0
    rows.first.scroll_into_view_if_needed()
    last, first = rows.last.locator(".grip").bounding_box(), rows.first.bounding_box()
    assert last and first
    touch = context.new_cdp_session(page)
    points = [(last["x"] + 5, last["y"] + 5), (last["x"] + 5, first["y"] + 30), (first["x"] + 15, first["y"] + 2)]
    for kind, (x, y) in zip(("touchStart", "touchMove", "touchMove"), points, strict=True):
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert shown(rows)[0] == "0 morula"
    context.close()
