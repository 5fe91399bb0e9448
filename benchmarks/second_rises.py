"""Does the page Velocity warn of transcription that rises a second time where it does, and nowhere else?

    python benchmarks/second_rises.py --seeds 0,1,2,3,4,5,6,7,8,9 --out FILE.json
    python benchmarks/second_rises.py --data FILE.h5ad --out FILE.json
    python benchmarks/second_rises.py --show FILE.json

Simulators with constant rates, where every warning is false, with boosted genes and with rates that follow a circuit;
or a file with the layers spliced and unspliced. One row a case and seed: `genes`, `follow` (genes that follow the
order), `twice` (those whose transcription rises twice), `warns` (whether the page does), `agreement` (least median
cosine of two quick estimators), `cosine` (with the true velocity, median over the cells, of the first) and, of boosted
genes, `found` (share that is found) and `false` (share of the other genes).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import machine
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from boundary_direction import cosine
from velocity_cases import Case, case

from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.rna_velocity.agreement import agreement
from cellflow_core.analysis.rna_velocity.estimates import estimates

CELLS = 500
CONSTANT: tuple[tuple[str, dict[str, Any]], ...] = (
    ("splicing", {"genes": 60, "n_times": 1}),
    ("splicing", {"genes": 12, "n_times": 1}),
    ("splicing", {"genes": 60, "n_times": 1, "rate_heterogeneity": 0.6}),
    ("splicing", {"genes": 60, "n_times": 1, "measured": "counts"}),
    ("splicing", {"genes": 60, "n_times": 1, "measured": "counts", "capture_rate": 0.05}),
    ("splicing-bifurcation", {}),
    ("unchanging-population", {}),
    ("transcriptional-boosting", {"boosted": 0.0}),
)
CHANGING: tuple[tuple[str, dict[str, Any]], ...] = (
    ("transcriptional-boosting", {}),
    ("transcriptional-boosting", {"boost": 3.0}),
    ("transcriptional-boosting", {"boost": 2.0}),
    ("transcriptional-boosting", {"boosted": 0.2}),
    ("transcriptional-boosting", {"boosted": 0.1}),
    ("transcriptional-boosting", {"boosted": 0.8}),
    ("transcriptional-boosting", {"capture_rate": 0.1}),
    ("six-gene-circuit", {}),
)


def row(known: Case) -> dict[str, Any]:
    data = known.data
    found = agreement(None, data, Embedding("first axes", ("1", "2"), data.x[:, :2], data.x))
    assert found.follows is not None and found.twice is not None
    each = found.pairwise[np.triu_indices(len(found.estimators), 1)]
    true = found_of = None
    if known.velocity is not None and known.velocity.any():
        estimated = estimates(None, data)
        true = float(np.nanmedian(cosine(estimated.scaled(0), known.velocity / estimated.scale)))
    boosted = np.array([name.startswith("Boosted") for name in found.genes])
    if boosted.any():
        found_of = {"found": float(found.twice[boosted].mean()), "false": float(found.twice[~boosted].mean())}
    counts = {"genes": len(found.genes), "follow": int(found.follows.sum()), "twice": int(found.twice.sum())}
    return counts | {"warns": found.boosted, "agreement": float(each.min()), "cosine": true} | (found_of or {})


def shown(rows: Sequence[dict[str, Any]]) -> str:
    """Markdown: one line a case, shares and medians over its draws."""
    heads = ("data", "draws", "follow the order", "rise twice", "warned", "agreement", "cosine")
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for name in dict.fromkeys(each["case"] for each in rows):
        own = [each for each in rows if each["case"] == name]
        shares = [each["twice"] / max(each["follow"], 1) for each in own]
        known = [each["cosine"] for each in own if each["cosine"] is not None]
        lines.append(
            f"| {name} | {len(own)} | {np.mean([each['follow'] / each['genes'] for each in own]):.0%} "
            f"| {np.median(shares):.0%} ({min(shares):.0%} to {max(shares):.0%}) "
            f"| {sum(each['warns'] for each in own)} | {np.median([each['agreement'] for each in own]):.2f} "
            f"| {f'{np.median(known):.2f}' if known else ''} |"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="0,1,2,3,4,5,6,7,8,9")
    parser.add_argument("--cells", type=int, default=CELLS)
    parser.add_argument("--data", default="", help="an .h5ad instead of the simulators")
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
    for name, settings in ((use.data, {}),) if use.data else (*CONSTANT, *CHANGING):
        title = ", ".join([Path(name).stem, *(f"{key} {value}" for key, value in settings.items())])
        for seed in (0,) if use.data else map(int, use.seeds.split(",")):
            rows.append({"case": title, "seed": seed} | row(case(name, seed, use.cells, "", settings)))
            print(json.dumps(rows[-1]), flush=True)
    about = {"date": machine.today(), "machine": machine.here(), "cells": use.cells, "rows": rows}
    use.out.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
