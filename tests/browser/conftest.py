"""A real server on a free port and a real Chromium before it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, Page, WebSocket, expect, sync_playwright

from tests import ROOT

FLAGS = [
    *("--headless", "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
    *("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
]
READ_TIMEOUT = 120_000
"""Milliseconds that a page may take on a busy machine; what is wrong shows sooner in what it says."""


@pytest.fixture(scope="session")
def server_home(tmp_path_factory) -> Path:
    """Where the app of these tests keeps data sets and runs; empty at first."""
    return tmp_path_factory.mktemp("server") / "home"


@pytest.fixture(scope="session")
def small_runs(server_home: Path) -> dict[str, str]:
    """Two data sets with a small trained model of another kind on each: id of the run -> label of the model."""
    return _made(server_home)


@pytest.fixture(scope="session")
def page_ids(server_home: Path, small_runs: dict[str, str]) -> dict[str, str]:
    """What the pages can show, by what is special of it: runs, and the data set of one."""
    run = next(iter(small_runs))
    recipe = json.loads((server_home / "runs" / run / "recipe.json").read_text(encoding="utf-8"))
    return {"cells": run, "data": recipe["dataset"], **_made(server_home, "special")}


def _made(home: Path, *which: str) -> dict[str, str]:
    """What `small_runs` prints, made in another process: this one draws no cells."""
    environment = os.environ | {"CELLFLOW_HOME": str(home)}
    command = [sys.executable, "-m", "tests.browser.small_runs", *which]
    made = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    return json.loads(made.stdout)


@pytest.fixture(scope="session")
def server(server_home: Path) -> Iterator[str]:
    """Address of an app of its own, started the way `make serve` starts it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = server_home.parent
    settings = {"CELLFLOW_HOME": str(server_home), "CELLFLOW_IDLE": "20", "CELLFLOW_ALLOW_LOCAL_URLS": "1"}
    environment = os.environ | settings
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/_stcore/health", process, folder / "server.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


def wait_for(address: str, process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.2)
    raise RuntimeError(f"the server did not answer at {address}:\n{log.read_text()}")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Chromium that CHROMIUM names, or the system's, or Playwright's own."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(READ_TIMEOUT)
    expect.set_options(timeout=READ_TIMEOUT)
    request.node.stash[MESSAGE] = answer = _listened(page)
    yield page
    context.close()
    assert not [each for each in answer if "Content Security Policy" in each]


MESSAGE = pytest.StashKey[list[str]]()
STATE = """
() => {
  const app = document.querySelector('[data-testid="stApp"]')?.dataset ?? {};
  const main = document.querySelector('[data-testid="stMain"]');
  const around = [];
  for (let each = main; each; each = each.parentElement) {
    const {display, visibility} = getComputedStyle(each);
    around.push(`${each.tagName}.${each.dataset.testid ?? each.id} ${display} ${visibility}`);
  }
  return JSON.stringify({
    script: app.testScriptState, connection: app.testConnectionState, around,
    text: main && main.textContent.slice(0, 500),
    root: document.getElementById('root')?.innerHTML.replace(/data:[^"]*/g, '').slice(0, 500),
  });
}
"""


def _listened(page: Page) -> list[str]:
    """What the browser says while a test runs, filled as it comes: its console, errors, closed connections."""
    answer: list[str] = []

    def opened(socket: WebSocket) -> None:
        answer.append(f"connected: {socket.url}")
        socket.on("close", lambda closed: answer.append(f"connection closed: {closed.url}"))

    page.on("console", lambda message: answer.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: answer.append(f"error: {error}"))
    page.on("requestfailed", lambda asked: answer.append(f"failed: {asked.url} {asked.failure}"))
    page.on("crash", lambda _: answer.append("the page crashed"))
    page.on("framenavigated", lambda frame: answer.append(f"went to: {frame.url}"))
    page.on("websocket", opened)
    return answer


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test of this folder that fails is tried once more, and what was seen the first time is told at the end: on
    a busy machine a page was blank now and then. Timers of the page before were one cause, and there are none now; why
    a page was blank once after an upload is not known. The main job comes first: it draws most, and runs beside no
    embedding of a data set that another test imported."""
    items.sort(key=lambda item: item.path.name != "test_main_job.py")
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for report in terminalreporter.stats.get("rerun", []):
        terminalreporter.section(f"failed at first, and was tried again: {report.nodeid}")
        terminalreporter.line("\n".join([report.longreprtext, *(text for _, text in report.sections)]))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    """A test that fails tells what the browser said, and what the page was like."""
    report = yield
    if report.when == "call" and report.failed and (answer := item.stash.get(MESSAGE, None)) is not None:
        try:
            answer.append(f"state: {item.funcargs['page'].evaluate(STATE)}")
        except Error as error:
            answer.append(f"state: the page does not answer ({error})")
        report.sections.append(("what the browser said", "\n".join(each[:1000] for each in answer[-60:])))
    return report
