"""How long the app lets a visitor wait: from a server that has just come up to the first answer of Home.

    python benchmarks/page.py --repeats 5 --out FILE.json

Each repeat starts a server of its own on an empty home, waits until its health check answers, and opens Home in a
fresh Chromium profile. `first_answer` ends when the heading of the page is on the screen and its script has run.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import machine
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parents[1]
FLAGS = ["--headless", "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking"]
RUN = '[data-testid="stApp"][data-test-script-state="notRunning"]'


@contextmanager
def served(home: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The address of a server on this home, and its process, from when its health check answers to the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)],
        cwd=ROOT,
        env=os.environ | {"CELLFLOW_HOME": str(home), "CELLFLOW_IDLE": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while True:
            try:
                urllib.request.urlopen(f"{address}/_stcore/health", timeout=1).close()
                break
            except (urllib.error.URLError, TimeoutError):
                time.sleep(0.05)
        yield address, server
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(20)


@contextmanager
def browsed(*flags: str) -> Iterator[Page]:
    """An empty page of a fresh browser profile; flags: of the browser, besides FLAGS."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*FLAGS, *flags])
        yield browser.new_page()
        browser.close()


def answered(page: Page) -> None:
    """Wait until the script of the page has run."""
    page.get_by_role("heading", level=1).wait_for()
    page.locator(RUN).wait_for()


def once(home: Path) -> dict[str, float]:
    """Seconds to the health check and, from there, to the first answer."""
    began = time.perf_counter()
    with served(home) as (address, _):
        healthy = time.perf_counter()
        with browsed() as page:
            opened = time.perf_counter()
            page.goto(address)
            answered(page)
            ended = time.perf_counter()
    return {"healthy": healthy - began, "first_answer": ended - opened}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        rows = [once(Path(folder) / str(k)) for k in range(asked.repeats)]
    median = {name: statistics.median(row[name] for row in rows) for name in rows[0]}
    found = {
        "date": machine.today(),
        "machine": machine.here(),
        "rows": rows,
        "median": median,
    }
    for name, seconds in median.items():
        values = ", ".join(f"{row[name]:.2f}" for row in rows)
        print(f"{name}: median {seconds:.2f} s ({values})")
    if asked.out:
        asked.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
