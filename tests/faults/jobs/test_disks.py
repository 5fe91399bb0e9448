"""A disk of 40 MB that is full, and a folder that is read-only: the file system itself refuses."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from cellflow_core.runs import index
from tests.faults.jobs.supervised import until
from tests.toys import recipe, stored


def mounted(*command: str) -> None:
    done = subprocess.run(["mount", *command], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")


@pytest.fixture
def disk(tmp_path, monkeypatch):
    if shutil.which("mount") is None:
        pytest.skip("there is no mount here")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted("-t", "tmpfs", "-o", "size=40m", "tmpfs", str(folder))
    monkeypatch.setenv("CELLFLOW_HOME", str(folder / "home"))
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Take every byte of the disk."""
    path = folder / "filler"
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"\0" * 4096)
    assert not shutil.disk_usage(folder).free
    return path


def test_a_full_disk_stops_training_only_until_there_is_room(disk, looking, monkeypatch):
    monkeypatch.setattr("cellflow_core.runs.attempt.STALE_AFTER", 0.5)
    monkeypatch.setattr("cellflow_core.jobs.scheduler.RETRY_AFTER", 0.5)
    runs = [index.submit(recipe(stored())) for _ in range(2)]
    filler = fill(disk)
    until(lambda: [looking.look(), "disk is full" in runs[0].status().message][1], "the reason")
    assert all(run.status().state != "done" for run in runs)
    filler.unlink()
    for run in runs:
        looking.until(run, "done", "failed")
        if run.status().state == "failed":  # a worker that began on the full disk
            run.resume()
            looking.until(run, "done")
    assert [run.status().state for run in runs] == ["done", "done"]


def test_a_read_only_run_is_named_and_the_others_train(disk, looking):
    bad, good = (index.submit(recipe(stored())) for _ in range(2))
    mounted("--bind", str(bad.folder), str(bad.folder))
    try:
        mounted("-o", "remount,ro,bind", str(bad.folder))
        looking.until(good, "done")
        assert "is read-only" in bad.status().message
    finally:
        subprocess.run(["umount", "--lazy", str(bad.folder)], check=True)
    looking.until(bad, "done")
