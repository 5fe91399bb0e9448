"""The app as it is deployed: below a sub-path, behind nginx with TLS, by the configuration in `deploy`."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests import ROOT
from tests.browser.conftest import READ_TIMEOUT, wait_for
from tests.browser.test_main_job import main

NGINX = os.environ.get("NGINX") or shutil.which("nginx") or ""
pytestmark = [pytest.mark.browser, pytest.mark.skipif(not NGINX, reason="nginx is not installed, nor named by NGINX")]


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of the proxy, without the path."""
    folder: Path = tmp_path_factory.mktemp("proxy")
    app, plain, secure = free_port(), free_port(), free_port()
    names = ("-subj", "/CN=localhost", "-keyout", str(folder / "privkey.pem"), "-out", str(folder / "fullchain.pem"))
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *names],
        check=True,
        capture_output=True,
    )
    text = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    for written, here in {
        "app:8501": f"127.0.0.1:{app}",
        "listen 80;": f"listen 127.0.0.1:{plain};",
        "listen 443 ssl;": f"listen 127.0.0.1:{secure} ssl;",
        "/etc/nginx/tls": str(folder),
        "/tmp/nginx": str(folder / "nginx"),
    }.items():
        assert written in text, written
        text = text.replace(written, here)
    (folder / "nginx.conf").write_text(text)
    settings = {"STREAMLIT_SERVER_BASE_URL_PATH": "lab", "CELLFLOW_HOME": str(folder / "home"), "CELLFLOW_IDLE": "5"}
    commands = [
        [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(app)],
        [NGINX, "-c", str(folder / "nginx.conf"), "-p", str(folder), "-g", "daemon off;"],
    ]
    processes = []
    try:
        for command in commands:
            with (folder / "log").open("ab") as log:
                processes.append(
                    subprocess.Popen(
                        command,
                        cwd=ROOT,
                        env=os.environ | settings,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,
                    )
                )
        wait_for(f"http://127.0.0.1:{app}/lab/_stcore/health", processes[0], folder / "log")
        yield f"https://localhost:{secure}"
    finally:
        for process in processes:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(20)


def answer(address: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of GET; nobody vouches for the certificate of this test."""
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    try:
        with urllib.request.urlopen(address, timeout=60, context=trusting) as found:
            return found.status, {name.lower(): value for name, value in found.headers.items()}, found.read()
    except urllib.error.HTTPError as error:
        return error.code, {}, error.read()


def test_addresses_lie_below_the_path(address: str) -> None:
    deadline = time.monotonic() + 120
    while (found := answer(f"{address}/lab/readiness"))[0] == 503 and time.monotonic() < deadline:
        time.sleep(1.0)  # its processes load
    status, headers, body = found
    assert status == 200 and json.loads(body) == {"ready": True, "missing": []}
    assert headers["strict-transport-security"] and headers["x-content-type-options"] == "nosniff"
    assert answer(f"{address}/lab/vendor/plotly.min.js")[0] == 200
    assert answer(f"{address}/lab/_stcore/metrics")[0] == 404
    status, _, body = answer(f"{address}/lab/api/runs/x/progress")
    assert status == 404 and "no run" in json.loads(body)["error"]
    assert answer(f"{address}/vendor/plotly.min.js")[0] == 404


def test_pages_work_through_the_proxy(address: str, chromium: Browser) -> None:
    context = chromium.new_context(ignore_https_errors=True)
    page = context.new_page()
    page.set_default_timeout(READ_TIMEOUT)
    expect.set_options(timeout=READ_TIMEOUT)
    sockets: list[str] = []
    page.on("websocket", lambda opened: sockets.append(opened.url))
    page.goto(address)
    expect(main(page).get_by_role("heading", level=1)).to_have_text("See where your cells go")
    assert page.url == f"{address}/lab/" and sockets == [f"{address.replace('https', 'wss')}/lab/_stcore/stream"]
    page.get_by_role("link", name="Data", exact=True).first.click()
    expect(main(page).get_by_role("heading", level=1)).to_have_text("Data")
    page.goto(f"{address}/lab/runs")
    expect(main(page).get_by_role("heading", level=1)).to_have_text("Runs")
    context.close()
