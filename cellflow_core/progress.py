"""Stages of a long calculation: lines of a small file, written by the worker and read by whoever waits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Stages:
    """Call it with a stage in words; it crosses to another process. `read` gives the stages so far, in order."""

    path: Path

    def __call__(self, stage: str) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(stage.replace("\n", " ") + "\n")

    def read(self) -> tuple[str, ...]:
        """A last line that is not whole yet is left for the next reading."""
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return ()
        return tuple(text[: text.rfind("\n") + 1].splitlines())

    def clear(self) -> None:
        self.path.unlink(missing_ok=True)
