"""Do bands and intervals hold as often as they say? Printed is the share that does; 80 % and 95 % are right.

    python benchmarks/calibration.py bands --data FILE|toggle --models ot-cfm,neural-ode --seeds 42,43 --out FILE.json
    python benchmarks/calibration.py fates --models ot-cfm,i-cfm --samples 20 --out FILE.json

bands  One row a model, seed and time left out: the share of the measured cells of that time within the 80 % band of
       the cells simulated from the first time, mean over axes or genes; as simulated, and calibrated on copies of the
       model that were trained without this time and one other. Nothing of the judged time is used.
fates  One row a model and sample of the toggle switch: the 95 % interval of the share of fate A beside the true share.
"""

from __future__ import annotations

import argparse
import json
import sys
from itertools import groupby
from pathlib import Path
from typing import Any

import machine
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

import cells
import run_case

from cellflow_core.analysis import band_calibration, evaluate
from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.fates import fate_map
from cellflow_core.data.simulators.toggle import LABEL, Settings, Toggle
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.models import registry
from cellflow_core.models.contract import DynamicsModel
from cellflow_core.train.trainer import TrainConfig, fit


def bands(asked: argparse.Namespace) -> list[dict[str, Any]]:
    """Coverage at each judged time."""
    if asked.data == "toggle":
        data = Toggle(Settings()).simulate()
    else:
        data = cells.snapshots(*cells.read(Path(asked.data), None), asked.dims, scaled=True, mass=False, name="bands")
    rows = []
    for model in asked.models.split(","):
        for seed in (int(each) for each in asked.seeds.split(",")):
            known: dict[frozenset[float], DynamicsModel] = {}
            for time in evaluate.middle_times(data):
                rows.append(
                    {"model": model, "seed": seed, "time": time} | covered(model, data, time, seed, known, asked)
                )
                print(json.dumps(rows[-1]), flush=True)
    return rows


def covered(
    model: str,
    data: Snapshots,
    time: float,
    seed: int,
    known: dict[frozenset[float], DynamicsModel],
    asked: argparse.Namespace,
) -> dict[str, float]:
    """Coverage as simulated and calibrated, and the factor of the band, at one judged time."""

    def without(*times: float) -> DynamicsModel:
        if frozenset(times) not in known:
            seen = data
            for each in times:
                seen = seen.without(each)
            known[frozenset(times)] = trained(model, seen, seed, asked.steps)
        return known[frozenset(times)]

    judged = without(time)
    others = [each for each in evaluate.middle_times(data) if each != time]
    found = band_calibration.calibrated([(without(time, each), each) for each in others], data, seed=seed)
    assert found is not None
    seen = data.without(time).times.tolist()
    factor = float(found.factor(np.array([time]), seen, data)[0])
    away = band_calibration.scores(judged, data, time, seed=seed)
    return {
        "as_simulated": round(float((away <= 1).mean()), 4),
        "calibrated": round(float((away <= factor).mean()), 4),
        "factor": round(factor, 3),
    }


def trained(label: str, data: Snapshots, seed: int, steps: int | None) -> DynamicsModel:
    """A model with the settings of the standard preset."""
    name, settings = run_case.named(label)
    model = registry.create(name, settings, data.spec, seed)
    changed = {} if steps is None else {"steps": steps}
    fit(model, data, TrainConfig.preset("standard", type(model), **changed), seed=seed)
    return model


def fates(asked: argparse.Namespace) -> list[dict[str, Any]]:
    """The interval of the share of fate A, and the true share."""
    truth, rows = Toggle().fate_shares()["fate A"], []
    for model in asked.models.split(","):
        for sample in range(asked.samples):
            data = Toggle(Settings(seed=sample)).simulate()
            center = data.x - data.x.mean(axis=0)
            plane = center @ np.linalg.svd(center, full_matrices=False)[2][:2].T
            view = Embedding("pca", ("PC1", "PC2"), plane, data.x)
            found = fate_map(trained(model, data, sample, asked.steps), data, view, LABEL)
            k = found.names.index("fate A")
            low, high = float(found.low[k]), float(found.high[k])
            about = {"share": float(found.share[k]), "low": low, "high": high, "true": truth}
            rows.append({"model": model, "sample": sample} | {name: round(value, 4) for name, value in about.items()})
            rows[-1]["covers"] = low <= truth <= high
            print(json.dumps(rows[-1]), flush=True)
    return rows


def summary(rows: list[dict[str, Any]]) -> str:
    """One line a model: means over its rows."""
    columns = [name for name in ("as_simulated", "calibrated", "factor", "covers") if name in rows[0]]
    lines = [f"{'model':20} " + " ".join(f"{name:>12}" for name in columns)]
    for model, own in groupby(rows, lambda row: row["model"]):
        several = [*own]
        values = (float(np.mean([row[name] for row in several])) for name in columns)
        lines.append(f"{model:20} " + " ".join(f"{value:12.3f}" for value in values))
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Make, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("bands", "fates"))
    parser.add_argument("--data", default="toggle", metavar="FILE|toggle")
    parser.add_argument("--dims", type=int, default=5)
    parser.add_argument("--models", default="ot-cfm")
    parser.add_argument("--seeds", default="42")
    parser.add_argument("--samples", type=int, default=20)
    parser.add_argument("--steps", type=int, help="steps of training instead of the preset's, to try the program")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args(arguments)
    torch.set_num_threads(1)
    rows = {"bands": bands, "fates": fates}[asked.what](asked)
    print(summary(rows))
    found = {"what": asked.what, "data": Path(asked.data).name, "date": machine.today(), "machine": machine.here()}
    if asked.out:
        asked.out.write_text(json.dumps(found | {"rows": rows}, indent=1) + "\n")
    return found | {"rows": rows}


if __name__ == "__main__":
    main(sys.argv[1:])
