"""How long training takes to the same accuracy, beside stock torchcfm on the same cells in the same run.

    python benchmarks/speed.py --only otcfm --out FILE.json
    python benchmarks/speed.py --only otcfm --data made-up FILE.npz --dims 5,50 --out FILE.json

Cells are made up (two groups that part and spread over four times, --dims coordinates), or the z-scored coordinates of
a file as `loo.py` reads it; a file that is not there is left out with a sentence. Rows of other cells that the file of
--out holds are kept, so that the table can be made in parts. Half of the cells of each time are for training. The other
half are the test: from each time they are moved to the next, and W1 is the mean exact Wasserstein-1 distance to the
test cells there (state); `floor` is the distance of the training cells to them, that of two samples of as many
cells, which is a scale and not a bound.

Stock is the loop of torchcfm's single-cell tutorial: its ExactOptimalTransportConditionalFlowMatcher on 256 random
cells of each pair of times, its MLP of width 64 and its Adam. The tutorial takes 10,000 steps at a rate of 1e-4; the
default here is 3,000 steps at 1e-3, which is the stricter opponent (--stock-steps, --stock-rate).
Ours is `ot-cfm` as `fit` trains it, its plans included, on the same cells (none kept aside), in several lengths; each
is a training of its own; --models takes other labels, such as ot-cfm:sigma=0.3. In each of --repeats rounds all are
trained in turn, on other seeds and another half of the cells, so that a round's W1 compare with each other and not with
those of other rounds. The ratio is the median time of our shortest training whose W1, mean over the rounds, is at most
stock's, over stock's median time: `seconds` on the clock, `cpu` the CPU time.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import machine
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

import cells
import run_case
from torchcfm import ExactOptimalTransportConditionalFlowMatcher
from torchcfm.models import MLP

from cellflow_core.analysis.simulate import simulate
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.math.ot import wasserstein
from cellflow_core.models import registry
from cellflow_core.train.trainer import TrainConfig, fit

Array = np.ndarray
Move = Callable[[Array, float, float], Array]
"""Cells at one time, moved to another."""
MADE_UP = "made-up"
LENGTHS = (60, 120, 250, 500, 1000, 2000)
EULER = 100
"""Steps of the tutorial's path through one gap."""


def made_up(dims: int, count: int, seed: int) -> Snapshots:
    """Cells of four times, `count` each: two groups that part, turn and spread; axes beyond two hold noise."""
    rng = np.random.default_rng(seed)
    frames = []
    for t in range(4):
        side = rng.choice([-1.0, 1.0], count)
        x = rng.normal(size=(count, dims)) * (0.4 + 0.1 * t)
        x[:, 0] += 1.5 * t
        x[:, 1] += side * 0.5 * t**1.5
        frames.append(x)
    names = tuple(f"x{k + 1}" for k in range(dims))
    return Snapshots(np.concatenate(frames), np.repeat(np.arange(4.0), count), AffineSpace.coordinates(names))


def halves(data: Snapshots, seed: int) -> tuple[Snapshots, Snapshots]:
    """Cells for training and for the test, half of each time."""
    rng = np.random.default_rng(seed)
    train = np.zeros(len(data.x), dtype=bool)
    for t in data.times:
        at = np.flatnonzero(data.t == t)
        train[rng.permutation(at)[: len(at) // 2]] = True
    return data.take(train), data.take(~train)


def stock(train: Snapshots, steps: int, rate: float, seed: int) -> Move:
    """torchcfm's tutorial: time of the model is the number of the gap."""
    rng = np.random.default_rng(seed)
    np.random.seed(seed)  # noqa: NPY002 - torchcfm draws its pairs from it
    torch.manual_seed(seed)
    frames = [train.at(t) for t in train.times]
    matcher = ExactOptimalTransportConditionalFlowMatcher(sigma=0.1)
    model = MLP(dim=train.dim, time_varying=True, w=64)
    optimizer = torch.optim.Adam(model.parameters(), rate)
    for _ in range(steps):
        optimizer.zero_grad()
        parts = []
        for k in range(len(frames) - 1):
            x0, x1 = (torch.from_numpy(x[rng.integers(len(x), size=256)]).float() for x in frames[k : k + 2])
            t, x, u = matcher.sample_location_and_conditional_flow(x0, x1)[:3]
            parts.append((t + k, x, u))
        t, x, u = (torch.cat(part) for part in zip(*parts, strict=True))
        loss = torch.mean((model(torch.cat([x, t[:, None]], dim=-1)) - u) ** 2)
        loss.backward()
        optimizer.step()
    numbers = {float(t): k for k, t in enumerate(train.times)}

    def move(x: Array, start: float, end: float) -> Array:
        at = torch.from_numpy(np.asarray(x, dtype=np.float32))
        with torch.no_grad():
            for step in range(EULER):
                s = numbers[start] + (numbers[end] - numbers[start]) * step / EULER
                at = at + model(torch.cat([at, torch.full((len(at), 1), s)], dim=1)) / EULER
        return at.numpy()

    return move


def ours(label: str, train: Snapshots, steps: int, seed: int) -> Move:
    name, settings = run_case.named(label)
    model = registry.create(name, settings, train.spec, seed)
    fit(model, train, TrainConfig.preset("standard", type(model), steps=steps, validation_fraction=0.0), seed=seed)
    return lambda x, start, end: simulate(model, x, [start, end]).x[-1]


def distance(move: Move, test: Snapshots) -> float:
    """Mean over gaps of W1 between moved and measured test cells (state)."""
    times = [float(t) for t in test.times]
    return float(np.mean([wasserstein(move(test.at(a), a, b), test.at(b)) for a, b in pairwise(times)]))


def read(source: str, dims: int, asked: argparse.Namespace) -> Snapshots:
    if source == MADE_UP:
        return made_up(dims, asked.cells, seed=0)
    x, t = cells.read(Path(source), asked.time)
    return cells.snapshots(x, t, dims, scaled=True, mass=False, name=Path(source).name)


def kept(path: Path | None, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of other cells in the file of an earlier part of the table."""
    if path is None or not path.exists():
        return []
    what = ("data", "cells", "dims")
    made = [[row[key] for key in what] for row in rows]
    return [row for row in json.loads(path.read_text())["rows"] if [row[key] for key in what] not in made]


def compare(data: Snapshots, asked: argparse.Namespace) -> dict[str, Any]:
    """The row of one data set, with every run."""
    programs: dict[str, Callable[[Snapshots, int], Move]] = {
        "stock": lambda train, seed: stock(train, asked.stock_steps, asked.stock_rate, seed)
    }
    for label in asked.models:
        for steps in asked.lengths:
            programs[f"{label} {steps}"] = lambda train, seed, label=label, steps=steps: ours(label, train, steps, seed)
    runs, floors = [], []
    stock(data, 2, asked.stock_rate, 0)  # what the first use of a library costs is nobody's training
    ours(asked.models[0], data, 2, 0)
    for seed in range(asked.repeats):
        train, test = halves(data, seed)
        floors.append(np.mean([wasserstein(train.at(t), test.at(t)) for t in data.times[1:]]))
        for name, program in programs.items():
            began, busy = time.perf_counter(), time.process_time()
            move = program(train, seed)
            spent = {"seconds": time.perf_counter() - began, "cpu": time.process_time() - busy}
            runs.append({"way": name, "seed": seed, "w1": distance(move, test), **spent})
            print("{way:16} seed {seed}: W1 {w1:.4f} {seconds:7.2f} s {cpu:7.2f} s CPU".format(**runs[-1]), flush=True)
    middles = {"w1": statistics.fmean, "seconds": statistics.median, "cpu": statistics.median}
    each = {
        name: {key: middle([run[key] for run in runs if run["way"] == name]) for key, middle in middles.items()}
        for name in programs
    }
    enough = [name for name in programs if name != "stock" and each[name]["w1"] <= each["stock"]["w1"]]
    best = min(enough, key=lambda name: each[name]["cpu"], default=None)
    row = {
        "name": "otcfm-train",
        "date": machine.today(),
        "load": os.getloadavg(),
        "repeats": asked.repeats,
        "cells": len(data.x),
        "dims": data.dim,
        "ratio": None if best is None else each[best]["seconds"] / each["stock"]["seconds"],
        "ratio_cpu": None if best is None else each[best]["cpu"] / each["stock"]["cpu"],
        "w1": None if best is None else each[best]["w1"],
        "w1_stock": each["stock"]["w1"],
        "floor": float(np.mean(floors)),
        "reached_by": best,
        "stock": {"steps": asked.stock_steps, "rate": asked.stock_rate},
        "over_rounds": each,
    }
    return row | {"runs": runs}


def table(found: dict[str, Any]) -> str:
    where = found["machine"]
    lines = [f"{where['system']}, {where['cores']} cores, {found['threads']} thread(s), torch {where['torch']}"]
    for row in found["rows"]:
        lines.append(
            f"{row['name']}, {row['data']}: {row['cells']} cells, {row['dims']} coordinates, "
            f"load {row['load'][0]:.1f}, {row['date']}"
        )
        lines.append(
            f"  {'':16} {'W1':>8} {'s':>8} {'s CPU':>8}   ({row['repeats']} rounds: mean W1, median times; "
            f"floor {row['floor']:.4f})"
        )
        for name, one in row["over_rounds"].items():
            lines.append(f"  {name:16} {one['w1']:8.4f} {one['seconds']:8.2f} {one['cpu']:8.2f}")
        if row["ratio"] is None:
            lines.append("  stock's W1 was not reached")
        else:
            lines.append(f"  to stock's W1: {row['ratio']:.3f} of its time, {row['ratio_cpu']:.3f} of its CPU time")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Train, compare, print and write; returns what was written."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=["otcfm"], default="otcfm", help="what is measured (otcfm)")
    parser.add_argument(
        "--data", nargs="+", default=[MADE_UP], metavar="FILE", help="files of cells, or made-up (made-up alone)"
    )
    parser.add_argument("--models", nargs="+", default=["ot-cfm"], metavar="LABEL", help="ours (ot-cfm)")
    parser.add_argument("--time", help="the time column, where it is not called time (csv, h5ad)")
    parser.add_argument("--dims", default="5,50", help="how many coordinates, several with commas between (5,50)")
    parser.add_argument("--cells", type=int, default=1000, help="made-up cells at each time (1000)")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--stock-steps", type=int, default=3000)
    parser.add_argument("--stock-rate", type=float, default=1e-3)
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS, help="our trainings, in steps")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of torch (1)")
    parser.add_argument("--out", type=Path, metavar="FILE.json")
    asked = parser.parse_args(arguments)
    torch.set_num_threads(asked.threads)
    there = [each for each in asked.data if each == MADE_UP or Path(each).is_file()]
    for each in sorted(set(asked.data) - set(there)):
        print(f"left out: there is no file {each}", file=sys.stderr)
    dims = [int(each) for each in asked.dims.split(",")]
    rows = [{"data": Path(each).name} | compare(read(each, k, asked), asked) for each in there for k in dims]
    found = {
        "date": machine.today(),
        "machine": machine.here(),
        "threads": asked.threads,
        "rows": [*kept(asked.out, rows), *rows],
    }
    print(table(found))
    if asked.out:
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        asked.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return found


if __name__ == "__main__":
    main()
