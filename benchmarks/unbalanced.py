"""Models of growing populations on three tasks: does the mass come out, and which cells multiply?

    python benchmarks/unbalanced.py --folder DATA --models a,b --seeds 42 --parts gene,emt,circuit --out FILE.json

gene      simulation_gene_data.csv (Zhang et al., ICLR 2025), two genes as they stand, cell numbers as mass. Trained on
          the cells of all times, none kept aside; the cells of the first time are moved through all later ones.
          W1 of the weighted cloud at each time, and error of the mass relative to the measured one.
emt       emt.csv, ten coordinates as they stand, cell numbers as mass, one inner time left out: W1 of the weighted
          cloud at that time, moved there from the time before (the protocol of loo.py), and `first` from the first time
          on, with the error of the mass along it.
circuit   cells of our own simulator "gene-circuit" (with no cells kept aside): correlation of learnt and true growth
          over cells that were not trained on, root mean square error against that of no growth, and errors as in gene.

DATA is the folder of the two tables. Models train with the settings of the standard preset and nothing is chosen by a
time left out. A model without growth has no mass error and no correlation. Published rows are printed below; those of
emt are leave-one-out, of several authors, as WFR-FM's table has them.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import machine
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

import cells
import run_case

from cellflow_core.analysis import evaluate
from cellflow_core.analysis.dynamics import dynamics
from cellflow_core.analysis.simulate import simulate
from cellflow_core.data.simulators.gene_circuit import GeneCircuit, Settings
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.train_validation_split import halves
from cellflow_core.math.ot import wasserstein
from cellflow_core.models import registry
from cellflow_core.models.contract import DynamicsModel
from cellflow_core.train.trainer import TrainConfig, fit

Array = np.ndarray
WFR = "Peng et al., ICLR 2026 (arXiv:2601.06810)"
VAR = "Var-RUOT, NeurIPS 2025"
PUBLISHED: dict[str, list[tuple[str, str, str]]] = {
    "gene": [
        ("WFR-FM", "W1 mean .019, mass error .001, growth correlation .991", WFR),
        ("Var-RUOT", "W1 .0452 / .0385 / .0572 at t1, t2, t4", VAR),
        ("DeepRUOT", "W1 mean .043, mass error .017", WFR),
        ("TIGON", "W1 mean .045, mass error .014, growth correlation .971", WFR),
        ("VGFM", "W1 mean .046, mass error .006", WFR),
        ("UOT-FM", "W1 mean .093, mass error .010", WFR),
        ("MIOFlow", "W1 mean .148", WFR),
    ],
    "emt": [
        ("WFR-FM", "W1 mean .298", WFR),
        ("VGFM", "W1 mean .301", WFR),
        ("DeepRUOT", "W1 mean .323", WFR),
        ("TIGON", "W1 mean .360", WFR),
    ],
    "circuit": [],
}


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Train, score, print and write; returns what was written."""
    asked = _parser().parse_args(arguments)
    torch.set_num_threads(asked.threads)
    names, seeds = asked.models.split(","), [int(each) for each in asked.seeds.split(",")]
    for name in names:
        run_case.named(name)
    found = earlier(asked.out)
    found |= {"date": machine.today(), "machine": machine.here() | {"threads": asked.threads}, "preset": asked.preset}
    for part in asked.parts.split(","):
        data, rows, score = PARTS[part](asked.folder)
        mine = found["parts"].setdefault(part, {"rows": []})
        mine |= {"cells": len(data.x), "dims": data.dim, "times": data.times.tolist(), "without": rows}
        for name in names:
            for seed in seeds:
                mine["rows"] = [row for row in mine["rows"] if (row["model"], row["seed"]) != (name, seed)]
                changes = {} if asked.steps is None else {"steps": asked.steps}
                row = {"model": name, "seed": seed, **score(data, name, seed, asked.preset, changes)}
                mine["rows"].append(row)
                print(f"{part} {name} {seed}: {row['w1_mean']:.4f}", file=sys.stderr, flush=True)
                if asked.out:
                    asked.out.write_text(json.dumps(found, indent=1, allow_nan=False) + "\n")
    print(table(found))
    return found


def earlier(path: Path | None) -> dict[str, Any]:
    """What the file holds of other models and parts."""
    return json.loads(path.read_text()) if path and path.exists() else {"parts": {}}


def gene(folder: Path) -> tuple[Snapshots, dict[str, Any], Callable[..., dict[str, Any]]]:
    """The published simulation: cells, rows that need no model, and how a model is scored."""
    data = _table(folder, "simulation_gene_data.csv")
    pairs = list(zip(data.times[:-1], data.times[1:], strict=True))
    floor = [np.mean([wasserstein(*halves(data, t, k)) for k in range(5)]) for t in data.times[1:]]
    rows = {
        "previous": [wasserstein(data.at(a), data.at(b)) for a, b in pairs],
        "halves of the cells": [float(each) for each in floor],
    }
    return data, rows, rolled


def emt(folder: Path) -> tuple[Snapshots, dict[str, Any], Callable[..., dict[str, Any]]]:
    data = _table(folder, "emt.csv")
    found = [evaluate.baselines(data, t) for t in evaluate.middle_times(data)]
    rows = {
        name: [getattr(each, name) for each in found] for name in ("previous", "next", "linear", "midpoint", "floor")
    }
    return data, rows, left_out


def circuit(folder: Path) -> tuple[Snapshots, dict[str, Any], Callable[..., dict[str, Any]]]:
    data = GeneCircuit().simulate()
    again = GeneCircuit(Settings(seed=1)).simulate()
    rows = {"another draw of the cells": [wasserstein(data.at(t), again.at(t)) for t in data.times[1:]]}
    return data, rows, compared


PARTS = {"gene": gene, "emt": emt, "circuit": circuit}


def rolled(data: Snapshots, name: str, seed: int, preset: str, changes: dict[str, Any]) -> dict[str, Any]:
    """All times trained, none of the cells kept aside, and rolled out from the first."""
    model, printed = _trained(data, name, seed, preset, {"validation_fraction": 0.0, **changes})
    return printed | _rollout(model, data, seed)


def left_out(data: Snapshots, name: str, seed: int, preset: str, changes: dict[str, Any]) -> dict[str, Any]:
    """One inner time left out after the other."""
    before, first, mass, printed = [], [], [], {"seconds": 0.0}
    for t in evaluate.middle_times(data):
        model, made = _trained(data.without(t), name, seed, preset, changes)
        seconds = printed["seconds"] + made["seconds"]
        printed = made | {"seconds": round(seconds, 2)}
        before.append(evaluate.score(model, data, t, seed=seed))
        start = float(data.times[0])
        moved = simulate(model, data.at(start), [start, t], seed=seed)
        first.append(wasserstein(moved.x[-1], data.at(t), weight=moved.weight[-1]))
        mass.append(_mass_error(model, moved.log_weight[-1], data, t))
    both = {"w1": before, "w1_mean": float(np.mean(before)), "first": first, "first_mean": float(np.mean(first))}
    return printed | both | _masses(mass)


def compared(data: Snapshots, name: str, seed: int, preset: str, changes: dict[str, Any]) -> dict[str, Any]:
    """As `rolled`, and learnt against true growth at cells of another draw."""
    model, printed = _trained(data, name, seed, preset, {"validation_fraction": 0.0, **changes})
    printed |= _rollout(model, data, seed)
    learnt = dynamics(model).growth
    if learnt is None:
        return printed
    truth, fresh = GeneCircuit(), GeneCircuit(Settings(seed=1000 + seed)).simulate()
    found, true = [], []
    for t in fresh.times:
        x = fresh.at(t)
        with torch.no_grad():
            found.append(learnt(torch.full((len(x),), float(t)), torch.from_numpy(x)).numpy())
        true.append(truth.growth(float(t), x.astype(np.float64)))
    g, h = np.concatenate(found), np.concatenate(true)
    error = float(np.sqrt(((g - h) ** 2).mean() / (h**2).mean()))
    return printed | {"correlation": float(np.corrcoef(g, h)[0, 1]), "growth_error": error}


def _trained(
    data: Snapshots, name: str, seed: int, preset: str, changes: dict[str, Any]
) -> tuple[DynamicsModel, dict[str, Any]]:
    base, settings = run_case.named(name)
    model = registry.create(base, settings, data.spec, seed)
    began = time.process_time()
    fit(model, data, TrainConfig.preset(preset, type(model), **changes), seed=seed)
    printed: dict[str, Any] = {"seconds": round(time.process_time() - began, 2)}
    return model, printed | ({"notes": list(model.notes())} if model.notes() else {})


def _rollout(model: DynamicsModel, data: Snapshots, seed: int) -> dict[str, Any]:
    """W1 and mass error at every time after the first."""
    moved = simulate(model, data.at(data.times[0]), list(data.times), seed=seed)
    later = list(enumerate(data.times))[1:]
    w1 = [wasserstein(moved.x[k], data.at(t), weight=moved.weight[k]) for k, t in later]
    mass = [_mass_error(model, moved.log_weight[k], data, t) for k, t in later]
    return {"w1": w1, "w1_mean": float(np.mean(w1))} | _masses(mass)


def _mass_error(model: DynamicsModel, log_weight: Array, data: Snapshots, t: float) -> float | None:
    """|predicted / measured - 1| of the mass relative to the first time, which the start cells stand at."""
    assert data.mass is not None
    if dynamics(model).growth is None:
        return None
    measured = data.mass[np.searchsorted(data.times, t)] / data.mass[0]
    return abs(float(np.exp(log_weight.astype(np.float64)).mean() / measured) - 1)


def _masses(errors: list[float | None]) -> dict[str, Any]:
    known = [each for each in errors if each is not None]
    return {"mass_error": known, "mass_error_mean": float(np.mean(known))} if known else {}


def _table(folder: Path, name: str) -> Snapshots:
    x, t = cells.read(folder / name, "samples")
    return cells.snapshots(x, t, x.shape[1], scaled=False, mass=True, name=name)


def table(found: dict[str, Any]) -> str:
    where = found["machine"]
    lines = [f"{found['date']}, {where['system']}, {where['cores']} cores, torch {where['torch']}, {found['preset']}"]
    for part, mine in found["parts"].items():
        lines += ["", f"{part}: {mine['cells']} cells, {mine['dims']} axes"]
        lines.append(
            f"{'':28}{'mean W1':>8}  {'W1 by time':30}{'first':>7}{'mass':>8}{'corr':>8}{'error':>8}{'CPU s':>8}"
        )
        for row in sorted(mine["rows"], key=lambda row: row["w1_mean"]):
            by = " ".join(f"{each:.4f}" for each in row["w1"])
            rest = "".join(
                f"{row[key]:{wide}.{digits}f}" if key in row else f"{'-':>{wide}}"
                for key, wide, digits in (
                    ("first_mean", 7, 3),
                    ("mass_error_mean", 8, 4),
                    ("correlation", 8, 4),
                    ("growth_error", 8, 3),
                    ("seconds", 8, 1),
                )
            )
            lines.append(f"{row['model'] + ' ' + str(row['seed']):28}{row['w1_mean']:8.4f}  {by:30}{rest}")
        for name, values in mine["without"].items():
            lines.append(f"{name:28}{np.mean(values):8.4f}  {' '.join(f'{each:.4f}' for each in values)}")
        for method, printed, source in PUBLISHED[part]:
            lines.append(f"published {method:18}{printed}; {source}")
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="where simulation_gene_data.csv and emt.csv are")
    parser.add_argument(
        "--models", default="wfr-fm,tigon,uot-cfm", help="names with commas between, or name:setting=value"
    )
    parser.add_argument("--seeds", default="42")
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--preset", default="standard")
    parser.add_argument("--steps", type=int, help="steps of training instead of the preset's, to try the program")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, metavar="FILE.json")
    return parser


if __name__ == "__main__":
    main()
