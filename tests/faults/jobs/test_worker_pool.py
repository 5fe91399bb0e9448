"""Processes of the pool that are killed, held up or left alone: one call is lost at most, and the true reason told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from cellflow_core.jobs import analysis_pool, process
from cellflow_core.jobs.worker_pool import ProcessDiedError, WorkerPool
from tests import ROOT
from tests.faults.jobs.supervised import until

HERE = "tests.faults.jobs.test_worker_pool"


def die_at_first(mark: str) -> int:
    """End the process by force at the first call, answer at the second."""
    path = Path(mark)
    if not path.exists():
        path.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid()


def note(path: str, seconds: float = 0.0) -> None:
    with Path(path).open("a") as file:
        file.write(f"{os.getpid()}\n")
    time.sleep(seconds)


@pytest.fixture
def pool():
    made = WorkerPool(2, per_visitor=1)
    yield made
    made.stop()


def test_a_call_whose_process_dies_is_made_again_once_and_the_other_never_notices(pool, tmp_path):
    other = pool.submit("time:sleep", (1.0,), {}, "b")
    answer = pool.submit(f"{HERE}:die_at_first", (str(tmp_path / "mark"),), {}, "a")
    assert answer.result(60) > 0
    assert other.result(60) is None


def test_a_call_that_kills_every_process_ends_with_the_true_reason(pool, monkeypatch):
    monkeypatch.setattr(process, "oom_kills", lambda: 3)
    monkeypatch.setattr("cellflow_core.jobs.worker_pool.oom_kills", lambda: 3)
    with pytest.raises(ProcessDiedError, match="killed from outside"):
        pool.submit("signal:raise_signal", (signal.SIGKILL,), {}).result(60)
    monkeypatch.setattr("cellflow_core.jobs.worker_pool.oom_kills", lambda: 2)
    with pytest.raises(ProcessDiedError, match="memory ran out"):
        pool.submit("signal:raise_signal", (signal.SIGKILL,), {}).result(60)
    with pytest.raises(ProcessDiedError, match="SIGSEGV"):
        pool.submit("signal:raise_signal", (signal.SIGSEGV,), {}).result(60)
    with pytest.raises(ProcessDiedError, match="exit code 7"):
        pool.submit("os:_exit", (7,), {}).result(60)
    assert pool.submit("math:floor", (2.5,), {}).result(60) == 2


def test_a_call_that_must_not_be_repeated_is_made_once(pool, tmp_path):
    with pytest.raises(ProcessDiedError, match="once"):
        pool.submit(f"{HERE}:die_at_first", (str(tmp_path / "mark"),), {}, tries=1).result(60)


def test_a_process_that_dies_between_two_calls_is_replaced(pool):
    first = pool.submit("os:getpid", (), {}, "a").result(60)
    for each in pool.process_ids:
        os.kill(each, signal.SIGKILL)
    until(lambda: not pool.process_ids, "the end of the processes")
    assert pool.submit("os:getpid", (), {}, "a").result(60) != first


def test_long_calls_of_one_visitor_hold_up_no_other_and_those_that_wait_are_not_running(pool):
    long = [pool.submit("time:sleep", (600,), {}, "a") for _ in range(3)]
    assert pool.submit("math:floor", (2.5,), {}, "b").result(60) == 2
    assert [each.running() for each in long] == [True, False, False]
    assert [pool.place(each) for each in long] == [0, 1, 2]


def test_the_visitor_is_that_of_the_thread(monkeypatch):
    asked: list[str] = []
    monkeypatch.setattr(WorkerPool, "submit", lambda _, path, args, kwargs, visitor: asked.append(visitor))

    def page(name: str) -> None:
        analysis_pool.visitor.set(name)
        analysis_pool.call("math:floor", 1.5)

    for name in ("a", "b"):
        thread = threading.Thread(target=page, args=(name,))
        thread.start()
        thread.join()
    assert asked == ["a", "b"]


SERVER = """
import time
from cellflow_core.jobs import analysis_pool, sandbox
if __name__ == "__main__":
    analysis_pool.call("{here}:note", {marks!r}, 600.0)
    sandbox.run_isolated("{here}:note", {marks!r}, 600.0)
    time.sleep(600)
"""


def test_processes_end_with_a_server_that_is_killed_whatever_they_calculate(tmp_path):
    marks, script = tmp_path / "marks", tmp_path / "server.py"
    script.write_text(SERVER.format(here=HERE, marks=str(marks)))
    server = subprocess.Popen([sys.executable, str(script)], env=os.environ | {"PYTHONPATH": str(ROOT)})
    until(lambda: marks.exists() and len(marks.read_text().split()) == 2, "two calculations")
    children = psutil.Process(server.pid).children(recursive=True)
    assert {int(each) for each in marks.read_text().split()} <= {each.pid for each in children}
    server.kill()
    server.wait()
    _, left = psutil.wait_procs(children, timeout=30)
    assert not [each for each in left if each.status() != psutil.STATUS_ZOMBIE]
