"""Which models keep the rotation of a cell cycle: the period of simulated cells beside the true one.

    python benchmarks/rotation.py --seeds 0,1,2 --out FILE.json

Two data sets of the simulator "Cell cycle" (period 24 hours, velocities with 30 % noise): of mixed phases, whose
snapshots all look alike; and of synchronised cells at times half a turn apart, where a straight line to the next cells
cuts through the ring. The cells of hour 0 are simulated to the last time; the period is that of their mean angular
velocity, the radius their mean distance from the center at the end (1 in truth). One row a data set, model and seed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import machine
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from cellflow_core.analysis.simulate import simulate
from cellflow_core.data.simulators.cell_cycle import CellCycle, Settings
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.models import registry
from cellflow_core.train.trainer import TrainConfig, fit

DATA = {
    "mixed phases": {"synchrony": 0.0, "n_times": 4, "last_time": 18.0},
    "synchronised, half turns": {"synchrony": 0.9, "n_times": 4, "last_time": 36.0},
}
STEPS = 25


def cells(name: str, count: int) -> Snapshots:
    use = Settings.from_dict({**DATA[name], "cells_per_time": count, "with_velocity": True})
    return CellCycle(use).simulate()


def settings_of(words: str) -> dict[str, float]:
    """ "velocity_weight=1+sigma=0.2" as numbers."""
    return {key: float(value) for key, value in (each.split("=") for each in words.split("+") if each)}


def row(data_name: str, data: Snapshots, model_name: str, seed: int, steps: int | None) -> dict[str, object]:
    name, _, words = model_name.partition(":")
    model = registry.create(name, settings_of(words), data.spec, seed)
    changes = {} if steps is None else {"steps": steps}
    began = time.perf_counter()
    fit(model, data, TrainConfig.preset("standard", type(model), **changes), seed=seed)
    seconds = time.perf_counter() - began
    times = np.linspace(0.0, data.times[-1], STEPS)
    x = simulate(model, data.at(0.0), times, seed=seed).x
    phase = np.unwrap(np.arctan2(x[..., 1], x[..., 0]), axis=0)
    rate = float((phase[-1] - phase[0]).mean() / (2 * np.pi) / times[-1])
    return {
        "data": data_name,
        "model": model_name,
        "seed": seed,
        "period": round(1 / rate, 2),
        "turns_per_day": round(24 * rate, 4),
        "radius": round(float(np.linalg.norm(x[-1], axis=1).mean()), 3),
        "seconds": round(seconds, 1),
    }


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="ot-cfm,ot-cfm:velocity_weight=1,curly-fm")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--cells", type=int, default=300, help="at each time")
    parser.add_argument("--steps", type=int, help="of training (default: the model's own)")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args(argv)
    torch.set_num_threads(1)
    rows = []
    for data_name in DATA:
        data = cells(data_name, asked.cells)
        for model_name in asked.models.split(","):
            for seed in map(int, asked.seeds.split(",")):
                rows.append(row(data_name, data, model_name, seed, asked.steps))
                print(json.dumps(rows[-1]), flush=True)
    if asked.out:
        asked.out.write_text(json.dumps({"date": machine.today(), "machine": machine.here(), "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
