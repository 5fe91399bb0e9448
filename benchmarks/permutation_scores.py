"""Permutation scores of genes that change and of genes that do not: from which score on is a fit to be believed?

    python benchmarks/permutation_scores.py --seeds 0,1,2 --out FILE.json
    python benchmarks/permutation_scores.py --show FILE.json

veloVI is trained on simulated cells and its genes are scored within clusters, as on the page Velocity. In the
population that does not change no gene has dynamics, so a score above the limit is false; in the others most have.
One row a data set and seed: `groups`, `limit` (of the page for so many groups), `above` (share of the genes above it),
`above_1` (above 1), and the quantiles of the highest score of a gene `q05`, `q50`, `q95`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import machine
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from velocity_cases import case

from cellflow_core.analysis.rna_velocity.permutation import permutation_scores
from cellflow_core.models import registry
from cellflow_core.train.trainer import TrainConfig, fit

CASES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("unchanging-population", {}),
    ("unchanging-population", {"groups": 3}),
    ("splicing", {"genes": 60, "measured": "counts"}),
    ("splicing-bifurcation", {}),
    ("transcriptional-boosting", {}),
)
CELLS = 800


def row(name: str, settings: dict[str, Any], seed: int, cells: int, steps: int) -> dict[str, Any]:
    data = case(name, seed, cells, "", settings).data
    model = registry.create("velovi", {}, data.spec, seed)
    changed = {"steps": steps} if steps else {}
    began = time.process_time()
    fit(model, data, TrainConfig.preset("standard", type(model), **changed), seed=seed)
    found = permutation_scores(model, data, "", seed)
    low, middle, high = np.nanquantile(found.highest, [0.05, 0.5, 0.95])
    return {
        "data": ", ".join([name, *(f"{key} {value}" for key, value in settings.items())]),
        "seed": seed,
        "genes": len(found.genes),
        "groups": len(found.names),
        "limit": found.chance,
        "above": float((found.highest > found.chance).mean()),
        "above_1": float((found.highest > 1).mean()),
        "q05": float(low),
        "q50": float(middle),
        "q95": float(high),
        "cpu_s": time.process_time() - began,
    }


def shown(rows: Sequence[dict[str, Any]]) -> str:
    """Markdown: one line a data set, means over its draws."""
    heads = (
        "data",
        "draws",
        "clusters",
        "limit",
        "genes above it",
        "above 1",
        "scores, 5 %, 50 %, 95 %",
    )
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for name in dict.fromkeys(each["data"] for each in rows):
        own = [each for each in rows if each["data"] == name]
        mean = {key: float(np.mean([each[key] for each in own])) for key in own[0] if key not in ("data", "seed")}
        lines.append(
            f"| {name} | {len(own)} | {mean['groups']:.0f} | {mean['limit']:.1f} | {mean['above']:.0%} "
            f"| {mean['above_1']:.0%} | {mean['q05']:.1f}, {mean['q50']:.1f}, {mean['q95']:.1f} |"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--cells", type=int, default=CELLS)
    parser.add_argument("--steps", type=int, default=0, help="training steps; 0: those of the model")
    parser.add_argument("--show", type=Path)
    parser.add_argument("--out", type=Path)
    use = parser.parse_args(arguments)
    if use.show:
        print(shown(json.loads(use.show.read_text(encoding="utf-8"))["rows"]))
        return
    if use.out is None:
        parser.error("--out is needed, or --show")
    torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []
    for seed in map(int, use.seeds.split(",")):
        for name, settings in CASES:
            rows.append(row(name, settings, seed, use.cells, use.steps))
            print(json.dumps(rows[-1]), flush=True)
            about = {"date": machine.today(), "machine": machine.here(), "cells": use.cells, "rows": rows}
            use.out.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
