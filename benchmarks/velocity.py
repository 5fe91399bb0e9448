"""Estimators of RNA velocity where the truth is known, and on real cells: direction, order, agreement and cost.

    python benchmarks/velocity.py --data six-gene-circuit --models all --seeds 0,1,2 --out FILE.json
    python benchmarks/velocity.py --data FILE.h5ad --groups clusters --edges "Ductal>Ngn3 low EP,A>B" ...
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
    agreement   median cosine with the other models of the run, same seed
    drawn       share of the cells that have an arrow on the page Velocity
    seconds, cpu_s, peak_mb  of the estimate: wall clock, processor time, and largest resident memory of its own
                process, cells included
    moments_s, page_s, page_mb  seconds of the moments, and of the page's answer with its memory
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import re
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import machine
import numpy as np
import torch
from scipy.sparse import csc_array, hstack

sys.path.insert(0, str(Path(__file__).parents[1]))

from boundary_direction import cosine, cross_boundary, on_umap

from cellflow_core.analysis.dynamics import dynamics
from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.fields.cell_velocities import velocity_at
from cellflow_core.analysis.rna_velocity.agreement import agreement
from cellflow_core.analysis.rna_velocity.cell_order import cell_order
from cellflow_core.analysis.rna_velocity.orders import spearman
from cellflow_core.data.preprocessing.count_halves import halves_agreement
from cellflow_core.data.preprocessing.moments import moments_of
from cellflow_core.data.preprocessing.splicing_layers import SplicingLayers
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.simulators.contract import HasLayers
from cellflow_core.data.simulators.registry import create, names
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.spaces.splicing import SplicingSpace
from cellflow_core.data.steps.moments import Settings, in_moments
from cellflow_core.math.neighbors import nearest_others
from cellflow_core.math.velocity_graph import velocity_graph
from cellflow_core.models import registry
from cellflow_core.models.contract import Context, HasLatentTime
from cellflow_core.train.trainer import TrainConfig, fit

EVERY_GENE = {"min_r2": -1.0, "min_slope": 0.0, "min_shared_counts": 0}
NEIGHBORS = 30
CONSENSUS = "consensus"


class Case(NamedTuple):
    """Cells in their moments, and what is known of them: ds/dt [cells, genes], time [cells], group [cells], or None."""

    data: Snapshots
    velocity: np.ndarray | None
    time: np.ndarray | None
    group: np.ndarray | None


def every_model() -> list[str]:
    """Estimators from moments that are installed."""
    found = [(name, registry.find(name)) for name in registry.names()]
    return [name for name, kind in found if DataRequirement.MOMENTS in kind.needs and kind.installed()]


def case(source: str, seed: int, cells: int, groups: str) -> Case:
    if source in names():
        given: dict[str, Any] = {"seed": seed} | ({"cells_per_time": cells} if cells else {})
        if "n_times" in {each.name for each in type(create(source, {}).settings).settings()}:
            given["n_times"] = 1
        process = create(source, given)
        assert isinstance(process, HasLayers)
        truth, held = process.simulate(), process.layers()
        layers = SplicingLayers(held["unspliced"], held["spliced"], process.axes)
        time_ = next((truth.covariates[each] for each in truth.covariates if each == "latent time"), None)
        return _in_moments(layers, EVERY_GENE, truth.velocity, time_, None)
    if made_up := re.fullmatch(r"(\d+)x(\d+)", source):
        return _in_moments(lineage(int(made_up[1]), int(made_up[2]), seed), EVERY_GENE, None, None, None)
    import anndata

    held = anndata.read_h5ad(source)
    unspliced, spliced = (csc_array(held.layers[each]) for each in ("unspliced", "spliced"))
    layers = SplicingLayers(unspliced, spliced, tuple(held.var_names))
    true = held.uns.get("gt_velocities")
    true = None if true is None else rates(np.asarray(true.todense() if hasattr(true, "todense") else true, float))
    time_ = held.obs["global_time"].to_numpy(float) if "global_time" in held.obs else None
    group = held.obs[groups].astype(str).to_numpy() if groups else None
    return _in_moments(layers, {}, true, time_, group)


def rates(known: np.ndarray) -> np.ndarray | None:
    """Velocities of a file, or None where they are no rates of change: without a value below 0 they are ratios of
    production to degradation, as dyngen writes them, infinite in cells without spliced RNA."""
    if np.isfinite(known).all() and (known < 0).any():
        return known
    print("the velocities of this file are no rates of change, so none is held against them", file=sys.stderr)
    return None


def lineage(cells: int, genes: int, seed: int) -> SplicingLayers:
    """Poisson counts of genes that are switched on one after the other; spliced RNA follows unspliced RNA."""
    rng = np.random.default_rng(seed)
    time_, on = rng.uniform(0, 1, (cells, 1)), rng.uniform(-0.5, 1, genes)

    def counts(delay: float, level: float) -> Any:
        parts = [
            csc_array(rng.poisson(level * np.clip(time_ - on[k : k + 100] - delay, 0, None)).astype(np.float32))
            for k in range(0, genes, 100)
        ]
        return csc_array(hstack(parts))

    return SplicingLayers(counts(0.0, 1.0), counts(0.1, 3.0), tuple(f"gene {k}" for k in range(genes)))


def _in_moments(
    layers: SplicingLayers,
    settings: dict[str, Any],
    velocity: np.ndarray | None,
    time_: np.ndarray | None,
    group: np.ndarray | None,
) -> Case:
    counts = layers.whole
    use = Settings.from_dict(settings | {"values": "counts" if counts else "normalised"})
    found = moments_of(layers, use, counts, lambda stage: None)
    halves = halves_agreement(layers, found.genes, use.components, use.neighbors) if counts else None
    genes = AffineSpace.of_genes(layers.genes)
    cells = Snapshots(np.zeros((len(found.spliced), genes.dim), np.float32), None, genes)
    data = in_moments(cells, found, layers, halves)
    at = [layers.genes.index(each) for each in found.genes]
    return Case(data, None if velocity is None else velocity[:, at], time_, group)


def estimate(name: str, data: Snapshots, seed: int, steps: int) -> dict[str, Any]:
    """ds/dt, latent time, seconds and memory of one model, trained in this process."""
    torch.set_num_threads(1)
    begun, worked = time.perf_counter(), time.process_time()
    model = registry.create(name, {}, data.spec, seed)
    fit(model, data, TrainConfig.preset("standard", type(model), **({"steps": steps} if steps else {})), seed=seed)
    model.eval()
    assert isinstance(data.space, SplicingSpace)
    velocity = data.space.split(velocity_at(dynamics(model), data.x, 0.0))[1]
    latent = None
    if isinstance(model, HasLatentTime):
        with torch.no_grad():
            latent = model.latent_time(torch.from_numpy(data.x), Context()).numpy()
    seconds, cpu, peak = time.perf_counter() - begun, time.process_time() - worked, _peak()
    x = data.x - data.x.mean(axis=0)
    points = x @ np.linalg.svd(x[:: max(1, len(x) // 2000)], full_matrices=False)[2][:2].T
    begun = time.perf_counter()
    drawn = agreement(model, data, Embedding("pca", ("PC1", "PC2"), points, data.x)).drawn.mean()
    cost = {
        "seconds": seconds,
        "cpu_s": cpu,
        "peak_mb": peak,
        "page_s": time.perf_counter() - begun,
        "page_mb": _peak(),
    }
    return {"velocity": velocity, "latent": latent, "drawn": float(drawn), "cost": cost}


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def consensus(found: Sequence[np.ndarray], data: Snapshots) -> dict[str, Any]:
    """The mean over the models of the direction of each cell, genes scaled by their standard deviation; no cost."""
    assert data.spliced is not None
    scale = np.where(data.spliced.std(axis=0) > 0, data.spliced.std(axis=0), 1.0)
    sizes = [np.maximum(np.linalg.norm(each / scale, axis=1, keepdims=True), 1e-30) for each in found]
    mean = np.mean([each / size for each, size in zip(found, sizes, strict=True)], axis=0)
    cost = dict.fromkeys(("seconds", "cpu_s", "peak_mb", "page_s", "page_mb"))
    return {"velocity": mean, "latent": None, "drawn": None, "cost": cost}


def row(
    found: dict[str, Any], others: Sequence[np.ndarray], known: Case, edges: str, places: np.ndarray | None = None
) -> dict[str, float | None]:
    """places [cells, 2] on a map, for edges."""
    data, v = known.data, found["velocity"]
    assert data.spliced is not None
    scale = np.where(data.spliced.std(axis=0) > 0, data.spliced.std(axis=0), 1.0)
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
        "agreement": float(np.nanmedian([cosine(v / scale, each / scale) for each in others])) if others else None,
        "drawn": found["drawn"],
        **found["cost"],
    }


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
    spawn = multiprocessing.get_context("spawn")
    for seed in map(int, use.seeds.split(",")):
        begun = time.perf_counter()
        known = case(use.data, seed, use.cells, use.groups)
        moments = time.perf_counter() - begun
        found, places = {}, on_umap(known.data) if use.edges else None
        for name in models:
            with spawn.Pool(1) as pool:  # a process of its own, so that its memory is its own
                found[name] = pool.apply(estimate, (name, known.data, seed, use.steps))
        for name in models:
            others = [found[each]["velocity"] for each in models if each != name]
            about = {"data": Path(use.data).stem, "model": name, "seed": seed}
            rows.append(about | row(found[name], others, known, use.edges, places) | {"moments_s": moments})
            print(json.dumps(rows[-1]), flush=True)
        if len(models) > 1:
            mean = consensus([found[name]["velocity"] for name in models], known.data)
            about = {"data": Path(use.data).stem, "model": CONSENSUS, "seed": seed}
            rows.append(about | row(mean, [], known, use.edges, places) | {"moments_s": moments})
            print(json.dumps(rows[-1]), flush=True)
        use.out.write_text(
            json.dumps({"date": machine.today(), "machine": machine.here(), "rows": rows}, indent=1) + "\n",
            encoding="utf-8",
        )


if __name__ == "__main__":
    main()
