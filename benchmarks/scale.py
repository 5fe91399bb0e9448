"""What every model costs in time and memory on few and on many cells, in one table.

    python benchmarks/scale.py --file eb_velocity_subset2750.npz --out FILE.json
    python benchmarks/scale.py --models ot-displacement,ot-cfm --cells 5000,50000 --steps 100

Each model is trained once on the first --dims (5) coordinates of --file, as loo.py reads and scales them, and once on
each of --cells made-up cells (5,000 and 50,000 of five times in 50 coordinates; synthetic_tree.py), always without the
middle time, on which it is scored; every row in a process of its own. The columns are those of footprint.py:
CPU time of the training, of that the preparation; peak memory above what the libraries hold; the trained
model's file; carrying as many cells as there are through all times; the slowest picture; W1 beside `floor` and
`still`. `grows` is the exponent of the CPU time of preparation and of the memory of training from the next
smaller to this number of made-up cells (1 where they grow as cells do, 2 with all pairs of cells); the steps are as
many for both. It stands where there is enough to tell: a second, 50 MB.

The file is written after every row, and rows of other models that it holds for the same settings are kept.
"""

from __future__ import annotations

import argparse
import math
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import machine
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

import cells
import footprint
import resumable_table
import run_case
from synthetic_tree import tree

from cellflow_core.data.snapshots import Snapshots
from cellflow_core.models import registry
from cellflow_core.train.trainer import PRESETS

PRINTED = {"prepare": 1.0, "memory": 50.0}
"""Least value, in seconds and MB, that an exponent is printed of."""


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Train, measure, print and write; returns what was written."""
    asked = _parser().parse_args(arguments)
    torch.set_num_threads(asked.threads)
    names = registry.names() if asked.models == "all" else tuple(asked.models.split(","))
    for name in names:
        run_case.named(name)
    found: dict[str, Any] = {
        "steps": asked.preset if asked.steps is None else f"{asked.preset}, {asked.steps} steps",
        "seed": asked.seed,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine.here() | {"threads": asked.threads},
        "data": {},
        "refused": [],
        "failed": [],
    }
    every = read(asked)
    again = {(label, name) for label in every for name in names}
    alike = ("steps", "seed", "machine")
    found["rows"] = resumable_table.earlier(asked.out, found, alike, lambda row: (row["data"], row["model"]) in again)
    for label, data in every.items():
        fold = float(data.times[len(data.times) // 2])
        counts = {"cells": len(data.x), "dims": data.dim, "times": len(data.times), "fold": fold}
        found["data"][label] = counts | footprint.beside(data, fold, asked.seed)
        for name in names:
            if message := run_case.missing_data(name, data):
                found["refused"].append({"data": label, "model": name, "message": message})
                continue
            one = run_case.Trial(name, data, asked.seed, fold, asked.preset, asked.threads, steps=asked.steps)
            resumable_table.one(found, one, footprint.row, data=label)
            resumable_table.write(asked.out, found)
    resumable_table.write(asked.out, found)
    print(table(found))
    return found


def read(asked: argparse.Namespace) -> dict[str, Snapshots]:
    """The cells that are asked for, by the name of their part of the table."""
    every: dict[str, Snapshots] = {}
    if asked.file and not asked.file.exists():
        print(f"left out: there is no file {asked.file.name} here; --file takes any that loo.py reads", file=sys.stderr)
    elif asked.file:
        x, t = cells.read(asked.file, asked.time)
        every[asked.file.stem] = cells.snapshots(x, t, asked.dims, scaled=True, mass=False, name=asked.file.name)
    counts = sorted(int(each) for each in asked.cells.split(",") if each)
    return every | {f"tree {count}": tree(count, asked.made_dims, seed=asked.seed) for count in counts}


def table(found: dict[str, Any]) -> str:
    """A block for each of the data sets, models below each other."""
    where = found["machine"]
    lines = [
        f"{found['steps']}, seed {found['seed']}, {found['date'][:10]}",
        f"{where['system']}, {where['cores']} cores, {where['threads']} thread(s), torch {where['torch']}",
    ]
    labels = [*found["data"], *{row["data"]: 0 for row in found["rows"] if row["data"] not in found["data"]}]
    wide = max([16, *(len(row["model"]) for row in found["rows"])])
    for label in labels:
        about = found["data"].get(label)
        printed = (
            "" if about is None else f": {about['cells']} cells, {about['dims']} coordinates, {about['times']} times"
        )
        lines += ["", f"{label}{printed}"]
        lines.append(
            f"{'':{wide}} {'CPU s':>7} {'prep. s':>7} {'clock s':>7} {'MB':>6} {'file MB':>7} {'carry s':>7} {'MB':>6}"
            f" {'view s':>6} {'MB':>6} {'W1':>7} {'grows':>11}"
        )
        lines += [_line(row, found["rows"], wide) for row in found["rows"] if row["data"] == label]
        if about is not None:
            lines += [f"{name:{wide}} {'':56} {about[name]:7.3f}" for name in ("still", "floor")]
    lines += [f"left out: {each.get('message', each.get('said'))} ({each['data']})" for each in found["refused"]]
    return "\n".join(
        [*lines, *(f"failed: {each['model']}, {each['data']}: {each['error']}" for each in found["failed"])]
    )


def _line(row: dict[str, Any], rows: list[dict[str, Any]], wide: int) -> str:
    slowest = max((each for each in row["views"].values() if isinstance(each, float)), default=math.nan)
    grown = " ".join(f"{each:.2f}" if each is not None else "-" for each in growth(row, rows).values())
    return (
        f"{row['model']:{wide}} {row['cpu']:7.1f} {row['prepare']:7.1f} {row['seconds']:7.1f}"
        f" {row['peak_mb'] - row['base_mb']:6.0f} {row['weights_mb']:7.1f} {row['carry']:7.1f} {row['carry_mb']:6.0f}"
        f" {slowest:6.1f} {row['views_mb']:6.0f} {row['w1']:7.3f} {grown:>11}"
    )


def growth(row: dict[str, Any], rows: list[dict[str, Any]]) -> dict[str, float | None]:
    """Exponent of preparation and memory against the same model on the next smaller number of made-up cells; None where
    there is none, or too little to tell."""
    smaller = [
        each
        for each in rows
        if each["model"] == row["model"] and _made(each) and _made(row) and _count(each) < _count(row)
    ]
    if not smaller:
        return {}
    other = max(smaller, key=_count)
    ratio = math.log(_count(row) / _count(other))
    found: dict[str, float | None] = {}
    for name, least in PRINTED.items():
        large, small = (
            each["prepare"] if name == "prepare" else each["peak_mb"] - each["base_mb"] for each in (row, other)
        )
        found[name] = math.log(large / max(small, least / 100)) / ratio if large >= least else None
    return found


def _made(row: dict[str, Any]) -> bool:
    return row["data"].startswith("tree ")


def _count(row: dict[str, Any]) -> int:
    return int(row["data"].split()[1])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--file", type=Path, help="measured cells, as loo.py reads them; none: made-up ones alone")
    parser.add_argument("--time", help="the time column of --file, where it is not called time")
    parser.add_argument("--dims", type=int, default=5, help="how many coordinates of --file (5)")
    parser.add_argument("--cells", default="5000,50000", help="numbers of made-up cells, with commas between")
    parser.add_argument("--made-dims", type=int, default=50, help="coordinates of made-up cells (50)")
    parser.add_argument(
        "--models", default="all", help="names with commas between, or all; with settings name:setting=value"
    )
    parser.add_argument("--preset", default="standard", choices=PRESETS)
    parser.add_argument("--steps", type=int, help="steps of training instead of the preset's")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of torch (1)")
    parser.add_argument("--out", type=Path, metavar="FILE.json")
    return parser


if __name__ == "__main__":
    sys.exit(1 if main()["failed"] else 0)
