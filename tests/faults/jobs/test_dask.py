"""Runs on a Dask cluster of real processes: whatever of it dies, no run is lost and the weights are the same."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cellflow_core.jobs import scheduler as scheduling
from cellflow_core.jobs.executors import dask_workers
from cellflow_core.jobs.executors.contract import EngineUnreachableError
from cellflow_core.jobs.executors.dask_workers import DaskWorkers
from cellflow_core.runs import index
from cellflow_core.runs.lease import Lease
from tests.faults.jobs.clusters import DaskCluster
from tests.faults.jobs.supervised import LONG, TINY, Looking, in_training, until, whole
from tests.toys import recipe, stored

if importlib.util.find_spec("distributed") is None:
    pytest.skip("the package distributed is not installed (`make dask`)", allow_module_level=True)


@pytest.fixture
def cluster(tmp_path) -> Iterator[DaskCluster]:
    made = DaskCluster(tmp_path)
    yield made
    made.end()


@pytest.fixture
def looking(cluster):
    made = Looking(DaskWorkers(cluster.address, timeout=2), slots=100)
    yield made
    made.lock.release()


def test_a_run_waits_in_the_queue_of_the_cluster_and_is_trained_when_a_worker_comes(cluster, looking):
    cluster.scheduler()
    first, second = (index.submit(recipe(stored(), training=TINY)) for _ in range(2))
    for _ in range(3):
        looking.look()
        assert [each.status().state for each in (first, second)] == ["queued", "queued"] and not first.attempts
    assert DaskWorkers(cluster.address).pending(first)  # a supervisor that was started anew finds it by the lease
    cluster.worker()
    looking.until(second, "done")
    looking.until(first, "done")
    looking.look()
    assert not looking.executor.pending(first) and not index.open_runs()


@pytest.mark.slow
def test_cancel_reaches_a_run_in_the_queue_and_a_run_in_training(cluster, looking, monkeypatch):
    monkeypatch.setattr(scheduling, "GRACE", 0.1)
    cluster.scheduler()
    waiting = index.submit(recipe(stored(), training=LONG))
    looking.look()
    assert looking.executor.pending(waiting)
    waiting.cancel()
    looking.until(waiting, "cancelled")
    assert not waiting.attempts
    cluster.worker()
    training = index.submit(recipe(stored(), training=LONG))
    looking.until(training, "running")
    until(in_training(training), "training")
    training.cancel()
    looking.until(training, "cancelled")
    assert 0 < training.status().step < LONG["steps"]


@pytest.mark.slow
def test_a_run_outlives_the_scheduler_and_its_worker(cluster, looking):
    started = cluster.scheduler()
    worker = cluster.worker()
    run = index.submit(recipe(stored(), training=LONG))
    looking.until(run, "running")
    until(in_training(run, 50), "50 steps")
    os.killpg(started.pid, signal.SIGKILL)
    os.killpg(worker.pid, signal.SIGKILL)
    started.wait()
    other = index.submit(recipe(stored(), training=TINY))
    looking.look()
    until(lambda: looking.look() or "does not answer" in other.status().message, "the sentence")
    assert other.status().state == "queued"
    cluster.scheduler()
    cluster.worker()
    looking.until(run, "done")
    looking.until(other, "done")
    assert whole(run) and len(other.attempts) == 1  # what could not be asked for is no lost worker


@pytest.mark.slow
def test_a_run_takes_a_gpu_of_the_cluster_unless_it_is_to_train_on_the_cpu(cluster):
    cluster.scheduler()
    cluster.worker()
    looking = Looking(DaskWorkers(cluster.address, gpus=True), slots=100)
    try:
        on_gpu = index.submit(recipe(stored(), training=TINY, device="auto"))
        on_cpu = index.submit(recipe(stored(), training=TINY))
        looking.until(on_cpu, "done")
        assert on_gpu.status().state == "queued" and looking.executor.pending(on_gpu)
        cluster.worker("--resources", "GPU=1")
        looking.until(on_gpu, "done")
    finally:
        looking.lock.release()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate of this test")
def test_a_scheduler_with_a_certificate_takes_runs_of_those_who_have_it(tmp_path, monkeypatch):
    pem = str(tmp_path / "both.pem")
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=lab", "-days", "1"]
    subprocess.run([*made, "-keyout", pem, "-out", f"{pem}.crt"], check=True, capture_output=True)
    Path(pem).write_text(Path(pem).read_text() + Path(f"{pem}.crt").read_text())
    import dask  # type: ignore[import-not-found]

    monkeypatch.setenv("DASK_DISTRIBUTED__COMM__TLS__CA_FILE", pem)
    for who in ("SCHEDULER", "WORKER", "CLIENT"):
        monkeypatch.setenv(f"DASK_DISTRIBUTED__COMM__TLS__{who}__CERT", pem)
    cluster = DaskCluster(tmp_path, "tls")
    try:
        cluster.scheduler()
        cluster.worker()
        run = index.submit(recipe(stored(), training=TINY))
        with pytest.raises(EngineUnreachableError, match="certificate"):  # this process has read none
            DaskWorkers(cluster.address, timeout=2).start(run, Lease())
        with dask.config.set({f"distributed.comm.tls.{each}": pem for each in ("ca-file", "client.cert")}):
            looking = Looking(DaskWorkers(cluster.address), slots=100)
            try:
                looking.until(run, "done")
            finally:
                looking.lock.release()
    finally:
        cluster.end()


def test_machines_without_the_folder_of_the_runs_are_named(cluster, looking, monkeypatch, tmp_path):
    task = dask_workers._worker_task()
    with pytest.raises(FileNotFoundError, match="shared file system"):
        task(str(tmp_path / "absent"), str(tmp_path / "log"), {}, sys.executable)
    nowhere = lambda folder, *rest: task("/absent", *rest)  # noqa: E731 - the folder as another machine sees it
    monkeypatch.setattr(dask_workers, "_worker_task", lambda: nowhere)
    cluster.scheduler()
    cluster.worker()
    run = index.submit(recipe(stored(), training=TINY))
    looking.until(run, "failed")
    assert "shared file system" in run.status().message and len(run.attempts) == scheduling.MAX_LOSSES
