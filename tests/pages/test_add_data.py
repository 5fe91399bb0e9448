"""The ways to data through app.py: what is said before an upload, watched downloads, refused addresses."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from cellflow_core.data import store
from cellflow_core.data.download import downloads, public
from cellflow_core.data.importing import demos, uploads
from cellflow_core.jobs import analysis_pool, sandbox, supervisor
from pages.parts.data import add_data
from tests import ROOT
from tests.webserver import Shelf, serving

TABLE = "\n".join(["x,y,stage,when", *(f"{k % 7 + 0.5},{k % 5 - 0.25},{k % 2},day {k % 3}" for k in range(90))]) + "\n"


class Calls:
    """Answers here what a process would answer; while `held`, a download stays under way."""

    def __init__(self) -> None:
        self.held = False
        self.waiting: list[Future] = []

    def __call__(
        self,
        path: str,
        *args: Any,
        io_bound: bool = False,
        on_progress: Any = None,
        seconds: Any = None,
        **kwargs: Any,
    ) -> Future:
        answer: Future = Future()
        kwargs |= {} if on_progress is None else {"on_progress": on_progress}
        if self.held and io_bound:
            self.waiting.append(answer)
            return answer
        module, _, name = path.partition(":")
        try:
            answer.set_result(getattr(importlib.import_module(module), name)(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - as a process does: the future carries it
            answer.set_exception(error)
        return answer


@pytest.fixture(autouse=True)
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    made = Calls()
    st.cache_resource.clear()
    monkeypatch.setattr(supervisor, "ensure_supervisor", lambda: None)
    monkeypatch.setattr(analysis_pool, "call", made)
    monkeypatch.setattr(sandbox, "run_isolated", made)
    monkeypatch.setattr(analysis_pool, "warm", lambda: None)
    monkeypatch.setattr(sandbox, "prestart", lambda: None)
    monkeypatch.setattr("cellflow_core.data.preprocessing.umap.add_umap", lambda id: None)
    return made


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    monkeypatch.setenv("CELLFLOW_ALLOW_LOCAL_URLS", "1")
    with serving() as shelf:
        shelf.files["/my%20cells.csv"] = TABLE.encode()
        yield shelf


def opened(**query: str) -> AppTest:
    page = AppTest.from_file(str(ROOT / "pages" / "frame.py"), default_timeout=120)
    for key, value in query.items():
        page.query_params[key] = value
    page.switch_page(str(ROOT / "pages" / "data.py")).run()
    assert not page.exception, page.exception
    return page


def route(name: str) -> AppTest:
    page = opened()
    page.segmented_control(key="from").set_value(name).run()
    assert not page.exception and not page.error, page.error
    return page


def opened_address(given: str, checksum: str = "") -> AppTest:
    page = route("Path or URL")
    page.text_input(key="address_given").set_value(given)
    page.text_input(key="address_sha256").set_value(checksum)
    next(each for each in page.button if each.label == "Open").click().run()
    assert not page.exception
    return page


def test_each_way_is_there_and_the_demos_come_first() -> None:
    page = opened()
    assert page.segmented_control(key="from").options == [
        "Open a demo",
        "Simulate",
        "Upload",
        "Path or URL",
        "Public data",
    ]
    assert {f"open_demo_{each.name}" for each in demos.DEMOS} <= {each.key for each in page.button}


def test_formats_and_limit_stand_before_the_upload() -> None:
    message = " ".join(each.value for each in route("Upload").markdown)
    assert f"**{add_data.LIMIT_MB} MB**" in message
    assert all(each in message for each in (".h5ad", ".h5`", ".loom", ".zip", ".tar.gz", ".csv", ".tsv", ".npz", ".gz"))


def test_an_address_is_fetched_and_guided_to_a_data_set(shelf: Shelf) -> None:
    page = opened_address(f" {shelf.address}/my%20cells.csv ")
    page.run()
    assert page.header[0].value == "Import my cells.csv"
    page.button(key="import_start").click().run()
    assert not page.exception and not page.error
    (made,) = store.datasets()
    assert made.source == "my cells.csv"
    assert uploads.opened(uploads.of_dataset(made.id)).origin == f"{shelf.address}/my%20cells.csv"


def test_a_public_data_set_brings_its_time(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = replace(public.find("eb"), url=f"{shelf.address}/my%20cells.csv", sha256="", file="eb.csv", time="when")
    monkeypatch.setattr(public, "CATALOGUE", (entry, *public.CATALOGUE[1:]))
    page = route("Public data")
    message = " ".join(each.value for each in (*page.markdown, *page.caption))
    assert all(each.paper.split(";")[0] in message for each in public.CATALOGUE)
    assert message.count("not stated") >= 7
    page.button(key="fetch_eb").click().run()
    page.run()
    assert page.header[0].value == "Import eb.csv"
    assert next(each for each in page.selectbox if each.label == "Column with the time").value == "when"


def test_a_download_under_way_is_shown_found_again_and_cancelled(shelf: Shelf, calls: Calls) -> None:
    calls.held = True
    page = opened_address(f"{shelf.address}/my%20cells.csv")
    id = page.query_params["upload"]
    id = id[0] if isinstance(id, list) else id
    uploads.stages(id)("1.5 of 6.0 MB")
    again = opened(upload=id)  # F5, or a second tab
    assert len(calls.waiting) == 1
    assert again.header[0].value.startswith("Fetching my")
    assert any("leave this page" in each.value for each in again.caption)
    again.button(key="download_cancel").click().run()
    assert not again.exception and downloads.expected(id) is None
    assert "upload" not in again.query_params
    assert "choose the file again" in opened(upload=id).error[0].value


def test_a_failed_download_can_be_tried_again(shelf: Shelf) -> None:
    shelf.status["/my%20cells.csv"] = 404
    page = opened_address(f"{shelf.address}/my%20cells.csv")
    (error,) = page.error
    assert "has no file at" in error.value
    shelf.status.clear()
    page.button(key="download_again").click().run()
    page.run()
    assert page.header[0].value == "Import my cells.csv"


@pytest.mark.parametrize(
    ("given", "checksum", "sentence"),
    [
        ("http://127.0.0.1/cells.h5ad", "", "from the public internet only"),
        ("file:///etc/passwd", "", "is no address of a download"),
        ("/etc/passwd", "", "cannot be opened from the browser: whoever runs this app names the folders"),
        ("https://example.org/x", "abc", "A sha256 has 64 letters"),
    ],
)
def test_what_may_not_be_opened_is_one_sentence(given: str, checksum: str, sentence: str) -> None:
    page = opened_address(given, checksum)
    (error,) = page.error
    assert sentence in error.value.replace("\\", "")
    assert "upload" not in page.query_params


def test_a_path_is_opened_where_its_folder_was_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELLFLOW_PATHS", str(tmp_path))
    (tmp_path / "cells.csv").write_text(TABLE)
    page = opened_address(str(tmp_path / "cells.csv"))
    assert page.header[0].value == "Import cells.csv"
