"""A page that is opened while a timer of the page before still asks is not blanked by it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ROOT, wait_for
from tests.browser.test_main_job import main

pytestmark = pytest.mark.browser

APP = """
import streamlit as st
from pages.parts import timers
timers.repair()
st.navigation([st.Page("first.py", default=True), st.Page("second.py")]).run()
"""
FIRST = """
import time
import streamlit as st
st.session_state.setdefault("times", 0)
@st.fragment(run_every=0.3)
def tick():
    st.session_state["times"] += 1
    st.write("the first page")
    if st.session_state["times"] == 8:
        time.sleep(0.5)  # the timer asks again meanwhile
        st.switch_page("second.py")
tick()
"""
SECOND = """
import time
import streamlit as st
st.title("Second")
time.sleep(1.5)
st.write("the second page")
"""


@pytest.fixture
def two_pages(tmp_path):
    """Address of an app of two pages, the first of which opens the second from a fragment with a timer."""
    for name, text in (("app.py", APP), ("first.py", FIRST), ("second.py", SECOND)):
        (tmp_path / name).write_text(text)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port), "--server.headless=true"]
    with (tmp_path / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/_stcore/health", process, tmp_path / "server.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def test_a_page_that_was_left_does_not_blank_the_next(page: Page, two_pages: str):
    page.goto(two_pages)
    expect(main(page)).to_contain_text("the first page")
    page.wait_for_url("**/second")
    expect(main(page)).to_contain_text("the second page")
    page.wait_for_timeout(2000)  # in which the request that waited is answered, or dropped
    expect(main(page)).to_contain_text("the second page", timeout=1000)
