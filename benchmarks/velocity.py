"""Estimators of RNA velocity where the truth is known, and on real cells: direction, order, agreement and cost.

    python benchmarks/velocity.py --data six-gene-circuit --models all --seeds 0,1,2 --out FILE.json
    python benchmarks/velocity.py --data FILE.h5ad --groups clusters --edges "Ductal>Ngn3 low EP,A>B" ...
    python benchmarks/velocity.py --data six-gene-circuit --models regvelo:sparsity=0.01 --seeds 0,1,2 --out FILE.json
    python benchmarks/velocity.py --show FILE.json      medians over the seeds, as a table

--data is a simulator of the splicing family (one draw a seed, of its default size unless --cells says another),
CELLSxGENES (50000x2000) for made-up counts of one lineage, whose cost alone is of interest, or an `.h5ad` with the
layers spliced and unspliced (its truth: `uns["gt_velocities"]`, if rates of change, and `obs["global_time"]`).
Every gene is kept in simulations. One row a data set, model and seed, null where a figure is not known, and one of the
consensus of two models or more, the mean of their directions in each cell:

    cosine      median over the cells between estimated and true ds/dt, genes scaled by their standard deviation
    velocity_r  median over the genes of the Pearson correlation with the true ds/dt
    time_rho    Spearman correlation with the true time: of the model's latent time where it has one, else of the order
                along its arrows; order_rho: always of that order
    cbdir       mean over the edges of the mean cosine of the velocity and the displacements to neighbors of the later
                group, in cells of the earlier group at the border (Qiao & Huang 2021), in genes; cbdir_umap: of the
                arrows and places on a UMAP of these cells, as in their program
    network_auroc  of the model's network, where it gives one and the true one is known (`math.network_scores`)
    agreement   median cosine with the other models of the run, same seed; known once all are done
    drawn       share of the cells that have an arrow on the page Velocity
    steps       of training
    seconds, cpu_s, peak_mb  of the estimate: wall clock, CPU time, and largest resident memory of its own
                process, cells included
    moments_s, moments_cpu_s, moments_mb, page_s, page_mb  of the moments (counts and simulation included), and of the
                page's answer
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import pickle
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import machine
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

import run_case
from boundary_direction import cosine, cross_boundary, on_umap
from velocity_cases import Case, case

from cellflow_core.analysis.dynamics import dynamics
from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.fields.cell_velocities import velocities_of
from cellflow_core.analysis.regulation.latent_order import latent_time
from cellflow_core.analysis.rna_velocity.agreement import agreement
from cellflow_core.analysis.rna_velocity.cell_order import cell_order
from cellflow_core.analysis.rna_velocity.estimates import fitted, spliced_velocity
from cellflow_core.analysis.rna_velocity.orders import spearman
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.jobs.process import peak_mb
from cellflow_core.math.neighbors import nearest_others
from cellflow_core.math.network_scores import candidate_edges, network_scores
from cellflow_core.math.velocity_graph import velocity_graph
from cellflow_core.models import registry
from cellflow_core.models.contract import HasLatentTime, HasNetwork
from cellflow_core.train.trainer import TrainConfig, fit

NEIGHBORS = 30
CONSENSUS = "consensus"


def every_model() -> list[str]:
    """Estimators from moments that are installed."""
    found = [(name, registry.find(name)) for name in registry.names()]
    return [name for name, kind in found if DataRequirement.MOMENTS in kind.needs and kind.installed()]


def estimate(name: str, cells: Path, seed: int, steps: int, page: bool = True) -> dict[str, Any]:
    """ds/dt, latent time, network, seconds and memory of one model, trained in this process.

    cells  pickled Snapshots; a model of velocities gets those of `steady-state`, found before the clock starts
    page   also ask for the page's answer
    """
    torch.set_num_threads(1)
    with cells.open("rb") as file:
        data: Snapshots = pickle.load(file)  # noqa: S301 - written by this program
    name, settings = run_case.named(name)
    kind = registry.find(name)
    if DataRequirement.VELOCITY in kind.needs:
        data = replace(data, velocity=velocities_of(dynamics(fitted("steady-state", data)), data))
    begun, worked = time.perf_counter(), time.process_time()
    model = registry.create(name, settings, data.spec, seed)
    trains = kind.default_training.get("steps") != 1
    training = TrainConfig.preset("standard", kind, **({"steps": steps} if steps and trains else {}))
    fit(model, data, training, seed=seed)
    model.eval()
    velocity = spliced_velocity(model, data)
    latent = latent_time(model, data) if isinstance(model, HasLatentTime) else None
    seconds, cpu, peak = time.perf_counter() - begun, time.process_time() - worked, peak_mb()
    cost = {"steps": training.steps, "seconds": seconds, "cpu_s": cpu, "peak_mb": peak, "page_s": None, "page_mb": None}
    network = model.network().numpy().astype(float) if isinstance(model, HasNetwork) else None
    found = {"velocity": velocity, "latent": latent, "network": network, "drawn": None, "cost": cost}
    if not page:
        return found
    some = data.x[:: max(1, len(data.x) // 2000)] - data.x.mean(axis=0)
    points = data.x @ np.linalg.svd(some, full_matrices=False)[2][:2].T
    begun = time.perf_counter()
    drawn = agreement(model, data, Embedding("pca", ("PC1", "PC2"), points, data.x)).drawn.mean()
    cost |= {"page_s": time.perf_counter() - begun, "page_mb": peak_mb()}
    return found | {"drawn": float(drawn)}


def spread(data: Snapshots) -> np.ndarray:
    """Standard deviation of the spliced RNA of each gene, 1 where it is 0."""
    assert data.spliced is not None
    found = data.spliced.std(axis=0)
    return np.where(found > 0, found, 1.0)


def agreement_of(found: np.ndarray, others: Sequence[np.ndarray], scale: np.ndarray) -> float | None:
    """Median cosine with the other models."""
    return float(np.nanmedian([cosine(found / scale, each / scale) for each in others])) if others else None


def consensus(found: Sequence[np.ndarray], data: Snapshots) -> dict[str, Any]:
    """The mean over the models of the direction of each cell, genes scaled by their standard deviation; no cost."""
    scale = spread(data)
    sizes = [np.maximum(np.linalg.norm(each / scale, axis=1, keepdims=True), 1e-30) for each in found]
    mean = np.mean([each / size for each, size in zip(found, sizes, strict=True)], axis=0)
    cost = dict.fromkeys(("steps", "seconds", "cpu_s", "peak_mb", "page_s", "page_mb"))
    return {"velocity": mean, "latent": None, "network": None, "drawn": None, "cost": cost}


def row(found: dict[str, Any], known: Case, edges: str, places: np.ndarray | None = None) -> dict[str, float | None]:
    """What is known without the other models. places [cells, 2] on a map, for edges."""
    data, v, scale = known.data, found["velocity"], spread(known.data)
    assert data.spliced is not None
    if known.velocity is None and known.time is None and not edges:
        nothing = dict.fromkeys(
            ("cosine", "velocity_r", "time_rho", "order_rho", "cbdir", "cbdir_umap", "network_auroc", "agreement")
        )
        return nothing | {"drawn": found["drawn"], **found["cost"]}
    graph = velocity_graph(data.spliced / scale, v / scale, nearest_others(data.x, NEIGHBORS))
    order = cell_order(graph)[0]
    true = known.velocity
    rho = None if known.time is None else spearman(order, known.time)
    latent = rho if found["latent"] is None or known.time is None else spearman(found["latent"], known.time)
    return {
        "cosine": None if true is None or not true.any() else float(np.nanmedian(cosine(v / scale, true / scale))),
        "velocity_r": None if true is None else _correlation(v, true),
        "time_rho": latent,
        "order_rho": rho,
        "cbdir": cross_boundary(v / scale, data.spliced / scale, graph.neighbors, known.group, edges),
        "cbdir_umap": None
        if places is None
        else cross_boundary(graph.displacement(places), places, graph.neighbors, known.group, edges),
        "network_auroc": _network_auroc(found["network"], known),
        "agreement": None,
        "drawn": found["drawn"],
        **found["cost"],
    }


def _network_auroc(found: np.ndarray | None, known: Case) -> float | None:
    if found is None or known.network is None:
        return None
    return network_scores(found, known.network, candidate_edges(known.data.space.genes[: len(found)])).auroc


def _correlation(v: np.ndarray, true: np.ndarray) -> float | None:
    """Median Pearson correlation over the genes that move in both; None where none does."""
    moving = np.flatnonzero((true.std(axis=0) > 0) & (v.std(axis=0) > 0))
    return float(np.median([np.corrcoef(v[:, k], true[:, k])[0, 1] for k in moving])) if len(moving) else None


def shown(rows: Sequence[dict[str, Any]]) -> str:
    """Markdown: one line a model, the median over the seeds of every figure that is known."""
    known = [each for each in rows[0] if each not in ("data", "model", "seed") and rows[0][each] is not None]
    lines = [f"| model | seeds | {' | '.join(known)} |", f"|---|---|{'---|' * len(known)}"]
    for name in dict.fromkeys(each["model"] for each in rows):
        own = [each for each in rows if each["model"] == name]
        medians = (np.median([each[key] for each in own if each[key] is not None] or [np.nan]) for key in known)
        lines.append(f"| `{name}` | {len(own)} | {' | '.join(f'{each:.3g}' for each in medians)} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data")
    parser.add_argument("--show", type=Path)
    parser.add_argument("--models", default="all")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--cells", type=int, default=0)
    parser.add_argument("--steps", type=int, default=0, help="training steps; 0: those of the model")
    parser.add_argument("--moments", type=Path, help="file that keeps the moments for further calls with one seed")
    parser.add_argument("--no-page", action="store_true", help="leave out the page's answer, and `drawn`")
    parser.add_argument("--groups", default="")
    parser.add_argument("--edges", default="")
    parser.add_argument("--out", type=Path)
    use = parser.parse_args(arguments)
    if use.show:
        print(shown(json.loads(use.show.read_text(encoding="utf-8"))["rows"]))
        return
    if not (use.data and use.out):
        parser.error("--data and --out are needed, or --show")
    models = every_model() if use.models == "all" else use.models.split(",")
    rows: list[dict[str, Any]] = []
    for seed in map(int, use.seeds.split(",")):
        for each in _rows_of(use, models, seed):
            rows.append(each)
            _write(use.out, rows)
            print(json.dumps(each), flush=True)
        if len(models) > 1:  # their agreement is known now
            _write(use.out, rows)
            print(shown(rows), flush=True)


def _rows_of(use: argparse.Namespace, models: Sequence[str], seed: int) -> Iterator[dict[str, Any]]:
    """One row a model as soon as it is done, then one of the consensus; agreement is added once all are done."""
    known, cost = _moments(use, seed)
    about = {"data": Path(use.data).stem, "seed": seed}
    places = on_umap(known.data) if use.edges else None
    velocity: dict[str, np.ndarray] = {}
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        cells = Path(folder) / "cells.pickle"
        with cells.open("wb") as file:
            pickle.dump(known.data, file, protocol=5)
        for name in models:
            with multiprocessing.get_context("spawn").Pool(1) as pool:  # a process of its own, with its own memory
                found = pool.apply(estimate, (name, cells, seed, use.steps, not use.no_page))
            velocity[name] = found["velocity"]
            rows.append(about | {"model": name} | row(found, known, use.edges, places) | cost)
            yield rows[-1]
    for each, name in zip(rows, models, strict=True):
        others = [velocity[other] for other in models if other != name]
        each["agreement"] = agreement_of(velocity[name], others, spread(known.data))
    if len(models) > 1:
        mean = consensus(list(velocity.values()), known.data)
        yield about | {"model": CONSENSUS} | row(mean, known, use.edges, places) | cost


def _moments(use: argparse.Namespace, seed: int) -> tuple[Case, dict[str, float]]:
    """The cells and what their moments cost, from the file that keeps them where it is there."""
    if use.moments and use.moments.exists():
        with use.moments.open("rb") as file:
            return pickle.load(file)  # noqa: S301 - written by this program
    begun, worked = time.perf_counter(), time.process_time()
    known = case(use.data, seed, use.cells, use.groups)
    cost = {"moments_s": time.perf_counter() - begun, "moments_cpu_s": time.process_time() - worked}
    cost["moments_mb"] = peak_mb()
    if use.moments:
        with use.moments.open("wb") as file:
            pickle.dump((known, cost), file, protocol=5)
    return known, cost


def _write(out: Path, rows: Sequence[dict[str, Any]]) -> None:
    about = {"date": machine.today(), "machine": machine.here(), "rows": rows}
    out.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
