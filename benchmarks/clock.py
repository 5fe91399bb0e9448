"""What does it change that networks see the position among the measured times instead of measured time?

    python benchmarks/clock.py --data FILE --models ot-cfm,tigon --seeds 42,43,44 --out FILE.json
    python benchmarks/clock.py --show FILE.json

Data, axes and protocol are those of loo.py; rows of other models and seeds of the same table are kept. One row a
model, seed and time left out: `intervals`, W1 of the model as it is, and `clock`, W1 of one that was trained with
measured time instead, from the same seed. Printed is the mean over times of each and of the difference, with the
standard deviation over seeds; a difference that is larger is bold. On an evenly measured course the time left out makes
one interval of two.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import loo
import numpy as np
import resumable_table
import run_case

from cellflow_core.analysis import evaluate


def row(asked: run_case.Trial) -> dict[str, Any]:
    """Train and score twice."""
    made: dict[str, Any] = {"model": asked.model, "seed": asked.seed, "fold": asked.fold, "cpu": 0.0}
    for name, on_clock in (("intervals", False), ("clock", True)):
        model, data, _, cost = run_case.trained(replace(asked, on_clock=on_clock))
        limit = evaluate.PARTNERS * len(data.x)
        made[name] = evaluate.scores(model, data, asked.fold, seed=asked.seed, limit=limit).from_previous.w1
        made["cpu"] = round(made["cpu"] + cost["cpu"], 2)
    return made | {"w1": made["intervals"]}


def table(found: dict[str, Any]) -> str:
    """As Markdown: a row a model."""
    data, rows = found["data"], found["rows"]
    lines = [
        f"{data['file']}, times {', '.join(f'{each:g}' for each in data['times'])}, {found['protocol']}, "
        f"{found['date'][:10]}",
        "",
        "| | position among the times | measured time | difference |",
        "|---|---|---|---|",
    ]
    for name in dict.fromkeys(each["model"] for each in rows):
        own = [each for each in rows if each["model"] == name]
        seeds = sorted({each["seed"] for each in own})
        means = np.array(
            [
                [np.mean([each[key] for each in own if each["seed"] == seed]) for key in ("intervals", "clock")]
                for seed in seeds
            ]
        )
        over = means[:, 0] - means[:, 1]
        sd = float(over.std(ddof=1)) if len(seeds) > 1 else float("inf")
        text = f"{over.mean():+.3f}"
        text = f"**{text}**" if abs(over.mean()) > sd else text
        spread = f" ± {sd:.3f}" if np.isfinite(sd) else ""
        lines.append(f"| `{name}` | {means[:, 0].mean():.3f} | {means[:, 1].mean():.3f} | {text}{spread} |")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    return loo.shown_or_made(arguments, __doc__, made, table)


def made(asked: Any) -> dict[str, Any]:
    """Train and score; written after every row."""
    data = loo.read(asked)
    found, names, seeds, elsewhere = loo.begun(asked, data)
    for name in names:
        for seed in seeds:
            for fold in evaluate.middle_times(data):
                asked_row = run_case.Trial(name, data, seed, fold, asked.preset, asked.threads, steps=asked.steps)
                resumable_table.one(found, asked_row, row, **elsewhere)
                resumable_table.write(asked.out, found)
    return found


if __name__ == "__main__":
    sys.exit(1 if main()["failed"] else 0)
