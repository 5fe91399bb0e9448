"""`backup` and `restore`: everything of the workspace that cannot be made again, in one file, and back."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cellflow_core.plural import counted
from cellflow_core.workspace import backup, current


def add(commands: Any, argv: Sequence[str]) -> None:
    out = commands.add_parser("backup", help="write data sets, runs and people to one file")
    out.add_argument("file", type=Path, help="a new .tar.gz")
    out.set_defaults(do=_backup)
    back = commands.add_parser("restore", help="bring back what a backup holds and the workspace has not")
    back.add_argument("file", type=Path, help="a .tar.gz that `backup` wrote")
    back.set_defaults(do=_restore)


def _backup(chosen: argparse.Namespace) -> None:
    count = backup.back_up(chosen.file.resolve())
    print(f"{counted(count, 'file')} of {current().root} in {chosen.file}")


def _restore(chosen: argparse.Namespace) -> None:
    found = backup.restore(chosen.file.resolve())
    stayed = f"; {found.kept} that were there stayed as they were" if found.kept else ""
    print(f"{counted(found.data, 'data set')} and {counted(found.runs, 'run')} in {current().root}{stayed}")
