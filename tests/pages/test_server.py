"""What the server answers beside the pages, what it keeps shut, and what a failed page says."""

from __future__ import annotations

import json
import re
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import plotly
import pytest
import streamlit as st
from starlette.applications import Starlette
from streamlit import config
from streamlit.testing.v1 import AppTest

from cellflow_core.data import store
from cellflow_core.data.importing import demos
from cellflow_core.jobs import analysis_pool, readiness
from cellflow_core.jobs.executors.local import InProcess
from cellflow_core.jobs.people import sharing
from cellflow_core.jobs.recipes import recipes
from cellflow_core.progress import Stages
from cellflow_core.reporting import progress
from cellflow_core.runs import index
from cellflow_core.runs.attempt import claim
from cellflow_core.runs.heartbeat import Heartbeat
from cellflow_core.runs.recipe import Recipe
from cellflow_core.runs.run import Run
from cellflow_core.workspace import Workspace, acting
from pages.parts.server import middleware, routes, sign_in, tasks, urls
from pages.parts.widgets import background
from tests import ROOT, toys
from tests.asgi import Answer, get

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def server() -> Starlette:
    return Starlette(routes=routes.routes(), middleware=middleware.middleware())


@pytest.fixture
def run() -> Run:
    return index.submit(Recipe("ot-cfm", "some-data", "print", label="first"))


def asked(server: Starlette, run: Run, losses: bool = False) -> Answer:
    return get(server, urls.run_progress(run.id, losses))


def test_a_queued_run_tells_its_place(server: Starlette, run: Run) -> None:
    answer = asked(server, run)
    assert answer.status == 200 and answer.headers["cache-control"] == "no-store"
    assert answer.json == {
        "version": progress.OPEN,
        "state": "queued",
        "text": "Number 1 in the queue: waiting for its turn.",
        "fraction": None,
        "losses": None,
    }


def test_a_running_run_tells_its_step_and_its_losses(server: Starlette, run: Run) -> None:
    attempt = claim(run.folder, "test")
    rows = []
    for k in range(1, 1001):
        known = {"phase": "flow", "step": k, "steps": 4000, "seconds": k / 10, "validation": None}
        rows.append(known | {"losses": {"loss": 1 / k, "flow": 1 / k}})
    with Heartbeat(attempt):
        attempt.metrics.write_text("".join(json.dumps(each) + "\n" for each in rows))
        answer, with_losses = asked(server, run), asked(server, run, losses=True)
    printed = answer.json
    assert (printed["version"], printed["state"], printed["fraction"]) == (progress.OPEN, "running", 0.25)
    assert printed["text"].startswith("Flow · step 1,000 of 4,000 · 5 minutes to go") and printed["losses"] is None
    losses = with_losses.json["losses"]
    assert losses["step"][-1] == 1000 and len(losses["step"]) <= 120 and list(losses["terms"]) == ["loss"]
    assert losses["terms"]["loss"][-1] == 0.001 and len(with_losses.body) < 4000


def test_the_end_of_a_run_is_another_version(server: Starlette) -> None:
    demo = store.open_dataset(demos.make("toggle")).info
    (recipe,) = recipes(demo.id, "ot-cfm", "quick", {}, {"steps": 20}, seeds=(0,))
    run = index.submit(recipe)
    InProcess().start(run)
    printed = asked(server, run, losses=True).json
    assert (printed["version"], printed["state"], printed["text"]) == (progress.ENDED, "done", "Trained")
    assert printed["fraction"] == 1.0 and printed["losses"] is None


def test_a_run_that_failed_tells_why(server: Starlette, run: Run) -> None:
    run.end("failed", "the disk is full")
    printed = asked(server, run).json
    assert (printed["version"], printed["state"], printed["text"]) == (progress.ENDED, "failed", "The disk is full")


@pytest.mark.parametrize("id", ["x", "..", "20200101-000000000000-abcdef"])
def test_an_unknown_run_is_not_found(server: Starlette, id: str) -> None:
    answer = get(server, f"/api/runs/{id}/progress")
    assert answer.status == 404 and "no run" in answer.json["error"]


def test_a_comparison_tells_how_many_runs_have_ended(server: Starlette) -> None:
    first, other = (index.submit(Recipe(each, "some-data", "print", hold_out=1.0)) for each in ("ot-cfm", "i-cfm"))
    before = get(server, urls.comparison_progress([first.id, other.id])).json
    assert before["text"] == "0 of 2 runs are scored, 0 in training" and before["fraction"] == 0.0
    other.end("failed", "the disk is full")
    after = get(server, urls.comparison_progress([first.id, other.id])).json
    assert after["fraction"] == 0.5 and after["version"] != before["version"]
    assert get(server, urls.comparison_progress(["x"])).status == 404


def test_a_task_tells_its_stage_and_its_end(server: Starlette, tmp_path: Path) -> None:
    future, stages = Future(), Stages(tmp_path / "stages.txt")
    url = urls.task_progress(tasks.register(future, stages))
    printed = get(server, url).json
    assert (printed["version"], printed["text"]) == (progress.OPEN, "Waiting for other work to end")
    future.set_running_or_notify_cancel()
    printed = get(server, url).json
    assert (printed["version"], printed["text"], printed["fraction"]) == (progress.OPEN, "", None)
    stages("3.0 of 12.0 MB")
    printed = get(server, url).json
    assert (printed["version"], printed["text"], printed["fraction"]) == (progress.OPEN, "3.0 of 12.0 MB", 0.25)
    future.set_result(None)
    assert get(server, url).json["version"] == progress.ENDED
    del future
    assert get(server, url).status == 404


def test_work_of_one_person_is_not_found_by_another() -> None:
    ann, bob = (replace(Workspace.from_environment(), owner=each) for each in ("ann", "bob"))
    asked = [Future(), Future()]
    with acting(ann):
        mine = background.shared("step-x", lambda: asked[0])
        kept = background.cached_future("home-x", lambda: asked[0])
        name = tasks.register(mine)
        assert tasks.task_progress(name) and background.pending("step-x") is mine
    with acting(bob):
        assert background.pending("step-x") is None
        assert background.shared("step-x", lambda: asked[1]) is not mine
        assert background.cached_future("home-x", lambda: asked[1]) is not kept
        with pytest.raises(KeyError):
            tasks.task_progress(name)


@pytest.mark.parametrize(
    ("stage", "fraction"),
    [
        ("1,000.0 of 2,000.0 MB", 0.5),
        ("7.0 MB", None),
        ("checking that the file is whole", None),
        ("0.0 of 0.0 MB", None),
    ],
)
def test_the_fraction_of_a_download_is_read_from_its_stage(stage: str, fraction: float | None) -> None:
    assert progress.stage_progress(stage, done=False).fraction == fraction


def test_hosts_that_are_not_allowed_are_refused(server: Starlette, run: Run) -> None:
    url = urls.run_progress(run.id)
    assert [get(server, url, host).status for host in ("localhost:8501", "127.0.0.1", "[::1]:8501")] == [200, 200, 200]
    assert get(server, url, "evil.example").status == 400


def test_plotly_is_served_whole_and_kept_by_browsers(server: Starlette) -> None:
    url = urls.plotly_bundle()
    answer = get(server, url)
    assert answer.status == 200 and len(answer.body) == routes.BUNDLE.stat().st_size > 1_000_000
    assert (
        answer.headers["content-type"].startswith("text/javascript") and "immutable" in answer.headers["cache-control"]
    )
    assert url.endswith(f"?v={plotly.__version__}")


def test_routes_lie_below_the_base_path(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    usual = st.get_option
    monkeypatch.setattr(st, "get_option", lambda name: "/lab/" if name == "server.baseUrlPath" else usual(name))
    server = Starlette(routes=routes.routes(), middleware=middleware.middleware())
    assert urls.run_progress(run.id).startswith("/lab/api/") and asked(server, run).status == 200
    assert get(server, urls.plotly_bundle()).status == 200
    assert get(server, f"/api/runs/{run.id}/progress").status == 404


@pytest.mark.parametrize(
    "path",
    [
        *("/_stcore/metrics", "/_stcore/metrics/", "/lab/_stcore/metrics", "/_stcore/st-metrics"),
        *("/_stcore/agent/openapi.json", "/_stcore/script-health-check"),
    ],
)
def test_inner_addresses_of_streamlit_are_shut(path: str) -> None:
    async def open_app(scope, receive, send) -> None:
        raise AssertionError("the request came through")

    assert get(middleware.ClosedPaths(open_app), path).status == 404


def test_answers_say_what_a_browser_may_do_with_them(server: Starlette, run: Run) -> None:
    for answer in (asked(server, run), get(server, urls.plotly_bundle()), get(server, "/nothing")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["referrer-policy"] == "same-origin"


def test_readiness_looks_at_the_disk_and_a_process(server: Starlette, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "LOOK_EVERY", -1.0)
    assert get(server, urls.readiness(), "10.1.2.3").json == {"ready": True, "missing": []}
    monkeypatch.setattr(analysis_pool, "call", lambda path: Future())
    monkeypatch.setattr(readiness, "PATIENCE", 0.01)
    assert "no process" in get(server, urls.readiness()).json["missing"][0]
    monkeypatch.setattr(readiness, "LEAST_FREE", 1 << 62)
    answer = get(server, urls.readiness())
    assert answer.status == 503 and "MB left" in answer.json["missing"][0]


def test_whoever_asks_while_another_looks_is_told_what_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = Workspace.from_environment()
    assert readiness.missing(workspace) == []
    monkeypatch.setattr(readiness, "LOOK_EVERY", -1.0)
    monkeypatch.setattr(analysis_pool, "call", lambda path: pytest.fail("it looked again"))
    with readiness._lock:
        assert readiness.missing(workspace) == []


def test_secrets_that_cannot_be_read_open_nothing(
    server: Starlette, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "secrets.toml"
    monkeypatch.setattr(st, "secrets", type(st.secrets)())
    before = st.get_option("secrets.files")
    try:
        config.set_option("secrets.files", [str(file)])
        assert not sign_in.required() and asked(server, run).status == 200
        file.write_text("[auth\n")
        assert asked(server, run).status == 401
        with pytest.raises(sign_in.NotSignedInError, match="secrets"):
            sign_in.workspace()
    finally:
        config.set_option("secrets.files", before)


def test_a_choice_of_another_tab_is_not_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELLFLOW_OWNER", "ann")
    id = toys.stored()

    def page(id: str) -> None:
        from pages.parts.widgets import sharing

        sharing.show("dataset", id)

    first = AppTest.from_function(page, args=(id,)).run()
    first.segmented_control(key=f"share_by_link_{id}").set_value("Look").run()
    shared = sharing.access("dataset", id)[1]
    assert shared.by_link == "read" and shared.everyone == "" and shared.key in first.code[0].value
    sharing.share("dataset", id)  # in a second tab
    first.run()
    assert sharing.access("dataset", id)[1].by_link == "" and not first.code and not first.exception
    assert first.segmented_control(key=f"share_by_link_{id}").value == "No"


def test_the_sign_in_takes_its_secrets_from_the_environment() -> None:
    assert sign_in.secrets({}) is None
    given = {variable: name for name, variable in sign_in.SECRETS.items()}
    assert sign_in.secrets(given) == {"auth": {name: name for name in sign_in.SECRETS}}
    given.pop("CELLFLOW_LOGIN_COOKIE_SECRET")
    with pytest.raises(ValueError, match="COOKIE_SECRET"):
        sign_in.secrets(given)


def test_the_interface_for_agents_stays_off() -> None:
    assert st.get_option("server.enableAgentApi") is False


def test_a_failed_script_gives_one_sentence() -> None:
    def page() -> None:
        from pages.parts.server import errors

        assert errors.show(RuntimeError("a secret detail"))
        assert errors.show(KeyError("secret"))
        assert errors.show(ValueError("there are *no* cells"))

    message = [each.value for each in AppTest.from_function(page).run().error]
    assert all("secret" not in each and "Reload" in each for each in message[:2])
    assert message[2] == "There are \\*no\\* cells."


def test_pages_use_public_parts_of_streamlit_and_no_timers() -> None:
    """A fragment with `run_every` may run its page once more after another one has opened, and blank it."""
    hidden = re.compile(r"run_every|streamlit\.(runtime|web|proto|elements)|get_bidi_component_manager|_stcore/bidi")
    found = {
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in (ROOT / "app.py", *(ROOT / "pages").rglob("*.py"))
        for match in hidden.finditer(path.read_text(encoding="utf-8"))
    }
    assert not found
