"""Downloads from a local server that cuts, refuses, lies and leads astray: one sentence each, nothing half imported."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from cellflow_core.data.download import downloads, transfer, url_safety
from cellflow_core.data.importing import uploads
from tests import ROOT
from tests.webserver import Shelf, serving

CONTENT = os.urandom(1000) * 3000  # 3 MB
SHA = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    monkeypatch.setenv("CELLFLOW_ALLOW_LOCAL_URLS", "1")
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    with serving() as shelf:
        shelf.files["/data/my%20cells.h5ad"] = CONTENT
        yield shelf


def url(shelf: Shelf) -> str:
    return f"{shelf.address}/data/my%20cells.h5ad"


def nothing_is_left() -> bool:
    return not list(uploads.root().glob("*/part"))


def test_a_whole_file_with_its_name_origin_and_checksum(shelf: Shelf) -> None:
    message: list[str] = []
    held = uploads.opened(downloads.fetch(url(shelf), SHA.upper(), message.append))
    assert held.path.read_bytes() == CONTENT and held.path.name == "file.h5ad"
    assert (held.name, held.origin, held.sha256) == ("my cells.h5ad", url(shelf), SHA)
    assert message[-2:] == ["3.0 of 3.0 MB", "checking that the file is whole"]
    assert nothing_is_left() and downloads.expected(held.id) is None
    assert downloads.download(held.id) == held.id


def test_a_name_given_by_the_server_is_taken(shelf: Shelf) -> None:
    shelf.headers["Content-Disposition"] = 'attachment; filename="../../other.csv.gz"'
    held = uploads.opened(downloads.fetch(url(shelf)))
    assert (held.name, held.path.name) == ("other.csv.gz", "file.csv.gz")


def test_a_cut_connection_is_taken_up_where_it_broke(shelf: Shelf) -> None:
    shelf.cuts = [1_000_000, 500_000]
    assert uploads.opened(downloads.fetch(url(shelf), SHA)).path.read_bytes() == CONTENT
    assert [wanted for _, wanted in shelf.asked] == ["", "bytes=1000000-", "bytes=1500000-"]


def test_a_later_call_goes_on_with_what_an_earlier_one_left(shelf: Shelf) -> None:
    shelf.cuts = [1_000_000, *[0] * 10]
    with pytest.raises(ValueError, match=r"1\.0 MB"):
        downloads.fetch(url(shelf), SHA)
    shelf.cuts = []
    shelf.asked.clear()
    assert uploads.opened(downloads.fetch(url(shelf), SHA)).sha256 == SHA
    assert shelf.asked == [("/data/my%20cells.h5ad", "bytes=1000000-")]
    assert nothing_is_left()


def test_a_file_that_changed_meanwhile_starts_again(shelf: Shelf) -> None:
    shelf.cuts = [1_000_000, *[0] * 10]
    with pytest.raises(ValueError, match="are kept"):
        downloads.fetch(url(shelf))
    shelf.cuts, shelf.mark = [], '"two"'
    shelf.files["/data/my%20cells.h5ad"] = CONTENT[::-1]
    assert uploads.opened(downloads.fetch(url(shelf))).path.read_bytes() == CONTENT[::-1]


def test_a_server_without_ranges_starts_again(shelf: Shelf) -> None:
    shelf.ranges, shelf.cuts = False, [1_000_000]
    assert uploads.opened(downloads.fetch(url(shelf), SHA)).path.read_bytes() == CONTENT


def test_a_part_that_is_whole_already_is_no_dead_end(shelf: Shelf) -> None:
    id = downloads.register_download(url(shelf), SHA)
    folder = uploads.folder_of(id)
    (folder / "part").write_bytes(CONTENT + b"more")
    (folder / "part.json").write_text(f'{{"url": "{url(shelf)}", "mark": ""}}')
    assert uploads.opened(downloads.download(id)).sha256 == SHA


def test_another_content_than_was_expected_is_thrown_away(shelf: Shelf) -> None:
    with pytest.raises(ValueError, match="sha256"):
        downloads.fetch(url(shelf), "0" * 64)
    assert nothing_is_left()


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (404, "127.0.0.1 has no file at"),
        (403, "does not give .* to this machine .HTTP 403.: download the file on another machine"),
        (503, "answers with HTTP 503: 0.0 MB are kept; try again later"),
        (418, "answers with HTTP 418 instead of the file"),
    ],
)
def test_a_refusal_is_one_sentence(shelf: Shelf, status: int, sentence: str) -> None:
    shelf.status["/data/my%20cells.h5ad"] = status
    with pytest.raises(ValueError, match=sentence):
        downloads.fetch(url(shelf))


def test_a_web_page_is_no_file(shelf: Shelf) -> None:
    shelf.kind = "text/html; charset=utf-8"
    with pytest.raises(ValueError, match="web page"):
        downloads.fetch(url(shelf))


def test_too_large_a_file_is_refused_before_and_while_it_comes(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELLFLOW_DOWNLOAD_GB", "0.001")
    with pytest.raises(ValueError, match=r"3\.0 MB"):
        downloads.fetch(url(shelf))
    monkeypatch.setattr(transfer, "_extent", lambda response, part: (0, None))
    with pytest.raises(ValueError, match=r"1\.0 MB"):
        downloads.fetch(url(shelf))
    assert nothing_is_left()
    monkeypatch.setenv("CELLFLOW_DOWNLOAD_GB", "much")
    with pytest.raises(ValueError, match="CELLFLOW_DOWNLOAD_GB"):
        downloads.fetch(url(shelf))


@pytest.mark.parametrize("length", [True, False], ids=["with its length", "without"])
def test_a_reserve_of_the_disk_stays_free(shelf: Shelf, length: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not length:
        monkeypatch.setattr(transfer, "_extent", lambda response, part: (0, None))
    monkeypatch.setattr(transfer, "PROGRESS_EVERY", 0.0)
    free = iter([transfer.SPARE + 2_000_000, *range(transfer.SPARE + 1_000_000, 0, -1_000_000)])
    monkeypatch.setattr(transfer.shutil, "disk_usage", lambda path: SimpleNamespace(free=next(free)))
    with pytest.raises(ValueError, match="stay free"):
        downloads.fetch(url(shelf))
    assert nothing_is_left()


def test_a_download_has_a_deadline_in_all(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELLFLOW_DOWNLOAD_MINUTES", "0")
    monkeypatch.setattr(transfer, "PROGRESS_EVERY", 0.0)
    with pytest.raises(ValueError, match="minutes"):
        downloads.fetch(url(shelf))
    assert nothing_is_left()


def test_offline_is_said_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELLFLOW_ALLOW_LOCAL_URLS", "1")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ValueError, match="offline"):
        downloads.fetch(f"http://127.0.0.1:{port}/cells.h5ad")

    def no_names(*args: object, **kwargs: object) -> None:
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", no_names)
    with pytest.raises(ValueError, match=r"data\.mendeley\.com"):
        downloads.fetch("https://data.mendeley.com/cells.h5ad")


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/"])
def test_a_redirect_to_another_protocol_is_not_followed(shelf: Shelf, target: str) -> None:
    shelf.goes_to["/away"] = target
    with pytest.raises(ValueError, match="https?"):
        downloads.fetch(f"{shelf.address}/away")


def test_a_redirect_to_a_file_is_followed(shelf: Shelf) -> None:
    shelf.goes_to["/away"] = "/data/my%20cells.h5ad"
    held = uploads.opened(downloads.fetch(f"{shelf.address}/away", SHA))
    assert (held.name, held.sha256) == ("my cells.h5ad", SHA)


def test_a_redirect_into_the_house_is_refused(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf.goes_to["/away"] = "http://169.254.169.254/latest/meta-data"
    id = downloads.register_download(f"{shelf.address}/away")
    mine = shelf.address.removeprefix("http://").partition(":")[0]
    inside = url_safety._refuse_inside
    monkeypatch.delenv("CELLFLOW_ALLOW_LOCAL_URLS")
    monkeypatch.setattr(
        url_safety, "_refuse_inside", lambda address, host: None if address == mine else inside(address, host)
    )
    with pytest.raises(ValueError, match=r"169\.254\.169\.254"):
        downloads.download(id)


def test_a_name_that_changes_its_address_between_two_look_ups_gains_nothing(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CELLFLOW_ALLOW_LOCAL_URLS")
    real, port = socket.getaddrinfo, int(shelf.address.rsplit(":", 1)[1])
    answers = [[(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", port))]] * 2

    def look_up(host: str, *args: object, **kwargs: object) -> object:
        return answers.pop() if answers else real("127.0.0.1", port, type=socket.SOCK_STREAM)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    id = downloads.register_download(f"http://rebind.example:{port}/data/my%20cells.h5ad")
    with pytest.raises(ValueError, match="public"):
        downloads.download(id)
    assert shelf.asked == []


def test_a_discarded_download_ends(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    home = uploads.root().parent
    monkeypatch.undo()
    monkeypatch.setenv("CELLFLOW_HOME", str(home))
    monkeypatch.setenv("CELLFLOW_ALLOW_LOCAL_URLS", "1")
    shelf.slow = 0.05
    id = downloads.register_download(url(shelf))
    begun, ended = threading.Event(), []

    def log(stage: str) -> None:
        begun.set()

    def load() -> None:
        try:
            downloads.download(id, log)
        except KeyError as error:
            ended.append(error.args[0])

    thread = threading.Thread(target=load)
    thread.start()
    assert begun.wait(20)
    with pytest.raises(ValueError, match="being fetched already"):
        downloads.download(id)
    uploads.discard(id)
    thread.join(20)
    assert ended == ["this download was cancelled"]
    assert not uploads.folder_of(id).exists()


def test_a_download_whose_process_was_killed_goes_on(shelf: Shelf, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("CELLFLOW_HOME", str(home))
    monkeypatch.setenv("CELLFLOW_ALLOW_LOCAL_URLS", "1")
    shelf.slow = 0.05
    script = f"from cellflow_core.data.download import downloads; downloads.fetch({url(shelf)!r})"
    process = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT)
    part = None
    while part is None or part.stat().st_size < 300_000:
        part = next(iter((home / "uploads").glob("*/part")), None)
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    shelf.slow = 0.0
    shelf.asked.clear()
    assert uploads.opened(downloads.fetch(url(shelf), SHA)).path.read_bytes() == CONTENT
    assert shelf.asked[0][1].startswith("bytes=") and len(list((home / "uploads").glob("*/"))) == 1
