"""Colours of the groups of annotations, kept with a data set: those of its file, and those that were chosen by hand."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from cellflow_core import atomic_write
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.store.dataset import UNREADABLE, Dataset, damaged
from cellflow_core.workspace import current

Colours = Mapping[str, Mapping[str, str]]
"""Annotation -> group -> colour as "#rrggbb"."""
FILE = "colours.json"
_HEX = re.compile(r"#[0-9a-f]{6}")


def write(folder: Path, data: Snapshots, colours: Colours) -> None:
    """Store the colours of the groups that these cells have; no file where there are none."""
    kept = {}
    for name, by_group in colours.items():
        groups = set(map(str, data.labels[name].tolist())) if name in data.labels else set()
        if own := {group: colour for group, colour in by_group.items() if group in groups}:
            kept[name] = own
    if kept:
        _save(folder, kept)


def read(dataset: Dataset) -> dict[str, dict[str, str]]:
    """The colours of a stored data set, {} where all are the usual ones. Raises DamagedDatasetError."""
    path = dataset.folder / FILE
    if not path.exists():
        return {}
    try:
        return {name: dict(each) for name, each in json.loads(path.read_text(encoding="utf-8")).items()}
    except (*UNREADABLE, AttributeError) as error:
        raise damaged(dataset.folder, FILE, error) from error


def choose(dataset: Dataset, annotation: str, colours: Mapping[str, str]) -> None:
    """Give the groups of an annotation colours of one's own, {} for the usual ones again.

    Raises KeyError for an annotation that is not there, ValueError for what is no "#rrggbb", NotAllowedError where the
    data set is another person's.
    """
    current().require("own", dataset.folder)
    if annotation not in dataset.info.annotations:
        raise KeyError(f"these cells have no annotation {annotation!r}")
    wrong = [each for each in colours.values() if not _HEX.fullmatch(each.lower())]
    if wrong:
        raise ValueError(f"{wrong[0]!r} is no colour: six hexadecimal digits after # are expected, as in #0072b2")
    others = {name: each for name, each in read(dataset).items() if name != annotation}
    _save(dataset.folder, others | ({annotation: {k: v.lower() for k, v in colours.items()}} if colours else {}))


def _save(folder: Path, colours: Colours) -> None:
    atomic_write.write_text(folder / FILE, json.dumps(colours, indent=1))
