"""What the cells of a data set are called in the file it was imported from: `cell_names.txt`, one a line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cellflow_core.data.store.dataset import UNREADABLE, Dataset, damaged

FILE = "cell_names.txt"


def read(dataset: Dataset) -> tuple[str, ...]:
    """A name for each cell, no two alike; () where none are kept: the cells were simulated, come from a table without
    names, or were imported before names were kept. Raises DamagedDatasetError."""
    path = dataset.folder / FILE
    if not path.exists():
        return ()
    try:
        names = tuple(path.read_text(encoding="utf-8").split("\n"))
    except UNREADABLE as error:
        raise damaged(dataset.folder, FILE, error) from error
    if len(names) != dataset.info.cells:
        raise damaged(dataset.folder, FILE, f"it names {len(names)} of {dataset.info.cells} cells")
    return names


def write(folder: Path, names: Sequence[str], cells: int) -> None:
    """Names without line breaks, one for each cell; no file for (). Raises ValueError where they are no such names."""
    if not names:
        return
    if len(names) != cells or len(set(names)) != cells:
        raise ValueError(f"{cells} cells need as many different names, got {len(set(names))} of {len(names)}")
    (folder / FILE).write_text("\n".join(names), encoding="utf-8", newline="\n")
