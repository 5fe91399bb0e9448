"""Two people in two browsers, signed in by a real OpenID Connect provider: neither sees what is the other's."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from cellflow_core.data import store
from cellflow_core.jobs.people import sharing
from cellflow_core.runs import index
from cellflow_core.workspace import Workspace, acting, people
from tests import ROOT, toys
from tests.browser.conftest import READ_TIMEOUT, wait_for
from tests.browser.test_main_job import main, settled

pytest.importorskip("authlib", reason="the package Authlib is not installed: make login")
pytestmark = pytest.mark.browser

USERS = ("ann", "bob", "cy")
SECRET = "Secret cells"


@dataclass
class Lab:
    """A server where people sign in. address: of it; ids: of the people, by name; run, dataset: what Ann has."""

    address: str
    home: Path
    ids: dict[str, str]
    dataset: str = ""
    run: str = ""

    def of(self, person: str) -> Workspace:
        return replace(Workspace.from_environment(), root=self.home, owner=self.ids[person])


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("lab")
    port, at = free_port(), free_port()
    issuer, address = f"http://127.0.0.1:{at}", f"http://localhost:{port}"
    secrets = {
        "CLIENT_ID": "cellflow",
        "CLIENT_SECRET": "a secret of the client",
        "METADATA_URL": f"{issuer}/.well-known/openid-configuration",
        "REDIRECT_URI": f"{address}/oauth2callback",
        "COOKIE_SECRET": "a long secret of the cookies of this test",
    }
    environment = os.environ | {f"CELLFLOW_LOGIN_{name}": value for name, value in secrets.items()}
    environment |= {"CELLFLOW_HOME": str(folder / "home"), "CELLFLOW_IDLE": "5", "CELLFLOW_ADMINS": "cy@lab.org"}
    commands = {
        f"{issuer}/jwks": [sys.executable, "-m", "tests.oidc", str(at), f"{address}/oauth2callback"],
        f"{address}/_stcore/health": [
            *(sys.executable, "-m", "streamlit", "run", "app.py"),
            *("--server.port", str(port)),
        ],
    }
    processes = []
    try:
        for ready, command in commands.items():
            log = folder / f"{len(processes)}.log"
            with log.open("wb") as out:
                processes.append(
                    subprocess.Popen(
                        command, cwd=ROOT, env=environment, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
                    )
                )
            wait_for(ready, processes[-1], log)
        yield Lab(address, folder / "home", {each: people.id_of(issuer, f"id-of-{each}") for each in USERS})
    finally:
        for process in processes:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(20)


@pytest.fixture(scope="module")
def filled(lab: Lab) -> Lab:
    """The same with a data set and a run of Ann, whose result is copied from a small training."""
    with acting(lab.of("ann")):
        lab.dataset = toys.stored(label=SECRET)
        lab.run = toys.finished(toys.recipe(lab.dataset, label="Secret model")).id
    return lab


@pytest.fixture(scope="module")
def signed_in(lab: Lab, chromium: Browser) -> Iterator[Callable[[str], Page]]:
    """A page of a browser in which this person has signed in."""
    pages: dict[str, Page] = {}

    def page_of(person: str) -> Page:
        if person not in pages:
            page = chromium.new_context(viewport={"width": 1280, "height": 900}).new_page()
            page.set_default_timeout(READ_TIMEOUT)
            expect.set_options(timeout=READ_TIMEOUT)
            page.goto(lab.address)
            page.get_by_role("button", name="Sign in").click()
            page.locator(f"#{person}").click()
            page.get_by_role("button", name="Sign out").wait_for()
            pages[person] = page
        return pages[person]

    yield page_of
    for each in pages.values():
        each.context.close()


def status(address: str, page: Page | None = None, cookie: str = "") -> int:
    """Of the answer to GET with the cookies of a browser."""
    kept = page.context.cookies() if page else []
    pairs = "; ".join(f"{each['name']}={each['value']}" for each in kept if "name" in each and "value" in each)
    asked = urllib.request.Request(address, headers={"Cookie": pairs or cookie})
    try:
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_nobody_sees_anything_before_they_sign_in(filled: Lab, page: Page) -> None:
    for path in ("", f"data?dataset={filled.dataset}", f"landscape?run={filled.run}", "runs"):
        page.goto(f"{filled.address}/{path}")
        expect(page.get_by_role("button", name="Sign in")).to_be_visible()
        assert "Secret" not in main(page).inner_text()


def test_addresses_beside_the_pages_know_who_asks(filled: Lab, signed_in: Callable[[str], Page]) -> None:
    ann, bob = signed_in("ann"), signed_in("bob")
    progress = f"{filled.address}/api/runs/{filled.run}/progress"
    comparison = f"{filled.address}/api/comparisons/progress?runs={filled.run}"
    assert [status(each, ann) for each in (progress, f"{progress}?losses=1", comparison)] == [200] * 3
    assert [status(each, bob) for each in (progress, f"{progress}?losses=1", comparison)] == [404] * 3
    assert [status(each) for each in (progress, comparison, f"{filled.address}/api/tasks/x/progress")] == [401] * 3
    forged = "_streamlit_user=" + next(
        each["value"][:-4] + "AAAA" for each in ann.context.cookies() if each.get("name") == "_streamlit_user"
    )
    assert status(progress, cookie=forged) == 401


@pytest.mark.parametrize(
    "link",
    [
        "",
        "data",
        "runs",
        "data?dataset={dataset}",
        "data?dataset={dataset}&share=guessed",
        "data?deleted_dataset={dataset}",
        "train?dataset={dataset}",
        "compare?dataset={dataset}",
        "landscape?run={run}",
        "landscape?run={run}&share=",
        "time?run={run}",
        "genes?run={run}&gene=a",
        "perturb?dataset={dataset}&run={run}",
        "runs?deleted_run={run}",
    ],
)
def test_links_of_another_show_nothing(filled: Lab, signed_in: Callable[[str], Page], link: str) -> None:
    bob = signed_in("bob")
    bob.goto(f"{filled.address}/{link.format(dataset=filled.dataset, run=filled.run)}")
    main(bob).get_by_role("heading").first.wait_for()
    settled(bob)
    shown = bob.locator("body").inner_text()
    assert "Secret" not in shown and bob.get_by_test_id("stException").count() == 0


def test_a_shared_link_opens_until_it_is_taken_back(filled: Lab, signed_in: Callable[[str], Page]) -> None:
    signed_in("ann")  # so that her name is known
    bob = signed_in("bob")
    with acting(filled.of("ann")):
        key = sharing.share("run", filled.run, by_link="read").key
    bob.goto(f"{filled.address}/landscape?run={filled.run}&share={key}")
    expect(main(bob)).to_contain_text("Cells of the first time roll")
    assert "share=" not in bob.url
    bob.goto(f"{filled.address}/data?dataset={filled.dataset}")
    expect(main(bob)).to_contain_text("Shared by Ann, for looking only")
    with acting(filled.of("ann")):
        sharing.share("run", filled.run)
        sharing.share("dataset", filled.dataset)
    bob.goto(f"{filled.address}/data?dataset={filled.dataset}")
    settled(bob)
    expect(main(bob).get_by_text("Nothing is loaded yet")).to_be_visible()
    assert "Secret" not in bob.locator("body").inner_text()


def test_only_who_looks_after_the_server_sees_its_page(filled: Lab, signed_in: Callable[[str], Page]) -> None:
    bob, cy = signed_in("bob"), signed_in("cy")
    cy.goto(f"{filled.address}/admin")
    expect(main(cy)).to_contain_text("Open runs")
    expect(main(cy)).to_contain_text("No run waits or trains")
    bob.goto(f"{filled.address}/admin")
    main(bob).get_by_role("heading").first.wait_for()
    settled(bob)
    assert "Open runs" not in bob.locator("body").inner_text()


def test_what_a_person_makes_is_theirs(lab: Lab, signed_in: Callable[[str], Page]) -> None:
    cy = signed_in("cy")
    cy.goto(f"{lab.address}/data?from=Simulate")
    cy.get_by_role("button", name="Simulate data set").click()
    cy.get_by_text("Rename or delete").wait_for()
    with acting(lab.of("cy")):
        made = [each for each in store.datasets() if each.origin != "demo"]
        assert len(made) == 1 and index.runs() == ()
    with acting(lab.of("bob")):
        assert made[0].id not in {each.id for each in store.datasets()}
