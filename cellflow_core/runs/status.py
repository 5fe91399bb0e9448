"""Where a run stands, derived from the files in its folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cellflow_core.runs import metrics
from cellflow_core.runs.attempt import STALE_AFTER, Attempt
from cellflow_core.runs.lease import Lease

State = Literal["queued", "starting", "running", "lost", "done", "failed", "cancelled"]
ENDED: frozenset[str] = frozenset({"done", "failed", "cancelled"})
ACTIVE: frozenset[str] = frozenset({"starting", "running"})


@dataclass(frozen=True)
class Status:
    """Where a run stands.

    state     queued (no worker has claimed it), starting (a worker was started, no heartbeat yet), running, lost (its
              worker died or is silent; it is tried again), done, failed, cancelled
    phase     stage of the work in words; step of steps over all phases; prepared: part done of what the phase computes
              before its steps, 0 to 1, None while it takes steps
    seconds   spent in training; eta: seconds still to go, None where nothing is known yet
    device    in words; message: why it failed, or what it waits for, one sentence
    """

    state: State
    phase: str = ""
    step: int = 0
    steps: int = 0
    seconds: float = 0.0
    eta: float | None = None
    device: str = ""
    message: str = ""
    attempt: int = 0
    prepared: float | None = None

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def active(self) -> bool:
        """Does a worker have it?"""
        return self.state in ACTIVE


def derive(result: dict[str, Any] | None, tried: tuple[Attempt, ...], lease: Lease | None) -> Status:
    """The status of a run from its result, its attempts and the lease of its newest worker."""
    if result is not None:
        return ended(result, len(tried))
    if tried and tried[-1].exit is None:
        return _claimed(tried)
    return _unclaimed(tried, lease)


def ended(result: Mapping[str, Any], tried: int) -> Status:
    """The status of a run with this result after so many attempts."""
    kept = ("state", "message", "step", "steps", "seconds", "device")
    known = {name: result[name] for name in kept if name in result}
    return Status(**known, eta=0.0 if result["state"] == "done" else None, attempt=tried)


def newest_row(tried: tuple[Attempt, ...]) -> metrics.Row:
    """The last report of the newest attempt that has one; {} before the first."""
    return next((rows[-1] for each in reversed(tried) if (rows := metrics.tail(each.metrics))), {})


def _unclaimed(tried: tuple[Attempt, ...], lease: Lease | None) -> Status:
    """Status of a run on which no worker works: its newest attempt has ended, or there is none."""
    row = newest_row(tried)
    known = {name: row[name] for name in ("step", "steps", "seconds") if name in row}
    if lease is not None and lease.pid and lease.attempt > (tried[-1].number if tried else 0):
        return Status("starting", phase="starting the worker", **known, attempt=len(tried))
    end = tried[-1].exit if tried else None
    if end is not None and end["kind"] == "lost":
        return Status("lost", **known, message=f"{end['message']}; it is tried again", attempt=len(tried))
    return Status("queued", **known, message="waiting for its turn", attempt=len(tried))


def _claimed(tried: tuple[Attempt, ...]) -> Status:
    """Status of a run whose newest attempt has not ended."""
    last = tried[-1]
    heartbeat = last.heartbeat
    rows = metrics.tail(last.metrics)
    row = rows[-1] if rows else newest_row(tried)
    fresh = last.is_fresh
    state: State = "running" if fresh else "lost"
    return Status(
        state if heartbeat else "starting",
        phase=str(row.get("phase", "")) if rows else str(heartbeat.get("stage", "starting")),
        step=row.get("step", 0),
        steps=row.get("steps", 0),
        seconds=row.get("seconds", 0.0),
        eta=_eta(rows) if fresh else None,
        device=str(heartbeat.get("device", "")),
        message="" if fresh or not heartbeat else f"its worker sent no heartbeat for {STALE_AFTER:g} seconds",
        attempt=last.number,
        prepared=row.get("prepared"),
    )


def _eta(rows: list[metrics.Row]) -> float | None:
    """Seconds to go at the speed of the newest reports of this attempt."""
    if len(rows) < 2:
        return None
    first, last = rows[-20:][0], rows[-1]
    steps = last["step"] - first["step"]
    return (last.get("steps", 0) - last["step"]) * (last["seconds"] - first["seconds"]) / steps if steps > 0 else None
