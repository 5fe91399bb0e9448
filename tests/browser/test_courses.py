"""A study in the format of NONMEM, from the upload to two regimens beside each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests import toy_pk
from tests.browser.test_main_job import choose, drawn, go, main, settled

pytestmark = pytest.mark.browser


def nonmem(path: Path) -> Path:
    """Eight people, two doses each, as a long table: lines of doses between those of measurements."""
    data = toy_pk.study(subjects=8, n_times=7, residual_error=0.05)
    rows = [(who, t, 0, f"{x[0]:.4f}", 0) for who, t, x in zip(data.subject, data.t, data.x, strict=True)]
    doses = data.doses
    rows += [(who, t, amount, ".", 1) for who, t, amount in zip(doses.subject, doses.time, doses.amount, strict=True)]
    lines = [f"{who + 1},{t:g},{amount:g},{value},{evid}" for who, t, amount, value, evid in sorted(rows, key=_order)]
    path.write_text("\n".join(["ID,TIME,AMT,DV,EVID", *lines]) + "\n")
    return path


def _order(row: tuple) -> tuple:
    return row[0], row[1], -row[4]


def test_from_a_table_to_two_regimens(page: Page, server: str, tmp_path: Path):
    page.goto(f"{server}/data?from=Upload")
    settled(page)
    page.locator(".st-key-upload input[type=file]").set_input_files(nonmem(tmp_path / "study.csv"))
    start = page.locator(".st-key-import_start button")
    expect(main(page)).to_contain_text("Choose the unit of time", timeout=120_000)
    choose(page, "Unit of time", "hour")
    expect(start).to_be_enabled(timeout=120_000)
    start.click()
    page.wait_for_url("**dataset=**", timeout=180_000)
    settled(page)

    go(page, "Courses")
    assert np.sum([trace["y"]["finite"] for trace in drawn(page, "courses_measured")]) >= 56
    expect(page.locator(".st-key-no_model")).to_contain_text("No model of individuals")
    page.locator(".st-key-no_model").get_by_role("link", name="Train a model").click()
    settled(page)
    expect(page.locator(".st-key-train_model")).to_contain_text("try this first")
    page.goto(page.url.partition("&model=")[0] + "&model=population-pk")  # whatever the guide ranks first
    settled(page)
    page.locator(".st-key-train_preset").get_by_text("Quick").click()
    settled(page)
    page.locator(".st-key-train_hold_out_after label").first.click()
    expect(main(page)).to_contain_text("of 8 individuals, measured after")
    page.locator(".st-key-train_start button").click()
    page.wait_for_url("**group=**", timeout=60_000)
    main(page).get_by_role("link", name="Courses").nth(2).wait_for(timeout=300_000)  # the references, too
    main(page).get_by_role("link", name="Courses").first.click()
    expect(page.locator(".st-key-headline")).to_contain_text("off where later values were held out", timeout=120_000)
    assert "held out" in {trace["name"] for trace in drawn(page, "courses_fit_0")}
    page.locator(".st-key-part").get_by_text("Forecasts").click()
    expect(page.locator(".st-key-headline")).to_contain_text("better than", timeout=120_000)
    assert len(drawn(page, "courses_forecast")) == 3

    page.locator(".st-key-part").get_by_text("Two regimens").click()
    expect(page.locator(".st-key-headline")).to_contain_text("times the AUC of “Regimen A”", timeout=120_000)
    assert len(drawn(page, "courses_plans")) == 4
    page.get_by_label("Amount").nth(1).fill("900")
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.locator(".st-key-headline")).to_contain_text("outside the observed doses", timeout=120_000)
