"""Engines of real processes on this machine: a Dask scheduler with workers, and SLURM with one node."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

from cellflow_core.jobs.executors.local import path_to_core
from tests.faults.jobs.supervised import free_port, until

HAS_SLURM = shutil.which("slurmctld") is not None and shutil.which("slurmd") is not None and os.getuid() == 0
CONFIGURATION = """
ClusterName=here
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/none
CredType=cred/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmctldPort={controller}
SlurmdPort={node}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/controller.pid
SlurmdPidFile={folder}/node.pid
SlurmctldLogFile={folder}/controller.log
SlurmdLogFile={folder}/node.log
MpiDefault=none
NodeName={host} NodeAddr=127.0.0.1 CPUs=1 RealMemory=1000 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


class SlurmCluster:
    """A controller and one node with one core."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for each in ("state", "spool"):
            (folder / each).mkdir(parents=True)
        text = CONFIGURATION.format(host=socket.gethostname(), controller=free_port(), node=free_port(), folder=folder)
        (folder / "slurm.conf").write_text(text)
        self.environment = os.environ | {"SLURM_CONF": str(folder / "slurm.conf")}
        self.controller = self._process("slurmctld")
        self.node = self._process("slurmd")

    def wait(self) -> None:
        """Until the node takes jobs."""

        def idle() -> bool:
            asked = subprocess.run(["sinfo", "-h", "-o", "%T"], capture_output=True, text=True, env=self.environment)
            return asked.stdout.strip() == "idle"

        until(idle, "the node")

    def restart_controller(self) -> None:
        self.controller = self._process("slurmctld")

    def end(self) -> None:
        for each in (self.controller, self.node):
            each.kill()
            each.wait()

    def _process(self, name: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.out").open("ab") as log:
            return subprocess.Popen([name, "-D"], stdout=log, stderr=log, env=self.environment, start_new_session=True)


class DaskCluster:
    """A scheduler and workers, each in a session of its own, on this machine."""

    def __init__(self, folder: Path, protocol: str = "tcp") -> None:
        self.folder, self.workers, self.protocol = folder, 0, protocol
        self.port = free_port()
        self.address = f"{protocol}://127.0.0.1:{self.port}"
        self.processes: list[subprocess.Popen[bytes]] = []

    def scheduler(self) -> subprocess.Popen[bytes]:
        where = ("--host", "127.0.0.1", "--port", str(self.port), "--protocol", self.protocol)
        found = self._process("dask_scheduler", *where, "--no-dashboard")
        until(self._answers, "the scheduler")
        return found

    def worker(self, *more: str) -> subprocess.Popen[bytes]:
        self.workers += 1
        flags = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--death-timeout", "20")
        where = ("--local-directory", str(self.folder / "dask"))
        return self._process("dask_worker", self.address, *flags, *where, "--name", f"w{self.workers}", *more)

    def end(self) -> None:
        for each in self.processes:
            if each.poll() is None:
                os.killpg(each.pid, signal.SIGKILL)
            each.wait()

    def _answers(self) -> bool:
        with socket.socket() as to:
            return to.connect_ex(("127.0.0.1", self.port)) == 0

    def _process(self, name: str, *more: str) -> subprocess.Popen[bytes]:
        with (self.folder / "cluster.log").open("ab") as log:
            made = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", f"distributed.cli.{name}", *more],
                stdout=log,
                stderr=log,
                env=os.environ | path_to_core(),
                start_new_session=True,
            )
        self.processes.append(made)
        return made
