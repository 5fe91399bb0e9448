"""Forecasts of individuals that a model was not trained on (protocol courses-v1): errors by horizon, beside references.

    python benchmarks/courses.py --data FILE|ID|SIMULATOR --models all --seeds 0,1,2 --out FILE.json
    python benchmarks/courses.py --show FILE.json

FILE is a table of individuals that the app can import, or an .npz of `Trajectories.save`; ID a data set of the app;
SIMULATOR the name of a simulator of individuals, with settings as `pkpd:subjects=60:residual_error=0.1`, whose seed is
that of the row: every seed is another study. Elsewhere a seed is another choice of individuals.

A share of the individuals (--held-out) is kept from training, whole; the same for every model. Their histories are cut
at --cuts (usually when a quarter, half and three quarters of the measurements were made), and the rest is forecast from
what was measured by then, and once from nothing but doses and covariates (`before`). With --folds K a seed k holds out
part k of K instead, so that every individual is held out once: where there are few, the only way to tell coverage.
Of each value: RMSE and RMSPE of the median, CRPS of the draws, and whether the band of 90 % covers it; values below a
limit of quantification are left out. With --checks also, of the individuals in training: individual fits (of all
values, and of those after the first dose, which alone a model of the dose explains), the share of observed percentiles
inside their bands (VPC; rank: the share of the simulated data sets of which no more are) and the mean and standard
deviation of the NPDE.

With --after TIME nobody is held out, but what was measured of each individual later: trained on the part before,
forecast from that. With --train-on NAME=VALUE the individuals with this value of a covariate or label are trained on,
and all others are forecast: those with another regimen, say.

Models have the settings of a preset, and no validation part; named ones may have others, `population-pk:lag=false`;
`lstm` is a recurrent network of this folder that the app does not have. A model that needs what the data do not have is
left out with a sentence. The file is written after every row, and rows of other models and seeds that it holds for the
same data and preset are kept.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from pathlib import Path
from typing import Any

import machine
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

import course_table
import resumable_table
import run_case
from course_data import folded, parted, read
from lstm_course import LstmCourse

from cellflow_core.analysis.courses.errors import Errors, errors
from cellflow_core.analysis.courses.forecast import Forecasts, default_cuts, forecasts, horizon_edges
from cellflow_core.analysis.courses.prediction_errors import prediction_errors
from cellflow_core.analysis.courses.predictive_check import predictive_check
from cellflow_core.data.simulators import registry as simulators
from cellflow_core.data.train_validation_split import forecast_split, validation_split
from cellflow_core.data.trajectories import Trajectories
from cellflow_core.models import registry
from cellflow_core.models.contract import DynamicsModel, capabilities
from cellflow_core.train.trainer import PRESETS, TrainConfig, fit

PROTOCOL = "courses-v1"
ALIKE = ("protocol", "data", "preset", "held_out", "cuts")


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Train, score, print and write; returns what was written."""
    with registry.registered("lstm", "benchmarks", LstmCourse):
        return made(_parser().parse_args(arguments))


def made(asked: argparse.Namespace) -> dict[str, Any]:
    """The table that is asked for."""
    if asked.show:
        found = json.loads(asked.show.read_text())
        print(course_table.table(found))
        return found
    if not asked.data:
        raise SystemExit("--data names a file, a data set or a simulator")
    torch.set_num_threads(asked.threads)
    seeds = [int(each) for each in asked.seeds.split(",")]
    first = read(asked.data, seeds[0])
    names, refused = able(asked.models, first)
    found = about(asked, first)
    again = {(name, seed) for name in names for seed in seeds}
    rows = resumable_table.earlier(asked.out, found, ALIKE, lambda row: (row["model"], row["seed"]) in again)
    elsewhere = resumable_table.other_machine(asked.out, found)
    found |= {"rows": rows, "refused": refused, "failed": []}
    for seed in seeds:
        data = read(asked.data, seed)
        for name in names:
            add(found, name, data, seed, asked, elsewhere)
            resumable_table.write(asked.out, found)
    print(course_table.table(found))
    return found


def able(models: str, data: Trajectories) -> tuple[list[str], dict[str, str]]:
    """(models that can be trained on these data, why the others that were named cannot)."""
    if models != "all":
        names = models.split(",")
    else:
        names = [each for each in registry.names() if "courses" in capabilities(registry.find(each))]
    refused = {}
    for label in names:
        name, settings = run_case.named(label)
        kind = registry.find(name)
        if "courses" not in capabilities(kind):
            refused[label] = f"{label} does not know the courses of individuals"
        elif not kind.installed():
            refused[label] = f"{label} needs the package {kind.package}, which is not installed"
        elif lacking := kind.missing_data(kind.Config.from_dict(settings), data.has):
            refused[label] = f"{label}: {lacking}"
    for message in refused.values():
        print(f"left out: {message}", file=sys.stderr, flush=True)
    return [each for each in names if each not in refused], refused


def about(asked: argparse.Namespace, data: Trajectories) -> dict[str, Any]:
    """On what, how, when and where the table is made."""
    simulated = not Path(asked.data).exists() and asked.data.partition(":")[0] in simulators.names()
    return {
        "protocol": PROTOCOL,
        "data": {
            "name": Path(asked.data).name,
            "individuals": len(data.subjects),
            "values": int(data.observed.sum()),
            "variables": list(data.variables),
            "time_unit": data.time_unit,
            "fingerprint": "another study for each seed" if simulated else data.fingerprint,
        },
        "preset": asked.preset if asked.steps is None else f"{asked.preset}, {asked.steps} steps",
        "held_out": _held_out(asked),
        "cuts": _cuts(asked),
        "date": machine.today(),
        "machine": machine.here() | {"threads": asked.threads},
    }


def add(
    found: dict[str, Any], label: str, data: Trajectories, seed: int, asked: argparse.Namespace, known: dict[str, Any]
) -> None:
    """The row of a model and a seed, or the sentence of what went wrong, which takes no other row with it."""
    try:
        row = row_of(label, data, seed, asked, found["cuts"])
    except (ValueError, RuntimeError, ArithmeticError, MemoryError) as error:
        message = f"{type(error).__name__}: {error}"
        found["failed"].append({"model": label, "seed": seed, "error": message})
        print(f"{label} seed {seed} failed: {message}", file=sys.stderr, flush=True)
        return
    found["rows"].append(known | row)
    first = next(iter(row["variables"].values()))
    print(f"{label} seed {seed}: CRPS {first['after']['crps']:.4g}, {row['cpu']:.0f} s", file=sys.stderr, flush=True)


def row_of(label: str, data: Trajectories, seed: int, asked: argparse.Namespace, cuts: list[float]) -> dict[str, Any]:
    """Train on the individuals that are not held out, and forecast those that are."""
    if asked.after is not None:
        (train, _), held = forecast_split(data, after=asked.after), data
    elif asked.train_on:
        train, held = parted(data, asked.train_on)
    elif asked.folds:
        train, held = folded(data, asked.folds, seed)
    else:
        train, held = validation_split(data, asked.held_out, seed)
    if held is None:
        raise ValueError(f"{asked.held_out:g} of {len(data.subjects)} individuals is none: hold out more")
    name, settings = run_case.named(label)
    model = registry.create(name, settings, train.spec, seed)
    changes = {} if asked.steps is None else {"steps": asked.steps}
    config = TrainConfig.preset(asked.preset, type(model), validation_fraction=0.0, **changes)
    began, worked = time.monotonic(), time.process_time()
    fit(model, train, config, seed=seed)
    model.eval()
    spent = {"seconds": round(time.monotonic() - began, 2), "cpu": round(time.process_time() - worked, 2)}
    scored = {each: scores(model, data, held, each, cuts, seed) for each in data.variables}
    if asked.checks:
        for each in data.variables:
            scored[each]["checks"] = checks(model, train, each, seed)
    row = {"model": label, "seed": seed, "date": machine.today(), **spent, "variables": scored}
    return row | ({"notes": list(model.notes())} if model.notes() else {})


def _cuts(asked: argparse.Namespace) -> list[float]:
    if asked.after is not None:
        return [asked.after]
    return [float(each) for each in asked.cuts.split(",")] if asked.cuts else []


def _held_out(asked: argparse.Namespace) -> str | float:
    if asked.after is not None:
        return f"what was measured after {asked.after:g}"
    if asked.train_on:
        return f"all but {asked.train_on}"
    return f"one part of {asked.folds}" if asked.folds else asked.held_out


def scores(
    model: DynamicsModel, data: Trajectories, held: Trajectories, variable: str, cuts: list[float], seed: int
) -> dict[str, Any]:
    """Errors before any measurement, after one over all horizons, by horizon and by cut."""
    k = data.variables.index(variable)
    cuts = cuts or list(default_cuts(data, k))
    edges = horizon_edges(data, k, cuts)
    found = forecasts((model,), held, variable, cuts, seed=seed)
    horizon = np.searchsorted(edges, found.ahead, side="left")
    after = np.isfinite(found.ahead)
    return {
        "cuts": cuts,
        "edges": edges.tolist(),
        "before": _errors(found, ~after),
        "after": _errors(found, after),
        "by_horizon": [_errors(found, after & (horizon == each)) for each in range(1, len(edges))],
        "by_cut": [_errors(found, after & (found.cut == each)) for each in cuts],
    }


def checks(model: DynamicsModel, train: Trajectories, variable: str, seed: int) -> dict[str, Any]:
    """Individual fits, VPC and NPDE, of the individuals in training."""
    found = prediction_errors((model,), train, variable, np.zeros(0, np.int64), seed)
    check = predictive_check((model,), train, variable, seed=seed)
    known = ~found.censored & (found.observed > 0)
    relative = (found.individual - found.observed) / np.where(found.observed > 0, found.observed, 1)
    dosed = known & found.dosed
    covered = (found.low <= found.observed) & (found.observed <= found.high)
    npde = found.npde[np.isfinite(found.npde)]
    numbers = {
        "fit_rmspe": float(np.sqrt(np.mean(relative[known] ** 2))) if known.any() else math.nan,
        "fit_rmspe_after_dose": float(np.sqrt(np.mean(relative[dosed] ** 2))) if dosed.any() else math.nan,
        "fit_coverage": float(covered[~found.censored].mean()),
        "vpc_inside": float(check.inside.mean()),
        "vpc_rank": check.rank,
        "npde_mean": float(npde.mean()) if len(npde) else math.nan,
        "npde_sd": float(npde.std()) if len(npde) else math.nan,
    }
    return {name: None if math.isnan(each) else each for name, each in numbers.items()}


def _errors(found: Forecasts, kept: np.ndarray) -> dict[str, Any]:
    chosen = found.where(kept)
    made: Errors = errors(chosen.draws, chosen.observed)
    return {name: None if math.isnan(each) else each for name, each in made._asdict().items()}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", metavar="FILE|ID|SIMULATOR")
    parser.add_argument("--models", default="all", help="names with commas between, or all; settings as name:key=value")
    parser.add_argument("--seeds", default="0,1,2", help="numbers with commas between")
    parser.add_argument("--out", type=Path, metavar="FILE.json")
    parser.add_argument("--held-out", type=float, default=0.2, help="share of the individuals (0.2)")
    parser.add_argument("--folds", type=int, default=0, help="hold out part SEED of so many, every individual once")
    parser.add_argument("--after", type=float, metavar="TIME", help="hold out what was measured of each later")
    parser.add_argument("--train-on", default="", metavar="NAME=VALUE", help="train on these, forecast all others")
    parser.add_argument("--cuts", default="", help="times at which histories end, with commas between")
    parser.add_argument("--checks", action="store_true", help="also individual fits, VPC and NPDE")
    parser.add_argument("--preset", default="standard", choices=PRESETS)
    parser.add_argument("--steps", type=int, help="steps of training instead of the preset's, to try the program")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of torch (1)")
    parser.add_argument("--show", type=Path, metavar="FILE.json", help="print a table that is there")
    return parser


if __name__ == "__main__":
    sys.exit(1 if main()["failed"] else 0)
