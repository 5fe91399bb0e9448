"""Ways to start the worker of a run, and the one that a workspace names."""

from __future__ import annotations

from cellflow_core.jobs.executors.contract import Executor
from cellflow_core.jobs.executors.local import LocalProcesses
from cellflow_core.workspace import Engine


def executor_of(engine: Engine) -> Executor:
    """Raises ModuleNotFoundError, with the command that installs it, where it needs a package that is missing."""
    if engine.place == "slurm":
        from cellflow_core.jobs.executors.slurm_jobs import SlurmJobs

        return SlurmJobs(engine.options, engine.gpus)
    if engine.place:
        from cellflow_core.jobs.executors.dask_workers import DaskWorkers

        return DaskWorkers(engine.place, engine.gpus)
    return LocalProcesses()
