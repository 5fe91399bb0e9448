"""The main job as a user does it: a demo, a trained OT-CFM, the four views, a knock-out, and an upload of real data.

What is asserted is drawn data: which traces a chart holds and that their numbers are finite.
"""

from __future__ import annotations

import json
import time

import pytest
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.browser

DRAWN = """
key => {
  const found = document.querySelector(`.st-key-${key} .js-plotly-plot`);
  if (!found || !found._fullLayout || !found._fullData || !found._fullData.length) return null;
  const count = (values) => {
    let finite = 0, bad = 0;
    for (const row of values || []) {
      for (const each of (row && row.length !== undefined && typeof row !== 'string') ? row : [row]) {
        if (Number.isFinite(each)) finite += 1; else if (each !== null && !Number.isNaN(each)) bad += 1;
      }
    }
    return {finite, bad};
  };
  return JSON.stringify(found._fullData.map(t => ({
    type: t.type, name: t.name || '', x: count(t.x), y: count(t.y), z: t.z ? count(t.z) : null})));
}
"""


CAMERA = "document.querySelector('.st-key-{} .js-plotly-plot')?._context.toImageButtonOptions.format"


def settled(page: Page) -> None:
    """Wait until the script of the page has run."""
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for(timeout=120_000)


def choose(page: Page, name: str, option: str) -> None:
    """Take an option of a drop-down list. A list closes when the page scrolls below it, so the page scrolls first."""
    where = page.get_by_role("combobox", name=name)
    where.scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    where.click()
    page.get_by_role("option", name=option, exact=True).click()


def main(page: Page) -> Locator:
    return page.get_by_test_id("stMain")


def drawn(page: Page, key: str, timeout: float = 180.0) -> list[dict]:
    """The traces of the chart under this key, once it is drawn."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        found = page.evaluate(DRAWN, key)
        if found:
            return json.loads(found)
        failed = page.locator('[data-testid="stAlertContentError"]')
        assert failed.count() == 0, failed.first.inner_text()
        page.wait_for_timeout(250)
    raise AssertionError(f"no chart was drawn under {key}: {main(page).inner_text()[:2000]}")


def go(page: Page, name: str) -> None:
    page.get_by_role("link", name=name, exact=True).first.click()
    page.get_by_role("heading", name=name, exact=True, level=1).wait_for(timeout=60_000)


def points(traces: list[dict], kind: str) -> int:
    return sum(trace["x"]["finite"] for trace in traces if trace["type"] == kind)


def saved(page: Page, key: str) -> str:
    """What the camera of a figure saves, as text."""
    page.locator(f".st-key-{key} .js-plotly-plot").first.hover()
    with page.expect_download() as download:
        page.locator(f'.st-key-{key} [data-title^="Download plot"]').click()
    assert download.value.suggested_filename == f"cellflow-{key}.svg"
    return download.value.path().read_text()


def test_from_home_to_a_knock_out(page: Page, server: str):
    page.goto(server)
    page.get_by_role("button", name="Explore the demo").click()
    page.get_by_role("heading", name="Landscape", exact=True, level=1).wait_for(timeout=300_000)

    surface = drawn(page, "landscape_3d")
    heights = [trace["z"]["finite"] for trace in surface if trace["type"] == "surface"]
    assert heights
    assert heights[0] > 200
    assert points(surface, "scatter3d") > 1000
    expect(page.locator(".st-key-headline")).to_contain_text("simulated cells")

    go(page, "Flow")
    lines = drawn(page, "flow_lines")
    assert sum(trace["x"]["finite"] for trace in lines) > 1000
    page.locator(".st-key-picture_format").get_by_role("radio", name="SVG").click()
    page.wait_for_function(f"() => {CAMERA.format('flow_lines')} === 'svg'")
    picture = saved(page, "flow_lines")
    assert picture.startswith("<svg") and picture.count("<path") > 100 and "<image" not in picture

    go(page, "Time")
    cells = drawn(page, "time_cells")
    assert len(cells) >= 2
    assert sum(trace["x"]["finite"] for trace in cells) > 1000
    error = drawn(page, "time_error")
    assert all(trace["y"]["bad"] == 0 for trace in error)
    assert sum(trace["y"]["finite"] for trace in error) >= 8
    gene = drawn(page, "time_gene")
    assert sum(trace["y"]["finite"] for trace in gene) > 10

    go(page, "Fates")
    shares = drawn(page, "fates_shares")
    assert all(trace["x"]["bad"] == 0 for trace in shares)
    assert points(drawn(page, "fates_cells"), "scatter") > 1000
    page.get_by_role("tab", name="One cell").click()
    fan = drawn(page, "futures_fan")
    assert sum(trace["x"]["finite"] for trace in fan) > 1000

    go(page, "Perturb")
    sides = drawn(page, "perturb_sides")
    assert sum(trace["x"]["finite"] for trace in sides) > 1000
    change = drawn(page, "perturb_change")
    assert all(trace["x"]["bad"] == 0 for trace in change)
    assert change

    page.reload()
    assert drawn(page, "perturb_change")


def test_a_real_file_is_uploaded_trained_on_looked_at_and_compared(page: Page, server: str, shared):
    page.goto(f"{server}/data?from=Upload")
    settled(page)
    page.locator(".st-key-upload input[type=file]").set_input_files(shared / "eb_embryoid_body" / "eb_subset2750.h5ad")
    start = page.locator(".st-key-import_start button")
    expect(start).to_be_enabled(timeout=120_000)
    expect(main(page)).to_contain_text("1.5 → 7.5 → 13.5 → 19.5 → 25.5")  # out of "Day 00-03", "Day 06-09" ...
    start.click()
    page.wait_for_url("**dataset=**", timeout=180_000)
    settled(page)
    expect(main(page)).to_contain_text("2,750")

    go(page, "Train")
    settled(page)
    expect(page.locator(".st-key-train_start button")).to_be_enabled()
    page.locator(".st-key-train_preset").get_by_text("Quick").click()
    settled(page)
    page.locator(".st-key-train_hold_out label").click()
    settled(page)
    page.locator(".st-key-train_start button").click()
    page.wait_for_url("**group=**", timeout=60_000)
    main(page).get_by_role("link", name="Flow").first.wait_for(timeout=300_000)
    main(page).get_by_role("link", name="Flow").first.click()
    lines = drawn(page, "flow_lines")
    assert sum(trace["x"]["finite"] for trace in lines) > 500

    id = page.url.split("dataset=")[-1].split("&")[0] if "dataset=" in page.url else ""
    page.goto(
        f"{server}/compare?{'dataset=' + id + '&' if id else ''}models=ot-displacement&times=7.5&seeds=1&preset=quick"
    )
    page.locator(".st-key-compare_start button").click()
    expect(page.locator(".st-key-verdict")).to_contain_text("no better than the OT midpoint", timeout=240_000)
    assert drawn(page, "compare_figure")
