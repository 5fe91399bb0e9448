"""Orders and branches of the cells of one snapshot, against a true time and true branches, beside trivial orders.

    python benchmarks/order.py --data branching-tree --set n_fates=2,n_branchings=1 --seeds 3,4,5 --out FILE.json
    python benchmarks/order.py --data FILE.h5ad --time global_time --branch lineage --models slingshot,dpt ...

--data is a simulator (one draw a seed, all times pooled; the true time is its "latent time", or its axis "along", or
the time) or an `.h5ad`, of which the columns of `obs` with the time and the branches are named. No method sees times.
All see where the process begins: the FIRST cells by true time, as an annotation. `pba` also sees where it ends: the
LAST cells of each branch. States are all axes of a simulator without genes, else the first DIMS principal components of
log-normalised counts. One row a data set, method and seed, null where a figure is not known or a method refuses
("refused" says why), with the notes of the model:

    spearman, kendall  with the true time, over all cells; turned round where the first cells come last
    branch_f1          F1 of the cells of each true branch and of the lineage of most weight that is matched to it, one
                       to one, mean over the branches; cells of no branch (UNDECIDED) are left out
    seconds            wall clock, one thread
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

from cellflow_core.data.simulators import registry as simulators
from cellflow_core.data.simulators.transcription.splicing import LATENT
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.models import registry
from cellflow_core.models.contract import Context, HasLatentTime, HasLineages
from cellflow_core.train.trainer import TrainConfig, fit

Array = np.ndarray
DIMS = 20
FIRST, LAST = 0.05, 0.1
"""Shares of the cells, by true time, that are known to be at the beginning, and at the end of each branch."""
UNDECIDED = ("undecided", "not mature", "")
ENDS = "beginning and end"
TRIVIAL = ("first principal component", "distance from the root")


class Case(NamedTuple):
    """x [cells, dim], true time [cells], true branch of each cell or None."""

    x: Array
    time: Array
    branch: Array | None


def every_method() -> list[str]:
    kinds = [(name, registry.find(name)) for name in registry.names()]
    models = [name for name, kind in kinds if issubclass(kind, HasLatentTime) and not kind.needs]
    return [*models, *TRIVIAL]


def case(source: str, seed: int, settings: dict[str, Any], time_: str, branch: str, among: str) -> Case:
    if source in simulators.names():
        data = simulators.create(source, settings | {"seed": seed}).simulate()
        axes = data.space.axes
        true = data.covariates.get(LATENT, data.x[:, axes.index("along")] if "along" in axes else data.t)
        x = _components(_normalised(data.x)) if data.space.genes else data.x
        return Case(x, np.asarray(true, float), data.labels.get("true fate"))
    import anndata

    held: Any = anndata.read_h5ad(source)
    if time_ not in held.obs:
        raise SystemExit(f"--time names no column of obs; there are {', '.join(held.obs)}")
    dense = held.X.toarray() if hasattr(held.X, "toarray") else np.asarray(held.X)
    groups = held.obs[branch].astype(str).to_numpy() if branch else None
    if groups is not None and among:
        groups = np.where(np.isin(groups, [each.strip() for each in among.split(",")]), groups, UNDECIDED[0])
    return Case(_components(_normalised(dense)), held.obs[time_].to_numpy(float), groups)


def _normalised(values: Array) -> Array:
    """Counts log-normalised to the median total; other values as they are."""
    x = np.asarray(values, dtype=np.float64)
    if x.min() < 0 or not np.array_equal(x, np.round(x)):
        return x
    total = x.sum(axis=1, keepdims=True)
    return np.log1p(x / np.maximum(total, 1) * np.median(total))


def _components(x: Array) -> Array:
    """The first DIMS principal components."""
    u, s, _ = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
    return (u * s)[:, :DIMS]


def ends(known: Case) -> Array:
    """ "first", "last" or "between" for every cell."""
    found = np.full(len(known.time), "between")
    branch = np.zeros(len(known.time), int) if known.branch is None else known.branch
    for each in set(branch.tolist()) - set(UNDECIDED):
        cells = np.flatnonzero(branch == each)
        found[cells[np.argsort(known.time[cells])[-max(int(LAST * len(cells)), 1) :]]] = "last"
    found[np.argsort(known.time)[: max(int(FIRST * len(found)), 1)]] = "first"
    return found


def order(name: str, known: Case, seed: int) -> tuple[Array, Array | None, tuple[str, ...]]:
    """(order of the cells, weight of each cell on each lineage or None, notes). ValueError: a method refuses."""
    x, marks = known.x.astype(np.float32), ends(known)
    first = np.flatnonzero(marks == "first")
    if name == TRIVIAL[0]:
        return _components(x)[:, 0], None, ()
    if name == TRIVIAL[1]:
        return np.linalg.norm(x - x[first].mean(axis=0), axis=1), None, ()
    space = AffineSpace.coordinates(tuple(f"x{k + 1}" for k in range(x.shape[1])))
    data = Snapshots(x, None, space, labels={ENDS: marks})
    keys = {each.name for each in registry.find(name).Config.settings()}
    settings = {"start": "first", "start_annotation": ENDS}
    settings |= {"annotation": ENDS, "sources": "first", "sinks": "last"} if "sources" in keys else {}
    model = registry.create(name, {k: v for k, v in settings.items() if k in keys}, data.spec, seed)
    fit(model, data, TrainConfig.preset("standard", type(model)), seed=seed)
    states = torch.from_numpy(data.x)
    assert isinstance(model, HasLatentTime)
    with torch.no_grad():
        weight = model.lineages(states, Context()).weight.numpy() if isinstance(model, HasLineages) else None
        return model.eval().latent_time(states, Context()).numpy(), weight, model.notes()


def branch_f1(weight: Array, branch: Array) -> float:
    """Mean F1 of the true branches, each matched to one lineage."""
    from scipy.optimize import linear_sum_assignment

    known = ~np.isin(branch, UNDECIDED)
    lineage, branch = weight[known].argmax(axis=1), branch[known]
    names = sorted(set(branch.tolist()))
    table = np.zeros((len(names), weight.shape[1]))
    for i, name in enumerate(names):
        for k in range(weight.shape[1]):
            both = ((lineage == k) & (branch == name)).sum()
            table[i, k] = 2 * both / ((lineage == k).sum() + (branch == name).sum())
    rows, columns = linear_sum_assignment(-table)
    return float(table[rows, columns].sum() / len(names))


def scored(name: str, known: Case, seed: int) -> dict[str, Any]:
    from scipy.stats import kendalltau, rankdata

    begun = time.perf_counter()
    try:
        found, weight, notes = order(name, known, seed)
    except ValueError as error:
        empty = dict.fromkeys(("spearman", "kendall", "branch_f1"))
        return {**empty, "seconds": round(time.perf_counter() - begun, 2), "refused": str(error)}
    seconds = round(time.perf_counter() - begun, 2)
    if found[ends(known) == "first"].mean() > found.mean():
        found = -found
    moved = np.ptp(known.time) > 0
    f1 = None if weight is None or known.branch is None else round(branch_f1(weight, known.branch), 4)
    return {
        "spearman": round(float(np.corrcoef(rankdata(found), rankdata(known.time))[0, 1]), 4) if moved else None,
        "kendall": round(float(np.asarray(kendalltau(found, known.time))[0]), 4) if moved else None,
        "branch_f1": f1,
        "seconds": seconds,
        "notes": list(notes),
    }


def _settings(words: str) -> dict[str, Any]:
    return {key: json.loads(value) for key, value in (each.split("=") for each in words.split(",") if each)}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--set", default="", help="settings of the simulator, name=value,...")
    parser.add_argument("--time", default="", help="column of obs with the true time")
    parser.add_argument("--branch", default="", help="column of obs with the true branches")
    parser.add_argument("--ends", default="", help="values of that column that are branches; empty: all")
    parser.add_argument("--models", default="all")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--out", type=Path, required=True)
    use = parser.parse_args(arguments)
    torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []
    for seed in map(int, use.seeds.split(",")):
        known = case(use.data, seed, _settings(use.set), use.time, use.branch, use.ends)
        for name in every_method() if use.models == "all" else use.models.split(","):
            about = {"data": Path(use.data).stem + (f" ({use.set})" if use.set else ""), "model": name, "seed": seed}
            rows.append(about | scored(name, known, seed))
            print(json.dumps(rows[-1]), flush=True)
        text = json.dumps({"date": machine.today(), "machine": machine.here(), "rows": rows}, indent=1)
        use.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
