"""Settings of every test of jobs, and a supervisor in this process."""

from __future__ import annotations

import pytest
import torch

from cellflow_core.jobs import supervisor
from cellflow_core.jobs.executors.local import LocalProcesses
from tests.faults.jobs.supervised import Looking


@pytest.fixture(autouse=True)
def settings(monkeypatch):
    """Checkpoints at every report, the same threads everywhere, a short interval between two looks."""
    monkeypatch.setenv("CELLFLOW_CHECKPOINT_SECONDS", "0")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(supervisor, "POLL_INTERVAL", 0.05)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def looking():
    made = Looking()
    yield made
    made.lock.release()
    assert isinstance(made.executor, LocalProcesses)
    for each in made.executor._started.values():
        each.kill()
        each.wait()
