"""Workers as jobs of SLURM, handed in by submitit (MIT): `make slurm` installs it, docs/deployment.md says how.

The nodes share the folder of the runs with this machine and have the project at the same path. The queue is asked by
`squeue`, which needs no accounting database, unlike `sacct`.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from cellflow_core.jobs.executors.contract import EngineUnreachableError
from cellflow_core.jobs.executors.local import path_to_core
from cellflow_core.runs.lease import Lease
from cellflow_core.runs.run import Run

MINUTES = 24 * 60
"""Time limit of a job where the options name none. A run that needs longer is resumed by another job."""
_ENDED = frozenset({"", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "TIMEOUT"})
_KNOWN = ("partition", "account", "qos", "constraint", "mem")  # parameters of submitit with the names of sbatch
_WAIT = 30.0  # seconds for one answer of SLURM


class SlurmJobs:
    """A job for each run.

    options  as `sbatch` names them, without their dashes: "partition=gpu,time=240"; those submitit doesn't know are
             passed on
    gpus     a run gets a GPU (--gpus-per-node=1) unless its recipe says "cpu"
    Raises ModuleNotFoundError, with the command that installs it, where submitit is missing.
    """

    name = "SLURM"

    def __init__(self, options: str = "", gpus: bool = False) -> None:
        try:
            import submitit  # type: ignore[import-not-found]  # noqa: F401
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "training by SLURM needs the package submitit, which is not installed: say `make slurm`"
            ) from error
        pairs = (each.partition("=") for each in options.split(",") if each)
        self.options: dict[str, str] = {name.replace("-", "_"): value for name, _, value in pairs}
        self.gpus = gpus

    def start(self, run: Run, lease: Lease) -> None:
        from submitit import SlurmExecutor  # type: ignore[import-not-found]
        from submitit.core.utils import FailedJobError  # type: ignore[import-not-found]

        if shutil.which("sbatch") is None:
            raise EngineUnreachableError("sbatch is not on this machine, which hands the runs to SLURM")
        executor = SlurmExecutor(folder=run.folder / "slurm")
        executor.update_parameters(**self._parameters(run))
        command = [sys.executable, "-m", "cellflow_core", "work", str(run.folder)]
        try:
            job = executor.submit(_waited_for(), command, str(run.worker_output))
        except FailedJobError as error:
            raise EngineUnreachableError(f"SLURM took no job: {_last_line(str(error))}") from error
        lease.save(run.folder, executor=self.name, job=str(job.job_id))

    def pending(self, run: Run) -> bool:
        lease = run.lease
        if lease is None or lease.executor != self.name or not lease.job:
            return False
        asked = _answer("squeue", "--noheader", "--format=%T", f"--jobs={lease.job}")
        if asked.returncode and "Invalid job id" in asked.stderr:  # SLURM forgets a job some minutes after its end
            return False
        if asked.returncode:
            raise EngineUnreachableError(
                f"SLURM does not answer: {_last_line(asked.stderr)}; runs that were started go on"
            )
        return asked.stdout.strip() not in _ENDED

    def stop(self, run: Run, force: bool = False) -> None:
        if self.pending(run):
            lease = run.lease
            assert lease is not None
            _answer("scancel", *(("--signal=KILL", "--full") if force else ()), lease.job)

    def reap(self) -> None:
        """Nothing to let go of: SLURM forgets a job that has ended."""

    def _parameters(self, run: Run) -> dict[str, Any]:
        environment = path_to_core() | run.workspace.environment
        wanted = {"gpus_per_node": 1} if self.gpus and run.recipe.device != "cpu" else {}
        named = dict(self.options)
        known = {name: named.pop(name) for name in _KNOWN if name in named}
        return {
            "job_name": f"cellflow-{run.id}",
            "time": _minutes(named.pop("time", str(MINUTES))),
            "cpus_per_task": int(named.pop("cpus_per_task", "1")),
            "setup": [f"export {name}={shlex.quote(value)}" for name, value in environment.items()],
            "signal_delay_s": 30,
            "use_srun": False,  # one task: the script of the job runs it
            **known,
            **wanted,
            **({"additional_parameters": named} if named else {}),
        }


def _waited_for() -> Callable[[list[str], str], int]:
    """What the job calls; nested, so that it travels by value."""

    def run(command: list[str], output_file: str) -> int:
        import os
        import signal
        import subprocess

        with open(output_file, "wb") as output:  # noqa: PTH123
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        for each in (signal.SIGTERM, signal.SIGUSR2):  # cancelled, or at its time limit soon: it ends in order
            signal.signal(each, lambda *_: os.kill(process.pid, signal.SIGTERM))
        return process.wait()

    return run


def _answer(*command: str) -> subprocess.CompletedProcess[str]:
    """Raises EngineUnreachableError where the command is missing or does not return."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=_WAIT)
    except FileNotFoundError as error:
        raise EngineUnreachableError(f"{command[0]} is not on this machine, which hands the runs to SLURM") from error
    except subprocess.TimeoutExpired as error:
        raise EngineUnreachableError(f"SLURM has not answered {command[0]} within {_WAIT:.0f} seconds") from error


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1][:300]


def _minutes(text: str) -> int:
    """Raises ValueError where a time is not in minutes."""
    if not text.isdigit():
        raise ValueError(f"CELLFLOW_SLURM has time={text}; expected is a number of minutes, such as time=240")
    return int(text)
