"""What is asked for on the Train page is what is trained."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests import toys
from tests.browser.test_main_job import main, settled

pytestmark = pytest.mark.browser


def test_asking_for_growth_trains_with_growth(page: Page, server: str, server_home: Path, monkeypatch):
    monkeypatch.setenv("CELLFLOW_HOME", str(server_home))
    page.goto(f"{server}/train?dataset={toys.stored()}&model=mmfm&preset=quick")
    settled(page)
    page.locator(".st-key-goals").get_by_role("button", name="Growth").click()
    expect(main(page)).to_contain_text("is trained with other settings: unbalanced")
    page.locator(".st-key-train_start button").click()
    page.wait_for_url("**group=**")
    expect(main(page)).to_contain_text("unbalanced")
