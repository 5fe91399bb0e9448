"""A run is a folder. Every fact is a file that one process writes; the state is derived from what is there."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cellflow_core.data.snapshots import DataSpec
from cellflow_core.runs import files, lease, metrics
from cellflow_core.runs.attempt import Attempt, attempts
from cellflow_core.runs.ended import Facts
from cellflow_core.runs.lease import Lease
from cellflow_core.runs.recipe import Recipe
from cellflow_core.runs.status import ENDED, State, Status, derive, newest_row
from cellflow_core.workspace import Workspace, quotas

if TYPE_CHECKING:
    from cellflow_core.data.store import Dataset

FULL = 65_536
"""Free bytes of a disk below which it is full: not even the reason can be written then."""


class Run:
    """One run on disk, by its folder. Cheap to make; nothing is kept that is not in the folder.

    facts  what is known of a run that has ended, for as long as its folder stays as it was
    """

    def __init__(self, folder: Path, workspace: Workspace | None = None, facts: Facts | None = None) -> None:
        self.folder = folder
        self._workspace = workspace
        self.facts = facts

    @property
    def _known(self) -> Facts | None:
        """The facts, where they still hold."""
        if self.facts is not None and not self.facts.hold(self.folder):
            self.facts = None
        return self.facts

    @property
    def id(self) -> str:
        return self.folder.name

    @cached_property
    def workspace(self) -> Workspace:
        """Where the run is; with the limits of the environment, unless it was opened in a workspace."""
        return self._workspace or replace(Workspace.from_environment(), root=self.folder.resolve().parents[1])

    @cached_property
    def recipe(self) -> Recipe:
        """Raises KeyError where there is none, DamagedRunError where it cannot be read."""
        if self.facts is not None:
            return self.facts.recipe
        path = self.folder / "recipe.json"
        found = files.read_json(path)
        if found is None:
            raise KeyError(f"run {self.id} has no recipe: its folder is not whole")
        try:
            return Recipe.from_dict(found)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise files.DamagedRunError(f"{path} is no recipe ({error}): restore it, or delete the run") from error

    @property
    def label(self) -> str:
        """The name a person gave it, else the model's."""
        facts = self._known
        renamed = facts.label if facts else files.read_optional(self.folder / "label.json").get("label")
        return str(renamed or "") or self.recipe.label or f"{self.recipe.model} on {self.recipe.dataset}"

    @property
    def has_spec(self) -> bool:
        """Whether the run has read its data."""
        return (self.folder / "spec.json").exists()

    @property
    def spec(self) -> DataSpec:
        """What the model was built from: a run reopens without its data."""
        found = files.read_json(self.folder / "spec.json")
        if found is None:
            raise KeyError(f"run {self.id} has not read its data yet")
        return DataSpec.from_dict(found)

    @property
    def training(self) -> dict[str, Any]:
        """Settings of the training: those of the recipe, and the batch size that the memory of a GPU had room for."""
        return dict(self.recipe.training) | files.read_optional(self.folder / "smaller_batch.json")

    @property
    def smaller_batch(self) -> str:
        """That it was trained with another batch size than asked for, one sentence; "" where it was not."""
        size = files.read_optional(self.folder / "smaller_batch.json").get("batch_size")
        return f"trained with a batch size of {size}, since the memory of the GPU had no room for more" if size else ""

    def take_batch(self, size: int) -> bool:
        """Train with this batch size from now on. False where it was made smaller before."""
        return files.write_exclusive(self.folder / "smaller_batch.json", {"batch_size": size})

    def dataset(self) -> Dataset:
        """The data set that it was trained on. Raises KeyError where it is gone, ValueError where it is another now."""
        from cellflow_core.data.store import open_dataset

        found = open_dataset(self.recipe.dataset, self.workspace)
        if found.info.fingerprint_for(self.recipe.settings) != self.recipe.fingerprint:
            raise ValueError(
                f"data set {found.info.label!r} has changed since run {self.label!r} was trained on it: train again to "
                "explore it"
            )
        return found

    def require_copy(self) -> None:
        """Raises NotAllowedError where the owner of the workspace may look at the run or its data but not take them."""
        self.workspace.require("copy", self.folder)
        self.workspace.require("copy", self.dataset().folder)

    @property
    def result(self) -> dict[str, Any] | None:
        """How the run ended; None before that. Raises DamagedRunError where result.json cannot be read.

        {"state", "message", "step", "steps", "seconds", "device", "peak_mb", "losses", "validation", "ended"}. peak_mb:
        most memory (MB) that the process of the training held; None, or no such key in an old run: not measured.
        """
        if (facts := self._known) is not None:
            return facts.result
        path = self.folder / "result.json"
        found = files.read_json(path)
        if found is not None and found.get("state") not in ENDED:
            raise files.DamagedRunError(f"{path} names no state in which a run ends: resume the run, or train it again")
        return found

    @property
    def weights(self) -> Path:
        return self.folder / "model.pt"

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        return attempts(self.folder)

    @property
    def lease(self) -> Lease | None:
        """What its newest worker was given; None before the first, and where nobody but the worker knows."""
        return lease.read(self.folder)

    def status(self) -> Status:
        """Derived from the folder. A damaged run is failed, with the sentence; one that cannot be read now is lost."""
        if (facts := self._known) is not None:
            return facts.status
        try:
            found = derive(self.result, self.attempts, self.lease)
            return found if found.ended else replace(found, message=self.notice or found.message)
        except files.DamagedRunError as error:
            return Status("failed", message=f"its folder is damaged: {error}")
        except OSError as error:
            return Status("lost", message=f"its folder cannot be read ({error.strerror}); it is tried again")

    def history(self) -> dict[str, np.ndarray]:
        """Columns "step", "seconds", every loss term and "validation" (NaN where there is none), by step."""
        return metrics.columns([metrics.read(each.metrics)[0] for each in self._readable_attempts()])

    def log(self) -> str:
        """The logs of all attempts, and what the newest worker's process wrote beside them."""
        parts = [(f"-- attempt {each.number}", each.log) for each in self._readable_attempts()]
        parts.append(("-- output of the newest worker", self.worker_output))
        texts = [(head, path.read_text(errors="replace")) for head, path in parts if path.is_file()]
        return "\n".join(f"{head}\n{text}" for head, text in texts if text)

    def _readable_attempts(self) -> tuple[Attempt, ...]:
        try:
            return self.attempts
        except files.DamagedRunError:
            return ()

    @property
    def worker_output(self) -> Path:
        """Where the newest worker's process writes what it prints: warnings, and why it could not begin."""
        return self.folder / "worker.log"

    @property
    def notice(self) -> str:
        """Why the supervisor cannot do anything for this run just now, one sentence; "" where it can."""
        try:
            written = self.marker.read_text(errors="replace").strip()
            is_full = shutil.disk_usage(self.marker.parent).free < FULL
        except OSError:
            return ""
        return written or ("the disk is full: make room, then it is tried again" if is_full else "")

    def set_notice(self, sentence: str) -> None:
        """The marker holds it, since the folder of a run may be damaged, full or read-only."""
        if self.marker.exists() and sentence != self.notice:
            self.marker.write_text(sentence)

    def rename(self, label: str) -> None:
        """Give it another name for people. Raises NotAllowedError, as all that follows, where it is not the owner's."""
        self.workspace.require("own", self.folder)
        files.write_json(self.folder / "label.json", {"label": label.strip()})
        self.facts = None
        self.marker.parent.mkdir(exist_ok=True)
        os.utime(self.marker.parent)  # tells a listing to look at every folder again

    @property
    def cancelled(self) -> bool:
        """Was it cancelled? It has ended only when `status` says so."""
        return (self.folder / "cancel").exists()

    def cancel(self) -> None:
        """Ask the worker to stop; a run without a worker ends at once. Nothing happens to a run that has ended."""
        self.workspace.require("own", self.folder)
        status = self.status()
        if status.ended:
            return
        self.workspace.record("cancelled", self.id)
        files.write_exclusive(self.folder / "cancel", {"at": _now()})
        if not status.active:
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
        tried = self._readable_attempts()
        row = newest_row(tried)
        won = files.write_exclusive(
            self.folder / "result.json",
            {
                "state": state,
                "message": message,
                "step": row.get("step", 0),
                "steps": row.get("steps", 0),
                "seconds": seconds if seconds is not None else row.get("seconds", 0.0),
                "device": device or (tried[-1].heartbeat.get("device", "") if tried else ""),
                "peak_mb": peak_mb,
                "losses": row.get("losses", {}),
                "validation": row.get("validation"),
                "ended": _now(),
            },
        )
        self.unmark()
        return won

    def unmark(self) -> None:
        """Take away the marker of a run that has ended; one that is resumed at this moment keeps it."""
        self.marker.unlink(missing_ok=True)
        if self.folder.exists() and not (self.folder / "result.json").exists():
            self.marker.touch()

    def resume(self) -> None:
        """Queue a failed or cancelled run again, to go on from its newest checkpoint."""
        self.workspace.require("own", self.folder)
        status = self.status()
        if status.state not in ("failed", "cancelled"):
            raise ValueError(f"only a failed or cancelled run can be resumed; this one is {status.state}")
        quotas.check_runs(self.workspace)
        self.workspace.record("started", self.id)
        self.facts = None
        (self.folder / "cancel").unlink(missing_ok=True)
        if self.attempts:
            self.attempts[-1].end(status.state, status.message)
        self.marker.touch()
        (self.folder / "result.json").unlink(missing_ok=True)
        self.marker.touch()  # again: a look of the supervisor may have taken it away while there was a result

    def delete(self) -> None:
        """Move to the trash, from where `index.restore` brings it back."""
        self.workspace.require("own", self.folder)
        if self.status().active:
            raise ValueError("this run is being trained: cancel it first, then delete it")
        self.cancel()
        self.facts = None
        trash = self.folder.parent / ".trash"
        trash.mkdir(exist_ok=True)
        shutil.move(self.folder, trash / self.id)
        self.workspace.record("deleted", self.id)
        self.marker.unlink(missing_ok=True)

    @property
    def marker(self) -> Path:
        """File that tells a scan that the run has not ended; it holds the `notice`."""
        return self.folder.parent / ".open" / self.id


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
