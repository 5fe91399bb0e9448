"""What copies of the model of a run tell of its bands, by variable; in the folder of the run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cellflow_core.runs import files
from cellflow_core.runs.run import Run

FILE = "bands.json"


def save(run: Run, found: Mapping[str, Mapping[str, Any]]) -> None:
    files.write_json(run.folder / FILE, found)


def read(run: Run) -> dict[str, Any]:
    """{} where its bands were not calibrated. Raises DamagedRunError where the file holds something else."""
    return files.read_json(run.folder / FILE) or {}
