"""The pool that answers pages: it never runs the page again, it passes errors on."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from cellflow_core.jobs.worker_pool import WorkerPool
from tests import ROOT

SCRIPT = """
from pathlib import Path
with Path({marks!r}).open("a") as file:
    file.write("ran\\n")
if {guard}:
    import sys
    from cellflow_core.jobs import analysis_pool
    assert not {{"torch", "streamlit", "scanpy"}} & set(sys.modules), "the page must stay light"
    print(analysis_pool.call("math:floor", 2.5).result())
"""


def test_a_worker_does_not_run_the_main_script_again(tmp_path):
    marks = tmp_path / "marks"
    script = tmp_path / "page.py"
    script.write_text(SCRIPT.format(marks=str(marks), guard=True))
    root = str(ROOT)
    ran = subprocess.run(
        [sys.executable, str(script)], env=os.environ | {"PYTHONPATH": root}, capture_output=True, text=True
    )
    assert (ran.returncode, ran.stdout) == (0, "2\n"), ran.stderr
    assert marks.read_text() == "ran\n"


@pytest.fixture
def compute():
    from cellflow_core.jobs import analysis_pool

    yield analysis_pool
    analysis_pool.stop()


def test_an_error_is_the_future_s_own(compute):
    with pytest.raises(ValueError, match="math domain error"):
        compute.call("math:sqrt", -1).result(60)


def test_an_unknown_question_is_refused_at_once(compute):
    with pytest.raises(KeyError, match="'why'"):
        compute.submit_analysis("why", "20260101-000000000000-aaaaaa")


def test_what_runs_aside_holds_up_no_question(compute):
    long = compute.submit_low_priority("time:sleep", 600)
    assert compute.call("math:floor", 2.5).result(60) == 2
    assert not long.done()
    usual = compute.call("os:nice", 0).result(60)
    assert compute.submit_low_priority("os:nice", 0).result(60) == min(usual + 10, 19)


def threads_after_numba() -> int:
    """For the test below, in a worker."""
    import numpy as np
    import torch

    from cellflow_core.math.neighbors import neighbor_graph

    neighbor_graph(np.random.default_rng(0).normal(size=(60, 3)))
    return torch.get_num_threads()


def test_a_worker_keeps_its_one_thread_after_numba_was_used(compute, monkeypatch):
    """Numba starts its threads in the OpenMP that torch uses: small networks would get many times slower."""
    monkeypatch.delenv("NUMBA_NUM_THREADS")
    assert compute.call("tests.unit.jobs.test_analysis_pool:threads_after_numba").result(120) == 1


def test_a_call_goes_to_the_free_process_that_answered_the_same_before():
    pool = WorkerPool(3)
    try:
        first = {about: pool.submit("os:getpid", (), {}, about=about).result(60) for about in ("a", "b", "c")}
        for about in "cabbaccab":
            assert pool.submit("os:getpid", (), {}, about=about).result(60) == first[about]
    finally:
        pool.stop()


def test_a_call_does_not_wait_for_the_process_that_answered_the_same_before():
    pool = WorkerPool(2)
    try:
        known = pool.submit("os:getpid", (), {}, about="a").result(60)
        long = pool.submit("time:sleep", (600,), {}, about="a")
        assert pool.submit("os:getpid", (), {}, about="a").result(60) != known
        assert not long.done()
    finally:
        pool.stop()
