"""The authors' program of a method beside ours, on the same folds and seeds: one row a method, seed and held-out time.

    python benchmarks/peers/compare.py --peer ot-cfm --python PATH --data FILE --seeds 0,1,2 --out FILE.json
    python benchmarks/peers/compare.py --out FILE.json     # prints the stored table

The folds are those of loo.py: z-scored coordinates, one time left out, cells of the time before to start from, one
predicted cell for each, exact W1 to the measured cells. `PATH` is the Python of an environment that holds the authors'
program and not ours; the module of the peer (PEERS) says how that environment is made, at which version, under which
licence, and where its settings come from. It is started as a process of its own,

    PATH benchmarks/peers/<module>.py fold.npz prediction.npz --method PEER --seed S --iterations 1 [--repository DIR]

and reads `x` and `t` (training cells), `start` and `time` (held-out); it writes `x`, `weight` and `cpu`. Nothing of the
authors' programs is imported here or kept in this repository. Ours is trained by the preset of loo.py in the same run.
`cpu` is the CPU time of training, one thread each, without imports; JAX compiles within it. `--iterations 0.1`
makes a tenth of the authors' iterations, where all of them take too long; the row and the table say so.
"""

from __future__ import annotations

import argparse
import functools
import os
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2]))

import cells
import machine
import resumable_table
import run_case

from cellflow_core.analysis import evaluate
from cellflow_core.math.ot import wasserstein

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Peer:
    """The module that runs the authors' program, and the label of our model that stands beside it."""

    module: str
    ours: str


@dataclass(frozen=True)
class Program:
    """What is started: method, program, Python of its environment, folder of the authors' program if it has one, share
    of the authors' iterations."""

    method: str
    path: Path
    python: Path
    repository: Path | None
    iterations: float


PEERS = {
    "i-cfm": Peer("conditional_flow_matching", "i-cfm"),
    "ot-cfm": Peer("conditional_flow_matching", "ot-cfm"),
    "sf2m": Peer("conditional_flow_matching", "sf2m"),
    "metric-fm": Peer("metric_flow_matching", "metric-fm"),
    "jkonet-star": Peer("jkonet_star", "jkonet-star"),
    "dsbm": Peer("diffusion_schroedinger_bridge_matching", "dsbm"),
    "mioflow": Peer("manifold_interpolating_flow", "mioflow"),
    "prescient": Peer("potential_energy_gradients", "prescient"),
    "tigon": Peer("trajectory_inference_with_growth", "tigon"),
    "trajectorynet": Peer("trajectory_net", "trajectorynet"),
    "wlf": Peer("wasserstein_lagrangian_flows", "wlf"),
    "cytobridge": Peer("regularized_unbalanced_transport", "cytobridge:interaction=false"),
}


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Run, score, print and write; returns what was written."""
    asked = _parser().parse_args(arguments)
    if asked.peer is None:
        held = resumable_table.stored(asked.out)
        if held is None:
            raise SystemExit("there is no table yet: name --peer, --python and --data")
        print(table(held))
        return held
    peer, seeds = PEERS[asked.peer], [int(each) for each in asked.seeds.split(",")]
    x, t = cells.read(asked.data, asked.time)
    data = cells.snapshots(x, t, asked.dims, scaled=True, mass=False, name=asked.data.name)
    found: dict[str, Any] = {
        "protocol": evaluate.PROTOCOL,
        "data": {"file": asked.data.name, "cells": len(data.x), "dims": data.dim, "times": data.times.tolist()},
        "preset": "standard",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine.here() | {"threads": 1},
        "failed": [],
    }
    alike = ("protocol", "data", "preset")
    folds = evaluate.middle_times(data) if asked.fold is None else [asked.fold]
    again = {(asked.peer, seed, fold, asked.iterations) for seed in seeds for fold in folds}
    found["rows"] = resumable_table.earlier(asked.out, found, alike, lambda row: _which(row) in again)
    elsewhere = resumable_table.other_machine(asked.out, found)
    program = Program(asked.peer, HERE / f"{peer.module}.py", asked.python, asked.repository, asked.iterations)
    make = functools.partial(row, program=program)
    for seed in seeds:
        for fold in folds:
            trial = run_case.Trial(peer.ours, data, seed, fold, "standard", threads=1, steps=asked.steps)
            resumable_table.one(found, trial, make, **elsewhere)
            resumable_table.write(asked.out, found)
    print(table(found))
    return found


def row(asked: run_case.Trial, program: Program) -> dict[str, Any]:
    """Both trained and scored on one fold."""
    theirs = predicted(asked, program)
    model, data, _, made = run_case.trained(asked)
    ours = {"w1": evaluate.score(model, data, asked.fold, seed=asked.seed), "date": machine.today()}
    return (
        {name: made[name] for name in ("model", "seed", "fold", "cpu")}
        | ours
        | {"peer": program.method, "theirs": theirs}
    )


def _which(row: dict[str, Any]) -> tuple[str, int, float, float]:
    return row["peer"], row["seed"], row["fold"], _iterations(row)


def _iterations(row: dict[str, Any]) -> float:
    """Share of the authors' iterations; rows of an earlier version made all of them."""
    return row["theirs"].get("iterations", 1.0)


def predicted(asked: run_case.Trial, program: Program) -> dict[str, float]:
    """W1, CPU seconds and share of the iterations of the authors' program. RuntimeError, with its last lines,
    where it fails."""
    data, fold = asked.data, asked.fold
    seen = data.without(fold)
    start = data.at(seen.times[seen.times < fold].max())
    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder) / "fold.npz", Path(folder) / "prediction.npz"
        np.savez(given, x=seen.x, t=seen.t, start=start, time=fold)
        command = [program.python, program.path, given, made, "--method", program.method, "--seed", asked.seed]
        command += ["--iterations", program.iterations]
        command += ["--repository", program.repository] if program.repository else []
        alone = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        done = subprocess.run(
            [str(each) for each in command], env=alone | threads, cwd=folder, capture_output=True, text=True
        )
        if done.returncode or not made.exists():
            raise RuntimeError(f"{program.path.name} ended with {done.returncode}: {done.stderr.strip()[-600:]}")
        with np.load(made, allow_pickle=False) as stored:
            x, weight, cpu = stored["x"], stored["weight"], float(stored["cpu"])
    if x.shape != start.shape or not np.isfinite(x).all():
        raise RuntimeError(f"{program.path.name} gave cells {x.shape} for {start.shape} or values that are not finite")
    w1 = wasserstein(x, data.at(fold), weight=weight)
    return {"w1": w1, "cpu": round(cpu, 2), "iterations": program.iterations}


def table(found: dict[str, Any]) -> str:
    """Markdown: a row a method and share of the iterations, means over held-out times, then seeds, and below it W1
    along the training. A seed without all its times is left out of the rows."""
    data, where = found["data"], found["machine"]
    lines = [
        f"{data['file']}, {data['cells']:,} cells, {data['dims']} coordinates, {found['protocol']}, "
        f"{where['cores']} cores, one thread, {found['date'][:10]}",
        "",
        "| method | iterations | authors' program | ours | ours − authors' | CPU s, authors' | CPU s, ours | seeds |",
        "|---|---|---|---|---|---|---|---|",
    ]
    whole = Counter((row["peer"], row["seed"], _iterations(row)) for row in found["rows"])
    every = [
        row for row in found["rows"] if whole[row["peer"], row["seed"], _iterations(row)] == len(data["times"]) - 2
    ]
    kinds = {(list(PEERS).index(row["peer"]), _iterations(row)) for row in every}
    for number, share in sorted(kinds):
        peer = list(PEERS)[number]
        lines.append(_line([row for row in every if (row["peer"], _iterations(row)) == (peer, share)]))
    return "\n".join(lines + _along(found["rows"]))


def _line(rows: list[dict[str, Any]]) -> str:
    seeds = sorted({row["seed"] for row in rows})
    by_seed = [
        [np.mean([score(row) for row in rows if row["seed"] == seed]) for seed in seeds]
        for score in (lambda row: row["theirs"]["w1"], lambda row: row["w1"])
    ]
    theirs, ours = (float(np.mean(each)) for each in by_seed)
    spread = float(np.sqrt(sum(np.var(each, ddof=1) for each in by_seed))) if len(seeds) > 1 else None
    scores = " | ".join(_cell(each) for each in by_seed)
    behind = f"{ours - theirs:+.3f}" + ("" if spread is None else f" (spread {spread:.3f})")
    behind = f"**{behind}**" if spread is not None and abs(ours - theirs) > spread else behind
    cpu = " | ".join(f"{np.mean(each):.0f}" for each in zip(*_seconds(rows), strict=True))
    made = _iterations(rows[0])
    share = "all" if made == 1 else f"{100 * made:.3g} %"
    return f"| `{rows[0]['model']}` | {share} | {scores} | {behind} | {cpu} | {len(seeds)} |"


def _along(rows: list[dict[str, Any]]) -> list[str]:
    """W1 of the authors' program by the share of its iterations, where a fold was made with several."""
    lines = []
    folds = sorted({(list(PEERS).index(row["peer"]), row["seed"], row["fold"]) for row in rows})
    for number, seed, fold in folds:
        peer = list(PEERS)[number]
        same = sorted(
            (row for row in rows if (row["peer"], row["seed"], row["fold"]) == (peer, seed, fold)), key=_iterations
        )
        if len(same) > 1:
            scores = ", ".join(f"{row['theirs']['w1']:.3f} at {100 * _iterations(row):.3g} %" for row in same)
            lines.append(f"`{same[0]['model']}`, time {fold:g}, seed {seed}: {scores} of the authors' iterations.")
    return ["", *lines] if lines else []


def _seconds(rows: list[dict[str, Any]]) -> list[tuple[float, float]]:
    return [(row["theirs"]["cpu"], row["cpu"]) for row in rows]


def _cell(values: list[Any]) -> str:
    spread = f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else ""
    return f"{np.mean(values):.3f}{spread}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", choices=PEERS, help="whose program; without it the stored table is printed")
    parser.add_argument("--python", type=Path, default=Path(sys.executable), help="of the environment that holds it")
    parser.add_argument("--repository", type=Path, help="folder of the authors' program, where it is no package")
    parser.add_argument("--data", type=Path, metavar="FILE", help="as loo.py reads it")
    parser.add_argument("--dims", type=int, default=5, help="how many coordinates (5)")
    parser.add_argument("--time", help="the time column, where it is not called time (csv, h5ad)")
    parser.add_argument("--seeds", default="0,1,2", help="numbers with commas between")
    parser.add_argument("--fold", type=float, metavar="TIME", help="one held-out time instead of all")
    parser.add_argument("--iterations", type=float, default=1.0, help="share of the authors' iterations (1)")
    parser.add_argument("--steps", type=int, help="steps of our training instead of the preset's, to try the program")
    parser.add_argument("--out", type=Path, metavar="FILE.json")
    return parser


if __name__ == "__main__":
    sys.exit(1 if main()["failed"] else 0)
