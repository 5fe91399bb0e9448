"""Are weights that are chosen by leaving out inner times better than equal ones? One row a seed and a time left out.

    python benchmarks/ensemble_weights.py --data FILE [--time COLUMN] [--dims 5] [--seeds 42] [--out FILE.json]

Data and axes are those of loo.py. For each judged time the members of `ensemble` are trained without it, and again
without it and each other inner time. Weights are built from the second trainings alone: eight times the member is
added whose addition gives the lowest mean W1 at those inner times (Caruana et al. 2004, doi:10.1145/1015330.1015432).
Printed is W1 at the judged time, from the true cells of the time before and at one point a cell, with equal weights,
with those weights, and for each member.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import machine
import numpy as np
import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[1]))

import cells

from cellflow_core.analysis import evaluate
from cellflow_core.analysis.dynamics import Dynamics, ModelWrapper, dynamics
from cellflow_core.analysis.simulate import simulate
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.math.ot import wasserstein
from cellflow_core.models import registry
from cellflow_core.models.contract import Context, DynamicsModel
from cellflow_core.train.trainer import TrainConfig, fit

ROUNDS = 8
STEPS_PER_INTERVAL = 8
Array = np.ndarray


@dataclass(frozen=True)
class Weighted(ModelWrapper):
    """The weighted mean of the velocities of the members."""

    model: DynamicsModel
    weights: Array

    def dynamics(self, context: Context) -> Dynamics:
        parts = [
            (weight / self.weights.sum(), dynamics(member, context).field)
            for weight, member in zip(self.weights, self.model.members.values(), strict=True)
            if weight
        ]

        def velocity(t: Tensor, x: Tensor) -> Tensor:
            return torch.stack([weight * field(t, x) for weight, field in parts]).sum(dim=0)

        return replace(dynamics(self.model, context), velocity=velocity)


def w1(model: DynamicsModel, weights: Array, data: Snapshots, seen: Snapshots, time: float) -> float:
    """W1 at `time`, from the cells of the last time before it that the model saw."""
    before = float(seen.times[seen.times < time].max())
    moved = simulate(Weighted(model, weights), data.at(before), [before, time], steps_per_interval=STEPS_PER_INTERVAL)
    return wasserstein(moved.x[-1], data.at(time))


def greedy(trained: dict[float, tuple[DynamicsModel, Snapshots]], data: Snapshots, members: int) -> Array:
    """How often each member is taken, from models trained without the judged time and one inner time each."""
    weights = np.zeros(members)
    for _ in range(ROUNDS):
        tries = [weights + each for each in np.eye(members)]
        loss = [np.mean([w1(model, w, data, seen, at) for at, (model, seen) in trained.items()]) for w in tries]
        weights = tries[int(np.argmin(loss))]
    return weights


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Make, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--time", help="column of a table that holds the time")
    parser.add_argument("--dims", type=int, default=5)
    parser.add_argument("--seeds", default="42")
    parser.add_argument("--steps", type=int, help="steps of training instead of the preset's, to try the program")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args(arguments)
    torch.set_num_threads(1)
    x, t = cells.read(asked.data, asked.time)
    data = cells.snapshots(x, t, asked.dims, scaled=True, mass=False, name=asked.data.name)
    found: dict[str, Any] = {"data": asked.data.name, "date": machine.today(), "machine": machine.here(), "rows": []}
    for seed in (int(each) for each in asked.seeds.split(",")):
        known: dict[frozenset[float], tuple[DynamicsModel, Snapshots]] = {}

        def without(*times: float, seed: int = seed, known: Any = known) -> tuple[DynamicsModel, Snapshots]:
            if frozenset(times) not in known:
                known[frozenset(times)] = trained(data, times, seed, asked.steps)
            return known[frozenset(times)]

        for time in evaluate.middle_times(data):
            found["rows"].append(row(data, time, seed, without))
            print(json.dumps(found["rows"][-1]), flush=True)
            if asked.out:
                asked.out.write_text(json.dumps(found, indent=1) + "\n")
    for name in ("equal", "chosen"):
        print(f"{name:8} weights: mean W1 {np.mean([each[name] for each in found['rows']]):.3f}")
    return found


def trained(data: Snapshots, times: tuple[float, ...], seed: int, steps: int | None) -> tuple[DynamicsModel, Snapshots]:
    """The ensemble, trained without these times, and what it saw."""
    seen = data
    for each in times:
        seen = seen.without(each)
    model = registry.create("ensemble", {}, seen.spec, seed)
    fit(model, seen, TrainConfig.preset("standard", type(model), **({"steps": steps} if steps else {})), seed=seed)
    return model, seen


def row(data: Snapshots, time: float, seed: int, without: Any) -> dict[str, Any]:
    """W1 at one judged time."""
    model, seen = without(time)
    names = [*model.members]
    inner = {other: without(time, other) for other in evaluate.middle_times(data) if other != time}
    weights = greedy(inner, data, len(names))
    members = {
        name: round(w1(model, each, data, seen, time), 4) for name, each in zip(names, np.eye(len(names)), strict=True)
    }
    return {
        "seed": seed,
        "time": time,
        "equal": round(w1(model, np.ones(len(names)), data, seen, time), 4),
        "chosen": round(w1(model, weights, data, seen, time), 4),
        "weights": dict(zip(names, weights.astype(int).tolist(), strict=True)),
        "members": members,
    }


if __name__ == "__main__":
    main(sys.argv[1:])
