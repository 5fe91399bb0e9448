"""Ways that bend through all times against straight ones, judged on times left out of many data sets.

    python benchmarks/bends.py --data DIR --out FILE.json

DIR holds the reference data; the courses of benchmarks/price.py that are there are used, at most 800 cells of a time.
Embryoid bodies are none of them, so that what is chosen here was chosen without that benchmark. Each inner time is left
out in turn; the plans of the times that are left say where its cells are (models/bends.py; no network). The table gives
the logarithm of the exact W1 over that of the midpoint of exact transport, in per cent; each course has one vote.

Two numbers for each way. "one": a partner a cell, as many points as cells set out. "plan": eight partners a cell, which
is how plans are scored (analysis/evaluate.py); a blurred plan spreads more points than an exact one has, and these lie
nearer by that alone.

A slope is what goes between the mean motion before and after a measured cell: *monotone* (Fritsch & Butland, which the
models take), *parabola* (of the parabola through three times), *length* (harmonic in the length of the motion and not
on each axis).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import machine
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

import price
from torch import Tensor

from cellflow_core.analysis.evaluate import PARTNERS
from cellflow_core.data.frames import Frames
from cellflow_core.math.ot import wasserstein
from cellflow_core.math.spline import monotone_slope
from cellflow_core.models.bends import NEIGHBOURS, bent
from cellflow_core.models.contract import Plan
from cellflow_core.models.plans import How, Kind, plans
from cellflow_core.models.price import CELLS, on_the_way

BLURS = (0.02, 0.05, 0.1, 0.2)
PRICES = (3.0, 1.0, 0.3, 0.1)
AROUND = (10, 20, 50, 100)
"""Cells that make a mean motion, besides those of the models."""
DRAWS = 3
"""Draws of one partner a cell that are averaged."""


def parabola(before: Tensor, after: Tensor, gap_before: float, gap_after: float) -> Tensor:
    return (gap_after * before + gap_before * after) / (gap_before + gap_after)


def length(before: Tensor, after: Tensor, gap_before: float, gap_after: float) -> Tensor:
    """The harmonic mean of Fritsch & Butland where both motions have one direction."""
    early, late = (
        weight / each.norm(dim=1, keepdim=True).clamp_min(1e-12)
        for weight, each in ((2 * gap_after + gap_before, before), (gap_after + 2 * gap_before, after))
    )
    return (early * before + late * after) / (early + late)


@dataclass(frozen=True)
class Way:
    """How partners are found, what bends the ways to them (None: nothing), and how many cells make a mean motion."""

    name: str
    kind: Kind
    how: How
    slope: Callable[..., Tensor] | None
    neighbours: int = NEIGHBOURS


def ways() -> list[Way]:
    """Slopes on exact plans; then the slope of the models on blurred plans, and on such with growth; and straight."""
    made = [Way("exact, straight", "full", How(), None)]
    slopes = {"monotone": monotone_slope, "parabola": parabola, "length": length}
    made += [Way(f"exact, {name}", "full", How(), slope) for name, slope in slopes.items()]
    grown = How(epsilon=0.05, price=3.0)
    for each in AROUND:
        made.append(Way(f"exact, monotone, {each} around", "full", How(), monotone_slope, each))
        made.append(Way(f"blur 0.05, growth at 3, monotone, {each} around", "unbalanced", grown, monotone_slope, each))
    for name, slope in (("straight", None), ("monotone", monotone_slope)):
        made += [Way(f"blur {each:g}, {name}", "sinkhorn", How(epsilon=each), slope) for each in BLURS]
        made += [
            Way(f"blur {blur:g}, growth at {each:g}, {name}", "unbalanced", How(epsilon=blur, price=each), slope)
            for blur in BLURS[:3]
            for each in PRICES
        ]
    return made


def fold(frames: Frames, k: int) -> dict[str, dict[str, float]]:
    """Way -> W1 at time k of "one" and of "plan"."""
    kept = [each for each in range(len(frames.x)) if each != k]
    left = Frames(tuple(frames.x[each] for each in kept), frames.times[kept], frames.spec)
    time, count = float(frames.times[k]), len(frames.x[k - 1])
    made: dict[tuple[Kind, How], tuple[Plan, ...]] = {}
    found = {}
    for way in ways():
        if (way.kind, way.how) not in made:
            made[way.kind, way.how] = plans(way.kind, left, torch.Generator().manual_seed(0), way.how)
        chain = made[way.kind, way.how]
        plan = (chain if way.slope is None else bent(chain, way.slope, way.neighbours))[k - 1]
        off = partial(_miss, plan, time, frames.x[k])
        one = float(np.mean([off(count, seed) for seed in range(DRAWS)]))
        found[way.name] = {"one": one, "plan": off(PARTNERS * count, 0)}
    return found


def _miss(plan: Plan, time: float, cells: Tensor, count: int, seed: int) -> float:
    points = on_the_way(plan, time, count, torch.Generator().manual_seed(seed))
    return wasserstein(points.numpy(), cells.numpy())


def judge(found: dict[str, list[dict[str, dict[str, float]]]]) -> dict[str, dict[str, dict[str, float]]]:
    """Number -> way -> course -> mean logarithm of W1 over the same number of straight ways to exact partners."""
    return {
        number: {
            way.name: {
                course: float(
                    np.mean([np.log(each[way.name][number] / each["exact, straight"][number]) for each in of])
                )
                for course, of in found.items()
            }
            for way in ways()
        }
        for number in ("one", "plan")
    }


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Leave out, judge, print and write; returns what was written."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--courses", help="names with commas between (all that are there)")
    parser.add_argument("--out", type=Path, metavar="FILE.json")
    asked = parser.parse_args(arguments)
    torch.set_num_threads(1)
    found = {}
    for name, frames in price.read(asked.data, asked.courses):
        few = Frames(tuple(_some(each) for each in frames.x), frames.times, frames.spec)
        found[name] = [fold(few, k) for k in range(1, len(few.x) - 1)]
        print(f"{name}: {len(found[name])} times", file=sys.stderr, flush=True)
    judged = judge(found)
    for number, rows in judged.items():
        print(f"{number}:\n{price.table(rows)}\n")
    made = {"date": machine.today(), "machine": machine.here(), "dims": price.DIMS, "judged": judged, "w1": found}
    if asked.out:
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        asked.out.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    return made


def _some(x: Tensor) -> Tensor:
    return x[torch.randperm(len(x), generator=torch.Generator().manual_seed(0))[:CELLS]]


if __name__ == "__main__":
    main()
