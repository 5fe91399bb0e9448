"""Where data sets and runs live on disk: `CELLFLOW_HOME`, or `workspace` below the current folder."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    return Path(os.environ.get("CELLFLOW_HOME", "workspace")).resolve()


def data_root() -> Path:
    """Folder of the data sets, made on first use."""
    return _made(home() / "data")


def runs_root() -> Path:
    """Folder of the runs, made on first use."""
    return _made(home() / "runs")


def _made(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path
