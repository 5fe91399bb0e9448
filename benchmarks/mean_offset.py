"""How much of the error at a time left out is an offset of the mean, and can other times tell it?

    python benchmarks/mean_offset.py --data FILE --models ot-displacement,ensemble --seeds 42 --out FILE.json
    python benchmarks/mean_offset.py --show FILE.json

Data, axes and protocol are those of loo.py; rows of other models and seeds of the same table are kept. One row a model,
seed and time left out:

    w1       as in loo.py, one point a cell
    offset   distance between the means of predicted and measured cells
    centred  W1 once the prediction is moved so that the means agree: what a model could reach that is told the mean

Of each time left out, without a model: `sampling`, the standard deviation of `offset` that comes from the numbers of
cells, for a prediction halfway between its neighbours; `courses`, the offset of means on a straight line between the
neighbours, on the cubic through the four nearest times (of as many as there are), by their position, and halfway
between the two. And `cosines`, of the second differences m0 - 2 m1 + m2 of the means at each two successive times:
above 0 where the course of the means is smooth, and about -2/3 where it is a line plus an independent offset of each
time, as batches would have it.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

import loo
import numpy as np
import resumable_table
import run_case

from cellflow_core.analysis.evaluate import PARTNERS, middle_times
from cellflow_core.analysis.simulate import simulate
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.math.distances import wasserstein


def row(asked: run_case.Trial) -> dict[str, Any]:
    """Train without the time, predict it from the time before."""
    model, data, _, made = run_case.trained(asked)
    before = data.times[np.searchsorted(data.times, asked.fold) - 1]
    moved = simulate(model, data.at(before), [float(before), asked.fold], seed=asked.seed)
    cells, predicted, weight = data.at(asked.fold), moved.x[-1], moved.weight[-1]
    offset = np.average(predicted, axis=0, weights=weight) - cells.mean(axis=0)
    limit = PARTNERS * len(data.x)
    w1, centred = (wasserstein(each, cells, 1, weight, limit, asked.seed) for each in (predicted, predicted - offset))
    kept = {key: made[key] for key in ("model", "seed", "fold", "cpu")}
    return kept | {"w1": w1, "offset": float(np.linalg.norm(offset)), "centred": centred}


def courses(data: Snapshots) -> dict[str, Any]:
    """What the means of other times tell of that of each time, and whether their second differences are alike."""
    parts = [data.at(time).astype(np.float64) for time in data.times]
    means = np.array([part.mean(axis=0) for part in parts])
    variance = np.array([part.var(axis=0, ddof=1).sum() / len(part) for part in parts])
    second = means[:-2] - 2 * means[1:-1] + means[2:]
    sizes = np.linalg.norm(second, axis=1)
    found = []
    for k in range(1, len(means) - 1):
        near = sorted(set(range(len(means))) - {k}, key=lambda i: abs(i - k))[:4]
        curved = np.polyfit(np.array(near) - k, means[near], len(near) - 1)[-1]
        straight = (means[k - 1] + means[k + 1]) / 2
        offsets = {"straight": straight, "cubic": curved, "half of each": (straight + curved) / 2}
        found.append(
            {
                "fold": float(data.times[k]),
                "sampling": float(np.sqrt(variance[k] + (variance[k - 1] + variance[k + 1]) / 4)),
                "courses": {name: float(np.linalg.norm(each - means[k])) for name, each in offsets.items()},
            }
        )
    cosines = (second[:-1] * second[1:]).sum(axis=1) / (sizes[:-1] * sizes[1:])
    return {"times": found, "cosines": cosines.tolist()}


def table(found: dict[str, Any]) -> str:
    """As Markdown: a row a model, means over times and seeds; then the means of the times alone."""
    data, rows = found["data"], found["rows"]
    lines = [
        f"{data['file']}, {data['cells']:,} cells, {data['dims']} coordinates, "
        f"{found['protocol']}, {found['date'][:10]}",
        "",
        "| | W1 | offset of the mean | W1 with the measured mean |",
        "|---|---|---|---|",
    ]
    for name in dict.fromkeys(each["model"] for each in rows):
        own = [each for each in rows if each["model"] == name]
        values = " | ".join(f"{np.mean([each[key] for each in own]):.3f}" for key in ("w1", "offset", "centred"))
        lines.append(f"| `{name}` | {values} |")
    times = found["times"]
    lines += ["", "| course of the means | offset |", "|---|---|"]
    lines += [f"| {name} | {np.mean([each['courses'][name] for each in times]):.3f} |" for name in times[0]["courses"]]
    lines.append(f"| *sampling* | {np.mean([each['sampling'] for each in times]):.3f} |")
    cosines = ", ".join(f"{each:.2f}" for each in found["cosines"])
    return "\n".join([*lines, "", f"cosine of successive second differences: {cosines or 'too few times'}"])


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    return loo.shown_or_made(arguments, __doc__, made, table)


def made(asked: argparse.Namespace) -> dict[str, Any]:
    """Train and measure; written after every row."""
    data = loo.read(asked)
    found, names, seeds, elsewhere = loo.begun(asked, data)
    found |= courses(data)
    for name in names:
        for seed in seeds:
            for fold in middle_times(data):
                asked_row = run_case.Trial(name, data, seed, fold, asked.preset, asked.threads, steps=asked.steps)
                resumable_table.one(found, asked_row, row, **elsewhere)
                resumable_table.write(asked.out, found)
    return found


if __name__ == "__main__":
    sys.exit(1 if main()["failed"] else 0)
