"""Votes of a class: everyone who has its code predicts, and the projector shows what the class thinks.

A class is one file of lines in the workspace; a line is one prediction. Of a voter the last one counts for each turn.
"""

from __future__ import annotations

import json
import re
import secrets
from collections import Counter
from pathlib import Path

from cellflow_core.workspace import Workspace, current

ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
"""Letters of codes; none that is read as another."""
LENGTH = 5
MOST_BYTES = 2_000_000
"""Size of a class from which on no more votes are taken."""
_CODE = re.compile(f"[{ALPHABET}]{{{LENGTH}}}")


class Tally:
    """The votes of the class with this code. Raises ValueError where there is no such class."""

    def __init__(self, code: str, workspace: Workspace | None = None) -> None:
        self.code = code.strip().upper()
        self._file = _folder(workspace) / f"{self.code}.jsonl"
        if not _CODE.fullmatch(self.code) or not self._file.exists():
            raise ValueError(f'there is no class "{code[:20]}": ask for its code of {LENGTH} letters and digits again')

    @classmethod
    def begin(cls, workspace: Workspace | None = None) -> Tally:
        """A new class."""
        code = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
        (_folder(workspace) / f"{code}.jsonl").touch(exist_ok=False)
        return cls(code, workspace)

    def vote(self, voter: str, turn: str, choice: int) -> None:
        """Add one prediction. Raises ValueError where the class has no more room."""
        if self._file.stat().st_size > MOST_BYTES:
            raise ValueError(f"the class {self.code} is full: begin another one")
        with self._file.open("a", encoding="utf-8") as file:  # one short line is written at once
            file.write(json.dumps([voter, turn, choice]) + "\n")

    def counts(self, turn: str, choices: int) -> tuple[int, ...]:
        """How many predicted each of the choices at this turn."""
        last: dict[str, int] = {}
        for line in self._file.read_text(encoding="utf-8").splitlines():
            try:
                voter, of, choice = json.loads(line)
            except ValueError:  # a line that is being written
                continue
            if of == turn and isinstance(choice, int) and 0 <= choice < choices:
                last[str(voter)] = choice
        found = Counter(last.values())
        return tuple(found[k] for k in range(choices))


def _folder(workspace: Workspace | None) -> Path:
    folder = current(workspace).root / "classes"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
