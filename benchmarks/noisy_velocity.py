"""How well fields recover true velocities from noisy ones: mean cosine, beside the noisy velocities themselves.

    python benchmarks/noisy_velocity.py --models dynamo,deepvelo,rna-ode --seeds 0,1,2 --out FILE.json

Simulated cells with their true RNA velocities, to which Gaussian noise is added (in root mean squares of the velocity).
A fifth of the cells is held out. `cosine` is the mean over the cells of training, at which the noisy velocities have
theirs too (`cosine_input`); `cosine_held_out` that over the others. One row a data set, noise, model and seed.
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

from cellflow_core.data.simulators import registry as simulators
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.models import registry
from cellflow_core.models.contract import Context, HasVelocity
from cellflow_core.train.trainer import TrainConfig, fit

Array = np.ndarray
SIMULATED = ("six-gene-circuit", "splicing-bifurcation")
NOISE = (0.5, 1.0, 2.0)


def cosine(a: Array, b: Array) -> float:
    """Mean cosine of the vectors of two tables; those of length 0 are left out."""
    sizes = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return float(((a * b).sum(axis=1)[sizes > 0] / sizes[sizes > 0]).mean())


def row(data: Snapshots, truth: Array, name: str, seed: int, steps: int | None) -> dict[str, object]:
    """Scores of a model that was trained on four fifths of the cells, whose velocities are noisy."""
    held_out = np.random.default_rng(seed).random(len(data.x)) < 0.2
    train = data.take(~held_out)
    assert train.velocity is not None
    model = registry.create(name, {}, train.spec, seed)
    if not isinstance(model, HasVelocity):
        raise SystemExit(f"{name} has no velocity: name models that have one")
    began = time.perf_counter()
    changes = {} if steps is None else {"steps": steps}
    fit(model, train, TrainConfig.preset("standard", type(model), **changes), seed=seed)
    seconds = time.perf_counter() - began
    x = torch.from_numpy(data.x)
    with torch.no_grad():
        found = model.eval().velocity(torch.zeros(len(x)), x, Context()).numpy()
    return {
        "model": name,
        "seed": seed,
        "cosine": round(cosine(found[~held_out], truth[~held_out]), 3),
        "cosine_held_out": round(cosine(found[held_out], truth[held_out]), 3),
        "cosine_input": round(cosine(train.velocity, truth[~held_out]), 3),
        "seconds": round(seconds, 1),
    }


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="dynamo,deepvelo,rna-ode")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--data", default=",".join(SIMULATED), help="names of simulators, separated by commas")
    parser.add_argument("--steps", type=int, help="of training (default: the model's own)")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args(argv)
    torch.set_num_threads(1)
    rows = []
    for source in asked.data.split(","):
        kind = simulators.find(source)
        for seed in map(int, asked.seeds.split(",")):
            data = kind(kind.Config.from_dict({"seed": seed})).simulate()
            if data.velocity is None:
                raise SystemExit(f"the cells of {source} have no velocity")
            size = float(np.sqrt(np.square(data.velocity).mean()))
            for noise in NOISE:
                drawn = size * noise * np.random.default_rng(seed).normal(size=data.velocity.shape)
                noisy = Snapshots(data.x, None, data.space, data.time_unit, velocity=data.velocity + drawn)
                for name in asked.models.split(","):
                    scores = row(noisy, data.velocity, name, seed, asked.steps)
                    rows.append({"data": source, "noise": noise, **scores})
                    print(json.dumps(rows[-1]), flush=True)
    if asked.out:
        asked.out.write_text(json.dumps({"date": machine.today(), "machine": machine.here(), "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
