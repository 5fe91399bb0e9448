"""What a page lets one save, saved by a browser and opened: the figure as a page, its numbers, the script."""

from __future__ import annotations

import ast
import csv
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.test_main_job import drawn, settled

pytestmark = pytest.mark.browser

FIGURES = {"landscape": "landscape_3d", "flow": "flow_lines", "time": "time_cells", "perturb": "perturb_sides"}


def saved(page: Page, button: str, folder: Path) -> Path:
    """The file that the first button of this name saves, under the name that the page gives it."""
    with page.expect_download() as download:
        page.get_by_role("button", name=button).first.click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


@pytest.mark.parametrize("name", FIGURES)
def test_figure_numbers_and_script_are_saved_and_open(
    name: str, page: Page, server: str, small_runs: dict[str, str], tmp_path: Path
):
    page.goto(f"{server}/{name}?run={next(iter(small_runs))}")
    drawn(page, FIGURES[name])
    settled(page)
    page.locator("summary").filter(has_text="Data table").first.click()
    figure = saved(page, "Figure (HTML)", tmp_path)
    with saved(page, "Numbers (CSV)", tmp_path).open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file)
    assert rows and all(header) and {len(each) for each in rows} == {len(header)}
    page.locator("summary").filter(has_text="Script and report").click()
    script = saved(page, "Script (Python)", tmp_path).read_text()
    assert next(iter(small_runs)) in script and ast.parse(script).body
    errors: list[str] = []
    alone = page.context.new_page()
    alone.on("pageerror", lambda error: errors.append(str(error)))
    alone.on("request", lambda each: errors.append(each.url) if each.url.startswith("http") else None)
    alone.goto(figure.as_uri())
    alone.wait_for_function("document.querySelector('.js-plotly-plot')?._fullData?.length > 0")
    assert alone.title() and not errors
