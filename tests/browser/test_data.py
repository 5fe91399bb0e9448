"""Files of several kinds through the upload up to the data set's page, and a download from a server of this machine."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from scipy.io import mmwrite
from scipy.sparse import csr_matrix

from tests.browser.test_main_job import choose, main, settled
from tests.webserver import serving

pytestmark = pytest.mark.browser


def tenx(folder: Path, shared: Path) -> Path:
    """The matrix folder of Cell Ranger, packed: 90 cells of 40 genes, made here, with no times."""
    counts = np.random.default_rng(0).poisson(3.0, (40, 90))
    mmwrite(folder / "matrix.mtx", csr_matrix(counts))
    written = {
        "matrix.mtx.gz": (folder / "matrix.mtx").read_bytes(),
        "barcodes.tsv.gz": "".join(f"CELL{k}-1\n" for k in range(90)).encode(),
        "features.tsv.gz": "".join(f"ENSG{k}\tGene{k}\tGene Expression\n" for k in range(40)).encode(),
    }
    with zipfile.ZipFile(folder / "sample.zip", "w") as archive:
        for name, content in written.items():
            archive.writestr(f"filtered_feature_bc_matrix/{name}", gzip.compress(content))
    return folder / "sample.zip"


def there(path: str) -> Callable[[Path, Path], Path]:
    return lambda folder, shared: shared / path


FILES = {
    "h5ad with clones": (there("weinreb_larry_cospar/larry_test_781cells.h5ad"), "781 cells", "2 → 4 → 6", "day"),
    "genes by cells": (
        there("beeline_curated/GSD_2000_0/ExpressionData.csv.gz"),
        "2,000 cells",
        "",
        "no unit (arbitrary)",
    ),
    "coordinates": (there("deepruot/emt.csv"), "3,133 cells", "0 → 1 → 2 → 3", "no unit (arbitrary)"),
    "arrays": (
        there("eb_embryoid_body/eb_velocity_subset2750.npz"),
        "2,750 cells",
        "0 → 1 → 2 → 3 → 4",
        "no unit (arbitrary)",
    ),
    "table of individuals": (there("pharmacokinetics/warfarin.csv"), "298 samples", "", "hour"),
    "10x folder": (tenx, "90 cells", "", ""),
}
"""Kind of file -> how it is made, its cells, its times, and the unit that must be chosen ("": none is asked for)."""


def imported(page: Page, cells: str, times: str, unit: str = "") -> None:
    """Through the guide with what it proposes, to the page of the data set."""
    start = page.locator(".st-key-import_start button")
    if unit:
        expect(main(page)).to_contain_text("Choose the unit of time", timeout=120_000)
        expect(start).to_be_disabled()
        choose(page, "Unit of time", unit)
    expect(start).to_be_enabled(timeout=120_000)
    if times:
        expect(main(page)).to_contain_text(times)
    start.click()
    page.wait_for_url("**dataset=**", timeout=180_000)
    expect(main(page)).to_contain_text(cells, timeout=60_000)
    assert page.locator('[data-testid="stAlertContentError"]').count() == 0


@pytest.mark.parametrize("kind", FILES)
def test_a_file_is_uploaded_and_becomes_a_data_set(kind: str, page: Page, server: str, shared: Path, tmp_path: Path):
    made, cells, times, unit = FILES[kind]
    page.goto(f"{server}/data?from=Upload")
    settled(page)
    expect(main(page)).to_contain_text("500 MB")
    page.locator(".st-key-upload input[type=file]").set_input_files(made(tmp_path, shared))
    imported(page, cells, times, unit)


def test_a_download_is_watched_survives_a_reload_and_is_imported(page: Page, server: str):
    rows = [f"{k % 7 + 0.5},{k % 5 - 0.25},{k % 11 / 3},day {k % 3 * 2}" for k in range(60_000)]
    with serving() as shelf:
        shelf.files["/cells.csv"] = "\n".join(["x,y,z,when", *rows]).encode()
        shelf.slow = 0.3
        page.goto(f"{server}/data?from=Path+or+URL")
        settled(page)
        page.get_by_label("URL", exact=True).fill(f"{shelf.address}/cells.csv")
        page.get_by_test_id("stBaseButton-primaryFormSubmit").click()
        page.wait_for_url("**upload=**")
        page.get_by_text("of 1.").wait_for()
        page.reload()
        expect(page.get_by_role("heading", name="Fetching cells.csv")).to_be_visible()
        shelf.slow = 0.0
        expect(page.get_by_role("heading", name="Import cells.csv")).to_be_visible(timeout=60_000)
        assert [wanted for _, wanted in shelf.asked] == [""], "a reload must not start the download again"
        imported(page, "60,000 cells", "0 → 2 → 4")
