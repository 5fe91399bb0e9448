"""How well the edges of a simulated yeast network of 350 genes are found, with and without a prior network.

    python benchmarks/yeast_network.py --equations ode_system_functions_350.csv --seeds 0,1,2 --out FILE.json
    python benchmarks/yeast_network.py --show FILE.json

The bench of PHOENIX (Hossain et al. 2024, doi:10.1186/s13059-024-03264-0), regenerated from its differential equations:
ground_truth_simulator/clean_data/ode_system_functions_350.csv of github.com/QuackenbushLab/phoenix (MIT, commit
b183176), which --equations names. 74 genes are inputs, constant within an individual; each other gene is made at a
rate by fuzzy logic of Hill functions of its regulators and decays at rate 1; a gene that a rate reads is a true edge.
150 individuals are measured at the times 0, 2, 3, 7 and 9. Inputs and first levels are drawn as its program draws
them. --noise 0.05: the standard deviation of the noise is 5 % of a level of 1/2, and as large a share of the edges of
the prior network is moved elsewhere.

Balanced accuracy is the mean of the share of true edges that are found and the share of other ordered pairs of genes
that are left out, with as many of the largest influences called edges as are true; `best` is the same at the cut that
makes it largest, which needs the truth. Rows besides models: the prior network itself, and the correlation of levels.
Rows of other models and seeds that the file holds are kept.
"""

from __future__ import annotations

import argparse
import ast
import csv
import json
import operator
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import machine
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

import resumable_table
import run_case
from sklearn.metrics import roc_curve

from cellflow_core.data.prior_network import PriorNetwork
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.math.network_scores import edge_overlap, network_scores, top_edges
from cellflow_core.models import registry
from cellflow_core.models.contract import HasNetwork
from cellflow_core.train.trainer import TrainConfig, fit

Array = np.ndarray
TIMES, INDIVIDUALS, STEP = (0.0, 2.0, 3.0, 7.0, 9.0), 150, 0.1
PUBLISHED = {"phoenix": 0.586, "phoenix, pruned with the prior network": 0.906, "c-node": 0.558, "pathreg": 0.619}
"""Balanced accuracy on the same equations with noise of 5 %, read off a figure of the comparison of DASH."""
KNOWN = ("prior network", "correlation")
OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}


def hill(level: Array, half: float, n: float) -> Array:
    """The rate at a level of the regulator: 0 at 0, 1/2 at `half`, 1 at 1 (the fAct of the equations)."""
    b = (half**n - 1) / (2 * half**n - 1)
    return b * level**n / (b - 1 + level**n)


@dataclass(frozen=True)
class Equations:
    """Right-hand sides of the genes by name, in the order of `genes`; None for an input."""

    sides: Mapping[str, ast.expr | None]

    @classmethod
    def read(cls, path: Path) -> Equations:
        with path.open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return cls(
            {r["node"]: None if r["eqn"] == "input gene" else ast.parse(r["eqn"], mode="eval").body for r in rows}
        )

    @property
    def genes(self) -> tuple[str, ...]:
        return tuple(self.sides)

    @property
    def inputs(self) -> Array:
        return np.array([side is None for side in self.sides.values()])

    def rates(self, x: Array) -> Array:
        """dx/dt of levels [individuals, genes]."""
        level = dict(zip(self.genes, x.T, strict=True))
        return np.stack(
            [0 * level[g] if side is None else value(side, level) for g, side in self.sides.items()], axis=1
        )

    def network(self) -> Array:
        """Sign of every edge [targets, sources]: of the rate, at levels of 1/2, in a gene that it reads."""
        middle, step, place = np.full((1, len(self.genes)), 0.5), 1e-3, {g: k for k, g in enumerate(self.genes)}
        moved = np.repeat(middle, len(self.genes), axis=0) + step * np.eye(len(self.genes))
        slope = (self.rates(moved) - self.rates(middle)).T
        read = np.zeros_like(slope, dtype=bool)
        for target, side in self.sides.items():
            for call in ast.walk(side) if side else ():
                if isinstance(call, ast.Call):
                    read[place[target], place[ast.unparse(call.args[0])]] = True
        return np.sign(slope) * read


def value(side: ast.expr, level: Mapping[str, Array]) -> Any:
    """An expression of sums, products, numbers, genes and fAct. Raises ValueError for anything else."""
    match side:
        case ast.Constant(value=float() | int() as number):
            return number
        case ast.Name(id=gene):
            return level[gene]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            return OPERATORS[type(op)](value(left, level), value(right, level))
        case ast.Call(func=ast.Name(id="fAct"), args=args):
            regulator, half, n = (value(each, level) for each in args)
            return hill(regulator, half, n)
    raise ValueError(f"no equation of this program: {ast.unparse(side)}")


def courses(equations: Equations, rng: np.random.Generator) -> Array:
    """Levels [individuals, times, genes] without noise, by Runge-Kutta steps."""
    genes, shape = len(equations.genes), (INDIVIDUALS, len(equations.genes))
    x = np.clip(rng.beta(2, 2, shape) + rng.uniform(-0.25, 0.25, genes), 0, 1)
    mean = rng.beta(10, 10, genes)
    sd = np.maximum(rng.beta(15, 15, genes) * np.minimum(mean, 1 - mean) / 3, 0.01)
    x = np.where(equations.inputs, np.clip(rng.normal(mean, sd, shape), 0, 1), x)
    found = [x]
    for gap in np.diff(TIMES):
        for _ in range(round(gap / STEP)):
            one = equations.rates(x)
            two = equations.rates(x + STEP / 2 * one)
            three = equations.rates(x + STEP / 2 * two)
            four = equations.rates(x + STEP * three)
            x = np.clip(x + STEP / 6 * (one + 2 * two + 2 * three + four), 0, 1)
        found.append(x)
    return np.stack(found, axis=1)


def prior_of(truth: Array, moved: float, rng: np.random.Generator) -> Array:
    """The true edges with a share of them, in number and sign as they are, between other pairs of genes."""
    found = truth.copy()
    edges, free = np.argwhere(truth), np.argwhere((truth == 0) & ~np.eye(len(truth), dtype=bool))
    count = round(moved * len(edges))
    gone, come = (each[rng.choice(len(each), count, replace=False)] for each in (edges, free))
    found[tuple(come.T)] = truth[tuple(gone.T)]
    found[tuple(gone.T)] = 0
    return found


@cache
def simulated(path: Path, noise: float, seed: int) -> tuple[Snapshots, Array]:
    """(individuals with a prior network, true network)."""
    equations = Equations.read(path)
    rng, truth = np.random.default_rng(seed), equations.network()
    x = courses(equations, rng)
    x = x + noise / 2 * rng.normal(size=x.shape)
    target, source = np.nonzero(prior := prior_of(truth, noise, rng))
    names = np.array(equations.genes)
    data = Snapshots(
        x.reshape(-1, x.shape[2]).astype(np.float32),
        np.tile(TIMES, INDIVIDUALS),
        AffineSpace.of_genes(equations.genes),
        channels={"subject": np.repeat(np.arange(INDIVIDUALS), len(TIMES))},
    )
    return replace(data, network=PriorNetwork("prior", names[source], names[target], prior[target, source])), truth


def inferred(label: str, data: Snapshots, seed: int, steps: int) -> Array:
    if label == "prior network":
        assert data.network is not None
        return data.network.matrix(data.space.genes)
    if label == "correlation":
        return np.corrcoef(data.x.T)
    name, settings = run_case.named(label)
    kind = registry.find(name)
    model = registry.create(name, {"motion": "series", **settings}, data.spec, seed)
    fit(model, data, TrainConfig.preset("standard", kind, **({"steps": steps} if steps else {})), seed=seed)
    assert isinstance(model, HasNetwork)
    return model.network().detach().numpy().astype(float)


def scores(found: Array, truth: Array) -> dict[str, float]:
    others = ~np.eye(len(truth), dtype=bool)
    true, ranked = (truth != 0)[others], network_scores(found, truth)
    called: Array = top_edges(found, ranked.edges)[others]
    wrong, right, _ = roc_curve(true, np.abs(found)[others])
    accuracy = (called[true].mean() + (~called[~true]).mean()) / 2
    both = {"balanced_accuracy": accuracy, "best": ((right + 1 - wrong) / 2).max()}
    both |= {"auroc": ranked.auroc, "auprc_over_random": ranked.auprc_over_random, "signs": ranked.signs}
    return {name: round(float(each), 4) for name, each in both.items()}


def row(label: str, path: Path, noise: float, seeds: Sequence[int], steps: int) -> dict[str, Any]:
    """A draw of the individuals and a training for each seed."""
    each, cpu, networks = [], [], []
    for seed in seeds:
        data, truth = simulated(path, noise, seed)
        begun = time.process_time()
        networks.append(inferred(label, data, seed, steps))
        cpu.append(round(time.process_time() - begun, 1))
        each.append(scores(networks[-1], truth))
    columns = {name: [one[name] for one in each] for name in each[0]}
    edges = np.count_nonzero(simulated(path, noise, seeds[0])[1])
    overlap = edge_overlap(networks[0], networks[1], edges) if len(networks) > 1 else None
    about = {"model": label, "noise": noise, "seeds": list(seeds), "steps": steps}
    return about | columns | {"overlap": overlap, "cpu": cpu, "date": machine.today()}


def shown(rows: Sequence[dict[str, Any]]) -> str:
    """Markdown: a line a model with the mean of all its seeds (smallest to largest), and the published balanced
    accuracies."""
    keys = ("balanced_accuracy", "best", "auroc", "auprc_over_random", "signs", "cpu")
    heads = ("row", "noise", "draws", *(key.replace("_", " ") for key in keys))
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for model, noise in dict.fromkeys((each["model"], each["noise"]) for each in rows):
        own = [each for each in rows if (each["model"], each["noise"]) == (model, noise)]
        values = {key: [value for each in own for value in each[key]] for key in keys}
        means = " | ".join(f"{np.mean(v):.3f} ({min(v):.3f} to {max(v):.3f})" for v in values.values())
        lines.append(f"| {model} | {noise:g} | {len(values['cpu'])} | {means} |")
    lines += [
        f"| published: {name} | 0.05 | | {score:.3f} |{' |' * (len(keys) - 1)}" for name, score in PUBLISHED.items()
    ]
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--equations", type=Path)
    parser.add_argument("--models", default="phoenix,phoenix:prior=soft,c-node,pathreg")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--noise", type=float, default=0.05)
    parser.add_argument("--steps", type=int, default=0, help="training steps; 0: those of the model")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--show", type=Path)
    asked = parser.parse_args(argv)
    if asked.show:
        print(shown(json.loads(asked.show.read_text(encoding="utf-8"))["rows"]))
        return
    if asked.equations is None:
        raise SystemExit("name the file of the equations with --equations")
    torch.set_num_threads(1)
    labels = [*KNOWN, *asked.models.split(",")]
    made: dict[str, Any] = {"date": machine.today(), "machine": machine.here(), "noise": asked.noise}
    seeds = [int(each) for each in asked.seeds.split(",")]
    earlier = resumable_table.earlier(
        asked.out, made, ("noise",), lambda one: one["model"] in labels and not set(seeds).isdisjoint(one["seeds"])
    )
    resumable_table.other_machine(asked.out, made)
    made["rows"] = earlier
    for label in labels:
        made["rows"].append(row(label, asked.equations, asked.noise, seeds, asked.steps))
        print(json.dumps(made["rows"][-1]), flush=True)
        resumable_table.write(asked.out, made)
    print(shown(made["rows"]))


if __name__ == "__main__":
    main()
