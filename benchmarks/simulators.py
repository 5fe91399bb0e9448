"""How near trained models come to processes that are known in full: velocity, drift and the clouds at held-out times.

    python benchmarks/simulators.py --models ot-cfm,sf2m,action-matching --seeds 0,1 --out FILE.json

Each row is one model trained once on the cells of one simulator with its default settings. `velocity` and `drift` are
the cosine between the model's field and the true one, over cells that training never saw, at all times and half-way
between; `velocity_error` is root mean square of the difference over that of the truth. `w1` is the mean Wasserstein-1
distance at the times half-way, cells being moved there from the time before; `floor` the same between two draws of the
truth, `still` where nothing moves. A model with noise is given the true one, so that its drift can be compared.
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

from cellflow_core.analysis.dynamics import Model, dynamics
from cellflow_core.analysis.mean_field import InPopulation
from cellflow_core.analysis.simulate import simulate
from cellflow_core.data.simulators import registry as simulators
from cellflow_core.data.simulators.contract import HasDrift, HasVelocity, Simulator
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.math.ot import wasserstein
from cellflow_core.models import registry
from cellflow_core.train.trainer import TrainConfig, fit


def fresh_cells(process: Simulator, name: str, seed: int) -> Snapshots:
    """Other cells of the same process, also half-way between its times."""
    frames = 2 * process.settings.as_dict()["frames"] - 1
    return simulators.create(name, {**process.settings.as_dict(), "frames": frames, "seed": 1000 + seed}).simulate()


def one(name: str, process: Simulator, model_name: str, seed: int, preset: str) -> dict[str, Any]:
    """Train one model on the cells of one process and compare it with the process."""
    data, fresh, again = process.simulate(), fresh_cells(process, name, seed), fresh_cells(process, name, seed + 500)
    kind = registry.find(model_name)
    settings: dict[str, Any] = {}
    if "noise" in dir(kind) and isinstance(process, HasDrift):
        settings["sigma"] = float(process.noise(0.0)[0]) * data.spec.interval**0.5 / data.spec.scale
    model = registry.create(model_name, settings, data.spec, seed)
    fit(model, data, TrainConfig.preset(preset, kind), seed=seed)
    row: dict[str, Any] = {"process": name, "model": model_name, "seed": seed}
    moved = dynamics(model)
    if isinstance(process, HasVelocity) and moved.velocity:
        found, truth = fields(model, "velocity", process.velocity, fresh)
        row["velocity"] = cosine(found, truth)
        row["velocity_error"] = float(np.sqrt(((found - truth) ** 2).mean() / (truth**2).mean()))
    if isinstance(process, HasDrift) and moved.drift and moved.noise:
        row["drift"] = cosine(*fields(model, "drift", process.drift, fresh))
    between = fresh.times[1::2]
    before = data.times[:-1]
    pairs = list(zip(before, between, strict=True))
    row["w1"] = mean(wasserstein(simulate(model, data.at(a), [a, t], seed=seed).x[-1], fresh.at(t)) for a, t in pairs)
    row["floor"] = mean(wasserstein(again.at(t), fresh.at(t)) for t in between)
    row["still"] = mean(wasserstein(data.at(a), fresh.at(t)) for a, t in pairs)
    return row


def fields(model: Model, name: str, truth: Any, cells: Snapshots) -> tuple[np.ndarray, np.ndarray]:
    """(the model's field of this name, the true one) at the cells of every time, which feel each other if they do."""
    pairs = []
    for time in cells.times:
        x = cells.at(time)
        found = getattr(dynamics(InPopulation(model, x)), name)
        with torch.no_grad():
            made = found(torch.full((len(x),), float(time)), torch.from_numpy(x)).numpy()
        pairs.append((made, truth(float(time), x.astype(np.float64))))
    return np.concatenate([a for a, _ in pairs]), np.concatenate([b for _, b in pairs])


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Of the two fields as a whole: fast cells count more."""
    return float((a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum()))


def mean(values: Any) -> float:
    return float(np.mean(list(values)))


def table(rows: list[dict[str, Any]]) -> str:
    columns = ("velocity", "velocity_error", "drift", "w1", "floor", "still")
    lines = [f"{'process':20}{'model':17}seed" + "".join(f"{each:>15}" for each in columns)]
    for row in rows:
        numbers = "".join(f"{row[each]:15.3f}" if each in row else f"{'-':>15}" for each in columns)
        lines.append(f"{row['process']:20}{row['model']:17}{row['seed']:4}{numbers}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", default="ornstein-uhlenbeck,gaussian-bridge,branching-tree")
    parser.add_argument("--models", default="ot-cfm,sf2m,action-matching")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    rows = [
        one(name, simulators.create(name), model, int(seed), asked.preset)
        for name in asked.processes.split(",")
        for model in asked.models.split(",")
        for seed in asked.seeds.split(",")
    ]
    print(table(rows))
    found = {"date": machine.today(), "machine": machine.here(), "preset": asked.preset, "rows": rows}
    if asked.out:
        asked.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
