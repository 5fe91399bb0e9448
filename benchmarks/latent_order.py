"""How well an order of cells that is found without times agrees with their time: |Spearman| beside the first PC.

    python benchmarks/latent_order.py --models sctour --seeds 0,1,2 --folder FOLDER --out FILE.json

Simulated cells of one snapshot, whose latent time is known, and time courses of FOLDER, whose times were measured and
are not shown to the model (the files of `growth_penalty.py` and the embryoid bodies). States are the first 20 principal
components, or all axes where there are fewer. A fifth of the cells is held out of the training and scored: the order is
that of a model for cells that it has not seen. One row a data set, model and seed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import machine
import numpy as np
import torch
from scipy.stats import rankdata

sys.path.insert(0, str(Path(__file__).parents[1]))

import cells
from growth_penalty import COURSES

from cellflow_core.data.simulators import registry as simulators
from cellflow_core.data.simulators.transcription.splicing import LATENT
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.models import registry
from cellflow_core.models.contract import Context, HasLatentTime
from cellflow_core.train.trainer import TrainConfig, fit

Array = np.ndarray
DIMS = 20
SIMULATED = ("splicing-bifurcation", "transcriptional-boosting", "six-gene-circuit", "branching-tree")
EB = ("eb_embryoid_body/eb_velocity_subset2750.npz", None)


def simulated(name: str) -> tuple[Array, Array]:
    """(states, latent time or, where cells have none, time); counts are log-normalised."""
    kind = simulators.find(name)
    data = kind(kind.Config()).simulate()
    x = data.x.astype(np.float64)
    if name in SIMULATED[:2]:
        total = x.sum(axis=1, keepdims=True)
        x = np.log1p(x / np.maximum(total, 1) * np.median(total))
    return x, data.covariates.get(LATENT, data.t)


def sources(folder: Path | None) -> Iterator[tuple[str, Array, Array]]:
    """Name, states and time of each data set that is there."""
    for name in SIMULATED:
        yield name, *simulated(name)
    for name, (file, column) in {**COURSES, "embryoid bodies": EB}.items():
        if folder is not None and (folder / file).exists():
            yield name, *cells.read(folder / file, column)


def components(x: Array) -> Array:
    """The first DIMS principal components of centred states, [cells, DIMS]; all where there are fewer axes."""
    u, s, _ = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
    return (u * s)[:, :DIMS]


def agreement(a: Array, b: Array) -> float:
    """|Spearman| of two orders."""
    return abs(float(np.corrcoef(rankdata(a), rankdata(b))[0, 1]))


def order(name: str, x: Array, new: Array, seed: int, steps: int | None) -> Array:
    """Latent time of new cells by a model that was trained on the states x without times."""
    data = Snapshots(x, None, AffineSpace.coordinates(tuple(f"PC{k + 1}" for k in range(x.shape[1]))))
    model = registry.create(name, {}, data.spec, seed)
    if not isinstance(model, HasLatentTime):
        raise SystemExit(f"{name} orders no cells: name models that have a latent time")
    changes = {} if steps is None else {"steps": steps}
    fit(model, data, TrainConfig.preset("standard", type(model), **changes), seed=seed)
    with torch.no_grad():
        return model.eval().latent_time(torch.from_numpy(new.astype(np.float32)), Context()).numpy()


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="sctour")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--folder", type=Path, help="of the time courses (default: simulated cells only)")
    parser.add_argument("--data", help="names of data sets, separated by commas (default: all)")
    parser.add_argument("--steps", type=int, help="of training (default: the model's own)")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args(argv)
    torch.set_num_threads(1)
    rows = []
    for data_name, states, times in sources(asked.folder):
        if asked.data and data_name not in asked.data.split(","):
            continue
        x = components(np.asarray(states, dtype=np.float64))
        first = agreement(x[:, 0], times)
        for name in asked.models.split(","):
            for seed in map(int, asked.seeds.split(",")):
                held_out = np.random.default_rng(seed).random(len(x)) < 0.2
                began = time.perf_counter()
                found = order(name, x[~held_out], x[held_out], seed, asked.steps)
                row = {"data": data_name, "cells": len(x), "model": name, "seed": seed}
                row |= {"rho": round(agreement(found, times[held_out]), 3)}
                row |= {"rho_pc1": round(first, 3), "seconds": round(time.perf_counter() - began, 1)}
                rows.append(row)
                print(json.dumps(row), flush=True)
    if asked.out:
        asked.out.write_text(json.dumps({"date": machine.today(), "machine": machine.here(), "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
