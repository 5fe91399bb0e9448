"""Velocity of labelled cells where it is known: direction and size, beside the closed form.

    python benchmarks/labelled_velocity.py --seeds 10,11,12 --pulse 2 --out FILE.json

Cells of the simulator "metabolic labelling", of its default size; the truth is ds/dt of the total RNA. One row a seed
and estimate: `cosine` (median over the cells, genes in standard deviations), `size` (root mean square of the velocity,
in that of the true one), `r` (median over the genes of Pearson's r), `seconds`.
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

from cellflow_core.analysis.dynamics import dynamics
from cellflow_core.analysis.fields.cell_velocities import velocity_at
from cellflow_core.data.simulators.transcription import metabolic_labelling
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.steps.labelled import Settings, labelled_moments
from cellflow_core.models import registry
from cellflow_core.models.rna_velocity.labelled import degradation
from cellflow_core.train.trainer import TrainConfig, fit


def simulated(seed: int, pulse: float, cells: int) -> tuple[Snapshots, np.ndarray, np.ndarray]:
    """(cells, true ds/dt, ds/dt in closed form), both [cells, genes] in counts / hour."""
    made = metabolic_labelling.MetabolicLabelling(
        metabolic_labelling.Settings(seed=seed, pulse=pulse, cells_per_time=cells)
    )
    layers, latent, rates = made.layers(), made.simulate().covariates["latent time"], made.kinetics
    use = Settings(pulse=pulse, efficiency=made.settings.efficiency, values="normalised")
    found = labelled_moments(layers["new"], layers["total"], made.axes, use, lambda stage: None)
    tau = np.full(cells, pulse, np.float32)
    space = AffineSpace.of_genes(found.genes)
    data = Snapshots(np.log1p(found.total), None, space, "hour", new_rna=found.new, pulse=tau)
    on = (latent[:, None] >= rates.on) & (latent[:, None] < rates.off)
    truth = made.settings.scale * (rates.alpha * on - rates.gamma * rates.levels(latent)[1])
    gamma = degradation(torch.from_numpy(found.new), torch.from_numpy(found.total), torch.from_numpy(tau)).numpy()
    return data, truth, gamma * found.new / (1 - np.exp(-gamma * pulse)) - gamma * found.total


def row(found: np.ndarray, truth: np.ndarray, unit: np.ndarray) -> dict[str, float]:
    a, b = found / unit, truth / unit
    size = np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1)
    r = [np.corrcoef(found[:, k], truth[:, k])[0, 1] for k in range(truth.shape[1])]
    return {
        "cosine": float(np.median((a * b).sum(axis=1) / (size[0] * size[1]))),
        "size": float(np.linalg.norm(a) / np.linalg.norm(b)),
        "r": float(np.median(r)),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="10,11,12")
    parser.add_argument("--pulse", type=float, default=2.0, help="hours")
    parser.add_argument("--cells", type=int, default=1500)
    parser.add_argument("--steps", type=int, default=0, help="training steps; 0: those of the model")
    parser.add_argument("--out", type=Path, required=True)
    use = parser.parse_args(arguments)
    torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []
    for seed in map(int, use.seeds.split(",")):
        data, truth, closed = simulated(seed, use.pulse, use.cells)
        unit = np.expm1(data.x).std(axis=0)
        rows.append({"estimate": "closed form", "seed": seed, "pulse": use.pulse} | row(closed, truth, unit))
        for choice in ("constant", "field"):
            begun = time.perf_counter()
            model = registry.create("labelled", {"transcription": choice}, data.spec, seed=0)
            changed = {"steps": use.steps} if use.steps else {}
            fit(model, data, TrainConfig.preset("standard", type(model), **changed), seed=0)
            found = velocity_at(dynamics(model), data.x, 0.0) * np.exp(data.x)
            about = {"estimate": choice, "seed": seed, "pulse": use.pulse, "seconds": time.perf_counter() - begun}
            rows.append(about | row(found, truth, unit))
        print("\n".join(json.dumps(each) for each in rows[-3:]), flush=True)
    about = {"date": machine.today(), "machine": machine.here(), "rows": rows}
    use.out.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
