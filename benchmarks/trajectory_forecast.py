"""How well fields of genes forecast the trajectories of donors that they were not trained on (Aliee et al. 2022).

    python benchmarks/trajectory_forecast.py --models pathreg,c-node --seeds 0,1,2 --out FILE.json
    python benchmarks/trajectory_forecast.py --show FILE.json

Bone marrow of five donors (529 genes), cells along pseudotime to B cells, erythroid cells and monocytes. Protocol of
the published notebook: the first 10 and last 20 cells of a trajectory are left out, genes and pseudotime scaled from 0
to 1 within each; one field is trained on the three trajectories of donor s1d2; each other trajectory is started at the
mean of its first five cells (values within 3 standard deviations) and followed; the error is the mean squared error
over genes and single cells, summed over the trajectories of a donor. Departures: the training trajectory is the mean of
windows of equally many cells. Donor s2d4 has no erythroid trajectory in these files, so its sum has two terms where
the published one has three.

Trivial rows, which follow no equation: `no change`, the start; `mean of s1d2`, the mean cell of the same lineage there;
`course of s1d2`, its windows joined by straight lines; `own mean`, that of the very cells that are forecast: below it
is only what changes along the trajectory.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import machine
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

import run_case

from cellflow_core.analysis.simulate import simulate
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.models import registry
from cellflow_core.models.contract import HasNetwork
from cellflow_core.train.trainer import TrainConfig, fit

Array = np.ndarray
FILE = Path(__file__).parents[2] / "shared" / "data" / "pathreg_bmmc" / "bmmc_trajectories.h5ad"
TRAINED = "s1d2"
PUBLISHED = {"s1d2": 0.0353, "s2d1": 0.0384, "s3d6": 0.0729, "s1d1": 0.0365, "s2d4": 0.0273}
FIRST, LAST, STARTING = 10, 20, 5


@dataclass(frozen=True)
class Trajectory:
    """Cells x [cells, genes] in order of their pseudotime t [cells], both from 0 to 1."""

    x: Array
    t: Array

    @property
    def start(self) -> Array:
        """Mean of the first cells by gene, values more than 3 standard deviations above it left out, [genes]."""
        first = self.x[:STARTING]
        sd = first.std(axis=0, ddof=1)
        far = (first - first.mean(axis=0)) > 3 * np.where(sd > 0, sd, np.inf)
        return np.ma.masked_array(first, far).mean(axis=0).filled(0.0)

    def windows(self, count: int) -> tuple[Array, Array]:
        """(times, states) of the start and of the means of windows of equally many cells."""
        parts = np.array_split(np.arange(STARTING, len(self.t)), count)
        states = [self.start, *(self.x[part].mean(axis=0) for part in parts)]
        return np.array([0.0, *(self.t[part].mean() for part in parts)]), np.array(states)


def trajectories(file: Path) -> tuple[dict[tuple[str, str], Trajectory], tuple[str, ...]]:
    """({(donor, lineage): trajectory}, genes)."""
    import anndata

    held = anndata.read_h5ad(file)
    x = held.to_df().to_numpy(np.float64)
    found = {}
    for donor, lineage in sorted(set(zip(held.obs["sample"], held.obs["lineage"], strict=True))):
        rows = np.flatnonzero((held.obs["sample"] == donor) & (held.obs["lineage"] == lineage))
        t = held.obs["dpt_pseudotime"].to_numpy(float)[rows]
        _, first = np.unique(t, return_index=True)  # ascending; of cells at one pseudotime the first
        kept = first[FIRST:-LAST]
        found[donor, lineage] = Trajectory(_from_0_to_1(x[rows[kept]]), _from_0_to_1(t[kept]))
    return found, tuple(held.var_names)


def _from_0_to_1(values: Array) -> Array:
    low, high = values.min(axis=0), values.max(axis=0)
    return (values - low) / np.where(high > low, high - low, 1.0)


def training_cells(found: Mapping[tuple[str, str], Trajectory], genes: tuple[str, ...], windows: int) -> Snapshots:
    """The windows of the trajectories of the training donor, each an individual."""
    series = [each.windows(windows) for (donor, _), each in found.items() if donor == TRAINED]
    subject = np.repeat(np.arange(len(series)), windows + 1)
    x, t = (np.concatenate([each[k] for each in series]) for k in (1, 0))
    return Snapshots(x.astype(np.float32), t, AffineSpace.of_genes(genes), "pseudotime", subject=subject)


def summed(errors: Mapping[tuple[str, str], float]) -> dict[str, float]:
    """The sum over the trajectories of each donor, by donor."""
    return {donor: round(sum(e for (d, _), e in errors.items() if d == donor), 5) for donor in PUBLISHED}


def trivial(found: Mapping[tuple[str, str], Trajectory], windows: int) -> dict[str, dict[str, float]]:
    """Rows that follow no equation."""
    errors: dict[str, dict[tuple[str, str], float]] = {}
    for (donor, lineage), each in found.items():
        seen = found[TRAINED, lineage]
        times, states = seen.windows(windows)
        course = np.stack([np.interp(each.t, times, gene) for gene in states.T], axis=1)
        rows = {
            "no change": each.start,
            "mean of s1d2": seen.x.mean(0),
            "course of s1d2": course,
            "own mean": each.x.mean(0),
        }
        for name, guess in rows.items():
            errors.setdefault(name, {})[donor, lineage] = float(np.square(guess - each.x).mean())
    return {name: summed(each) for name, each in errors.items()}


def forecast(
    name: str, found: Mapping[tuple[str, str], Trajectory], data: Snapshots, windows: int, seed: int, steps: int
) -> dict[str, Any]:
    """Errors by donor of a model that was trained on the training donor."""
    model_name, settings = run_case.named(name)
    began = time.process_time()
    model = registry.create(model_name, {"motion": "series", "horizon": windows, **settings}, data.spec, seed)
    config = TrainConfig.preset("standard", type(model), batch_size=3, steps=steps, validation_fraction=0.0)
    fit(model, data, config, seed=seed)
    model.eval()
    errors = {}
    for key, each in found.items():
        times = [0.0, *each.t[1:].tolist()]
        guess = simulate(model, each.start[None].astype(np.float32), times, seed=0).x[:, 0]
        errors[key] = float(np.square(guess - each.x).mean())
    assert isinstance(model, HasNetwork)
    network = model.network().abs()
    sparse = float((network < 1e-5 * network.max()).float().mean())
    return {
        "errors": summed(errors),
        "by_trajectory": {" ".join(key): round(each, 5) for key, each in errors.items()},
        "pairs_without_edge": round(sparse, 3),
        "seconds_cpu": round(time.process_time() - began),
    }


def show(table: Mapping[str, Any]) -> None:
    rows = table["rows"]
    print(f"{table['machine']}, {table['date']}\n\n| model | {' | '.join(PUBLISHED)} |\n|---|{'---|' * len(PUBLISHED)}")
    print(f"| published PathReg | {' | '.join(f'{each:.4f}' for each in PUBLISHED.values())} |")
    for name, row in rows.items():
        values = [np.array([run[donor] for run in row]) for donor in PUBLISHED]
        print(f"| {name} | {' | '.join(f'{each.mean():.4f} ± {each.std():.4f}' for each in values)} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="pathreg", help="names, with settings as NAME:KEY=VALUE, separated by ,")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--windows", type=int, default=20)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--files", type=Path, default=FILE)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--show", type=Path)
    use = parser.parse_args()
    if use.show:
        show(json.loads(use.show.read_text()))
        return
    if not use.files.exists():
        sys.exit(f"skipped: the trajectories are not at {use.files} (--files names another place)")
    torch.set_num_threads(1)
    found, genes = trajectories(use.files)
    data = training_cells(found, genes, use.windows)
    rows: dict[str, list] = {name: [each] for name, each in trivial(found, use.windows).items()}
    runs: dict[str, list] = {}
    for name in filter(None, use.models.split(",")):
        for seed in map(int, use.seeds.split(",")):
            run = forecast(name, found, data, use.windows, seed, use.steps)
            print(name, seed, json.dumps(run), flush=True)
            rows.setdefault(name, []).append(run["errors"])
            runs.setdefault(name, []).append(run)
    about = {"machine": machine.here(), "date": machine.today(), "windows": use.windows, "steps": use.steps}
    table = {**about, "rows": rows, "runs": runs}
    if use.out:
        use.out.write_text(json.dumps(table, indent=1) + "\n")
    show(table)


if __name__ == "__main__":
    main()
