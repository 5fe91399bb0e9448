"""Fates of labelled cells before a branch point: of walks among the cells, and of models that follow them.

    python benchmarks/labelled_fates.py --seeds 10,11,12 --shares 0.5,0.3,0.7 --out FILE.json

Cells of the simulator "splicing-bifurcation" with a pulse of an hour, one draw a seed; a cell of the trunk is of fate A
with the probability of its draw. One row a seed and estimate:

    true      share of fate A among the cells after the branch point
    fate_a    mean over the cells of the trunk of the share of their walks or simulations that end in A, of those that
              end in A or B; reached: share that does. A walk ends in the first cell HOURS after the branch point, a
              simulation, of SPAN hours, in the cell nearest to it, unless that is one of the trunk
    own       share of the cells 1 to 2 hours after the branch point that end in their own branch
    cosine    median over the cells of the velocity with the true one, genes in standard deviations
    cpu_s     CPU seconds of the training

Estimates: `walks, published` (steps to the 30 nearest cells in the latent space, kernel 0.1) and `walks` (as
`labelled-sde` takes them), both along the field that `labelled-sde` has learnt; `labelled` without noise, along the
same field; `labelled-sde`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import machine
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from cellflow_core.analysis.dynamics import dynamics
from cellflow_core.analysis.fields.cell_velocities import velocity_at
from cellflow_core.data.simulators.transcription.splicing_bifurcation import Settings as Bifurcation
from cellflow_core.data.simulators.transcription.splicing_bifurcation import SplicingBifurcation
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.steps.labelled import Settings, labelled_moments
from cellflow_core.math.neighbors import nearest_neighbors
from cellflow_core.math.velocity_graph import cosines
from cellflow_core.models import registry
from cellflow_core.models.contract import Context
from cellflow_core.models.rna_velocity.labelled import nearest
from cellflow_core.models.rna_velocity.labelled_sde import WIDTH, LabelledSDE, both_directions, transitions
from cellflow_core.train.trainer import TrainConfig, fit

BRANCH, HOURS, SPAN, STEP = 6.0, 3.0, 9.0, 0.1
COPIES = 5
"""Simulations from each cell."""


class Branching(NamedTuple):
    """Labelled cells, true ds/dt of their total RNA [cells, genes] (counts / hour), latent time (hours), is it of A."""

    data: Snapshots
    velocity: np.ndarray
    latent: np.ndarray
    of_a: np.ndarray

    def cosine(self, found: np.ndarray) -> float:
        """Median over the cells of the cosine between d log(1 + s)/dt and the truth, genes in standard deviations."""
        unit = np.expm1(self.data.x).std(axis=0)
        a, b = found * np.exp(self.data.x) / unit, self.velocity / unit
        moves = b.any(axis=1)  # the others have not begun
        return float(np.median(cosines(a[moves], b[moves])))


def branching(seed: int, cells: int = 800, pulse: float = 1.0, share: float = 0.5) -> Branching:
    """share: probability of fate A."""
    made = SplicingBifurcation(Bifurcation(cells_per_time=cells, seed=seed))
    latent = made.simulate().covariates["latent time"]
    of_a, both = np.random.default_rng((seed, 1)).random(cells) < share, []
    for fate in "AB":
        rates = made.kinetics(fate)
        (u, s), before = rates.levels(latent), rates.levels(latent - pulse)
        old = sum(rates.after(*before, np.zeros_like(rates.alpha), np.full(before[0].shape, pulse)))
        on = (latent[:, None] >= rates.on) & (latent[:, None] < rates.off)
        both.append((u + s - old, old, rates.alpha * on - rates.gamma * s))
    new, old, velocity = (np.where(of_a[:, None], a, b) for a, b in zip(*both, strict=True))
    rng, scale = np.random.default_rng((seed, 2)), made.settings.scale
    counted, rest = (rng.poisson(scale * np.maximum(each, 0)).astype(float) for each in (new, old))
    use = Settings(pulse=pulse, efficiency=1.0, values="normalised")
    found = labelled_moments(counted, counted + rest, made.axes, use, lambda stage: None)
    at, space = [made.axes.index(each) for each in found.genes], AffineSpace.of_genes(found.genes)
    tau = np.full(cells, pulse, np.float32)
    data = Snapshots(np.log1p(found.total), None, space, "hour", new_rna=found.new, pulse=tau)
    return Branching(data, scale * velocity[:, at], latent, of_a)


def shares(known: Branching, in_a: np.ndarray, in_b: np.ndarray) -> dict[str, float]:
    """in_a, in_b: probability of each cell to end there."""
    trunk, after = known.latent < BRANCH, (known.latent > BRANCH + 1) & (known.latent < BRANCH + 2)
    reached, own = in_a[trunk] + in_b[trunk], np.where(known.of_a, in_a, in_b) / np.maximum(in_a + in_b, 1e-12)
    return {
        "fate_a": float(in_a[trunk].sum() / max(reached.sum(), 1e-12)),
        "reached": float(reached.mean()),
        "own": float(own[after].mean()),
    }


def walked(known: Branching, s: Any, v: Any, start: Any, to: Any, width: float = WIDTH) -> dict[str, float]:
    """Where walks along these edges end."""
    from scipy.sparse import csr_array, diags_array

    late = known.latent > BRANCH + HOURS
    weight = transitions(s, v, start, to, width)[0].numpy()
    chain = csr_array((weight, (start.numpy(), to.numpy())), shape=(len(late), len(late)))
    stopped = diags_array((~late).astype(float)) @ chain + diags_array(late.astype(float))
    ends = np.stack([late & known.of_a, late & ~known.of_a], axis=1).astype(float)
    for _ in range(500):
        ends = stopped @ ends
    return shares(known, ends[:, 0], ends[:, 1])


def simulated(known: Branching, ends: np.ndarray) -> dict[str, float]:
    """ends [cells * copies, genes]: states that simulations from each cell end in."""
    near = nearest_neighbors(known.data.x, 1, ends)[1][:, 0]
    there, cells = known.latent[near] > BRANCH, len(known.latent)
    parts = [there & known.of_a[near], there & ~known.of_a[near]]
    in_a, in_b = (each.reshape(cells, -1).mean(axis=1) for each in parts)
    return shares(known, in_a, in_b)


def rows(seed: int, share: float, cells: int, steps: int) -> list[dict[str, Any]]:
    known = branching(seed, cells, share=share)
    begun = time.process_time()
    model = registry.create("labelled-sde", {}, known.data.spec, seed=0)
    assert isinstance(model, LabelledSDE)
    changed = {"steps": steps} if steps else {}
    fit(model, known.data, TrainConfig.preset("standard", LabelledSDE, **changed), seed=0)
    cpu, x = time.process_time() - begun, torch.from_numpy(known.data.x)
    with torch.no_grad():
        z, total = model.latent(x), x.expm1() / model.unit
        field, along = model.field(z), model.along(z)
        copies = x.repeat_interleave(COPIES, dim=0)
        ends = model.sample(copies, (0.0, SPAN), torch.Generator().manual_seed(0), Context())[-1].numpy()
    directed = torch.from_numpy(nearest_neighbors(z.numpy(), 31)[1][:, 1:].copy())
    cell = torch.arange(len(x)).repeat_interleave(directed.shape[1])
    edges = both_directions(nearest(x, model.spec.genes, model.config.path_neighbors))
    true = float(known.of_a[known.latent > BRANCH].mean())
    about = {"seed": seed, "cells": cells, "share": share, "true": true}
    moving, without_noise = dynamics(model), known.data.x
    cosine = known.cosine(velocity_at(moving, known.data.x, 0.0))
    for _ in range(round(SPAN / STEP)):
        without_noise = without_noise + STEP * velocity_at(moving, without_noise, 0.0)
    return [
        {"estimate": "walks, published"} | about | walked(known, z, field, cell, directed.flatten(), width=0.1),
        {"estimate": "walks"} | about | walked(known, total, along, *edges),
        {"estimate": "labelled"} | about | simulated(known, without_noise),
        {"estimate": "labelled-sde"} | about | simulated(known, ends) | {"cosine": cosine, "cpu_s": cpu},
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="10,11,12")
    parser.add_argument("--shares", default="0.5,0.3,0.7", help="probability of fate A of each seed")
    parser.add_argument("--cells", type=int, default=800)
    parser.add_argument("--steps", type=int, default=0, help="training steps; 0: those of the model")
    parser.add_argument("--out", type=Path, required=True)
    use = parser.parse_args(arguments)
    torch.set_num_threads(1)
    found: list[dict[str, Any]] = []
    for seed, share in zip(map(int, use.seeds.split(",")), map(float, use.shares.split(",")), strict=True):
        found += rows(seed, share, use.cells, use.steps)
        print("\n".join(json.dumps(each) for each in found[-4:]), flush=True)
        about = {"date": machine.today(), "machine": machine.here(), "rows": found}
        use.out.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
