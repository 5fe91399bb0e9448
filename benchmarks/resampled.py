"""Is a model nearer than the midpoint baseline whichever cells were measured, and whichever seed? One row a draw.

    python benchmarks/resampled.py --data FILE --models a,b --seeds 0,1,2,3,4 --out FILE.json
    python benchmarks/resampled.py --show FILE.json

Data, axes and protocol are those of loo.py. The draw of a seed takes SHARE of the cells of each time, without
repetition; models with that seed are trained and scored on the cells of the draw alone, and so are the baselines.
`over` is W1 of the model less that of the midpoint baseline of the same draw, mean over the times left out (below 0:
the model is nearer). Its standard deviation over draws of b of n cells, times sqrt(b / (n - b)), estimates that over
samples of n cells (Politis & Romano 1994, doi:10.1214/aos/1176325770); seeds are in it, and count more than they need.
A difference is called one where it is more than CALLED of these standard deviations from 0, and has one sign in all
draws.
"""

from __future__ import annotations

import argparse
import math
import sys
from typing import Any

import loo
import numpy as np
import resumable_table

from cellflow_core.analysis import evaluate
from cellflow_core.data.snapshots import Snapshots

SHARE = 0.8
CALLED = 2.0


def drawn(data: Snapshots, seed: int) -> Snapshots:
    """SHARE of the cells of each time."""
    rng = np.random.default_rng(seed)
    parts = [np.flatnonzero(data.t == each) for each in data.times]
    taken = [rng.choice(part, max(2, round(SHARE * len(part))), replace=False) for part in parts]
    return data.take(np.sort(np.concatenate(taken)))


def summary(rows: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Of each model: mean difference to the midpoint, its standard deviation for other cells, and draws of its sign.

    A draw that lacks a time which another draw has is left out.
    """
    found = {}
    folds = {row["fold"] for row in rows}
    for name in dict.fromkeys(row["model"] for row in rows):
        own: dict[int, dict[float, float]] = {}
        for row in (row for row in rows if row["model"] == name):
            own.setdefault(row["seed"], {})[row["fold"]] = row["over"]
        over = np.array([np.mean([*each.values()]) for each in own.values() if each.keys() == folds])
        if len(over) < 2:
            continue
        sd = float(over.std(ddof=1)) * math.sqrt(SHARE / (1 - SHARE))
        mean = float(over.mean())
        found[name] = {
            "over": mean,
            "sd": sd,
            "draws": len(over),
            "alike": int((np.sign(over) == np.sign(mean)).sum()),
            "called": bool(abs(mean) > CALLED * sd and (np.sign(over) == np.sign(mean)).all()),
        }
    return found


def table(found: dict[str, Any]) -> str:
    """As Markdown."""
    lines = [
        f"{found['data']['file']}, {found['date'][:10]}",
        "",
        "| | W1 less midpoint | standard deviation | draws of this sign | |",
        "|---|---|---|---|---|",
    ]
    for name, each in sorted(summary(found["rows"]).items(), key=lambda item: item[1]["over"]):
        verdict = ("nearer" if each["over"] < 0 else "farther") if each["called"] else "no difference"
        lines.append(
            f"| `{name}` | {each['over']:+.3f} | {each['sd']:.3f} | {each['alike']} of {each['draws']} | {verdict} |"
        )
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    return loo.shown_or_made(arguments, __doc__, made, table)


def made(asked: argparse.Namespace) -> dict[str, Any]:
    """Train and score; written after every time left out. Rows of other seeds and models are kept."""
    whole = loo.read(asked)
    found, names, seeds, elsewhere = loo.begun(asked, whole, share=SHARE)
    for seed in seeds:
        data = drawn(whole, seed)
        for fold in evaluate.middle_times(data):
            baselines = evaluate.baseline_scores(data, fold, limit=evaluate.PARTNERS * len(data.x))
            rows: dict[str, Any] = {"rows": [], "failed": found["failed"]}
            for name in names:
                resumable_table.one(rows, loo.trial(asked, name, data, seed, baselines), **elsewhere)
            for row in rows["rows"]:
                kept = {key: row[key] for key in ("model", "seed", "fold", "w1", "cpu")}
                found["rows"].append(kept | {"over": row["w1"] - baselines.midpoint.w1} | elsewhere)
            resumable_table.write(asked.out, found)
    return found


if __name__ == "__main__":
    sys.exit(1 if main()["failed"] else 0)
