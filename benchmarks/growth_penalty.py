"""The unbalanced penalty rho where it is not set: rules for its selection, compared on many held-out times.

    python benchmarks/growth_penalty.py --data DIR --out FILE.json

DIR holds the reference data; the courses of COURSES that are there are used. Embryoid bodies are none of them, so that
what is selected here was selected without that benchmark. Each inner time is left out in turn; an unbalanced plan of
the times around it predicts its cells (transport/growth_penalty.py: straight paths, no network), and `off` is the
logarithm of the exact W1 over that of balanced exact transport, the midpoint: below 0 growth helps. A *rule* is one rho
for all data, or a selection by the inner times of the remaining cells, which never see the held-out time ("nested").
The table gives the mean `off` of each rule over the times of a course, in per cent; each course has one vote.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import machine
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

import cells

from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.models.transport import growth_penalty
from cellflow_core.models.transport.ot_solvers import Exact, Relax, Unbalanced

COURSES = {
    "emt": ("deepruot/emt.csv", None),
    "emt latent": ("tigon/emt_latent3d.csv", "time"),
    "mouse blood": ("deepruot/mouse_hematopoiesis.csv", None),
    "kouno": ("kouno2013_thp1/kouno2013_thp1_960x45.h5ad", None),
    "guo": ("guo2010_preimplantation/guo2010_440x48.h5ad", None),
    "mes-pe": ("scode_mes_pe/mes_pe_456x100.h5ad", None),
    "mef-neuron": ("scode_mef_neuron/mef_neuron_373x100.h5ad", None),
    "larry": ("weinreb_larry_cospar/larry_test_781cells.h5ad", "time_info"),
    "schiebinger": ("schiebinger_reprogramming/moscot_temporal_1000x1479.h5ad", "day"),
}
"""Name -> (file, column of its time)."""
DIMS = 5
PENALTIES = (10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01)
"""Values of rho: those of transport/growth_penalty.py and smaller ones."""
SIDES: tuple[Relax, ...] = ("source", "both")
EPSILON = 0.02

Option = tuple[str, float]
"""Relaxed marginals and rho; ("none", 0) for balanced transport."""
EVEN: Option = ("none", 0.0)


@dataclass(frozen=True)
class Fold:
    """One time left out: `off` of every option there, and at each inner time of the cells that are left."""

    course: str
    time: float
    outer: dict[Option, float]
    inner: list[dict[Option, float]]


def read(folder: Path, courses: str | None) -> Iterable[tuple[str, SnapshotTensors]]:
    """Name and cells of the courses that are asked for (None: all) and that are there. SystemExit where none is."""
    there = 0
    for name in [*COURSES] if courses is None else courses.split(","):
        file, column = COURSES[name]
        if not (folder / file).is_file():
            print(f"left out: there is no {file} in {folder}", file=sys.stderr)
            continue
        there += 1
        x, t = cells.read(folder / file, column)
        yield (
            name,
            SnapshotTensors.from_snapshots(
                cells.snapshots(x, t, min(DIMS, x.shape[1]), scaled=True, mass=False, name=name)
            ),
        )
    if not there:
        raise SystemExit(f"none of the courses is in {folder}: name the folder of the reference data")


def off(frames: SnapshotTensors, k: int) -> dict[Option, float]:
    """Logarithm of W1 over that of the midpoint, of every option, at time k."""
    rng = torch.Generator().manual_seed(0)
    even = growth_penalty.interpolation_error(frames, k, Exact(), rng)
    found = {EVEN: 0.0}
    for sides in SIDES:
        for each in PENALTIES:
            missed = growth_penalty.interpolation_error(frames, k, Unbalanced(EPSILON, each, sides), rng)
            found[sides, each] = math.log(missed / even)
    return found


def folds(course: str, frames: SnapshotTensors) -> Iterable[Fold]:
    for k in range(1, len(frames.x) - 1):
        kept = [each for each in range(len(frames.x)) if each != k]
        left = SnapshotTensors(tuple(frames.x[each] for each in kept), frames.times[kept], frames.spec)
        inner = [off(left, h) for h in range(1, len(kept) - 1)]
        yield Fold(course, float(frames.times[k]), off(frames, k), inner)


def always(option: Option) -> Callable[[Fold], float]:
    return lambda fold: fold.outer[option]


def nested(
    options: list[Option], unsure: Option, alike: float = growth_penalty.TIE_TOLERANCE
) -> Callable[[Fold], float]:
    """The first of the options, from large rho to small, that is within `alike` of the best at inner times."""

    def judged(fold: Fold) -> float:
        if not fold.inner:
            return fold.outer[unsure]
        mean = {option: sum(each[option] for each in fold.inner) / len(fold.inner) for option in options}
        least = min(mean.values())
        return fold.outer[next(option for option in options if mean[option] <= least + alike)]

    return judged


def rules() -> dict[str, Callable[[Fold], float]]:
    """Every rule that is judged, by name."""
    made = {f"{sides} {each:g}": always((sides, each)) for sides in SIDES for each in PENALTIES}
    for cheapest in (0.1, 0.01):
        offered = [each for each in PENALTIES if each >= cheapest]
        for sides in SIDES:
            made[f"nested, {sides}, from {cheapest:g}"] = nested([(sides, each) for each in offered], (sides, 0.3))
        either = [EVEN, *((sides, each) for each in offered for sides in SIDES)]
        made[f"nested, either or none, from {cheapest:g}"] = nested(either, EVEN)
    return made


def judge(found: list[Fold]) -> dict[str, dict[str, float]]:
    """Rule -> course -> mean `off`."""
    courses = list(dict.fromkeys(each.course for each in found))
    return {
        name: {
            course: sum(values) / len(values)
            for course in courses
            if (values := [rule(fold) for fold in found if fold.course == course])
        }
        for name, rule in rules().items()
    }


def table(judged: dict[str, dict[str, float]]) -> str:
    courses = list(next(iter(judged.values())))
    lines = [f"{'W1 over the midpoint, %':34}" + "".join(f"{each:>13}" for each in courses) + f"{'mean':>9}{'s.e.':>6}"]
    for name, row in judged.items():
        mean, error = _mean([*row.values()])
        lines.append(
            f"{name:34}" + "".join(f"{100 * row[each]:13.1f}" for each in courses) + f"{mean:9.1f}{error:6.1f}"
        )
    best = min(judged, key=lambda name: sum(judged[name].values()))
    return "\n".join([*lines, f"least in the mean: {best}"])


def _mean(values: list[float]) -> tuple[float, float]:
    """Mean over courses and its standard error, in per cent."""
    mean = sum(values) / len(values)
    spread = sum((each - mean) ** 2 for each in values) / max(1, len(values) - 1)
    return 100 * mean, 100 * math.sqrt(spread / len(values))


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Leave out, judge, print and write; returns what was written."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--courses", help="names with commas between (all that are there)")
    parser.add_argument("--out", type=Path, metavar="FILE.json")
    asked = parser.parse_args(arguments)
    torch.set_num_threads(1)
    found: list[Fold] = []
    for name, frames in read(asked.data, asked.courses):
        found += folds(name, frames)
        print(f"{name}: {len(frames.x) - 2} times", file=sys.stderr, flush=True)
    judged = judge(found)
    print(table(judged))
    made = {"date": machine.today(), "machine": machine.here(), "blur": EPSILON, "dims": DIMS, "rules": judged}
    made["folds"] = [
        {"course": each.course, "time": each.time, "outer": _named(each.outer), "inner": [*map(_named, each.inner)]}
        for each in found
    ]
    if asked.out:
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        asked.out.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    return made


def _named(values: dict[Option, float]) -> dict[str, float]:
    return {f"{sides} {each:g}": round(value, 5) for (sides, each), value in values.items()}


if __name__ == "__main__":
    main()
