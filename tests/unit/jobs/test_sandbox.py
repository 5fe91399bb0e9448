"""A call in a process of its own: its death, its memory and its time are its own, and each ends in one sentence."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from cellflow_core.jobs import sandbox
from tests import ROOT
from tests.faults.jobs.supervised import until

SCRIPT = """
from pathlib import Path
with Path({marks!r}).open("a") as file:
    file.write("ran\\n")
from cellflow_core.jobs import sandbox
print(sandbox.run_isolated("math:floor", 2.5).result(60))
"""


def crash() -> None:
    import ctypes

    ctypes.string_at(0)


def eat() -> int:
    return len(bytearray(2_000_000_000))


def hang() -> None:
    time.sleep(600)


def leave() -> None:
    os._exit(3)


def refuse(name: str) -> None:
    raise ValueError(f"{name} holds no cells")


class Odd(Exception):
    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


def odd() -> None:
    raise Odd(1, 2)


def talk(count: int, on_progress) -> str:
    for k in range(count):
        on_progress(f"stage {k}")
    return os.environ.get("CELLFLOW_MARK", "")


HERE = "tests.unit.jobs.test_sandbox"


def test_the_answer_and_the_stages_come_back(monkeypatch):
    monkeypatch.setenv("CELLFLOW_MARK", "told")
    message: list[str] = []
    assert sandbox.run_isolated(f"{HERE}:talk", 3, on_progress=message.append).result(60) == "told"
    assert message == ["stage 0", "stage 1", "stage 2"]


@pytest.mark.parametrize(("function", "sentence"), [("crash", "crashed .SIGSEGV.*damaged"), ("leave", "exit code 3")])
def test_a_process_that_dies_gives_one_sentence(function, sentence):
    with pytest.raises(ValueError, match=sentence):
        sandbox.run_isolated(f"{HERE}:{function}").result(60)
    assert sandbox.run_isolated("math:floor", 2.5, io_bound=True).result(60) == 2


def test_memory_has_a_limit(monkeypatch):
    monkeypatch.setenv("CELLFLOW_MEMORY_GB", "1.5")
    with pytest.raises(ValueError, match=r"1\.5 GB"):
        sandbox.run_isolated(f"{HERE}:eat").result(60)
    monkeypatch.setenv("CELLFLOW_MEMORY_GB", "4")
    assert sandbox.run_isolated(f"{HERE}:eat").result(60) == 2_000_000_000
    monkeypatch.setenv("CELLFLOW_MEMORY_GB", "much")
    with pytest.raises(ValueError, match="CELLFLOW_MEMORY_GB"):
        sandbox.run_isolated(f"{HERE}:eat").result(60)


def test_a_call_that_hangs_is_stopped():
    with pytest.raises(ValueError, match="2 seconds"):
        sandbox.run_isolated(f"{HERE}:hang", seconds=2.0).result(60)


def test_errors_are_the_function_s_own():
    with pytest.raises(ValueError, match=r"cells\.h5ad holds no cells") as caught:
        sandbox.run_isolated(f"{HERE}:refuse", "cells.h5ad").result(60)
    assert "in refuse" in caught.value.__notes__[0]
    with pytest.raises(RuntimeError, match="Odd: 1 and 2"):
        sandbox.run_isolated(f"{HERE}:odd").result(60)


def test_more_calls_than_turns_all_end():
    waiting = [sandbox.run_isolated("math:sqrt", float(k * k)) for k in range(5)]
    assert [each.result(120) for each in waiting] == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_a_warm_process_is_used_once_and_told_the_settings_of_the_call(monkeypatch):
    monkeypatch.setattr(sandbox, "LOADED", ("json",))
    sandbox.prestart()
    try:
        first = sandbox._SPARE._held
        assert first is not None
        monkeypatch.setenv("CELLFLOW_MARK", "later")
        assert sandbox.run_isolated("os:getpid").result(60) == first[0].pid
        assert sandbox.run_isolated(f"{HERE}:talk", 0, on_progress=print).result(60) == "later"
        assert sandbox.run_isolated("os:getpid").result(60) != first[0].pid
    finally:
        sandbox._SPARE.stop()


def test_the_main_script_is_not_run_again(tmp_path):
    marks, script = tmp_path / "marks", tmp_path / "page.py"
    script.write_text(SCRIPT.format(marks=str(marks)))
    root = str(ROOT)
    ran = subprocess.run(
        [sys.executable, str(script)], env=os.environ | {"PYTHONPATH": root}, capture_output=True, text=True
    )
    assert (ran.returncode, ran.stdout) == (0, "2\n"), ran.stderr
    assert marks.read_text() == "ran\n"


def test_few_downloads_run_at_once_and_the_others_wait():
    asked = [sandbox.run_isolated("time:sleep", 2.0, io_bound=True) for _ in range(7)]
    until(lambda: sum(each.running() for each in asked) == sandbox.DOWNLOADS_AT_ONCE, "the first downloads")
    assert sum(not each.running() for each in asked) == 3
    assert [each.result(120) for each in asked] == [None] * 7
