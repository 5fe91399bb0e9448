"""What follows work under way in the browser: it draws, tells the page once, and does not blank the page that opens."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ROOT, wait_for
from tests.browser.test_main_job import main

pytestmark = pytest.mark.browser

APP = """
from collections import Counter
from pathlib import Path

import streamlit as st
from starlette.responses import JSONResponse
from starlette.routing import Route

from pages.parts.server import errors

asked = Counter()
seen = Path("seen")

def work(request):
    name = request.path_params["name"]
    asked[name] += asked[name] < 2 or seen.exists()  # the second step stays until the test has seen it
    step, steps = asked[name], int(request.query_params["steps"])
    version = "ended" if step > steps else "open"
    return JSONResponse({"version": version, "text": f"{name} {step}", "fraction": step / 10})

app = st.App("frame.py", routes=[Route("/work/{name}", work)], on_script_error=errors.show)
"""
FRAME = """
import streamlit as st
st.navigation([st.Page("first.py", default=True), st.Page("second.py"), st.Page("failing.py")]).run()
"""
FIRST = """
import time
import streamlit as st
from pages.parts.widgets import progress_bar

runs = st.session_state.setdefault("runs", [])
runs.append(1)
st.write(f"the first page, run {len(runs)}")

@st.fragment
def follow():
    if progress_bar.watch("/work/alpha?steps=3", key="alpha", label="Alpha"):
        time.sleep(3.0)  # others end meanwhile
        st.switch_page("second.py")
    for steps in range(4, 10):
        progress_bar.watch(f"/work/other{steps}?steps={steps}", key=f"other{steps}", label="Other")

follow()
"""
SECOND = """
import time
import streamlit as st
st.title("Second")
time.sleep(1.5)
st.write("the second page")
"""
FAILING = """
import streamlit as st
st.write("before")
raise RuntimeError("a secret detail")
"""

SLOW_LINE = """
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (data) { setTimeout(() => send.call(this, data), 1000); };
"""


@pytest.fixture
def small_app(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Address and log of an app of three pages, new for each attempt; the end of work on the first opens the second."""
    folder = tmp_path
    scripts = {"app.py": APP, "frame.py": FRAME, "first.py": FIRST, "second.py": SECOND, "failing.py": FAILING}
    for name, text in scripts.items():
        (folder / name).write_text(text)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port), "--server.headless=true"]
    command += ["--browser.gatherUsageStats=false"]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/_stcore/health", process, folder / "server.log")
        yield f"http://127.0.0.1:{port}", folder / "server.log"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def test_work_that_ends_while_its_page_is_left_does_not_blank_the_next(page: Page, small_app: tuple[str, Path]):
    address, log = small_app
    page.add_init_script(SLOW_LINE)
    page.goto(address)
    bars = main(page).get_by_role("progressbar")
    expect(bars).to_have_count(7)
    expect(bars.first).to_have_attribute("aria-label", "Alpha")
    expect(bars.first).to_have_attribute("aria-valuenow", "20")
    expect(bars.first).to_have_attribute("aria-valuetext", "alpha 2")
    expect(main(page)).to_contain_text("the first page, run 1")
    log.with_name("seen").touch()
    page.wait_for_url("**/second")
    expect(main(page)).to_contain_text("the second page")
    page.wait_for_timeout(3000)  # in which a run of the first page would have come
    expect(main(page)).to_contain_text("the second page", timeout=1000)


def test_a_script_that_fails_gives_a_sentence_and_the_log_the_rest(page: Page, small_app: tuple[str, Path]):
    address, log = small_app
    page.goto(f"{address}/failing")
    message = page.get_by_test_id("stAlertContentError")
    expect(message).to_contain_text("Reload")
    assert "secret" not in main(page).inner_text() and "before" in main(page).inner_text()
    assert all(each in log.read_text() for each in ("RuntimeError", "a secret detail"))
