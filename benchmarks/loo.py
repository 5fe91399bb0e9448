"""Leave one time out (protocol loo-v2): the table of how near each model comes to cells that it was not trained on.

    python benchmarks/loo.py --data FILE|ID|eb|cite|multi --models a,b|all --seeds 42,43 --out FILE.json

FILE is .npz (arrays `pcs` and `sample_labels`), or any .h5ad, .csv or .tsv that the app can import: `X_pca` where it
is stored, else the columns of a table of coordinates, else the principal components of the genes as they stand. The
first --dims coordinates are scaled to mean 0 and spread 1 over all cells, from 50 on they are left as they are.
ID is a data set of the app (`python -m cellflow_core data list`): its cells stay in the axes they were prepared in, of
counts or any other, so that models which need such axes have their rows too.
`eb`, `cite` and `multi` are the official files of the published tables, which are then printed below: fetched from
their address and kept in CELLFLOW_HOME, or named by --file; their checksum is checked.

Models train with the settings that a user gets from a preset; nothing is chosen by the time left out. A model may be
named with other settings, `metric-fm:coupling=unbalanced`, and its rows keep that label. A model that needs what the
cells do not have is left out with a sentence. Each row is trained in a process of its own, whose peak memory it tells
(see run_case.py). `w1` is the exact W1 of the full clouds, started from the true cells of the time before, one point a
cell in every row (`points_per_cell`); `plan` holds the distances of a transport plan with eight partners a cell, and
`first` those of the prediction from the first time. The file is written after every row, and rows of other models and
seeds that it holds for the same data and preset are kept, so that a long table can be made in parts; rows made on
another machine name it.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import machine
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

import cells
import published
import resumable_table
import run_case

from cellflow_core.analysis import evaluate
from cellflow_core.analysis.results import BaselineScores
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.store import datasets, open_dataset
from cellflow_core.models import registry
from cellflow_core.train.trainer import PRESETS

BASELINES = tuple(each.name for each in dataclasses.fields(evaluate.Baselines))


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Train, score, print and write; returns what was written."""
    asked = parser().parse_args(arguments)
    torch.set_num_threads(asked.threads)
    names = named(asked)
    data = read(asked)
    folds, seeds = evaluate.middle_times(data), [int(each) for each in asked.seeds.split(",")]
    refused = {name: message for name in names if (message := run_case.missing_data(name, data))}
    for message in refused.values():
        print(f"left out: {message}", file=sys.stderr, flush=True)
    names = tuple(name for name in names if name not in refused)
    found = about(asked, data)
    again = {(name, seed) for name in names for seed in seeds}
    alike = ("protocol", "data", "preset")
    rows = resumable_table.earlier(asked.out, found, alike, lambda row: (row["model"], row["seed"]) in again)
    elsewhere = resumable_table.other_machine(asked.out, found)
    baselines = {fold: evaluate.baseline_scores(data, fold, limit=evaluate.PARTNERS * len(data.x)) for fold in folds}
    found |= {"rows": rows, **baseline_rows(baselines), "refused": refused, "failed": []}
    found |= {"published": published.rows(asked.data, data.dim)}
    for name in names:
        for seed in seeds:
            for fold in folds:
                resumable_table.one(found, trial(asked, name, data, seed, baselines[fold]), **elsewhere)
                resumable_table.write(asked.out, found)
    resumable_table.write(asked.out, found)
    print(table(found))
    return found


def named(asked: argparse.Namespace) -> tuple[str, ...]:
    """The models that are asked for. SystemExit, with a sentence, for a model or a setting that there is not."""
    names = registry.names() if asked.models == "all" else tuple(asked.models.split(","))
    try:
        for name in names:
            run_case.named(name)
    except (KeyError, ValueError) as error:
        raise SystemExit(error.args[0]) from error
    return names


def read(asked: argparse.Namespace) -> Snapshots:
    """The cells that are asked for. SystemExit, with a sentence, where they are lacking or no time can be left out."""
    data = _read(asked)
    try:
        evaluate.middle_times(data)
    except ValueError as error:
        raise SystemExit(str(error)) from error
    return data


def _read(asked: argparse.Namespace) -> Snapshots:
    if asked.data in cells.OFFICIAL:
        path = cells.fetch(asked.data, asked.file, asked.url, lambda stage: print(stage, file=sys.stderr, flush=True))
        x, t = cells.official(asked.data, path, asked.days)
    elif kept(asked):
        return open_dataset(asked.data).snapshots()
    else:
        path = Path(asked.data)
        x, t = cells.read(path, asked.time)
    return cells.snapshots(x, t, asked.dims, scaled=not raw(asked), mass=asked.mass, name=path.name)


def kept(asked: argparse.Namespace) -> bool:
    """Whether a data set of the app is asked for."""
    return asked.data in {each.id for each in datasets()}


def raw(asked: argparse.Namespace) -> bool:
    """Whether coordinates are left as they are."""
    return kept(asked) or (asked.dims >= cells.RAW_FROM if asked.raw is None else asked.raw)


def about(asked: argparse.Namespace, data: Snapshots) -> dict[str, Any]:
    """On what, how, when and where the table is made. What is as usual is left out, as in tables made before."""
    special = {
        "scaled": False if raw(asked) else None,
        "scaler": "without the time left out" if asked.scaler == "seen" else None,
        "mass": "cells at each time" if asked.mass else None,
        "space": data.space.kind if kept(asked) else None,
    }
    name = asked.data if asked.data in cells.OFFICIAL else Path(asked.data).name
    if kept(asked):
        name = open_dataset(asked.data).info.label
    return {
        "protocol": evaluate.PROTOCOL,
        "data": {
            "file": name,
            "cells": len(data.x),
            "dims": data.dim,
            "times": data.times.tolist(),
            "fingerprint": data.fingerprint,
        }
        | {name: value for name, value in special.items() if value is not None},
        "preset": asked.preset if asked.steps is None else f"{asked.preset}, {asked.steps} steps",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine.here() | {"threads": asked.threads},
    }


def begun(asked: argparse.Namespace, data: Snapshots, **more: Any) -> tuple[dict[str, Any], list[str], list[int], Any]:
    """(a table with the rows of earlier parts, models, seeds, what new rows say of their machine), for another program
    with this protocol. SystemExit, with a sentence, where a model lacks data.

    more  what such a table says besides, in which its parts must agree
    """
    names, seeds = list(named(asked)), [int(each) for each in asked.seeds.split(",")]
    for name in names:
        if message := run_case.missing_data(name, data):
            raise SystemExit(message)
    found = about(asked, data) | more | {"failed": []}
    again = {(name, seed) for name in names for seed in seeds}
    alike = ("protocol", "data", "preset", *more)
    found["rows"] = resumable_table.earlier(asked.out, found, alike, lambda row: (row["model"], row["seed"]) in again)
    return found, names, seeds, resumable_table.other_machine(asked.out, found)


def shown_or_made(
    arguments: list[str] | None,
    description: str | None,
    made: Callable[[argparse.Namespace], dict[str, Any]],
    table: Callable[[dict[str, Any]], str],
) -> dict[str, Any]:
    """Print the table that `--show FILE.json` names, or the one that is made from the arguments of `parser`."""
    words = sys.argv[1:] if arguments is None else arguments
    if words[:1] == ["--show"]:
        found = json.loads(Path(words[1]).read_text())
    else:
        found = made(parser(description).parse_args(words))
    print(table(found))
    return found


def baseline_rows(baselines: dict[float, BaselineScores]) -> dict[str, Any]:
    """The baselines without a model: mean W1, W1 at each fold, and every distance."""
    w1 = [{"fold": fold} | {name: getattr(each, name).w1 for name in BASELINES} for fold, each in baselines.items()]
    every = [
        {"fold": fold, "answer": name} | run_case.plain(getattr(each, name))
        for fold, each in baselines.items()
        for name in BASELINES
    ]
    means = {name: float(np.mean([each[name] for each in w1])) for name in BASELINES}
    return {"baselines": means, "baselines_by_fold": w1, "baseline_rows": every}


def table(found: dict[str, Any]) -> str:
    """Each model's mean over folds, mean and spread of that over seeds; the baselines; the published rows."""
    folds = [each["fold"] for each in found["baselines_by_fold"]]
    where, data = found["machine"], found["data"]
    labels = [*dict.fromkeys(row["model"] for row in found["rows"])]
    wide = max(16, *map(len, labels)) if labels else 16
    head = f"{'':{wide}} {'mean W1':>8} {'+- seeds':>8} {'plan':>8} " + " ".join(
        f"{f'at {fold:g}':>7}" for fold in folds
    )
    lines = [
        f"{found['protocol']}, {data['file']}: {data['cells']} cells, {data['dims']} coordinates"
        + ("" if data.get("scaled", True) else " unscaled")
        + (f", scaler {data['scaler']}" if "scaler" in data else "")
        + f", preset {found['preset']}, {found['date'][:10]}",
        f"{where['system']}, {where['cores']} cores, {where['threads']} thread(s), torch {where['torch']}",
        head + f" {'1st':>7} {'CPU s':>9} {'peak MB':>8} {'seeds':>6}",
    ]
    for name in labels:
        own = [row for row in found["rows"] if row["model"] == name]
        seeds = sorted({row["seed"] for row in own})
        means = [np.mean([row["w1"] for row in own if row["seed"] == seed]) for seed in seeds]
        spread = f"{np.std(means, ddof=1):8.3f}" if len(means) > 1 else f"{'-':>8}"
        at = " ".join(_mean([row["w1"] for row in own if row["fold"] == fold], 7, 3) for fold in folds)
        plan = _mean([row["plan"]["w1"] for row in own if "plan" in row], 8, 3)
        first = _mean([row["first"]["w1"] for row in own if "first" in row], 7, 3)
        seconds = np.mean([row.get("cpu", row["seconds"]) for row in own])
        peak = max((row.get("peak_mb", 0) for row in own), default=0)
        rest = f"{seconds:9.1f} {f'{peak:.0f}' if peak else '-':>8} {len(seeds):6}"
        lines.append(f"{name:{wide}} {np.mean(means):8.3f} {spread} {plan} {at} {first} {rest}")
    for name in (each for each in BASELINES if each != "midpoint_plan"):
        at = " ".join(f"{each[name]:7.3f}" for each in found["baselines_by_fold"])
        plan = f"{found['baselines']['midpoint_plan']:8.3f}" if name == "midpoint" else f"{'':8}"
        lines.append(f"{name:{wide}} {found['baselines'][name]:8.3f} {'':8} {plan} {at}")
    return "\n".join([*lines, *published.lines(found["published"])])


def _mean(values: list[float], width: int, digits: int) -> str:
    return f"{np.mean(values):{width}.{digits}f}" if values else f"{'-':>{width}}"


def trial(
    asked: argparse.Namespace, name: str, data: Snapshots, seed: int, baselines: BaselineScores
) -> run_case.Trial:
    return run_case.Trial(
        model=name,
        data=data,
        seed=seed,
        fold=baselines.time,
        preset=asked.preset,
        threads=asked.threads,
        baselines=baselines,
        steps=asked.steps,
        own_scale=asked.scaler == "seen",
    )


def parser(description: str | None = __doc__) -> argparse.ArgumentParser:
    """The arguments, which other programs with this protocol share."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, metavar="FILE|ID|eb|cite|multi")
    parser.add_argument("--file", type=Path, help="the official file, where it is on this machine already")
    parser.add_argument("--url", default="", help="another address of the official file")
    parser.add_argument(
        "--models", default="all", help="names with commas between, or all; with settings name:setting=value"
    )
    parser.add_argument("--seeds", default="42,43,44,45,46", help="numbers with commas between")
    parser.add_argument("--out", type=Path, metavar="FILE.json")
    parser.add_argument("--dims", type=int, default=5, help="how many coordinates (5)")
    parser.add_argument(
        "--raw", action=argparse.BooleanOptionalAction, help="do not scale them (default: from 50 coordinates on)"
    )
    parser.add_argument(
        "--scaler", choices=("all", "seen"), default="all", help="cells that the training data are scaled by"
    )
    parser.add_argument("--mass", action="store_true", help="the number of cells at a time is the population's size")
    parser.add_argument("--days", action="store_true", help="cite, multi: time in days, not evenly from 0 to 3")
    parser.add_argument("--time", help="the time column, where it is not called time (csv, h5ad)")
    parser.add_argument("--preset", default="standard", choices=PRESETS)
    parser.add_argument("--steps", type=int, help="steps of training instead of the preset's, to try the program")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of torch (1)")
    return parser


if __name__ == "__main__":
    sys.exit(1 if main()["failed"] else 0)
