"""MIOFlow on the axes that its authors made it for, those of a geodesic autoencoder, beside the common axes.

    python benchmarks/geodesic_axes.py --data FILE --seeds 0,1,2 --out FILE.json
    python benchmarks/geodesic_axes.py --out FILE.json     # prints the stored table

The folds are those of loo.py: one time left out, cells of the time before to start from, one predicted cell for each,
exact W1 in the z-scored coordinates of the other tables. The autoencoder learns `--dims` axes from the first COMPONENTS
principal components of the training cells alone; MIOFlow and the midpoint (exact plan, one partner a cell) are made on
those axes, and what they predict is decoded to the common coordinates. `autoencoder`: measured cells of the held-out
time, encoded and decoded, which is what the axes cost before anything is predicted.
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

import cells
import machine
import resumable_table
import run_case

from cellflow_core.analysis import evaluate
from cellflow_core.analysis.simulate import simulate
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces import geodesic
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.math.ot import wasserstein

Array = np.ndarray
COMPONENTS = 50
MODELS = ("mioflow", "ot-displacement")


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Run, print and write; returns what was written."""
    asked = _parser().parse_args(arguments)
    if asked.data is None:
        held = resumable_table.stored(asked.out)
        if held is None:
            raise SystemExit("there is no table yet: name --data")
        print(table(held))
        return held
    x, t = cells.read(asked.data, asked.time)
    common = cells.snapshots(x, t, asked.dims, scaled=True, mass=False, name=asked.data.name)
    found: dict[str, Any] = {
        "protocol": evaluate.PROTOCOL,
        "data": {"file": asked.data.name, "cells": len(x), "dims": asked.dims, "times": common.times.tolist()},
        "components": min(COMPONENTS, x.shape[1]),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine.here() | {"threads": 1},
    }
    seeds = [int(each) for each in asked.seeds.split(",")]
    alike = ("protocol", "data", "components")
    found["rows"] = resumable_table.earlier(asked.out, found, alike, lambda row: row["seed"] in seeds)
    elsewhere = resumable_table.other_machine(asked.out, found)
    for seed in seeds:
        for fold in evaluate.middle_times(common):
            found["rows"] += [each | elsewhere for each in rows(x, common, seed, fold, asked.steps)]
            resumable_table.write(asked.out, found)
    print(table(found))
    return found


def rows(x: Array, common: Snapshots, seed: int, fold: float, steps: int | None) -> list[dict[str, Any]]:
    """The scores of one fold on both kinds of axes."""
    dims, centre, spread = common.dim, x[:, : common.dim].mean(axis=0), x[:, : common.dim].std(axis=0)
    parts = x[:, :COMPONENTS].astype(np.float64)
    seen = common.t != fold
    names = tuple(f"PC{k + 1}" for k in range(parts.shape[1]))
    more = {} if steps is None else {"steps": steps}
    space = geodesic.fit(parts[seen], names, dims, seed, lambda _: None, **more).space
    states = Snapshots(space.encode(parts), common.t, AffineSpace.coordinates(space.axes))
    measured = common.at(fold)

    def decoded(state: Array) -> Array:
        return (space.decode(state)[:, :dims] - centre) / spread

    kept = wasserstein(decoded(states.at(fold)), measured)
    made = [{"axes": "geodesic", "model": "autoencoder", "w1": kept}]
    for axes, data in (("geodesic", states), ("common", common)):
        for name in MODELS:
            model, *_ = run_case.trained(run_case.Trial(name, data, seed, fold, "standard", threads=1, steps=steps))
            before = data.times[data.times < fold].max()
            reached = simulate(model, data.at(before), [before, fold], seed=seed)
            end = decoded(reached.x[-1]) if axes == "geodesic" else reached.x[-1]
            made.append({"axes": axes, "model": name, "w1": wasserstein(end, measured, weight=reached.weight[-1])})
    return [{"seed": seed, "fold": fold} | each for each in made]


def table(found: dict[str, Any]) -> str:
    """Markdown: a row a model and kind of axes, W1 of each held-out time, their mean and its spread over seeds."""
    data, where = found["data"], found["machine"]
    folds = data["times"][1:-1]
    lines = [
        f"{data['file']}, {data['cells']:,} cells, {data['dims']} coordinates, {found['protocol']}, "
        f"{where['cores']} cores, one thread, {found['date'][:10]}",
        "",
        f"| axes | model | {' | '.join(f'time {fold:g}' for fold in folds)} | mean | seeds |",
        "|---|---|" + "---|" * (len(folds) + 2),
    ]
    for axes, model in dict.fromkeys((row["axes"], row["model"]) for row in found["rows"]):
        own = [row for row in found["rows"] if (row["axes"], row["model"]) == (axes, model)]
        seeds = sorted({row["seed"] for row in own})
        each = [f"{np.mean([row['w1'] for row in own if row['fold'] == fold]):.3f}" for fold in folds]
        means = [np.mean([row["w1"] for row in own if row["seed"] == seed]) for seed in seeds]
        spread = f" ± {np.std(means, ddof=1):.3f}" if len(means) > 1 else ""
        lines.append(f"| {axes} | `{model}` | {' | '.join(each)} | {np.mean(means):.3f}{spread} | {len(seeds)} |")
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, metavar="FILE", help="as loo.py reads it; without it the stored table")
    parser.add_argument("--dims", type=int, default=5, help="axes of the autoencoder, and common coordinates (5)")
    parser.add_argument("--time", help="the time column, where it is not called time (csv, h5ad)")
    parser.add_argument("--seeds", default="0,1,2", help="numbers with commas between")
    parser.add_argument("--steps", type=int, help="training steps instead of the preset's, to try the program")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.json")
    return parser


if __name__ == "__main__":
    main()
