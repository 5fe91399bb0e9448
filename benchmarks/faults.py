"""What becomes of runs where processes are killed, disks fail and clocks jump.

    python benchmarks/faults.py --out FILE.json
    python benchmarks/faults.py --only worker,disk --kills 0.2 --runs 10 --queued 20

Real processes train a small model on a small data set: workers, supervisor, server, a Dask scheduler with a worker
(package distributed), SLURM with one node (slurm-wlm, submitit, root). What is missing here is left out, and named.
Of each fault: how many runs there were, how many were lost (not done in the end), how many folders were damaged, and in
how many the weights differ from those of a training that nobody disturbed. `--kills` is a share of the usual numbers,
`--runs` the tiny runs of each engine, `--queued` the seconds that a run waits in the queue of an engine.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import machine
import psutil
import torch

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from cellflow_core.jobs import scheduler as scheduling  # noqa: E402
from cellflow_core.jobs import supervisor  # noqa: E402
from cellflow_core.runs import index  # noqa: E402
from cellflow_core.runs.attempt import attempts  # noqa: E402
from cellflow_core.runs.run import Run  # noqa: E402
from cellflow_core.workspace import current  # noqa: E402
from tests.faults.jobs.supervised import LONG, TINY, Looking, whole  # noqa: E402
from tests.toys import recipe, stored  # noqa: E402

KILLS = {"worker": 20, "server": 10, "supervisor": 10, "Dask scheduler": 5, "Dask worker": 10}
"""kill -9 at so many random moments."""
PER_RUN = 5
"""Kills that one run has to bear."""
Row = dict[str, Any]


def until(true: Callable[[], object], seconds: float = 900.0) -> bool:
    """Wait for something to be true; False where it is not within the time."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def long_run() -> Run:
    """Some seconds of training, submitted."""
    return index.submit(recipe(stored(), training=LONG))


def judged(runs: Sequence[Run], **more: Any) -> Row:
    """What became of these runs."""
    done = [run for run in runs if run.status().state == "done"]
    return {
        **more,
        "runs": len(runs),
        "lost": len(runs) - len(done),
        "damaged": sum(not _sound(run) for run in runs),
        "other weights": sum(not whole(run) for run in done if run.recipe.training == LONG),
        "attempts": sum(len(run.attempts) for run in runs),
    }


def _sound(run: Run) -> bool:
    """Is every file of the folder whole? What a killed process had not finished has a hidden name, and is none."""
    try:
        for path in run.folder.rglob("[!.]*.json"):
            json.loads(path.read_text())
    except (ValueError, OSError):
        return False
    return run.id in {each.id for each in index.runs()}


def moment(run: Run, draw: random.Random, look: Callable[[], object]) -> None:
    """Wait for a random moment of a run at work: while it starts, or somewhere in training. look: of the supervisor."""
    if draw.random() < 0.3 and scheduling.losses(run) < scheduling.MAX_LOSSES - 1:
        time.sleep(draw.uniform(0.0, 3.0))
        return
    here = run.status().step
    goal = draw.uniform(here, here + 0.2 * LONG["steps"])
    until(lambda: [look(), run.status().ended or (run.status().step >= goal and _working(run))][1])
    time.sleep(draw.uniform(0.0, 0.05))


def _working(run: Run) -> bool:
    tried = attempts(run.folder)
    return bool(tried) and tried[-1].exit is None and bool(tried[-1].heartbeat)


def kill_workers(times: int, draw: random.Random) -> Row:
    looking, runs, killed = Looking(), [], 0
    try:
        while killed < times:
            runs.append(run := long_run())
            while killed < times and not run.status().ended and len(run.attempts) < PER_RUN:
                until(lambda: [looking.look(), run.status().ended or looking.executor.pending(run)][1])
                moment(run, draw, looking.look)
                killed += _kill_worker(run)
            until(lambda: [looking.look(), run.status().ended][1])
    finally:
        looking.lock.release()
    return judged(runs, killed=killed)


def _kill_worker(run: Run) -> int:
    """Kill the worker, at whatever stage, and see it gone; how many there were."""
    found = [
        each for each in psutil.process_iter(["cmdline"]) if (each.info["cmdline"] or [])[-1:] == [str(run.folder)]
    ]
    for each in found:
        with suppress(psutil.NoSuchProcess):
            each.kill()
    until(lambda: all(not each.is_running() or each.status() == psutil.STATUS_ZOMBIE for each in found), 30.0)
    return len(found)


def kill_supervisors(times: int, draw: random.Random) -> Row:
    runs, killed = [long_run() for _ in range(max(1, times // PER_RUN))], 0
    while not all(run.status().ended for run in runs):
        supervisor.wake()
        time.sleep(draw.uniform(0.5, 4.0) if killed < times else 0.5)
        if killed < times and (found := _supervisor()) is not None:
            found.kill()
            found.wait()
            killed += 1
            if all(run.status().ended for run in runs):
                runs.append(long_run())
    return judged(runs, killed=killed)


def _supervisor() -> psutil.Process | None:
    home = str(current().root)
    for each in psutil.process_iter(["cmdline"]):
        with suppress(psutil.Error):
            named = "cellflow_core.jobs.supervisor" in (each.info["cmdline"] or [])
            if named and each.environ().get("CELLFLOW_HOME") == home:
                return each
    return None


def kill_servers(times: int, draw: random.Random) -> Row:
    """The server starts the supervisor; both the run and the supervisor outlive it."""
    from page import served

    runs = []
    for _ in range(times):
        with suppress(ProcessLookupError), served(current().root) as (_, server):
            runs.append(long_run())
            time.sleep(draw.uniform(0.0, 8.0))
            os.kill(server.pid, signal.SIGKILL)
            server.wait()
    until(lambda: supervisor.wake() or all(run.status().ended for run in runs))
    return judged(runs, killed=times)


@contextmanager
def dask() -> Iterator[tuple[Any, Looking]]:
    from cellflow_core.jobs.executors.dask_workers import DaskWorkers
    from tests.faults.jobs.clusters import DaskCluster

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        cluster = DaskCluster(Path(folder))
        looking = Looking(DaskWorkers(cluster.address, timeout=5), slots=1_000)
        try:
            yield cluster, looking
        finally:
            looking.lock.release()
            cluster.end()


def kill_dask(part: str, times: int, draw: random.Random) -> Row:
    """The scheduler, or the worker with what it has at work. What has ended is started again, as a service would: a
    worker may end a while after its scheduler."""
    with dask() as (cluster, looking):
        parts, runs = {"scheduler": cluster.scheduler(), "worker": cluster.worker()}, [long_run()]

        def look() -> None:
            for name, process in parts.items():
                if process.poll() is not None:
                    parts[name] = getattr(cluster, name)()
            looking.look()

        for k in range(times):
            if k and (k % PER_RUN == 0 or runs[-1].status().ended):
                runs.append(long_run())
            until(lambda: [look(), runs[-1].status().state == "running" or runs[-1].status().ended][1])
            moment(runs[-1], draw, look)
            os.killpg(parts[part].pid, signal.SIGKILL)
            if part == "worker":
                _kill_worker(runs[-1])  # its machine is gone
            parts[part].wait()
        until(lambda: [look(), all(run.status().ended for run in runs)][1])
    return judged(runs, killed=times)


def tiny_runs(number: int, looking: Looking) -> Row:
    """Seconds from the first submission to the end of the last run, less those of training, for each run."""
    data = stored()
    runs = [index.submit(recipe(data, training=TINY, seed=seed)) for seed in range(number)]
    began, states = time.monotonic(), set()

    def ended() -> bool:
        looking.look()
        states.update(run.status().state for run in runs)
        return all(run.status().ended for run in runs)

    until(ended, 60.0 * number)
    wall = time.monotonic() - began
    trained = sum((run.result or {"seconds": 0.0})["seconds"] for run in runs)
    each = {"seconds each": round(wall / number, 2), "overhead each": round((wall - trained) / number, 2)}
    return judged(runs, **each, called_lost="lost" in states)


def main() -> None:
    import fault_cases

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="a,b", help="faults whose names begin so")
    parser.add_argument("--kills", type=float, default=1.0)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--queued", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="rows are added to those that the file has")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    os.environ |= {"OMP_NUM_THREADS": "1", "CELLFLOW_CHECKPOINT_SECONDS": "0", "CELLFLOW_SLOTS": "1"}
    times = {name: max(1, round(asked.kills * number)) for name, number in KILLS.items()}
    draw = random.Random(asked.seed)
    every: dict[str, Callable[[], Row]] = {
        "worker killed": lambda: kill_workers(times["worker"], draw),
        "supervisor killed": lambda: kill_supervisors(times["supervisor"], draw),
        "server killed": lambda: kill_servers(times["server"], draw),
        "Dask scheduler killed": lambda: kill_dask("scheduler", times["Dask scheduler"], draw),
        "Dask worker killed": lambda: kill_dask("worker", times["Dask worker"], draw),
        **fault_cases.cases(asked.runs, asked.queued),
    }
    found = {"date": machine.today(), "machine": machine.here(), "rows": {}}
    if asked.out and asked.out.exists():
        found["rows"] = json.loads(asked.out.read_text())["rows"]
    wanted = [name for name in every if not asked.only or name.startswith(tuple(asked.only.split(",")))]
    for name in wanted:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
            os.environ["CELLFLOW_HOME"] = home
            try:
                row = every[name]()
            except (ImportError, fault_cases.Missing) as error:
                row = {"left out": str(error)}
        found["rows"][name] = row
        print(f"{name:28} " + ", ".join(f"{what} {value}" for what, value in row.items()), flush=True)
        if asked.out:
            asked.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
