"""Runs as jobs of SLURM: a controller and a node of real processes on this machine, without a database or munge."""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from collections.abc import Iterator

import pytest

from cellflow_core.jobs import scheduler as scheduling
from cellflow_core.jobs.executors import slurm_jobs
from cellflow_core.jobs.executors.slurm_jobs import SlurmJobs
from cellflow_core.runs import index
from tests.faults.jobs.clusters import HAS_SLURM, SlurmCluster
from tests.faults.jobs.supervised import LONG, TINY, Looking, in_training, until, whole
from tests.toys import recipe, stored

if importlib.util.find_spec("submitit") is None:
    pytest.skip("the package submitit is not installed (`make slurm`)", allow_module_level=True)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[SlurmCluster]:
    if not HAS_SLURM:
        pytest.skip("SLURM cannot be started here: slurmctld and slurmd (Debian's slurm-wlm) and root are needed")
    made = SlurmCluster(tmp_path_factory.mktemp("slurm"))
    made.wait()
    yield made
    made.end()


@pytest.fixture
def looking():
    made = Looking(SlurmJobs(), slots=100)
    yield made
    made.lock.release()


def test_jobs_wait_in_the_queue_and_are_trained_in_turn(cluster, looking, monkeypatch):
    monkeypatch.setenv("SLURM_CONF", cluster.environment["SLURM_CONF"])
    first, second = (index.submit(recipe(stored(), training=TINY)) for _ in range(2))
    looking.look()
    assert first.status().state in ("queued", "running") and second.status().state == "queued"  # there is one core
    assert SlurmJobs().pending(second)  # a supervisor that was started anew finds it by the lease
    looking.until(second, "done")
    looking.until(first, "done")
    until(lambda: not looking.executor.pending(second), "the end of the job")
    assert not index.open_runs()


@pytest.mark.slow
def test_cancel_reaches_a_job_in_the_queue_and_one_in_training(cluster, looking, monkeypatch):
    monkeypatch.setenv("SLURM_CONF", cluster.environment["SLURM_CONF"])
    monkeypatch.setattr(scheduling, "GRACE", 0.1)
    training, waiting = (index.submit(recipe(stored(), training=LONG)) for _ in range(2))
    looking.until(training, "running")
    until(in_training(training), "training")
    waiting.cancel()
    looking.until(waiting, "cancelled")
    assert not waiting.attempts
    training.cancel()
    looking.until(training, "cancelled")
    assert 0 < training.status().step < LONG["steps"]


@pytest.mark.slow
def test_a_run_outlives_the_controller_and_its_worker(cluster, looking, monkeypatch):
    monkeypatch.setenv("SLURM_CONF", cluster.environment["SLURM_CONF"])
    monkeypatch.setattr("cellflow_core.jobs.executors.slurm_jobs._WAIT", 2.0)
    run = index.submit(recipe(stored(), training=LONG))
    looking.until(run, "running")
    until(in_training(run, 50), "50 steps")
    cluster.controller.kill()
    cluster.controller.wait()
    os.kill(run.attempts[-1].heartbeat["pid"], signal.SIGKILL)
    other = index.submit(recipe(stored(), training=TINY))
    until(lambda: looking.look() or "SLURM" in other.status().message, "the sentence")
    assert other.status().state == "queued"
    cluster.restart_controller()
    looking.until(run, "done")
    looking.until(other, "done")
    assert whole(run)


def test_what_a_job_runs_where_there_is_no_slurm(tmp_path):
    """By the executor of submitit that starts its jobs on this machine."""
    from submitit import LocalExecutor  # type: ignore[import-not-found]

    run = index.submit(recipe(stored(), training=TINY))
    executor = LocalExecutor(folder=tmp_path)
    executor.update_parameters(timeout_min=5)
    command = [sys.executable, "-m", "cellflow_core", "work", str(run.folder)]
    job = executor.submit(slurm_jobs._waited_for(), command, str(run.worker_output))
    assert job.result() == 0 and run.status().state == "done"


def test_what_a_job_asks_for():
    executor = SlurmJobs("partition=gpu,time=30,mem=8G,gres=shard:1", gpus=True)
    run = index.submit(recipe(stored(), device="auto"))
    asked = executor._parameters(run)
    assert (asked["partition"], asked["time"], asked["mem"], asked["gpus_per_node"]) == ("gpu", 30, "8G", 1)
    assert asked["additional_parameters"] == {"gres": "shard:1"} and "export CELLFLOW_HOME=" in "".join(asked["setup"])
    assert "gpus_per_node" not in executor._parameters(index.submit(recipe(stored())))
    with pytest.raises(ValueError, match="number of minutes"):
        SlurmJobs("time=1-00:00")._parameters(run)


def test_a_machine_without_slurm_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    looking = Looking(SlurmJobs(), slots=100)
    try:
        run = index.submit(recipe(stored()))
        looking.look()
        assert run.status().state == "queued" and "sbatch" in run.status().message
    finally:
        looking.lock.release()
