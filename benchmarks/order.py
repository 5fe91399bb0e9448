"""Orders and branches of the cells of one snapshot, against a true time and true branches, beside trivial orders.

    python benchmarks/order.py --data branching-tree --set n_fates=2,n_branchings=1 --seeds 3,4,5 --out FILE.json
    python benchmarks/order.py --data FILE.h5ad --time global_time --branch lineage --models slingshot,dpt ...
    python benchmarks/order.py --data paul15,guo,bmmc,pancreas --folder ../shared/data --seeds 0,1,2 --out FILE.json

--data is a simulator (one draw a seed, all times pooled; the true time is its "latent time", or its axis "along", or
the time), or an `.h5ad`, of which the columns of `obs` with the time and the branches are named, or names of MEASURED:
published stages stand for the time, the file is sought below --folder (skipped, with a line, where it is not there),
and the cells are those of the largest piece of the graph of neighbors. No method sees times.
All see where the process begins: the FIRST cells by true time, as an annotation. `pba` also sees where it ends: the
LAST cells of each branch. States are all axes of a simulator without genes, else the first DIMS principal components of
log-normalised counts. One row a data set, method and seed, null where a figure is not known or a method refuses
("refused" says why), with the notes of the model; rows of other data, methods and seeds that the file holds are kept:
    spearman, kendall  with the true time, over all cells; turned round where the median first cell comes late
    moving             Spearman over the cells of the branching tree before its last tenth, where cells are at rest, in
                       no order of time; the row "true order with cells at rest alike" is what is reached without theirs
    branch_f1          F1 of the cells of each true branch and of the lineage of most weight that is matched to it, one
                       to one, mean over the branches; cells of no branch (UNDECIDED) are left out. Models without
                       lineages: by the likeliest of the fates that their transitions find
    seconds            wall clock, one thread
    cells, left_out    cells in the row, and those on other islands or without a stage
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

import resumable_table
from order_cases import MEASURED, UNDECIDED, Case, case, components, measured

from cellflow_core.analysis.transitions.fates import absorption
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.models import registry
from cellflow_core.models.contract import Context, HasLatentTime, HasLineages, HasTransitions
from cellflow_core.train.trainer import TrainConfig, fit

Array = np.ndarray
FIRST, LAST = 0.05, 0.1
"""Shares of the cells, by true time, that are known to be at the beginning, and at the end of each branch."""
ENDS = "beginning and end"
TRIVIAL = ("first principal component", "distance from the root")
CEILING = "true order with cells at rest alike"


def every_method() -> list[str]:
    models = [name for name in registry.names() if issubclass(registry.find(name), HasLatentTime)]
    return [*(name for name in models if not registry.find(name).needs), *TRIVIAL, CEILING]


def ends(known: Case) -> Array:
    """ "first", "last" or "between" for every cell."""
    found = np.full(len(known.time), "between")
    branch = np.zeros(len(known.time), int) if known.branch is None else known.branch
    for each in set(branch.tolist()) - set(UNDECIDED):
        cells = np.flatnonzero(branch == each)
        found[cells[np.argsort(known.time[cells], kind="stable")[-max(int(LAST * len(cells)), 1) :]]] = "last"
    found[np.argsort(known.time, kind="stable")[: max(int(FIRST * len(found)), 1)]] = "first"
    return found


def order(name: str, known: Case, seed: int) -> tuple[Array, Array | None, tuple[str, ...]]:
    """(order of the cells, weight of each cell on each lineage or None, notes). ValueError: a method refuses."""
    x, marks = known.x.astype(np.float32), ends(known)
    first = np.flatnonzero(marks == "first")
    if name == TRIVIAL[0]:
        return components(x)[:, 0], None, ()
    if name == CEILING:
        return np.minimum(known.time, known.rest), None, ()
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
        if isinstance(model, HasTransitions):
            weight = np.nan_to_num(absorption(model, data, "found", ()).chance)
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
    from scipy.stats import kendalltau

    begun = time.perf_counter()
    try:
        found, weight, notes = order(name, known, seed)
    except ValueError as error:
        empty = dict.fromkeys(("spearman", "moving", "kendall", "branch_f1"))
        return {**empty, "seconds": round(time.perf_counter() - begun, 2), "refused": str(error)}
    seconds = round(time.perf_counter() - begun, 2)
    if np.median(found[ends(known) == "first"]) > np.median(found):
        found = -found
    moved, moving = np.ptp(known.time) > 0, known.time < known.rest
    f1 = None if weight is None or known.branch is None else round(branch_f1(weight, known.branch), 4)
    return {
        "spearman": _spearman(found, known.time) if moved else None,
        "moving": _spearman(found[moving], known.time[moving]) if not moving.all() else None,
        "kendall": round(float(np.asarray(kendalltau(found, known.time))[0]), 4) if moved else None,
        "branch_f1": f1,
        "seconds": seconds,
        "notes": list(notes),
    }


def _spearman(a: Array, b: Array) -> float:
    from scipy.stats import rankdata

    return round(float(np.corrcoef(rankdata(a), rankdata(b))[0, 1]), 4)


def _settings(words: str) -> dict[str, Any]:
    return {key: json.loads(value) for key, value in (each.split("=") for each in words.split(",") if each)}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--set", default="", help="settings of the simulator, name=value,...")
    parser.add_argument("--time", default="", help="column of obs with the true time")
    parser.add_argument("--branch", default="", help="column of obs with the true branches")
    parser.add_argument("--ends", default="", help="values of that column that are branches; empty: all")
    parser.add_argument("--folder", type=Path, default=Path("../shared/data"), help="where measured cells are")
    parser.add_argument("--models", default="all")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--out", type=Path, required=True)
    use = parser.parse_args(arguments)
    torch.set_num_threads(1)
    sources = use.data.split(",") if set(use.data.split(",")) <= set(MEASURED) else [use.data]
    absent = [each for each in sources if each in MEASURED and not (use.folder / MEASURED[each].file).exists()]
    for each in absent:
        print(f"{each} is skipped: there is no {use.folder / MEASURED[each].file}", flush=True)
    labels = {each: Path(each).stem + (f" ({use.set})" if use.set else "") for each in sources if each not in absent}
    seeds, names = [int(each) for each in use.seeds.split(",")], use.models.split(",")
    names = every_method() if use.models == "all" else names
    again = {(label, name, seed) for label in labels.values() for name in names for seed in seeds}
    found: dict[str, Any] = {"date": machine.today(), "machine": machine.here()}
    found["rows"] = resumable_table.earlier(
        use.out, found, (), lambda row: (row["data"], row["model"], row["seed"]) in again
    )
    elsewhere = resumable_table.other_machine(use.out, found)
    for source, seed in ((source, seed) for source in labels for seed in seeds):
        if source in MEASURED:
            known = measured(MEASURED[source], use.folder)
        else:
            known = case(source, seed, _settings(use.set), use.time, use.branch, use.ends)
        for name in names:
            about = {"data": labels[source], "model": name, "seed": seed, "date": machine.today()}
            about |= elsewhere | {"cells": len(known.x), "left_out": known.left_out}
            found["rows"].append(about | scored(name, known, seed))
            print(json.dumps(found["rows"][-1]), flush=True)
        resumable_table.write(use.out, found)


if __name__ == "__main__":
    main()
