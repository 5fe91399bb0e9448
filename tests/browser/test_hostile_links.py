"""A link is text: what it asks for loads nothing from another server, and links to none."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_main_job import main, settled
from tests.webserver import serving

pytestmark = pytest.mark.browser


def test_what_a_link_asks_for_loads_nothing_foreign(page: Page, server: str, small_runs: dict[str, str]) -> None:
    run = next(iter(small_runs))
    with serving() as shelf:
        shelf.files["/x.png"] = b"\x89PNG"
        requested: list[str] = []
        page.on("request", lambda each: requested.append(each.url))
        image = (
            f"![x]({shelf.address}/x.png) <img src={shelf.address}/x.png> [y]({shelf.address}) {shelf.address}/x.png"
        )
        asked = quote(image + " :smile: :material/home:", safe="")
        for query in (f"landscape?run={asked}", f"data?dataset={asked}", f"time?run={run}&gene={asked}&view={asked}"):
            page.goto(f"{server}/{query}")
            settled(page)
            expect(page.locator('[data-testid="stException"]')).to_have_count(0)
            assert page.locator(f'a[href*="{shelf.address}"], img[src*="{shelf.address}"]').count() == 0
            assert main(page).locator('[aria-label="home icon"]').count() == 0
            if "time?" not in query:
                expect(main(page)).to_contain_text("which is not here")
        assert shelf.asked == [] and not any(shelf.address in each.split("?")[0] for each in requested)
