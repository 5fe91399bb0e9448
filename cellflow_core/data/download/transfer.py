"""A file from an address to the disk: in pieces, and taken up again where it was cut."""

from __future__ import annotations

import errno
import http.client
import json
import math
import shutil
import socket
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from pathlib import Path

from cellflow_core.data.download.url_safety import ELSEWHERE, check, opener

PIECE = 1024 * 1024
READ_TIMEOUT = 30.0  # seconds without a byte
TRIES = 5  # in a row without progress
PAUSE = 0.5  # seconds between tries, longer each time
PROGRESS_EVERY = 0.5  # seconds
SPARE = 200_000_000
"""Bytes that stay free on the disk, for runs and data sets."""
_NO_CONNECTION = (socket.gaierror, ConnectionRefusedError)
_NO_NET = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN)
CANCELLED = "this download was cancelled"
AGENT = "Mozilla/5.0 (compatible; CellFlow-Explorer)"  # some hosts refuse Python's own name


@dataclass(frozen=True)
class DownloadedFile:
    """A whole file. `name` is what its server calls it."""

    path: Path
    name: str


def download(
    url: str,
    part: Path,
    *,
    most: int,
    on_progress: Callable[[str], None],
    seconds: float = math.inf,
    wanted: Callable[[], bool] = lambda: True,
    pause: float = PAUSE,
) -> DownloadedFile:
    """Stream the file at `url` into `part`, which may hold its beginning already.

    most     bytes that it may have
    seconds  that it may take in all
    on_progress  gets "12 of 80 MB" twice a second
    wanted   asked twice a second: where it says no, the rest is left and a KeyError raised

    Raises ValueError with one sentence. What arrived of a cut file stays in `part`, for the next call; of a file that
    is too large, takes too long or does not fit on the disk, nothing stays.
    """
    url = check(url)
    bounds = _Bounds(most, time.monotonic() + seconds, seconds)
    host = urllib.parse.urlsplit(url).hostname or ""
    left, most_so_far = TRIES, 0
    while wanted():
        try:
            with _translated(host, url), _opened(url, part) as response:
                arrived = _stream(response, part, url, bounds, on_progress, wanted)
                if arrived is not None:
                    return arrived
        except (_OutOfBoundsError, OSError):  # those of the network are translated: this one is of the disk
            part.unlink(missing_ok=True)
            _notes(part).unlink(missing_ok=True)
            raise
        except _TryAgain as cut:
            problem = cut
            if isinstance(cut, _StartAgain):
                part.unlink(missing_ok=True)
        else:
            problem = _TryAgain(f"{host} ended the connection before the file was whole")
        left = TRIES if _size(part) > most_so_far > 0 else left - 1
        most_so_far = max(most_so_far, _size(part))
        if not left:
            raise ValueError(
                f"{problem}: {_size(part) / 1e6:.1f} MB are kept; try again later, or {ELSEWHERE}"
            ) from problem
        time.sleep(pause * (TRIES - left + 1))
    raise KeyError(CANCELLED)


class _TryAgain(Exception):
    """It may go better in a moment."""


class _StartAgain(_TryAgain):
    """What is there already does not fit: the file must come anew."""


class _OutOfBoundsError(ValueError):
    """The file is larger, or takes longer, than it may."""


@dataclass(frozen=True)
class _Bounds:
    """most: bytes of the file; deadline: on the monotonic clock, `seconds` after the beginning"""

    most: int
    deadline: float
    seconds: float

    def check(self, part: Path, begin: int, size: int, total: int | None) -> None:
        """Raise _OutOfBoundsError. begin: bytes that are on the disk; size: bytes there will be, as far as known."""
        if size > self.most:
            raise _OutOfBoundsError(
                f"the file has {size / 1e6:,.1f} MB or more, and a download may have {self.most / 1e6:,.1f} MB: take a "
                "smaller one, or allow more with CELLFLOW_DOWNLOAD_GB"
            )
        free = shutil.disk_usage(part.parent).free
        if size - begin > free - SPARE:
            has = f"has {total / 1e6:,.0f} MB" if total else f"has {begin / 1e6:,.0f} MB or more"
            raise _OutOfBoundsError(
                f"the file {has} and the disk of this machine has {free / 1e6:,.0f} MB left, of which "
                f"{SPARE / 1e6:,.0f} MB stay free: make room"
            )
        if time.monotonic() > self.deadline:
            raise _OutOfBoundsError(
                f"the file did not arrive within {self.seconds / 60:,.0f} minutes: {ELSEWHERE}, or allow more with "
                "CELLFLOW_DOWNLOAD_MINUTES"
            )


def _stream(
    response: http.client.HTTPResponse,
    part: Path,
    url: str,
    bounds: _Bounds,
    on_progress: Callable[[str], None],
    wanted: Callable[[], bool],
) -> DownloadedFile | None:
    """Write one answer to the disk; None where it ended too early."""
    begin, total = _extent(response, part)
    _check_kind(response, url)
    bounds.check(part, begin, total or begin, total)
    _note(part, url, response.headers)
    recorded, size = -math.inf, begin
    with part.open("r+b" if begin else "wb") as out:
        out.truncate(begin)
        out.seek(begin)
        while piece := response.read1(PIECE):
            out.write(piece)
            size += len(piece)
            if size > bounds.most:
                bounds.check(part, size, size, total)
            if time.monotonic() - recorded >= PROGRESS_EVERY:
                recorded = time.monotonic()
                on_progress(_progress(size, total))
                bounds.check(part, size, size, total)
                if not wanted():
                    raise KeyError(CANCELLED)
    if total is not None and size < total:
        return None
    on_progress(_progress(size, total))
    _notes(part).unlink(missing_ok=True)
    return DownloadedFile(part, _name(response, url))


def _extent(response: http.client.HTTPResponse, part: Path) -> tuple[int, int | None]:
    """(byte at which this answer begins, bytes of the whole file or None where the server does not say)."""
    length = response.headers.get("Content-Length", "")
    if response.status != 206:
        return 0, int(length) if length.isdigit() else None
    unit, _, rest = response.headers.get("Content-Range", "").partition(" ")
    piece, _, whole = rest.partition("/")
    begin = piece.partition("-")[0]
    if unit != "bytes" or not begin.isdigit() or int(begin) != _size(part):
        raise _StartAgain("the server sent another piece of the file than was asked for")
    return int(begin), int(whole) if whole.isdigit() else None


def _check_kind(response: http.client.HTTPResponse, url: str) -> None:
    if response.headers.get_content_type() == "text/html":
        raise ValueError(f"{url} leads to a web page, not to a file: copy the address of the download itself")


def _progress(size: int, total: int | None) -> str:
    return f"{size / 1e6:,.1f} of {total / 1e6:,.1f} MB" if total else f"{size / 1e6:,.1f} MB"


def _name(response: http.client.HTTPResponse, url: str) -> str:
    """What the server calls the file, else the end of the address."""
    for path in (response.geturl(), url):
        found = response.headers.get_filename() or urllib.parse.unquote(urllib.parse.urlsplit(path).path)
        if found.rstrip("/").rsplit("/", 1)[-1]:
            return found.rstrip("/").rsplit("/", 1)[-1]
    return "download"


def _opened(url: str, part: Path) -> http.client.HTTPResponse:
    """The answer to a request for what is missing of the file."""
    headers = {"User-Agent": AGENT, "Accept-Encoding": "identity", "Accept": "*/*"}
    recorded = json.loads(_notes(part).read_text()) if _notes(part).exists() else {}
    if _size(part) and recorded.get("url") == url:
        headers["Range"] = f"bytes={_size(part)}-"
        if recorded.get("mark"):
            headers["If-Range"] = recorded["mark"]
    return opener().open(urllib.request.Request(url, headers=headers), timeout=READ_TIMEOUT)


def _note(part: Path, url: str, headers: Message) -> None:
    """Remember which state of the file is being fetched: a changed one must start again."""
    tag = headers.get("ETag", "")
    mark = headers.get("Last-Modified", "") if not tag or tag.startswith("W/") else tag
    _notes(part).write_text(json.dumps({"url": url, "mark": mark}))


def _notes(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


@contextmanager
def _translated(host: str, url: str) -> Iterator[None]:
    """Network errors as sentences; `_TryAgain` for those that may pass."""
    try:
        yield
    except urllib.error.HTTPError as error:
        error.close()
        raise _of_status(error.code, host, url) from None
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise ValueError(f"the certificate of {host} is not trusted here: {ELSEWHERE}") from None
        if isinstance(reason, OSError) and (isinstance(reason, _NO_CONNECTION) or reason.errno in _NO_NET):
            raise ValueError(f"this machine cannot reach {host}, it may be offline: {ELSEWHERE}") from None
        if isinstance(reason, TimeoutError):
            raise _TryAgain(f"{host} sent nothing for {READ_TIMEOUT:g} seconds") from None
        if isinstance(reason, OSError) and not isinstance(reason, (ConnectionError, ssl.SSLError)):
            raise reason from None  # of the disk
        raise _TryAgain(f"the connection to {host} broke ({type(reason).__name__})") from None


def _of_status(code: int, host: str, url: str) -> Exception:
    if code in (404, 410):
        return ValueError(f"{host} has no file at {url}: look for its new address")
    if code in (401, 403):
        return ValueError(f"{host} does not give {url} to this machine (HTTP {code}): {ELSEWHERE}")
    if 300 <= code < 400:
        return ValueError(f"{host} sends on to an address that is not http or https: {ELSEWHERE}")
    if code == 416:
        return _StartAgain(f"{host} has another file there than before")
    if code in (408, 429) or code >= 500:
        return _TryAgain(f"{host} answers with HTTP {code}")
    return ValueError(f"{host} answers with HTTP {code} instead of the file: {ELSEWHERE}")
