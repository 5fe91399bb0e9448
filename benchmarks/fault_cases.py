"""The faults of `benchmarks/faults.py` that are no kills: engines with many runs, disks, clocks, damaged files."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import faults
from faults import Row, judged, long_run, until

from cellflow_core.jobs import supervisor
from cellflow_core.runs import index
from cellflow_core.runs.run import Run
from cellflow_core.train import checkpoint
from cellflow_core.workspace import current
from tests.faults.jobs.supervised import LONG, TINY, Looking
from tests.toys import recipe, stored


class Missing(Exception):
    """What a fault needs is not on this machine."""


def cases(runs: int, queued: float) -> dict[str, Callable[[], Row]]:
    """By name. runs: tiny ones for each engine; queued: seconds in the queue of an engine."""
    return {
        f"{runs} runs, local": lambda: _local(runs),
        f"{runs} runs, Dask": lambda: _dask(runs),
        f"{runs} runs, SLURM": lambda: _slurm(runs),
        f"queued for {queued:g} s": lambda: _queued(queued),
        "disk full": _full_disk,
        "read-only folder": _read_only,
        "clock jumps back": _clock,
        "truncated checkpoint": _truncated,
        "half-written log": _torn,
        "two servers": _two_servers,
        "slow renames": _slow_renames,
    }


def _local(runs: int) -> Row:
    looking = Looking()
    try:
        return faults.tiny_runs(runs, looking)
    finally:
        looking.lock.release()


def _dask(runs: int) -> Row:
    with faults.dask() as (cluster, looking):
        cluster.scheduler()
        cluster.worker()
        return faults.tiny_runs(runs, looking)


def _slurm(runs: int) -> Row:
    from cellflow_core.jobs.executors.slurm_jobs import SlurmJobs
    from tests.faults.jobs.clusters import HAS_SLURM, SlurmCluster

    if not HAS_SLURM:
        raise Missing("slurmctld, slurmd and root")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        cluster = SlurmCluster(Path(folder))
        os.environ["SLURM_CONF"] = cluster.environment["SLURM_CONF"]
        looking = Looking(SlurmJobs(), slots=1_000)
        try:
            cluster.wait()
            return faults.tiny_runs(runs, looking)
        finally:
            looking.lock.release()
            cluster.end()


def _queued(seconds: float) -> Row:
    """A scheduler without a worker: the run waits. Then a worker comes."""
    states: set[str] = set()
    with faults.dask() as (cluster, looking):
        cluster.scheduler()
        run = long_run()
        until(lambda: [looking.look(), states.add(run.status().state), time.sleep(0.5)].clear(), seconds)
        found = {"called": " ".join(sorted(states)), "attempts while it waited": len(run.attempts)}
        cluster.worker()
        until(lambda: [looking.look(), run.status().ended][1])
    return judged([run]) | found


@contextmanager
def _mounted(*command: str) -> Iterator[None]:
    done = subprocess.run(["mount", *command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Missing(f"leave to mount ({done.stderr.strip()})")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", command[-1]], check=True)


def _supervised(run: Run) -> None:
    """Let the supervisor, as the server would start it, bring a run to its end."""
    until(lambda: supervisor.wake() or run.status().ended)


def _full_disk() -> Row:
    """Filled while it trains: it ends with a sentence, its newest checkpoint whole, and goes on when there is room."""
    mounted = lambda folder: _mounted("-t", "tmpfs", "-o", "size=40m", "tmpfs", folder)  # noqa: E731
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, mounted(folder):
        os.environ["CELLFLOW_HOME"] = f"{folder}/home"
        run = long_run()
        supervisor.wake()
        until(lambda: run.status().step >= 0.2 * LONG["steps"])
        filler = Path(folder) / "filler"
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(b"\0" * 4096)
        _supervised(run)
        status, kept = run.status(), sorted((run.folder / "checkpoints").glob("step-*.pt"))
        whole = bool(kept) and checkpoint.load(kept[-1]).step > 0
        filler.unlink()
        if status.state == "failed":
            run.resume()
        _supervised(run)
        return judged([run]) | {"message": status.message, "newest checkpoint whole": whole}


def _read_only() -> Row:
    bad, good = long_run(), index.submit(recipe(stored(), training=TINY))
    with _mounted("--bind", str(bad.folder), str(bad.folder)):
        subprocess.run(["mount", "-o", "remount,ro,bind", str(bad.folder)], check=True)
        _supervised(good)
        message = bad.status().message
    _supervised(bad)
    return judged([bad, good]) | {"message": message}


def _clock() -> Row:
    """Submitted an hour later by a clock that then jumps back; folders keep times of the hour to come."""

    class Ahead(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + timedelta(hours=1)

    index.datetime = Ahead  # type: ignore[misc]
    try:
        first = long_run()
    finally:
        index.datetime = datetime  # type: ignore[misc]
    second = long_run()
    assert datetime.now(UTC).strftime("%H") != first.id[9:11]
    for run in (first, second):
        _supervised(run)
        later = time.time() + 3600
        os.utime(run.folder, (later, later))
    return judged([first, second]) | {"listed": len(index.runs())}


def _lost_then(damage: Callable[[Run], object]) -> Row:
    """The worker is killed in training, its folder damaged, and the run goes on."""
    run, looking = long_run(), Looking()
    try:
        until(lambda: [looking.look(), run.status().step >= 0.2 * LONG["steps"]][1])
        os.kill(run.attempts[-1].heartbeat["pid"], 9)
        damage(run)
        until(lambda: [looking.look(), run.status().ended][1])
    finally:
        looking.lock.release()
    return judged([run]) | {"steps in the history": len(run.history()["step"])}


def _truncated() -> Row:
    def damage(run: Run) -> None:
        newest = max((run.folder / "checkpoints").glob("step-*.pt"))
        newest.write_bytes(newest.read_bytes()[:500])

    return _lost_then(damage)


def _torn() -> Row:
    def damage(run: Run) -> None:
        for path, text in ((run.attempts[-1].metrics, '{"phase": "flow", "step": 15'), (run.attempts[-1].log, "12:")):
            with path.open("a") as file:
                file.write(text)

    return _lost_then(damage)


def _two_servers() -> Row:
    """Two servers on one store, each of which starts supervisors: no run has two workers."""
    from page import served

    with served(current().root), served(current().root):
        runs = [long_run() for _ in range(2)] + [index.submit(recipe(stored(), training=TINY)) for _ in range(4)]
        until(lambda: all(run.status().ended for run in runs))
    return judged(runs)


def _slow_renames() -> Row:
    """Every rename and link of a worker takes a while, as on a slow shared file system."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "sitecustomize.py").write_text(
            "import os, time\n"
            "def slow(do):\n"
            "    def done(*args, **kwargs):\n"
            "        time.sleep(0.2)\n"
            "        return do(*args, **kwargs)\n"
            "    return done\n"
            "os.replace, os.link, os.rename = slow(os.replace), slow(os.link), slow(os.rename)\n"
        )
        before = os.environ.get("PYTHONPATH", "")
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [folder, before]))
        try:
            run = long_run()
            _supervised(run)
        finally:
            os.environ["PYTHONPATH"] = before
    return judged([run])
