"""How well responses to drugs that were not measured are predicted: CellBox beside the mean, sums and a straight line.

    python benchmarks/drug_response.py DIR --seeds 10,11,12,13,14 --out FILE.json

DIR holds the two tables of CellBox (Yuan et al. 2021): expr.csv, changes of nodes [conditions, nodes], and pert.csv,
the perturbation of each node, with the names of the nodes in node_Index.csv; drugs are the nodes that pert.csv
perturbs. Three questions: `random`, a new third of the conditions for each seed (27 of 89); `pairs`, all pairs from
the single drugs alone; `drug`, every pair with a drug that was measured in no other condition than alone, each drug in
turn. A figure is the Pearson correlation of predicted and measured levels over all held-out conditions and nodes
without drugs (r), the same within a condition (r_condition, mean), and the root mean square error.

Rows beside the model: `no change`; `mean`, of the training conditions; `additive`, the responses to the single drugs
summed, each at the measured strength nearest to it, where all were measured alone; `linear`, ridge regression of the
nodes on the strengths of the drugs, its penalty by leave-one-out.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import machine
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.models import registry
from cellflow_core.models.regulatory.cellbox import CellBox
from cellflow_core.train.trainer import TrainConfig, fit

Array = np.ndarray
HELD_OUT = 0.3
PENALTIES = (0.001, 0.01, 0.1, 1.0, 10.0)


class Tables(NamedTuple):
    """Levels x and perturbations p, [conditions, nodes], with the names of the nodes and the numbers of the drugs."""

    x: Array
    p: Array
    nodes: tuple[str, ...]
    drugs: Array


def tables(folder: Path) -> Tables:
    """The tables of a folder. SystemExit with a sentence where they are not there or do not fit."""
    missing = [each for each in ("expr.csv", "pert.csv", "node_Index.csv") if not (folder / each).is_file()]
    if missing:
        raise SystemExit(f"{folder} has no {missing[0]}: name the folder of the tables of CellBox")
    x, p = (np.loadtxt(folder / each, delimiter=",", ndmin=2) for each in ("expr.csv", "pert.csv"))
    nodes = tuple((folder / "node_Index.csv").read_text(encoding="utf-8").split())
    if x.shape != p.shape or x.shape[1] != len(nodes):
        raise SystemExit(f"expr.csv is {x.shape}, pert.csv {p.shape}, and there are {len(nodes)} names of nodes")
    return Tables(x, p, nodes, np.flatnonzero((p != 0).any(axis=0)))


def splits(known: Tables, seeds: Sequence[int]) -> Iterator[tuple[str, int, str, Array]]:
    """(question, seed, what is held out in words, mask of held-out conditions)."""
    count = (known.p != 0).sum(axis=1)
    for seed in seeds:
        held = np.zeros(len(known.x), dtype=bool)
        held[np.random.default_rng(seed).permutation(len(held))[: round(HELD_OUT * len(held))]] = True
        yield "random", seed, f"{held.sum()} conditions", held
        yield "pairs", seed, f"{(count > 1).sum()} pairs", count > 1
    for drug in known.drugs:
        held = (known.p[:, drug] != 0) & (count > 1)
        if held.any():
            yield "drug", seeds[0], known.nodes[drug], held


def additive(known: Tables, train: Array, held: Array) -> Array | None:
    """Sum of the responses to the drugs alone, each at the measured strength nearest to it; None where one lacks."""
    single = train & ((known.p != 0).sum(axis=1) == 1)
    found = np.zeros_like(known.x[held])
    for drug in known.drugs:
        rows = np.flatnonzero(single & (known.p[:, drug] != 0))
        wanted = known.p[held, drug]
        if not len(rows):
            if wanted.any():
                return None
            continue
        nearest = rows[np.abs(known.p[rows, drug] - wanted[:, None]).argmin(axis=1)]
        found += np.where(wanted[:, None] != 0, known.x[nearest], 0.0)
    return found


def linear(known: Tables, train: Array, held: Array) -> Array:
    """Ridge regression without a constant, with the penalty of least squared leave-one-out errors."""
    a, b = known.p[np.ix_(train, known.drugs)], known.x[train]

    def loo(penalty: float) -> float:
        hat = a @ np.linalg.solve(a.T @ a + penalty * np.eye(a.shape[1]), a.T)
        return float(np.square((b - hat @ b) / (1 - np.diag(hat))[:, None]).sum())

    best = min(PENALTIES, key=loo)
    weight = np.linalg.solve(a.T @ a + best * np.eye(a.shape[1]), a.T @ b)
    return known.p[np.ix_(held, known.drugs)] @ weight


def cellbox(known: Tables, train: Array, held: Array, seed: int, phenotypes: str, steps: int) -> Array:
    drugs = [known.nodes[each] for each in known.drugs]
    design = {name: known.p[:, k] for name, k in zip(drugs, known.drugs, strict=True)}
    space = AffineSpace.of_genes(known.nodes)
    data = Snapshots(known.x.astype(np.float32), None, space, perturbation=design).take(train)
    model = registry.create("cellbox", {"phenotypes": phenotypes}, data.spec, seed)
    assert isinstance(model, CellBox)
    fit(model, data, TrainConfig.preset("standard", CellBox, **({"steps": steps} if steps else {})), seed=seed)
    return np.stack([model.response({each: float(design[each][k]) for each in drugs}) for k in np.flatnonzero(held)])


def predictions(known: Tables, held: Array, seed: int, phenotypes: str, steps: int) -> dict[str, Array]:
    """Levels of the held-out conditions by each row, but for sums where a drug was not measured alone."""
    train = ~held
    found = {"cellbox": cellbox(known, train, held, seed, phenotypes, steps), "linear": linear(known, train, held)}
    if (summed := additive(known, train, held)) is not None:
        found["additive"] = summed
    found["mean"] = np.repeat(known.x[train].mean(axis=0)[None], held.sum(), axis=0)
    return found | {"no change": np.zeros_like(known.x[held])}


def scores(found: Array, true: Array) -> dict[str, float | None]:
    """Of levels without those of the drugs; a prediction without any difference has no correlation."""
    within = [_pearson(a, b) for a, b in zip(found, true, strict=True)]
    error = float(np.sqrt(np.square(found - true).mean()))
    known = [each for each in within if each is not None]
    mean = float(np.mean(known)) if len(known) == len(within) else None
    return {"r": _pearson(found.ravel(), true.ravel()), "r_condition": mean, "rmse": error}


def _pearson(a: Array, b: Array) -> float | None:
    return float(np.corrcoef(a, b)[0, 1]) if a.std() > 0 and b.std() > 0 else None


def shown(rows: Sequence[dict[str, Any]]) -> str:
    """Markdown: means over seeds, or over drugs, and the least and largest r."""
    lines = [
        "| question | prediction | r | least to largest | r within a condition | error |",
        "|---|---|---|---|---|---|",
    ]
    for question, name in dict.fromkeys((each["question"], each["model"]) for each in rows):
        own = [each for each in rows if (each["question"], each["model"]) == (question, name)]
        r, within, error = ([each[key] for each in own] for key in ("r", "r_condition", "rmse"))
        whole, span = ("", "") if None in r else (f"{np.mean(r):.3f}", f"{min(r):.3f} to {max(r):.3f}")
        inner = "" if None in within else f"{np.mean(within):.3f}"
        lines.append(f"| {question} | {name} | {whole} | {span} | {inner} | {np.mean(error):.3f} |")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", default="10,11,12,13,14")
    parser.add_argument("--phenotypes", default="G2M,G1arrest,G2arrest,Sarrest,cellviab")
    parser.add_argument("--steps", type=int, default=0, help="training steps; 0: those of the model")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args(argv)
    torch.set_num_threads(1)
    known, rows = tables(asked.folder), []
    measured = np.setdiff1d(np.arange(len(known.nodes)), known.drugs)
    for question, seed, what, held in splits(known, [int(each) for each in asked.seeds.split(",")]):
        begun = time.process_time()
        for name, each in predictions(known, held, seed, asked.phenotypes, asked.steps).items():
            about = {"question": question, "seed": seed, "held_out": what, "model": name}
            rows.append(about | scores(each[:, measured], known.x[held][:, measured]))
        print(f"{question} {seed} without {what}: {time.process_time() - begun:.1f} s", flush=True)
    print(shown(rows))
    if asked.out:
        made = {"date": machine.today(), "machine": machine.here(), "rows": rows}
        asked.out.write_text(json.dumps(made, indent=1, allow_nan=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
