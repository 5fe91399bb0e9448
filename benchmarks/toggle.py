"""How near trained models come to the truth of the toggle-switch demo: fates, terminal states, knock-outs.

    python benchmarks/toggle.py --models ot-cfm,sf2m --seeds 0,1,2 --samples 0,1,2,3,4 --out FILE.json

Each row is one model trained once (--seeds) on one sample of 600 cells at each of 5 times (--samples; 0 is the demo).
`fates`, `knock_out` and `marker` are the largest error of any share, or of its change, against the circuit itself:
`knock_out` of both masters, `marker` of MarkerA1, which drives nothing and which snapshots cannot tell from a driver.
`cells` is what a model that grows makes of one of the first cells until the last time, beside the number that the
circuit made. A model may have settings, as in uot-cfm:rho=0.3.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import machine
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

import run_case

from cellflow_core.analysis.dynamics import dynamics
from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.fates import fate_map
from cellflow_core.analysis.perturbations.knock_out import perturbation
from cellflow_core.analysis.simulate import simulate
from cellflow_core.data.simulators.toggle import LABEL, Settings, Toggle
from cellflow_core.models import registry
from cellflow_core.train.trainer import TrainConfig, fit

MASTERS, MARKER = ("MasterA", "MasterB"), "MarkerA1"


def one(name: str, seed: int, sample: int, preset: str) -> dict[str, Any]:
    """Train one model on one sample and compare it with the circuit."""
    data = Toggle(Settings(seed=sample)).simulate()
    center = data.x - data.x.mean(axis=0)
    view = Embedding("pca", ("PC1", "PC2"), center @ np.linalg.svd(center, full_matrices=False)[2][:2].T, data.x)
    label, (name, settings) = name, run_case.named(name)
    kind = registry.find(name)
    model = registry.create(name, settings, data.spec, seed)
    fit(model, data, TrainConfig.preset(preset, kind), seed=seed)
    truth = Toggle().fate_shares()
    fates = fate_map(model, data, view, LABEL)
    row: dict[str, Any] = {
        "model": label,
        "seed": seed,
        "sample": sample,
        "fate_a": share(fates.names, fates.share, "fate A"),
        "fate_a_true": truth["fate A"],
        "fates": max(abs(share(fates.names, fates.share, each) - truth[each]) for each in truth),
        "states": len(fate_map(model, data, view).names),
    }
    if dynamics(model).has_growth:
        assert data.mass is not None
        moved = simulate(model, data.at(float(data.times[0])), data.times, seed=seed)
        row["cells"] = float(np.exp(moved.log_weight[-1].astype(float)).mean())
        row["cells_true"] = float(data.mass[-1] / data.mass[0])
    if hasattr(kind, "velocity"):
        row["knock_out"] = max(knock_out_error(model, data, view, gene, truth) for gene in MASTERS)
        row["marker"] = knock_out_error(model, data, view, MARKER, truth)
    return row


def knock_out_error(model: Any, data: Any, view: Embedding, gene: str, truth: dict[str, float]) -> float:
    """Largest error of the change of any share when `gene` is held at 0."""
    held = Toggle().fate_shares(clamp={gene: 0.0})
    made = perturbation(model, data, view, gene, "knock-out", states=LABEL)
    return max(abs(share(made.names, made.change, each) - (held[each] - truth[each])) for each in truth)


def share(names: tuple[str, ...], values: np.ndarray, name: str) -> float:
    return float(values[names.index(name)]) if name in names else 0.0


def table(rows: list[dict[str, Any]]) -> str:
    wide = max(16, *(len(row["model"]) + 1 for row in rows))
    lines = [f"{'model':{wide}} sample seed  fate A   true   fates  knock-out  marker   cells    true  states"]
    columns = ("knock_out", 11), ("marker", 8), ("cells", 8), ("cells_true", 8)
    for row in rows:
        held = "".join(f"{row[k]:{w}.3f}" if k in row else f"{'-':>{w}}" for k, w in columns)
        lines.append(
            f"{row['model']:{wide}}{row['sample']:7}{row['seed']:5}{row['fate_a']:8.3f}{row['fate_a_true']:7.3f}"
            f"{row['fates']:8.3f}{held}{row['states']:8}"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="ot-cfm")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--samples", default=str(Settings().seed))
    parser.add_argument("--preset", default="standard")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    rows = [
        one(name, int(seed), int(sample), asked.preset)
        for name in (registry.names() if asked.models == "all" else asked.models.split(","))
        for sample in asked.samples.split(",")
        for seed in asked.seeds.split(",")
    ]
    print(table(rows))
    found = {
        "date": machine.today(),
        "machine": machine.here(),
        "preset": asked.preset,
        "rows": rows,
    }
    if asked.out:
        asked.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
