"""A server of this machine whose downloads go wrong in the ways that real ones do."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Shelf:
    """What the server gives out, and what it was asked for.

    files   content by path ("/cells.csv")
    cuts    bytes after which the connection ends, one for each of the next answers
    """

    def __init__(self) -> None:
        self.address = ""
        self.files: dict[str, bytes] = {}
        self.cuts: list[int] = []
        self.ranges = True
        self.mark = '"one"'
        self.kind = "application/octet-stream"
        self.goes_to: dict[str, str] = {}
        self.status: dict[str, int] = {}
        self.slow = 0.0
        self.asked: list[tuple[str, str]] = []
        self.headers: dict[str, str] = {}


class _Handler(BaseHTTPRequestHandler):
    shelf: Shelf

    def do_GET(self) -> None:
        shelf, path = self.shelf, self.path.partition("?")[0]
        wanted = self.headers.get("Range", "")
        shelf.asked.append((path, wanted))
        if path in shelf.goes_to:
            self.send_response(302)
            self.send_header("Location", shelf.goes_to[path])
            self.end_headers()
        elif path in shelf.status or path not in shelf.files:
            self.send_response(shelf.status.get(path, 404))
            self.end_headers()
        else:
            self._file(shelf.files[path], wanted)

    def _file(self, content: bytes, wanted: str) -> None:
        shelf = self.shelf
        begin = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and shelf.ranges else 0
        if wanted and self.headers.get("If-Range", shelf.mark) != shelf.mark:
            begin = 0
        if begin >= len(content) > 0:
            self.send_response(416)
            self.end_headers()
            return
        self.send_response(206 if begin else 200)
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - begin))
        self.send_header("Content-Type", shelf.kind)
        self.send_header("ETag", shelf.mark)
        for key, value in shelf.headers.items():
            self.send_header(key, value)
        self.end_headers()
        cut = shelf.cuts.pop(0) if shelf.cuts else len(content)
        for start in range(begin, min(len(content), begin + cut), 65_536):
            self.wfile.write(content[start : min(start + 65_536, begin + cut)])
            time.sleep(shelf.slow)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Tests are quiet."""


@contextmanager
def serving() -> Iterator[Shelf]:
    """A shelf that is served until the end of the block."""
    shelf = Shelf()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"shelf": shelf}))
    server.handle_error = lambda *args: None  # type: ignore[method-assign]  # a reader that goes away is no news
    shelf.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield shelf
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
