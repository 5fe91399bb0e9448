"""Which checkpoints a run keeps, and which of them it goes on from."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

from cellflow_core.train import checkpoint
from cellflow_core.train.checkpoint import Checkpoint

KEPT = 2
_NAME = re.compile(r"step-\d{8}\.pt")


class Checkpoints:
    """The checkpoints folder of one run, as its worker sees it."""

    def __init__(self, folder: Path, interval: float = 5.0) -> None:
        """interval: seconds between two checkpoints."""
        self._folder = folder
        self._interval = interval
        self._last = time.monotonic()

    def due(self) -> bool:
        """Is the newest one older than the interval?"""
        return time.monotonic() - self._last >= self._interval

    def save(self, step: int, state: Checkpoint) -> None:
        """Write, then drop all but the newest two."""
        checkpoint.save(self._folder / f"step-{step:08d}.pt", state)
        for path in self._paths()[:-KEPT]:
            path.unlink()
        self._last = time.monotonic()

    def newest(self, on_damaged: Callable[[str], None]) -> Checkpoint | None:
        """The newest one that can be read. A damaged one is reported, renamed, and the one before it is taken."""
        for path in reversed(self._paths()):
            try:
                return checkpoint.load(path)
            except (ValueError, TypeError) as error:
                on_damaged(f"checkpoint {path.name} is damaged and is left out: {error}")
                path.replace(path.with_suffix(".damaged"))
        return None

    def clear(self) -> None:
        """Remove all of them, once the run is done, and what killed workers had begun to write."""
        for path in (*self._paths(), *self._folder.glob(".step-*.part.pt")):
            path.unlink(missing_ok=True)

    def _paths(self) -> list[Path]:
        return sorted(path for path in self._folder.glob("step-*.pt") if _NAME.fullmatch(path.name))
