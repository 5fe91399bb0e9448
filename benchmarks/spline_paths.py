"""Paths that are smooth through all times against straight ones, judged on held-out times of many data sets.

    python benchmarks/spline_paths.py --data DIR --out FILE.json
    python benchmarks/spline_paths.py --show FILE.json

DIR holds the reference data; the courses of benchmarks/growth_penalty.py that are there are used, at most 800 cells of
a time. Embryoid bodies are none of them, so that what is chosen here was chosen without that benchmark. Each inner time
is left out in turn; the plans of the times that are left say where its cells are (paths/spline_paths.py; no network).
The table gives the logarithm of the exact W1 over that of the midpoint of exact transport, in per cent; each course has
one vote. EMT is there twice, on its principal components and in a latent space ("emt latent"). Below stand, for the
settings that are least and for exact plans with as many cells around: mean, median, the course where they are worst,
and the mean and median without the course that favours them most.

Two numbers for each variant. "one": a partner a cell, as many points as there are cells at the time before, as
plans are scored (analysis/evaluate.py). "plan": eight partners a cell, the second column there; an entropic plan has
more points than an exact one, and these lie nearer for that reason alone.

Every coupling of BLURS and of the growth penalties that models offer is tried with every number of AROUND, and
straight. The
transport spline has the settings that are least in the mean of "plan" over the courses, whatever they give elsewhere.
Beside them two other slopes than the monotone one (Fritsch & Butland): what goes between the mean motion before and
after a measured cell may be that of the *parabola* through three times, or be harmonic in the *length* of the motion
and not on each axis.
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

import growth_penalty
from torch import Tensor

from cellflow_core.analysis.evaluate import PARTNERS
from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.math.ot import wasserstein
from cellflow_core.math.spline import monotone_slope
from cellflow_core.models.contract import TransportPlan
from cellflow_core.models.paths.spline_paths import NEIGHBOURS, with_spline_paths
from cellflow_core.models.transport.growth_penalty import CELLS, PENALTY_GRID, sample_interpolation
from cellflow_core.models.transport.ot_solvers import Entropic, Exact, OTSolver, Unbalanced
from cellflow_core.models.transport.transport_plans import plans

BLURS = (0.02, 0.05, 0.1, 0.2)
AROUND = (12, 25, 50, 100, 200, 400)
"""Cells that make a mean motion."""
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
class Variant:
    """How partners are found, how many cells make a mean motion (None: paths are straight), and the slope."""

    solver: OTSolver
    around: int | None = None
    slope: Callable[..., Tensor] = monotone_slope

    @property
    def name(self) -> str:
        epsilon = f"blur {self.solver.epsilon:g}" if isinstance(self.solver, Entropic | Unbalanced) else "exact"
        growth = f", growth at {self.solver.rho:g}" if isinstance(self.solver, Unbalanced) else ""
        slope = "" if self.slope is monotone_slope else f", {self.slope.__name__}"
        return epsilon + growth + (", straight" if self.around is None else f", {self.around} around{slope}")


STRAIGHT = Variant(Exact())


def variants() -> list[Variant]:
    """All couplings with all numbers of cells around; then other slopes on exact plans."""
    arounds = (None, *AROUND)
    made = [Variant(Exact(), around) for around in arounds]
    for epsilon in BLURS:
        made += [Variant(Entropic(epsilon), around) for around in arounds]
        made += [Variant(Unbalanced(epsilon, each), around) for each in PENALTY_GRID for around in arounds]
    return made + [Variant(Exact(), NEIGHBOURS, slope) for slope in (parabola, length)]


def least(judged: dict[str, dict[str, dict[str, float]]]) -> Variant:
    """The variant with the slope of the models that is least in the mean of "plan" over the courses."""
    among = [variant for variant in variants() if variant.slope is monotone_slope]
    return min(among, key=lambda variant: np.mean([*judged["plan"][variant.name].values()]))


def fold(frames: SnapshotTensors, k: int) -> dict[str, dict[str, float]]:
    """Variant -> W1 at time k of "one" and of "plan"."""
    kept = [each for each in range(len(frames.x)) if each != k]
    left = SnapshotTensors(tuple(frames.x[each] for each in kept), frames.times[kept], frames.spec)
    time, count = float(frames.times[k]), len(frames.x[k - 1])
    made: dict[OTSolver, tuple[TransportPlan, ...]] = {}
    found = {}
    for variant in variants():
        if variant.solver not in made:
            made[variant.solver] = plans(variant.solver, left, torch.Generator().manual_seed(0))
        chain = made[variant.solver]
        plan = (chain if variant.around is None else with_spline_paths(chain, variant.slope, variant.around))[k - 1]
        off = partial(_miss, plan, time, frames.x[k])
        one = float(np.mean([off(count, seed) for seed in range(DRAWS)]))
        found[variant.name] = {"one": round(one, 5), "plan": round(off(PARTNERS * count, 0), 5)}
    return found


def _miss(plan: TransportPlan, time: float, cells: Tensor, count: int, seed: int) -> float:
    points = sample_interpolation(plan, time, count, torch.Generator().manual_seed(seed))
    return wasserstein(points.numpy(), cells.numpy())


def judge(found: dict[str, list[dict[str, dict[str, float]]]]) -> dict[str, dict[str, dict[str, float]]]:
    """Number -> variant -> course -> mean logarithm of W1 over the same number of straight paths to exact partners."""
    return {
        number: {
            variant.name: {
                course: float(
                    np.mean([np.log(each[variant.name][number] / each[STRAIGHT.name][number]) for each in of])
                )
                for course, of in found.items()
            }
            for variant in variants()
        }
        for number in ("one", "plan")
    }


def summary(judged: dict[str, dict[str, dict[str, float]]]) -> list[str]:
    """One line a number for the least variant and for exact plans: how far its mean rests on one course."""
    best = least(judged)
    lines = []
    for number, rows in judged.items():
        for variant in (best, Variant(Exact(), best.around)):
            row = {course: 100 * value for course, value in rows[variant.name].items()}
            first, last = min(row, key=lambda course: row[course]), max(row, key=lambda course: row[course])
            whole, rest = [*row.values()], [value for course, value in row.items() if course != first]
            means = f"mean {np.mean(whole):.1f}, median {np.median(whole):.1f}, worst {row[last]:.1f} ({last})"
            less = f"; without {first}: mean {np.mean(rest):.1f}, median {np.median(rest):.1f}" if rest else ""
            lines.append(f"{number}, {variant.name}: {means}{less}")
    return lines


def show(judged: dict[str, dict[str, dict[str, float]]]) -> None:
    for number, rows in judged.items():
        print(f"{number}:\n{growth_penalty.table(rows)}\n")
    print("\n".join([f"least: {least(judged).name}", *summary(judged)]))


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Leave out, judge, print and write; returns what was written or is shown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--data", type=Path, metavar="DIR")
    what.add_argument("--show", type=Path, metavar="FILE.json", help="print what is stored")
    parser.add_argument("--courses", help="names with commas between (all that are there)")
    parser.add_argument("--out", type=Path, metavar="FILE.json")
    asked = parser.parse_args(arguments)
    if asked.show:
        stored: dict[str, Any] = json.loads(asked.show.read_text(encoding="utf-8"))
        show(stored["judged"])
        return stored
    torch.set_num_threads(1)
    found = {}
    for name, frames in growth_penalty.read(asked.data, asked.courses):
        few = SnapshotTensors(tuple(_some(each) for each in frames.x), frames.times, frames.spec)
        found[name] = [fold(few, k) for k in range(1, len(few.x) - 1)]
        print(f"{name}: {len(found[name])} times", file=sys.stderr, flush=True)
    judged = judge(found)
    show(judged)
    made = {
        "date": machine.today(),
        "machine": machine.here(),
        "dims": growth_penalty.DIMS,
        "judged": judged,
        "w1": found,
    }
    if asked.out:
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        asked.out.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    return made


def _some(x: Tensor) -> Tensor:
    return x[torch.randperm(len(x), generator=torch.Generator().manual_seed(0))[:CELLS]]


if __name__ == "__main__":
    main()
