"""Who starts the worker of a run: this process, another process of this machine, or the engine of a cluster."""

from __future__ import annotations

from typing import Protocol

from cellflow_core.runs.lease import Lease
from cellflow_core.runs.run import Run


class EngineUnreachableError(RuntimeError):
    """The engine of a cluster does not answer, or takes no run. One sentence for a person; it is asked again."""


class Executor(Protocol):
    """Has workers started, asks whether they may still begin or work, and stops them.

    How a run fares is read from its folder, not from here. The worker claims its attempt itself, so a run that waits in
    the queue of an engine has no claim and stays queued.
    """

    name: str
    """Tells the leases of this executor from those of another, or of another machine."""

    def start(self, run: Run, lease: Lease) -> None:
        """Ask for a worker, `python -m cellflow_core work RUN`, write the lease, and return at once."""
        ...

    def pending(self, run: Run) -> bool:
        """Has the worker that was asked for not ended yet, be it in a queue, starting or at work?

        Answered by a new executor of the same name too. False where none was asked for.
        """
        ...

    def stop(self, run: Run, force: bool = False) -> None:
        """End the pending worker of a run in order, or by force. Nothing where there is none."""
        ...

    def reap(self) -> None:
        """Let go of workers that have ended. Called at every look of the supervisor."""
        ...
