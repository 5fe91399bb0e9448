"""Leave one time out (protocol loo-v1): the table of how near each model comes to cells that it has not seen.

    python benchmarks/loo.py --data FILE --models ot-cfm --seeds 42,43 --out FILE.json

FILE is .npz (arrays `pcs` and `sample_labels`), or any .h5ad, .csv or .tsv that the app can import: `X_pca` where it
is stored, else the columns of a table of coordinates, else the principal components of the genes as they stand. The
first --dims coordinates are scaled to mean 0 and spread 1 over all cells.
Models train with the settings that a user gets from a preset; nothing is chosen by the time left out. Rows of other
models and seeds that FILE.json holds for the same data and preset are kept, so that a long table can be made in parts.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import machine
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from cellflow_core.analysis import evaluate
from cellflow_core.data import prepare, readers
from cellflow_core.data.readers import BadInput
from cellflow_core.data.scale import scale_of
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.space import StateSpace
from cellflow_core.data.time_columns import candidates, no_time, times_of, without_times
from cellflow_core.models import registry
from cellflow_core.train.trainer import PRESETS, TrainConfig, fit

BASELINES = tuple(each.name for each in dataclasses.fields(evaluate.Baselines))


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Train, score, print and write; returns what was written."""
    asked = _parser().parse_args(arguments)
    torch.set_num_threads(asked.threads)
    names = registry.names() if asked.models == "all" else tuple(asked.models.split(","))
    for name in names:
        registry.find(name)
    data = read(asked.data, asked.dims, asked.time)
    folds, seeds = evaluate.middle_times(data), [int(each) for each in asked.seeds.split(",")]
    made = about(asked, data)
    kept = earlier(asked.out, made, {(name, seed) for name in names for seed in seeds})
    trivial = [evaluate.baselines(data, fold) for fold in folds]
    rows = []
    for name in names:
        for seed in seeds:
            for fold in folds:
                rows.append(one(name, data, seed, fold, asked.preset))
                print(f"{name} seed {seed} without {fold:g}: {rows[-1]['w1']:.3f}", file=sys.stderr, flush=True)
    found = made | {
        "rows": kept + rows,
        "baselines": {name: float(np.mean([getattr(each, name) for each in trivial])) for name in BASELINES},
        "baselines_by_fold": [
            {"fold": fold} | dataclasses.asdict(each) for fold, each in zip(folds, trivial, strict=True)
        ],
    }
    print(table(found))
    if asked.out:
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        asked.out.write_text(json.dumps(found, indent=1) + "\n")
    return found


def about(asked: argparse.Namespace, data: Snapshots) -> dict[str, Any]:
    """On what, how, when and where the table is made."""
    return {
        "protocol": evaluate.PROTOCOL,
        "data": {
            "file": asked.data.name,
            "cells": len(data.x),
            "dims": data.dim,
            "times": data.times.tolist(),
            "fingerprint": data.fingerprint,
        },
        "preset": asked.preset,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine.here() | {"threads": asked.threads},
    }


def one(name: str, data: Snapshots, seed: int, fold: float, preset: str) -> dict[str, Any]:
    """Train without the fold and score on it."""
    seen = data.without(fold)
    model = registry.create(name, {}, seen.spec, seed)
    began = time.monotonic()
    fit(model, seen, TrainConfig.preset(preset, type(model)), seed=seed)
    seconds = time.monotonic() - began
    w1 = evaluate.score(model, data, fold, seed=seed)
    return {"model": name, "seed": seed, "fold": fold, "w1": w1, "seconds": round(seconds, 2), "date": machine.today()}


def earlier(path: Path | None, made: dict[str, Any], again: set[tuple[str, int]]) -> list[dict[str, Any]]:
    """Rows of an earlier part of the same table, less the models and seeds that are made again."""
    if path is None or not path.exists():
        return []
    held = json.loads(path.read_text())
    if any(held[key] != made[key] for key in ("protocol", "data", "preset", "machine")):
        raise SystemExit(f"{path.name} holds a table of other data, preset or machine: name another file for --out")
    return [row for row in held["rows"] if (row["model"], row["seed"]) not in again]


def table(found: dict[str, Any]) -> str:
    """Each model's mean over folds, mean and spread of that over seeds; then the trivial answers."""
    folds = [each["fold"] for each in found["baselines_by_fold"]]
    head = f"{'':16} {'mean W1':>8} {'+- seeds':>8} " + " ".join(f"{f'at {fold:g}':>7}" for fold in folds)
    where, data = found["machine"], found["data"]
    lines = [
        f"{found['protocol']}, {data['file']}: {data['cells']} cells, {data['dims']} coordinates, "
        f"preset {found['preset']}, {found['date'][:10]}",
        f"{where['system']}, {where['cores']} cores, {where['threads']} thread(s), torch {where['torch']}",
        head + f" {'s a fold':>9} {'seeds':>6}",
    ]
    for name in dict.fromkeys(row["model"] for row in found["rows"]):
        own = [row for row in found["rows"] if row["model"] == name]
        seeds = sorted({row["seed"] for row in own})
        means = [np.mean([row["w1"] for row in own if row["seed"] == seed]) for seed in seeds]
        spread = f"{np.std(means, ddof=1):8.3f}" if len(means) > 1 else f"{'-':>8}"
        at = " ".join(f"{np.mean([row['w1'] for row in own if row['fold'] == fold]):7.3f}" for fold in folds)
        seconds = np.mean([row["seconds"] for row in own])
        lines.append(f"{name:16} {np.mean(means):8.3f} {spread} {at} {seconds:9.1f} {len(seeds):6}")
    for name in BASELINES:
        at = " ".join(f"{each[name]:7.3f}" for each in found["baselines_by_fold"])
        lines.append(f"{name:16} {found['baselines'][name]:8.3f} {'':8} {at}")
    return "\n".join(lines)


def read(path: Path, dims: int, column: str | None) -> Snapshots:
    """The first `dims` coordinates, scaled over all cells. SystemExit, with a sentence, where they are lacking."""
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as stored:
            x, t = stored["pcs"], stored[column or "sample_labels"].astype(np.float64)
    else:
        try:
            x, t = _table(path, column)
        except BadInput as error:
            raise SystemExit(str(error)) from error
    if x.shape[1] < dims:
        raise SystemExit(f"{path.name} has {x.shape[1]} coordinates, --dims asks for {dims}")
    x = np.asarray(x[:, :dims], dtype=np.float64)
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    return Snapshots(x, t, StateSpace.coordinates(tuple(f"PC{k + 1}" for k in range(dims))))


def _table(path: Path, column: str | None) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates and times: stored components, else a table of coordinates, else the components of genes."""
    table = readers.read(path, path.name)
    found = {each.column: each for each in candidates(table)}
    column = column or ("time" if "time" in found else next(iter(found), ""))
    numbers = dict(zip(found[column].labels, found[column].numbers, strict=True)) if column in found else {}
    if not column:
        raise BadInput(f"{path.name}: {no_time(table)}")
    t, _ = times_of(table.obs, path.name, column, numbers)
    table = without_times(table, column)
    x = table.obsm.get("X_pca")
    if x is None:
        x = prepare.dense(table.x)
        if scale_of(table).looks != "coordinates":
            center = x - x.mean(axis=0)
            x = center @ np.linalg.svd(center, full_matrices=False)[2].T
    kept = np.isfinite(t)
    return np.asarray(x)[kept], t[kept]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="FILE")
    parser.add_argument("--models", default="all", help="names with commas between, or all")
    parser.add_argument("--seeds", default="42,43,44,45,46", help="numbers with commas between")
    parser.add_argument("--out", type=Path, metavar="FILE.json")
    parser.add_argument("--dims", type=int, default=5, help="how many coordinates (5)")
    parser.add_argument("--time", help="the time column, where it is not called time (csv, h5ad)")
    parser.add_argument("--preset", default="standard", choices=PRESETS)
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of torch (1)")
    return parser


if __name__ == "__main__":
    main()
