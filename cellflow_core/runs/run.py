"""A run is a folder. Every fact is a file that one process writes; the state is derived from what is there."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from cellflow_core.data.snapshots import DataSpec
from cellflow_core.runs import files, metrics
from cellflow_core.runs.attempt import Attempt, attempts
from cellflow_core.runs.recipe import Recipe

State = Literal["queued", "running", "lost", "done", "failed", "cancelled"]
ENDED: frozenset[str] = frozenset({"done", "failed", "cancelled"})


@dataclass(frozen=True)
class Status:
    """Where a run stands.

    state     queued (nobody works on it), running, lost (its worker died), done, failed, cancelled
    phase     stage of the work in words; step of steps over all phases
    seconds   spent in training; eta: seconds still to go, None where nothing is known yet
    device    in words; message: why it failed, or what is waited for, one sentence
    position  place in the queue, 1 is next; 0 when not queued
    """

    state: State
    phase: str = ""
    step: int = 0
    steps: int = 0
    seconds: float = 0.0
    eta: float | None = None
    device: str = ""
    message: str = ""
    position: int = 0
    attempt: int = 0

    @property
    def ended(self) -> bool:
        return self.state in ENDED


class Run:
    """One run on disk, by its folder. Cheap to make; nothing is kept that is not in the folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def id(self) -> str:
        return self.folder.name

    @cached_property
    def recipe(self) -> Recipe:
        found = files.read_json(self.folder / "recipe.json")
        if found is None:
            raise KeyError(f"run {self.id} has no recipe: its folder is not whole")
        return Recipe.from_dict(found)

    @property
    def label(self) -> str:
        """The name a person gave it, else the model's."""
        renamed = files.read_json(self.folder / "label.json")
        return (renamed or {}).get("label") or self.recipe.label or f"{self.recipe.model} on {self.recipe.dataset}"

    @property
    def spec(self) -> DataSpec:
        """What the model was built from: a run reopens without its data."""
        found = files.read_json(self.folder / "spec.json")
        if found is None:
            raise KeyError(f"run {self.id} has not read its data yet")
        return DataSpec.from_dict(found)

    @property
    def result(self) -> dict[str, Any] | None:
        """How the run ended; None before that.

        {"state", "message", "step", "steps", "seconds", "device", "peak_mb", "losses", "validation", "ended"}. peak_mb:
        most memory (MB) that the process of the training held; None, or no such key in an old run, where nobody looked.
        """
        return files.read_json(self.folder / "result.json")

    @property
    def weights(self) -> Path:
        return self.folder / "model.pt"

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        return attempts(self.folder)

    def status(self) -> Status:
        result = self.result
        tried = self.attempts
        if result is not None:
            known = {name: result[name] for name in ("state", "message", "step", "steps", "seconds", "device")}
            return Status(**known, eta=0.0 if result["state"] == "done" else None, attempt=len(tried))
        if not tried or tried[-1].exit is not None:
            row = next((r for a in reversed(tried) for r in reversed(metrics.tail(a.metrics))), {})
            known = {name: row[name] for name in ("step", "steps", "seconds") if name in row}
            position = self._position()
            return Status("queued", **known, message="waiting for its turn", position=position, attempt=len(tried))
        return _working(tried)

    def history(self) -> dict[str, np.ndarray]:
        """Columns "step", "seconds", every loss term and "validation" (NaN where there is none), by step."""
        return metrics.columns([metrics.read(each.metrics)[0] for each in self.attempts])

    def log(self) -> str:
        """What the workers said, attempt by attempt."""
        parts = [f"-- attempt {a.number}\n{a.log.read_text(errors='replace')}" for a in self.attempts if a.log.exists()]
        return "\n".join(parts)

    def rename(self, label: str) -> None:
        files.write_json(self.folder / "label.json", {"label": label.strip()})

    @property
    def cancelled(self) -> bool:
        """Has someone asked for the end?"""
        return (self.folder / "cancel").exists()

    def cancel(self) -> None:
        """Ask the worker to stop; a run that nobody works on ends here and now. Nothing happens to an ended run."""
        status = self.status()
        if status.ended:
            return
        files.write_exclusive(self.folder / "cancel", {"at": _now()})
        if status.state != "running":
            self.end("cancelled", "cancelled before it was done")

    def end(
        self,
        state: State,
        message: str,
        device: str = "",
        seconds: float | None = None,
        peak_mb: float | None = None,
    ) -> bool:
        """Write the result, which is the end of the run. The first writer counts; True if it was this one."""
        rows = [row for each in self.attempts for row in metrics.tail(each.metrics)[-1:]]
        last = rows[-1] if rows else {}
        won = files.write_exclusive(
            self.folder / "result.json",
            {
                "state": state,
                "message": message,
                "step": last.get("step", 0),
                "steps": last.get("steps", 0),
                "seconds": seconds if seconds is not None else last.get("seconds", 0.0),
                "device": device or (self.attempts[-1].heartbeat.get("device", "") if self.attempts else ""),
                "peak_mb": peak_mb,
                "losses": last.get("losses", {}),
                "validation": last.get("validation"),
                "ended": _now(),
            },
        )
        self.marker.unlink(missing_ok=True)
        return won

    def resume(self) -> None:
        """Queue a failed or cancelled run again, to go on from its newest checkpoint."""
        result = self.result
        if result is None or result["state"] == "done":
            raise ValueError(f"only a failed or cancelled run can go on; this one is {self.status().state}")
        (self.folder / "cancel").unlink(missing_ok=True)
        if self.attempts:
            last = self.attempts[-1]
            files.write_exclusive(last.folder / "exit.json", {"kind": result["state"], "message": result["message"]})
        self.marker.touch()
        (self.folder / "result.json").unlink()

    def delete(self) -> None:
        """Move to the trash, from where `index.restore` brings it back."""
        if self.status().state == "running":
            raise ValueError("this run is being trained: cancel it first, then delete it")
        self.cancel()
        trash = self.folder.parent / ".trash"
        trash.mkdir(exist_ok=True)
        shutil.move(self.folder, trash / self.id)

    @property
    def marker(self) -> Path:
        """Empty file that tells a scan that the run has not ended."""
        return self.folder.parent / ".open" / self.id

    def _position(self) -> int:
        """Place among the runs that nobody works on."""
        ahead = 0
        for path in sorted(self.marker.parent.glob("*")):
            if path.name >= self.id:
                break
            tried = attempts(self.folder.parent / path.name)
            ahead += not tried or tried[-1].exit is not None
        return ahead + 1


def _working(tried: tuple[Attempt, ...]) -> Status:
    """Status of a run whose newest attempt has not ended."""
    last = tried[-1]
    beat = last.heartbeat
    rows = metrics.tail(last.metrics)
    row = rows[-1] if rows else next((r for a in reversed(tried) for r in reversed(metrics.tail(a.metrics))), {})
    alive = last.alive()
    return Status(
        "running" if alive else "lost",
        phase=row["phase"] if rows else beat.get("stage", "starting"),
        step=row.get("step", 0),
        steps=row.get("steps", 0),
        seconds=row.get("seconds", 0.0),
        eta=_eta(rows) if alive else None,
        device=beat.get("device", ""),
        message="" if alive else "its worker stopped without a word; it will be tried again",
        attempt=last.number,
    )


def _eta(rows: list[metrics.Row]) -> float | None:
    """Seconds to go at the speed of the newest reports of this attempt."""
    if len(rows) < 2:
        return None
    first, last = rows[-20:][0], rows[-1]
    steps = last["step"] - first["step"]
    return (last["steps"] - last["step"]) * (last["seconds"] - first["seconds"]) / steps if steps > 0 else None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
