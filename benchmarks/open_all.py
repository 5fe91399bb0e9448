"""Every data set of a folder of data sets, brought in as a user who only presses the button would.

    python benchmarks/open_all.py DIR --out FILE.json

Each file is linked, looked into and imported with the choices that it proposes itself, by the code of the app, into a
home that is thrown away. A row is a folder, or a file of it where the folder holds several tables of cells. `cells` and
`features` are what the file holds and `kept_cells` what is left after the proposed filters; `times` the number of
distinct times and `at` these times; `feeds` the capabilities that what was found makes possible. Files that hold
something else than cells (a network, a list of names, times) are printed in the row of the cells they lie beside.
Ends with 1 where a row is not ok.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import machine
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from cellflow_core.data import store
from cellflow_core.data.importing import uploads
from cellflow_core.data.importing.import_defaults import default_choices, parse_choices
from cellflow_core.data.importing.pipeline import FileSummary, InvalidInputError, import_file, inspect_file
from cellflow_core.data.readers import NotCellDataError, read
from cellflow_core.data.readers.folders.matrix_market import plain
from cellflow_core.data.snapshots import DataRequirement
from cellflow_core.data.times.column_names import unit_of_name

_PERTURBED = re.compile(r"perturb|guide|knock|drug|treatment", re.I)
_UNBALANCED = 1.5  # times as many cells at one time as at another
_EMPTY = 0.5  # of a table beside the cells that is zero where it says what was done to them
KINDS = {"network": "a network", "names": "a list of names", "times": "notes on the same cells"}
"""What `NotCellDataError` names, in words."""
NEEDS = {
    DataRequirement.VELOCITY: "velocity",
    DataRequirement.LINEAGE: "lineage",
    DataRequirement.MASS: "growth",
    DataRequirement.GROWTH: "growth",
    DataRequirement.GENES: "genes",
    DataRequirement.SUBJECTS: "subjects",
    DataRequirement.DOSE: "dose",
}


@dataclass(frozen=True)
class Opened:
    """A file that came in: what the look into it found, what was stored, which column became the time, seconds."""

    path: Path
    found: FileSummary
    info: store.DatasetInfo
    time: str
    windows: int
    seconds: float


@dataclass(frozen=True)
class Beside:
    """A file that lies beside cells: what it is in words, and the capabilities it feeds."""

    path: Path
    what: str
    feeds: tuple[str, ...] = ()


def rows_of(root: Path) -> list[dict[str, Any]]:
    """Rows of all folders below `root` that hold files."""
    with tempfile.TemporaryDirectory(prefix="cellflow-") as home:
        before = os.environ.get("CELLFLOW_HOME")
        os.environ["CELLFLOW_HOME"] = home
        try:
            folders = sorted({each.parent for each in root.rglob("*") if each.is_file() and each.name != "README.md"})
            return [row for folder in folders for row in _of_folder(folder, root)]
        finally:
            os.environ.pop("CELLFLOW_HOME")
            if before is not None:
                os.environ["CELLFLOW_HOME"] = before


def _of_folder(folder: Path, root: Path) -> list[dict[str, Any]]:
    outcomes = [opened(each) for each in sorted(folder.iterdir()) if each.is_file() and each.name != "README.md"]
    came = [each for each in outcomes if isinstance(each, Opened)]
    main = max(came, key=lambda each: each.info.cells * each.info.dim, default=None)
    rest = [each for each in outcomes if each is not main]
    beside = [each for each in (_beside(one, main) for one in rest) if each is not None]
    taken = {each.path for each in beside}
    own = [each for each in outcomes if _path(each) not in taken]
    names = {_path(each): _path(each) if len(own) > 1 else folder for each in own}
    return [_row(str(names[_path(each)].relative_to(root)), each, beside if _alike(each, main) else []) for each in own]


def _alike(one: Opened | tuple[Path, Exception], main: Opened | None) -> bool:
    """Were the same features measured in both?"""
    return main is not None and isinstance(one, Opened) and one.found.features == main.found.features


def opened(path: Path) -> Opened | tuple[Path, Exception]:
    """The file in a data set, imported as a user would, or what the app answered instead."""
    began = time.perf_counter()
    source = uploads.opened(uploads.register_local_file(path))
    try:
        found = inspect_file(source.path, source.name)
        choices, numbers = parse_choices(default_choices(found))
        made = store.open_dataset(import_file(source.path, source.name, choices, numbers))
        made.snapshots()
    except Exception as error:  # noqa: BLE001 - whatever it is becomes a row that is not ok
        return path, error
    finally:
        uploads.discard(source.id)
    return Opened(path, found, made.info, choices.time_column, choices.windows, time.perf_counter() - began)


def _beside(one: Opened | tuple[Path, Exception], main: Opened | None) -> Beside | None:
    """What a file is that holds no cells of its own; None where it stands for itself."""
    path = _path(one)
    if isinstance(one, tuple) and isinstance(one[1], NotCellDataError):
        order = any(unit_of_name(each) == "pseudotime" for each in _head(path))
        feeds = ("network",) if one[1].what == "network" else ("pseudotime",) if order else ()
        return Beside(path, KINDS[one[1].what], feeds)
    if main is None or main.found.format != "table":
        return None
    if isinstance(one, tuple):
        lines = _lines(path) if isinstance(one[1], InvalidInputError) else 0
        return Beside(path, f"a line for each row of {main.path.name}") if lines == main.found.cells else None
    if one.found.format != "table" or one.found.cells != main.found.cells:
        return None
    done = one.found.features == main.found.features and (read(path, path.name).x == 0).mean() > _EMPTY
    what = f"what was done to each row of {main.path.name}" if done else f"numbers of each row of {main.path.name}"
    return Beside(path, what, ("perturbation",) if done else ())


def _lines(path: Path) -> int:
    with plain(path) as file:
        return sum(1 for each in file if each.strip())


def _head(path: Path) -> list[str]:
    with plain(path) as file:
        return re.split(r"[,;\t]", file.readline(10_000).decode("utf-8", "replace").strip())


def _path(one: Opened | tuple[Path, Exception]) -> Path:
    return one.path if isinstance(one, Opened) else one[0]


def _row(data: str, one: Opened | tuple[Path, Exception], beside: list[Beside]) -> dict[str, Any]:
    if isinstance(one, tuple):
        message = str(one[1]) if isinstance(one[1], ValueError) else f"{type(one[1]).__name__}: {one[1]}"
        empty: dict[str, Any] = {"cells": 0, "features": 0, "times": 0, "feeds": []}
        return {"data": data, "ok": isinstance(one[1], NotCellDataError), **empty, "sentence": message}
    return {
        "data": data,
        "ok": True,
        "cells": one.found.cells,
        "features": one.found.features,
        "times": len(one.info.times),
        "feeds": _feeds(one, beside),
        "sentence": _sentence(one, beside),
        "format": one.found.format,
        "kept_cells": one.info.cells,
        "axes": one.info.dim,
        "at": list(one.info.times),
        "unit": one.info.time_unit,
        "time_column": one.time,
        "beside": [each.path.name for each in beside],
        "seconds": round(one.seconds, 2),
    }


def _feeds(one: Opened, beside: list[Beside]) -> list[str]:
    """Capabilities, by what was found in the file and in those beside it."""
    info, found = one.info, one.found
    course = "pseudotime" if info.time_unit == "pseudotime" else "time course"
    feeds = [course] if len(info.times) > 1 else ["snapshot"]
    if not one.windows and not found.followed and info.counts and max(info.counts) >= _UNBALANCED * min(info.counts):
        feeds.append("unbalanced")
    if any(unit_of_name(each) == "pseudotime" for each in info.covariates):
        feeds.append("pseudotime")
    feeds += [words for need, words in NEEDS.items() if need in info.has]
    if {"spliced", "unspliced"} <= set(info.layers):
        feeds.append("splicing")
    if found.growth:
        feeds.append("growth")
    if any(_PERTURBED.search(each) for each in (*found.annotations, *info.annotations)):
        feeds.append("perturbation")
    return list(dict.fromkeys([*feeds, *(each for one in beside for each in one.feeds)]))


def _sentence(one: Opened, beside: list[Beside]) -> str:
    found, info = one.found, one.info
    row = "rows of individuals" if found.followed else "cells"
    what = "feature" if found.followed else "coordinate" if found.looks == "coordinates" else "gene"
    printed = f"{found.cells:,} {row} with {found.features:,} {what}{'s' if found.features > 1 else ''}"
    printed += " came in" if info.cells == found.cells else f", of which {info.cells:,} came in"
    if len(info.times) < 2:
        printed += " as one snapshot without a time"
    else:
        unit = f"{info.time_unit}, " if info.time_unit else ""
        cut = f" cut into {one.windows} windows" if one.windows else ""
        printed += f" at {len(info.times)} times from {info.times[0]:g} to {info.times[-1]:g} "
        printed += f"({unit}column {one.time!r}{cut}, {_range(info.counts)} at each)"
    if found.unsure:
        printed += f"; the app asks what the values are, since {found.unsure}"
    if beside:
        printed += "; beside them " + ", ".join(f"{each.path.name} ({each.what})" for each in beside)
    return printed + "."


def _range(counts: tuple[int, ...]) -> str:
    low, high = int(np.min(counts)), int(np.max(counts))
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def table(rows: list[dict[str, Any]]) -> str:
    wide = max(len(each["data"]) for each in rows)
    lines = [f"{'data':{wide}}  ok   {'cells':>6} {'features':>8} {'times':>5}  feeds"]
    for each in rows:
        ok = "yes" if each["ok"] else "NO "
        lines.append(
            f"{each['data']:{wide}}  {ok}  {each['cells']:6} {each['features']:8} {each['times']:5}  "
            + (", ".join(each["feeds"]) or each["sentence"])
        )
    ok = sum(each["ok"] for each in rows)
    return "\n".join([*lines, f"{ok} of {len(rows)} are ok"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    if not asked.folder.is_dir():
        parser.error(f"{asked.folder} is no folder: name the one that holds the data sets")
    began = time.perf_counter()
    rows = rows_of(asked.folder)
    print(table(rows))
    seconds = round(time.perf_counter() - began, 1)
    found = {"date": machine.today(), "machine": machine.here(), "seconds": seconds, "rows": rows}
    if asked.out:
        asked.out.write_text(json.dumps(found, indent=1) + "\n")
    return 0 if all(each["ok"] for each in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
