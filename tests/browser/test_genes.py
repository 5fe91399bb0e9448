"""The box for one or several of very many genes, and on the page Genes figures that another gene updates in place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.figures.theme import text_color
from tests import examples, toys
from tests.browser.test_accessibility import violations
from tests.browser.test_main_job import choose, settled

pytestmark = pytest.mark.browser
MANY = 1200


def run_of_many(home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Id of a run on more genes than the common box lists: Gene0000, Gene0001, ..."""
    monkeypatch.setenv("CELLFLOW_HOME", str(home))
    points, t = examples.cells(120)
    x = np.tile(points, (1, MANY // 2)).astype(np.float32)
    genes = AffineSpace.of_genes((*(f"Gene{k:04d}" for k in range(MANY - 2)), "Case", "CASE"))
    return toys.finished(toys.recipe(toys.stored(Snapshots(x, t, genes, "days")), model="i-cfm")).id


def test_a_gene_of_many_is_found_by_typing(page: Page, server: str, server_home: Path, monkeypatch):
    page.goto(f"{server}/genes?run={run_of_many(server_home, monkeypatch)}&gene=Gene0007")
    settled(page)
    box = page.get_by_role("combobox", name="Gene", exact=True)
    expect(box).to_have_value("Gene0007")
    box.click()
    expect(page.get_by_role("option", selected=True)).to_have_text("Gene0007")
    assert page.get_by_role("option").count() == 50
    expect(page.get_by_text("1,150 more: type to find them")).to_be_visible()
    assert not violations(page)

    box.fill("gene112")
    expect(page.get_by_role("option")).to_have_text([f"Gene112{k}" for k in range(10)])
    box.press("ArrowDown")
    box.press("Enter")
    expect(page.get_by_role("heading", name="Gene1121")).to_be_visible()
    settled(page)
    assert "gene=Gene1121" in page.url and box.input_value() == "Gene1121"

    page.keyboard.type("gene0")  # another search, not more of the name
    expect(box).to_have_value("gene0")
    expect(page.get_by_role("option").first).to_have_text("Gene0000")
    for typed, first in (("CASE", ["CASE", "Case"]), ("Case", ["Case", "CASE"])):
        box.fill(typed)
        expect(page.get_by_role("option")).to_have_text(first)
    box.press("Escape")
    expect(box).to_have_value("Gene1121")

    box.click()
    box.fill("0112")
    page.get_by_role("option", name="Gene0112").click()
    expect(page.get_by_role("heading", name="Gene0112")).to_be_visible()
    settled(page)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name="Gene1121")).to_be_visible()
    expect(box).to_have_value("Gene1121")

    box.click()
    box.fill("nothing like it")
    expect(page.get_by_text("No results")).to_be_visible()
    box.press("Enter")
    expect(box).to_have_value("Gene1121")
    page.reload()
    settled(page)
    expect(box).to_have_value("Gene1121")
    box.fill("0003")
    box.press("Enter")  # before the names have come
    expect(page.get_by_role("heading", name="Gene0003")).to_be_visible()


INKS = """(ink) => {
  const found = [...document.querySelectorAll(".js-plotly-plot")].map((each) => each._fullLayout?.font.color);
  return found.length > 0 && found.every((each) => each === ink);
}"""


@pytest.mark.parametrize("name", ["genes", "time"])
def test_figures_follow_the_theme(page: Page, server: str, small_runs: dict[str, str], name: str):
    """Of the system and of the menu, on a window so narrow that the sidebar is folded."""
    page.set_viewport_size({"width": 390, "height": 800})
    page.emulate_media(color_scheme="light")
    page.goto(f"{server}/{name}?run={next(iter(small_runs))}")
    settled(page)
    light, dark = (text_color(each) for each in (False, True))

    def drawn_in(ink: str) -> None:
        page.wait_for_function(INKS, arg=ink)

    drawn_in(light)
    page.emulate_media(color_scheme="dark")
    drawn_in(dark)
    page.get_by_test_id("stMainMenu").click()
    page.get_by_role("menuitemradio", name="Light").click()
    drawn_in(light)


def test_several_of_many_genes_are_chosen_and_taken_away(page: Page, server: str, server_home: Path, monkeypatch):
    page.goto(f"{server}/perturb?run={run_of_many(server_home, monkeypatch)}&gene=Gene0007")
    settled(page)
    chosen = page.locator(".chip span")
    box = page.get_by_role("combobox", name="Genes", exact=True)
    box.fill("gene112")
    box.press("Enter")
    box.fill("ENSG0")
    expect(page.get_by_text("Enter takes ENSG0 as it is")).to_be_visible()
    box.press("Enter")
    expect(chosen).to_have_text(["Gene0007", "Gene1120", "ENSG0"])
    expect(page.get_by_text("ENSG0 is not among the 1,200 genes of this model")).to_be_visible()
    assert not violations(page)

    page.get_by_role("button", name="Remove ENSG0").click()
    box.fill("0007")
    expect(page.get_by_text("No results")).to_have_count(0)
    expect(page.get_by_role("option", name="Gene0007")).to_have_count(0)  # it is chosen
    box.press("Escape")
    settled(page)
    expect(chosen).to_have_text(["Gene0007", "Gene1120"])
    box.click()
    box.press("Backspace")
    expect(chosen).to_have_text(["Gene0007"])
    box.press("Escape")
    settled(page)
    assert "gene=Gene0007" in page.url and "Gene1120" not in page.url
    page.get_by_role("button", name="Undo").click()
    expect(chosen).to_have_text(["Gene0007", "Gene1120"])
    for _ in range(2):
        box.press("Backspace")
    expect(page.get_by_text("Choose at least one gene to change.")).to_be_visible()
    expect(chosen).to_have_count(0)
    page.reload()
    settled(page)
    expect(page.get_by_text("Choose at least one gene to change.")).to_be_visible()
    expect(chosen).to_have_count(0)


PASTE = """(box, text) => {
  const clipboardData = new DataTransfer();
  clipboardData.setData("text", text);
  box.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
}"""


def test_a_list_of_genes_is_pasted_and_typed(page: Page, server: str, small_runs: dict[str, str]):
    page.goto(f"{server}/genes?run={next(iter(small_runs))}&part=Several+genes")
    settled(page)
    box = page.get_by_role("combobox", name="Genes", exact=True)
    chosen = page.locator(".chip span")
    expect(chosen).to_have_text(["Gata1", "Spi1", "Cebpa"])
    box.evaluate(PASTE, "Cebpa, Gata1")  # instead of those that nobody chose
    expect(chosen).to_have_text(["Cebpa", "Gata1"])
    box.press("Enter")  # nothing is typed, and no row pointed at
    box.evaluate(PASTE, "Spi1, Gata1")
    expect(chosen).to_have_text(["Cebpa", "Gata1", "Spi1"])
    page.get_by_role("button", name="Remove Spi1").click()
    expect(chosen).to_have_text(["Cebpa", "Gata1"])
    page.get_by_role("button", name="Remove all").click()
    expect(page.get_by_role("button", name="Remove all")).to_be_hidden()
    expect(page.get_by_text("Choose at least one gene.")).to_be_visible()
    box.evaluate(PASTE, "spi1\r\nFoxp3\r\n")
    expect(page.get_by_text("spi1 is read as Spi1")).to_be_visible()
    expect(page.get_by_text("Foxp3 is not among the 3 genes of these data.")).to_be_visible()
    expect(chosen).to_have_text(["Spi1", "Foxp3"])
    assert not violations(page)
    page.keyboard.type("ab")
    for _ in range(5):
        page.keyboard.down("Backspace")  # held
    page.keyboard.up("Backspace")
    expect(box).to_have_value("")
    expect(chosen).to_have_text(["Spi1", "Foxp3"])
    box.fill("Il7r gata1")
    expect(page.get_by_text("Enter takes these 2 names")).to_be_visible()
    box.press("Enter")
    expect(page.get_by_text("Foxp3, Il7r are not among the 3 genes of these data.")).to_be_visible()
    expect(chosen).to_have_text(["Spi1", "Gata1", "Foxp3", "Il7r"])
    box.press("Escape")
    settled(page)
    page.reload()
    settled(page)
    expect(chosen).to_have_text(["Spi1", "Gata1", "Foxp3", "Il7r"])


MARK = "document.querySelectorAll('.cellflow-chart').forEach((each) => { each.mark = true })"
DRAWN = """[...document.querySelectorAll('.cellflow-chart')].map((each) => ({
  kept: each.mark === true, title: each.querySelector('.ytitle')?.textContent, said: each.ariaLabel,
  size: [each._fullLayout?.width, each._fullLayout?.height].map(Math.round),
  node: [each.clientWidth, each.clientHeight],
}))"""


def test_another_gene_is_drawn_in_the_figures_that_are_there(page: Page, server: str, small_runs: dict[str, str]):
    page.goto(f"{server}/genes?run={next(iter(small_runs))}&gene=Gata1")
    page.wait_for_function(f"{DRAWN}.filter((each) => each.title === 'Gata1').length === 2")
    settled(page)
    page.evaluate(MARK)
    choose(page, "Gene", "Spi1")
    page.wait_for_function(f"{DRAWN}.every((each) => each.title === 'Spi1')")
    figures = page.evaluate(DRAWN)
    assert [each["kept"] for each in figures] == [True, True]
    assert figures[0]["said"].startswith("Mean of Spi1 along") and figures[1]["said"].startswith("Spi1 by group")
    assert all(each["size"] == each["node"] and each["size"][1] == 340 for each in figures)

    violins = page.locator(".st-key-genes_violins .js-plotly-plot")
    violins.hover(position={"x": 40, "y": 40})
    button = violins.locator("[data-title=Fullscreen]")
    button.click()
    page.wait_for_function(f"{DRAWN}[1].size.join() === [innerWidth, innerHeight].join()")
    button.click()
    page.wait_for_function(f"{DRAWN}[1].size[1] === 340")
    page.set_viewport_size({"width": 900, "height": 900})
    page.wait_for_function(f"{DRAWN}.every((each) => each.size.join() === each.node.join() && each.size[0] < 300)")


OVERLAPS = """() => [...document.querySelectorAll(".js-plotly-plot")].filter((each) => {
  const [bar, legend] = [".modebar", ".legend"].map((part) => each.querySelector(part)?.getBoundingClientRect());
  return bar && legend && bar.bottom > legend.top && bar.top < legend.bottom && bar.left < legend.right;
}).length"""


def test_the_buttons_of_a_figure_are_not_on_its_legend_on_a_phone(chromium: Browser, server: str, small_runs):
    context = chromium.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    for name in ("genes", "time"):
        page.goto(f"{server}/{name}?run={next(iter(small_runs))}")
        settled(page)
        page.locator(".js-plotly-plot .legend").first.wait_for(state="attached")
        page.locator(".js-plotly-plot .modebar-btn").first.wait_for(state="attached")
        assert page.evaluate(OVERLAPS) == 0, name
    context.close()
