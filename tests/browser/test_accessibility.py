"""axe finds nothing serious on parts of pages, light and dark, and headings go down step by step; for whole pages, see
test_every_page."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests import toys
from tests.browser.test_main_job import settled
from tests.unit.analysis.perturbations.test_stored_effects import screen

pytestmark = pytest.mark.browser

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
WORSE = ("serious", "critical")
CHECKED_TOO = ("heading-order",)


def violations(page: Page) -> list[tuple[str, str, list[str]]]:
    """What axe finds serious on the page as it is, light and dark: scheme, rule and elements."""
    settled(page)
    page.evaluate(AXE)
    bad = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(500)
        settled(page)
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        worse = [each for each in found if each["impact"] in WORSE or each["id"] in CHECKED_TOO]
        bad += [(scheme, each["id"], [node["html"][:200] for node in each["nodes"]]) for each in worse]
    return bad


@pytest.mark.parametrize("part", ["Several genes", "Drivers of a fate"])
def test_every_part_of_genes_has_no_serious_violation(part: str, page: Page, server: str, small_runs: dict[str, str]):
    page.goto(f"{server}/genes?run={next(iter(small_runs))}&part={part}")
    page.get_by_role("heading", level=1).first.wait_for()
    assert not violations(page)


def test_measured_effects_have_no_serious_violation(page: Page, server: str, server_home: Path, monkeypatch):
    monkeypatch.setenv("CELLFLOW_HOME", str(server_home))
    page.goto(f"{server}/perturb?dataset={toys.stored(screen(), 'screen')}")
    page.get_by_role("heading", name="Targets", exact=True).wait_for()
    assert not violations(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_label_of_a_disabled_button_is_seen(page: Page, server: str, scheme: str):
    """axe passes over what is disabled: white on white would be no violation."""
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(server)
    settled(page)
    button = page.get_by_role("button", name="Explore the demo")
    colours = "each => [getComputedStyle(each.querySelector('p')).color, getComputedStyle(document.body).color]"
    white, _ = button.evaluate(colours)
    button.evaluate("each => { each.disabled = true; }")
    page.wait_for_timeout(500)
    label, _ = button.evaluate(colours)
    assert label != white


def test_the_focus_is_seen_in_the_sidebar(page: Page, server: str):
    page.goto(server)
    settled(page)
    link = page.get_by_test_id("stSidebar").get_by_role("link", name="Data", exact=True)
    link.focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    width, style = link.evaluate("each => [getComputedStyle(each).outlineWidth, getComputedStyle(each).outlineStyle]")
    assert (width, style) == ("2px", "solid")
