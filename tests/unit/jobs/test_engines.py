"""Which engine starts the workers: read from the environment, handed to every process that may start one."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

import pytest

from cellflow_core.jobs.executors import executor_of
from cellflow_core.jobs.executors.local import LocalProcesses, path_to_core
from cellflow_core.runs import index
from cellflow_core.workspace import Engine, Workspace
from tests.toys import recipe, stored


def test_it_is_read_from_the_environment_and_passed_on(tmp_path):
    given = {"CELLFLOW_ENGINE": "tcp://10.0.0.1:8786", "CELLFLOW_ENGINE_GPUS": "1", "CELLFLOW_HOME": str(tmp_path)}
    found = Workspace.from_environment(given)
    assert found.engine == Engine("tcp://10.0.0.1:8786", gpus=True)
    assert given.items() <= found.environment.items()  # a worker that ends may start a supervisor
    slurm = Engine.from_environment({"CELLFLOW_ENGINE": "slurm", "CELLFLOW_SLURM": "partition=gpu,time=30"})
    assert Engine.from_environment(slurm.environment) == slurm
    assert Engine.from_environment({"CELLFLOW_ENGINE": "local"}) == Engine()
    assert isinstance(executor_of(Engine()), LocalProcesses)
    with pytest.raises(ValueError, match="address of a Dask scheduler"):
        Engine.from_environment({"CELLFLOW_ENGINE": "10.0.0.1"})


@pytest.mark.parametrize(
    ("place", "package", "command"),
    [("tcp://127.0.0.1:9", "distributed", "make dask"), ("slurm", "submitit", "make slurm")],
)
def test_a_missing_package_is_said_where_the_runs_wait(place, package, command):
    if importlib.util.find_spec(package) is not None:
        pytest.skip(f"the package {package} is installed")
    run = index.submit(recipe(stored()))
    environment = os.environ | path_to_core() | {"CELLFLOW_ENGINE": place}
    program = [sys.executable, "-m", "cellflow_core.jobs.supervisor"]
    ended = subprocess.run(program, env=environment, capture_output=True, text=True)
    assert ended.returncode == 1 and command in ended.stderr
    assert run.status().state == "queued" and command in run.status().message
