"""Fate of early cells, predicted by each model and observed in their clones: AUROC of one fate against another.

    python benchmarks/clones.py --data larry_test_781cells.h5ad --models a,b|all --seeds 42 --out FILE.json

The file is imported as a user would: the first --dims of the components that it holds, clones from obsm["X_clone"], and
a growth rate of each cell from the genes of cell cycle and of apoptosis (the step "growth"). Models train on the cells
of all times with the settings of a preset, and nothing is chosen by clones. Early cells (--early) whose clones have
later cells of either of --fates are moved to the last time (analysis/lineage/clones.py); `auroc` is the chance that one
whose clone mostly became the first fate is predicted more so than one whose clone mostly became the second, with 95 %
of bootstrap samples of whole clones.

`with`     trained on cells that have a growth rate, and descendants count by the mass that the model gives them
`without`  trained on cells without one, and each descendant counts once
Models that know no growth stand in `without` alone. Where a model gives each cell one path only, growth weighs all of
its ends alike, so that the rows differ by training alone.

Most models see no clones. One that needs them is trained several times, each time without the lineage of a part of the
clones, whose cells alone it then predicts (`held out`); with all clones known it saw which cells of one time are
relatives, and that row says `seen`.

`over` is the difference to Waddington-OT, with growth where both have it, in the same bootstrap samples. The prediction
of several seeds is their mean. Rows that the file holds stay until the same model is made again.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import machine
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

import run_case

from cellflow_core.analysis.dynamics import dynamics
from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.lineage import clones
from cellflow_core.analysis.results import ClonalBias
from cellflow_core.data import store
from cellflow_core.data.importing.pipeline import ImportChoices, import_file
from cellflow_core.data.snapshots import DataRequirement, Snapshots
from cellflow_core.data.steps.derive import derive
from cellflow_core.models import registry
from cellflow_core.models.contract import DynamicsModel
from cellflow_core.train.trainer import PRESETS, TrainConfig, fit

YARDSTICK = "waddington-ot"
GROWTH = "without", "with"
"""Growth."""
PRINTED = ("prescient",)
"""Models that train on a growth rate of each cell where there is one, and give their cells none."""
FOLDS = 5
"""Parts of the clones that are left out in turn for a model that needs lineage."""


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Train, score, print and write; returns what was written."""
    asked = _parser().parse_args(arguments)
    torch.set_num_threads(asked.threads)
    names = registry.names() if asked.models == "all" else tuple(asked.models.split(","))
    data = read(asked)
    fates = (asked.fates.split(",")[0], asked.fates.split(",")[1])
    early = clones.evidence(data, asked.states, fates, asked.early)
    found = about(asked, data, early)
    found["rows"] = earlier(asked.out, found)
    for name in names:
        try:
            made = rows(asked, name, data, fates)
        except (ValueError, RuntimeError, ArithmeticError) as error:
            found["failed"].append({"model": name, "error": f"{type(error).__name__}: {error}"})
            print(f"{name} failed: {error}", file=sys.stderr, flush=True)
        else:
            found["rows"] = [row for row in found["rows"] if row["model"] != name] + made
        write(asked.out, found)
    print(table(found))
    return found


def read(asked: argparse.Namespace) -> Snapshots:
    """The cells with clones, states and growth, imported as a user would."""
    path = Path(asked.data)
    with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ, {"CELLFLOW_HOME": folder}):
        choices = ImportChoices(time_column=asked.time, unit="day", representation=asked.axes, components=asked.dims)
        times = {f"{each:g}": float(each) for each in asked.times}
        made = derive(import_file(path, path.name, choices, times), "growth", {})
        return store.open_dataset(made).snapshots()


def rows(asked: argparse.Namespace, name: str, data: Snapshots, fates: tuple[str, str]) -> list[dict[str, Any]]:
    """One row for each variant in which this model can be trained."""
    bare = dataclasses.replace(data, growth=None)
    made = [one(asked, name, bare, fates, "without")]
    if made[0]["grows"] or run_case.named(name)[0] in PRINTED:
        made.append(one(asked, name, data, fates, "with"))
    if DataRequirement.LINEAGE in registry.find(run_case.named(name)[0]).needs:
        for row in made:
            row["clones"] = "seen"
        made += [one(asked, name, each, fates, growth, FOLDS) for each, growth in ((bare, "without"), (data, "with"))]
    return made


def one(
    asked: argparse.Namespace, name: str, data: Snapshots, fates: tuple[str, str], growth: str, folds: int = 0
) -> dict[str, Any]:
    """The prediction of each early cell, mean over seeds."""
    assert data.lineage is not None
    began, predicted, grows, last = time.process_time(), [], False, None
    for seed in (int(each) for each in asked.seeds.split(",")):
        values = []
        for part in range(max(folds, 1)):
            hidden = (data.lineage % folds == part) if folds else np.zeros(len(data.t), bool)
            model = trained(asked, name, dataclasses.replace(data, lineage=np.where(hidden, -1, data.lineage)), seed)
            grows = dynamics(model).has_growth
            last = bias(asked, model, data, fates, seed)
            wanted = (last.clone % folds == part) if folds else np.ones(len(last.clone), bool)
            values.append(np.where(wanted, last.predicted if growth == "with" else last.without_growth, 0.0))
        predicted.append(np.sum(values, axis=0))
    assert last is not None
    mean = np.mean(predicted, axis=0)
    low, value, high = clones.auroc_interval(mean, last.observed, last.clone)
    days = {f"{day:g}": clones.auroc(mean[last.time == day], last.observed[last.time == day]) for day in set(last.time)}
    row = {"model": name, "growth": growth, "auroc": round(value, 4), "low": round(low, 4), "high": round(high, 4)}
    row |= {"by_time": {day: None if np.isnan(each) else round(each, 4) for day, each in sorted(days.items())}}
    row |= {"grows": grows, "seeds": asked.seeds, "cpu": round(time.process_time() - began, 1)}
    row |= {"clones": "held out"} if folds else {}
    print(f"{name} {growth} growth {row.get('clones', '')}: {value:.3f}", file=sys.stderr, flush=True)
    return row | {"predicted": mean.round(4).tolist(), "date": machine.today()}


def trained(asked: argparse.Namespace, name: str, data: Snapshots, seed: int) -> DynamicsModel:
    kind, settings = run_case.named(name)
    model = registry.create(kind, settings, data.spec, seed)
    changes = {} if asked.steps is None else {"steps": asked.steps}
    fit(model, data, TrainConfig.preset(asked.preset, type(model), **changes), seed=seed)
    return model


def bias(
    asked: argparse.Namespace, model: DynamicsModel, data: Snapshots, fates: tuple[str, str], seed: int
) -> ClonalBias:
    view = Embedding("pca", ("1", "2"), data.x[:, :2], data.x)
    return clones.clonal_bias(model, data, view, asked.states, fates, asked.early, seed=seed)


def about(asked: argparse.Namespace, data: Snapshots, early: clones.Evidence) -> dict[str, Any]:
    """On what, how, when and where the table is made."""
    assert data.lineage is not None
    kept = data.t[early.cells]
    return {
        "data": {
            "file": Path(asked.data).name,
            "cells": len(data.x),
            "axes": asked.axes,
            "dims": data.dim,
            "fingerprint": data.fingerprint,
            "fates": asked.fates,
            "early": asked.early,
            "early_cells": len(early.cells),
            "by_time": {f"{day:g}": int((kept == day).sum()) for day in np.unique(kept)},
            "clones": len(np.unique(data.lineage[early.cells])),
        },
        "preset": asked.preset if asked.steps is None else f"{asked.preset}, {asked.steps} steps",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine.here() | {"threads": asked.threads},
        "observed": early.bias.round(4).tolist(),
        "clone": data.lineage[early.cells].tolist(),
        "rows": [],
        "failed": [],
    }


def earlier(path: Path | None, made: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows of an earlier part of the same table."""
    if path is None or not path.exists():
        return []
    held = json.loads(path.read_text())
    if any(held[key] != made[key] for key in ("data", "preset", "machine")):
        raise SystemExit(f"{path.name} holds a table of other data, preset or machine: name another file for --out")
    return held["rows"]


def write(path: Path | None, found: dict[str, Any]) -> None:
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found, indent=1, allow_nan=False) + "\n")


def table(found: dict[str, Any]) -> str:
    """A row a model: AUROC with and without growth, its interval, and what it has over Waddington-OT."""
    data, where = found["data"], found["machine"]
    seen = ", ".join(f"{count} of time {day}" for day, count in data["by_time"].items())
    lines = [
        f"{data['file']}: {data['cells']} cells, {data['dims']} of {data['axes']}; {data['early_cells']} early cells "
        f"({seen}) of {data['clones']} clones, {data['fates'].replace(',', ' against ')}",
        f"preset {found['preset']}, {found['date'][:10]}, {where['system']}, {where['threads']} thread(s)",
        f"{'':24} {'growth':>8} {'AUROC':>6} {'95 % of clones':>16} "
        f"{'over ' + YARDSTICK:>26} {'by time':>16} {'CPU s':>7} {'seeds':>5}",
    ]
    for row in sorted(found["rows"], key=lambda each: -each["auroc"]):
        label = row["model"] + (f", clones {row['clones']}" if "clones" in row else "")
        by_time = " ".join("  -  " if each is None else f"{each:.3f}" for each in row["by_time"].values())
        lines.append(
            f"{label:24} {row['growth']:>8} {row['auroc']:6.3f} {row['low']:7.3f} to {row['high']:.3f} "
            f"{over(found, row):>26} {by_time:>16} {row['cpu']:7.1f} {len(row['seeds'].split(',')):5}"
        )
    return "\n".join([*lines, *(f"{each['model']} failed: {each['error']}" for each in found["failed"])])


def over(found: dict[str, Any], row: dict[str, Any]) -> str:
    """ "+0.031 (-0.02 to 0.10)" against the yardstick, with growth."""
    other = [each for each in found["rows"] if each["model"] == YARDSTICK and each["growth"] == "with"]
    if not other or other[0] is row:
        return ""
    observed, clone = np.array(found["observed"]), np.array(found["clone"])
    mine, its = (clones.resampled(np.array(each["predicted"]), observed, clone) for each in (row, other[0]))
    low, high = np.nanquantile(mine - its, [0.025, 0.975])
    return f"{row['auroc'] - other[0]['auroc']:+.3f} ({low:+.3f} to {high:+.3f})"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, metavar="FILE.h5ad")
    parser.add_argument("--models", default="all", help="names with commas between; with settings name:setting=value")
    parser.add_argument("--seeds", default="42", help="numbers with commas between")
    parser.add_argument("--out", type=Path, metavar="FILE.json")
    parser.add_argument("--axes", default="obsm:X_pca", help="axes in the file that the models work in (obsm:X_pca)")
    parser.add_argument("--dims", type=int, default=30, help="how many of them (30)")
    parser.add_argument("--time", default="time_info", help="column of the days (time_info)")
    parser.add_argument("--times", type=float, nargs="+", default=[2.0, 4.0, 6.0], help="the days in it (2 4 6)")
    parser.add_argument("--states", default="state_info", help="column of the fates (state_info)")
    parser.add_argument("--fates", default="Neutrophil,Monocyte", help="two of its values (Neutrophil,Monocyte)")
    parser.add_argument("--early", default="undiff", help="value of it that early cells have (undiff)")
    parser.add_argument("--preset", default="standard", choices=PRESETS)
    parser.add_argument("--steps", type=int, help="steps of training instead of the preset's, to try the program")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of torch (1)")
    return parser


if __name__ == "__main__":
    sys.exit(1 if main()["failed"] else 0)
