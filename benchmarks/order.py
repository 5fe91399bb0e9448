"""Orders and branches of the cells of one snapshot, against a true time and true branches, beside trivial orders.

    python benchmarks/order.py --data branching-tree --set n_fates=2,n_branchings=1 --seeds 3,4,5 --out FILE.json
    python benchmarks/order.py --data FILE.h5ad --time global_time --branch lineage --models slingshot,dpt ...
    python benchmarks/order.py --data paul15,guo,bmmc,pancreas --folder ../shared/data --seeds 0,1,2 --out FILE.json

--data is a simulator (one draw a seed, all times pooled; the true time is its "latent time", or its axis "along", or
the time), or an `.h5ad`, of which the columns of `obs` with the time and the branches are named, or names of MEASURED:
published stages stand for the time, the file is sought below --folder (skipped, with a line, where it is not there),
and the cells are those of the largest piece of the graph of neighbors; or CELLSxDIMS (100000x50), the made-up tree of
synthetic_tree.py, each method in a process of its own: for the cost. No method sees times.
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
    seconds, order_cpu  wall clock of all, branches and fates included, one thread; CPU time up to the order
    peak_mb            largest resident memory of the process, the cells and the libraries included
    cells, left_out    cells in the row, and those on other islands or without a stage
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import machine
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

import resumable_table
from order_cases import MEASURED, UNDECIDED, Case, case, components, made_up, measured

from cellflow_core.analysis.lineage.branch_scores import branch_f1
from cellflow_core.analysis.lineage.branches import cell_branches
from cellflow_core.analysis.regulation.latent_order import latent_time
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.jobs.process import peak_mb
from cellflow_core.models import registry
from cellflow_core.models.contract import HasLatentTime
from cellflow_core.train.trainer import TrainConfig, fit

Array = np.ndarray
FIRST, LAST = 0.05, 0.1
"""Shares of the cells, by true time, that are known to be at the beginning, and at the end of each branch."""
ENDS = "beginning and end"
TRIVIAL = ("first principal component", "distance from the root")
CEILING = "true order with cells at rest alike"


class Found(NamedTuple):
    """order [cells], weight [cells, branches] or None, notes, CPU seconds up to the order."""

    order: Array
    weight: Array | None = None
    notes: tuple[str, ...] = ()
    cpu: float = 0.0


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


def order(name: str, known: Case, seed: int) -> Found:
    """What a method finds. ValueError: it refuses."""
    x, marks = known.x.astype(np.float32), ends(known)
    first = np.flatnonzero(marks == "first")
    if name == TRIVIAL[0]:
        return Found(components(x)[:, 0])
    if name == CEILING:
        return Found(np.minimum(known.time, known.rest))
    if name == TRIVIAL[1]:
        return Found(np.linalg.norm(x - x[first].mean(axis=0), axis=1))
    space = AffineSpace.coordinates(tuple(f"x{k + 1}" for k in range(x.shape[1])))
    data = Snapshots(x, None, space, labels={ENDS: marks})
    keys = {each.name for each in registry.find(name).Config.settings()}
    settings = {"start": "first", "start_annotation": ENDS}
    settings |= {"annotation": ENDS, "sources": "first", "sinks": "last"} if "sources" in keys else {}
    model = registry.create(name, {k: v for k, v in settings.items() if k in keys}, data.spec, seed)
    begun = time.process_time()
    fit(model, data, TrainConfig.preset("standard", type(model)), seed=seed)
    assert isinstance(model, HasLatentTime)
    found = latent_time(model, data)
    cpu = time.process_time() - begun
    weight = cell_branches(model, data).weight
    return Found(found, weight if weight.shape[1] else None, model.notes(), cpu)


def scored(name: str, known: Case, seed: int) -> dict[str, Any]:
    from scipy.stats import kendalltau

    begun = time.perf_counter()
    try:
        found, weight, notes, cpu = order(name, known, seed)
    except ValueError as error:
        empty = dict.fromkeys(("spearman", "moving", "kendall", "branch_f1"))
        return {**empty, "seconds": round(time.perf_counter() - begun, 2), "refused": str(error)}
    seconds = round(time.perf_counter() - begun, 2)
    if np.median(found[ends(known) == "first"]) > np.median(found):
        found = -found
    moved, moving = np.ptp(known.time) > 0, known.time < known.rest
    f1 = None
    if weight is not None and known.branch is not None:
        f1 = round(branch_f1(weight, known.branch, ~np.isin(known.branch, UNDECIDED)), 4)
    return {
        "spearman": _spearman(found, known.time) if moved else None,
        "moving": _spearman(found[moving], known.time[moving]) if not moving.all() else None,
        "kendall": round(float(np.asarray(kendalltau(found, known.time))[0]), 4) if moved else None,
        "branch_f1": f1,
        "seconds": seconds,
        "order_cpu": round(cpu, 2),
        "peak_mb": round(peak_mb()),
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
        if size := re.fullmatch(r"(\d+)x(\d+)", source):
            known = made_up(int(size[1]), int(size[2]), seed)
        elif source in MEASURED:
            known = measured(MEASURED[source], use.folder)
        else:
            known = case(source, seed, _settings(use.set), use.time, use.branch, use.ends)
        for name in names:
            about = {"data": labels[source], "model": name, "seed": seed, "date": machine.today()}
            about |= elsewhere | {"cells": len(known.x), "left_out": known.left_out}
            if size:
                with multiprocessing.get_context("spawn").Pool(1) as pool:  # so that its memory is its own
                    found["rows"].append(about | pool.apply(scored, (name, known, seed)))
            else:
                found["rows"].append(about | scored(name, known, seed))
            print(json.dumps(found["rows"][-1]), flush=True)
        resumable_table.write(use.out, found)


if __name__ == "__main__":
    main()
