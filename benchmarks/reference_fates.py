"""Our chains, macrostates, fates and curves beside those of the packages cellrank and pyslingshot, on the same input.

    python -m venv VENV && VENV/bin/pip install "numpy<2.3" cellrank pyslingshot
    python benchmarks/reference_fates.py --python VENV/bin/python --out FILE.json [--pancreas FILE.h5ad]

The packages run in an environment of their own; where one is missing there, its rows are left out and a line says so.
One row a data set and kernel:

    transitions    largest difference between two entries of the transition matrix
    fates          largest difference of a fate probability, for the same terminal cells; sum: largest distance of a row
                   of ours from 1
    memberships    largest difference of a membership in a macrostate, states matched; crispness: ours and theirs
    slingshot      Pearson correlation of the pseudotime of ours and theirs over all cells, for the same groups

Data: the branching tree, its drift as velocity; and, where the file is named, the pancreas, its velocity the deviation
u - gamma s of smoothed counts from a line through the origin.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

Array = np.ndarray
STATES = (2, 3, 4, 5)


def computed_by_packages(given: Path, out: Path) -> None:
    """Runs in the other environment: what the packages make of the arrays in `given`."""
    held, found = dict(np.load(given, allow_pickle=False)), {}
    try:
        found |= _cellrank(held)
    except ImportError as error:
        found["no cellrank"] = np.array(str(error))
    try:
        found |= _slingshot(held)
    except ImportError as error:
        found["no pyslingshot"] = np.array(str(error))
    np.savez(out, **found)


def _cellrank(held: dict[str, Array]) -> dict[str, Array]:
    import anndata
    import cellrank as cr  # pyright: ignore[reportMissingImports]
    from scipy.sparse import csr_matrix

    found = {}
    for kernel in ("pseudotime", "velocity"):
        links = csr_matrix(tuple(held[f"{kernel} {each}"] for each in ("data", "indices", "indptr")))
        tables: Any = {"X_pca": held["x"], "v": held["v"]}
        cells = anndata.AnnData(held["x"].astype(np.float32), obsm=tables)
        cells.obs["time"], cells.obsp["connectivities"], cells.obsp["distances"] = held["order"], links, links
        cells.uns["neighbors"] = {"params": {}, "connectivities_key": "connectivities", "distances_key": "distances"}
        if kernel == "pseudotime":
            made = cr.kernels.PseudotimeKernel(cells, time_key="time")
            made.compute_transition_matrix(threshold_scheme="hard", show_progress_bar=False)
        else:
            made = cr.kernels.VelocityKernel(cells, attr="obsm", xkey="X_pca", vkey="v")
            made.compute_transition_matrix(similarity="cosine", show_progress_bar=False)
        found[f"{kernel} chain"] = made.transition_matrix.toarray()
        likeness = cr.kernels.ConnectivityKernel(cells).compute_transition_matrix(density_normalize=False)
        mixed = 0.8 * made + 0.2 * likeness
        mixed.compute_transition_matrix()
        found[f"{kernel} mixed"] = mixed.transition_matrix.toarray()
        known = cr.estimators.GPCCA(mixed)
        known.compute_schur(n_components=12, method="brandts")
        for count in STATES:
            try:
                known.compute_macrostates(n_states=count)
            except ValueError:
                continue
            found[f"{kernel} memberships {count}"] = np.asarray(known.macrostates_memberships.X)
        state = held[f"{kernel} state"]
        names = {str(k): cells.obs_names[state == k].tolist() for k in range(state.max() + 1)}
        known.set_terminal_states(names)
        known.compute_fate_probabilities(solver="direct", use_petsc=False, show_progress_bar=False, n_jobs=1)
        found[f"{kernel} fates"] = np.asarray(known.fate_probabilities[list(names)].X)
    return found


def _slingshot(held: dict[str, Array]) -> dict[str, Array]:
    from pyslingshot import Slingshot  # pyright: ignore[reportMissingImports]

    groups = np.eye(int(held["groups"].max()) + 1)[held["groups"]]
    made = Slingshot(held["x"], groups, start_node=int(held["root"]))
    made.fit(num_epochs=15)
    return {"slingshot": np.asarray(made.unified_pseudotime)}


def tree(seed: int) -> tuple[Array, Array]:
    """(cells of the branching tree, their drift)."""
    from cellflow_core.data.simulators.registry import create

    made = create("branching-tree", {"n_branchings": 1, "n_fates": 2, "cells_per_time": 90, "seed": seed})
    x = made.simulate().x.astype(float)
    return x, made.drift(0.0, x)  # type: ignore[attr-defined]


def pancreas(file: Path) -> tuple[Array, Array]:
    """(20 principal components of smoothed spliced RNA, u - gamma s in them), of log-normalised genes."""
    import anndata

    from cellflow_core.math.neighbors import nearest_others

    held: Any = anndata.read_h5ad(file)
    s, u = (held.layers[each].toarray().astype(float) for each in ("spliced", "unspliced"))
    kept = (s > 0).sum(axis=0) >= 30
    s, u = (each[:, kept] / each.sum(axis=1, keepdims=True) * np.median(each.sum(axis=1)) for each in (s, u))
    log = np.log1p(s)
    axes = np.linalg.svd(log - log.mean(axis=0), full_matrices=False)[2][:20].T
    near = nearest_others(log @ axes, 30)
    s, u = (each[near].mean(axis=1) for each in (s, u))
    gamma = (u * s).sum(axis=0) / np.maximum((s * s).sum(axis=0), 1e-12)
    v = (u - gamma * s) / (1 + s)
    return np.log1p(s) @ axes, v @ axes


def inputs(x: Array, v: Array) -> dict[str, Array]:
    """What both sides are given: an order, links of each kernel, groups and a root."""
    from scipy.sparse import csr_matrix
    from sklearn.cluster import KMeans

    from cellflow_core.math.neighbors import nearest_others, neighbor_graph
    from cellflow_core.math.pseudotime.diffusion import diffusion_order, diffusion_scales

    graph, root = neighbor_graph(x), int(x[:, 0].argmin())
    groups = KMeans(8, n_init=10, random_state=0).fit_predict(x)  # type: ignore[arg-type]
    found = {"x": x, "v": v, "order": diffusion_order(diffusion_scales(x, graph), root), "groups": groups}
    found["root"] = groups[root]
    near = nearest_others(x, 30)
    rows = np.repeat(np.arange(len(x)), 30)
    links = {"pseudotime": graph.connectivities, "velocity": csr_matrix((np.ones(near.size), (rows, near.ravel())))}
    for name, each in links.items():
        table: Any = csr_matrix(each)
        table.sort_indices()
        found |= {f"{name} {part}": getattr(table, part) for part in ("data", "indices", "indptr")}
    return found


def ours(given: dict[str, Array]) -> dict[str, Array]:
    """The same as `computed_by_packages`, by this project; also the terminal cells ("state") and crispness."""
    from scipy.sparse import csr_matrix

    from cellflow_core.analysis.transitions.ends import macrostate_ends
    from cellflow_core.data.snapshots import Snapshots
    from cellflow_core.data.spaces.affine import AffineSpace
    from cellflow_core.math.markov_chains.absorption import absorption_probabilities
    from cellflow_core.math.markov_chains.gpcca import macrostates
    from cellflow_core.math.markov_chains.kernels import along_order, mixture, row_stochastic
    from cellflow_core.math.velocity_graph import velocity_graph

    axes = tuple(f"x{k + 1}" for k in range(given["x"].shape[1]))
    cells = Snapshots(given["x"].astype(np.float32), None, AffineSpace.coordinates(axes))
    found: dict[str, Array] = {}
    for kernel in ("pseudotime", "velocity"):
        links: Any = csr_matrix(tuple(given[f"{kernel} {each}"] for each in ("data", "indices", "indptr")))
        if kernel == "pseudotime":
            chain = along_order(links, given["order"])
        else:
            near = links.indices.reshape(len(given["x"]), -1)
            chain = velocity_graph(given["x"], given["v"], near, sigma=None).transitions()
        mixed = mixture([(0.8, chain), (0.2, row_stochastic(links))])
        found |= {f"{kernel} chain": chain.toarray(), f"{kernel} mixed": mixed.toarray()}
        state = macrostate_ends(mixed, cells).state
        found[f"{kernel} state"] = state
        found[f"{kernel} fates"] = absorption_probabilities(mixed, state, int(state.max()) + 1)
        for count in STATES:
            try:
                found[f"{kernel} memberships {count}"] = macrostates(mixed, count).membership
            except ValueError:
                continue
    return found


def slingshot(given: dict[str, Array]) -> Array:
    """Pseudotime of our Slingshot with these groups."""
    from cellflow_core.models.lineages import lineage_tree
    from cellflow_core.models.pseudotime.slingshot import principal_curves

    x, group = given["x"], given["groups"].astype(int)
    centers = lineage_tree.centers_of(x, group)
    edges = lineage_tree.spanning_tree(lineage_tree.scaled_distances(x, group))
    made = principal_curves(x, lineage_tree.rooted(centers, edges, int(given["root"])), group)
    along, weight = made.place(x)
    return (weight * along).sum(axis=1) / weight.sum(axis=1)


def crispness(memberships: Array) -> float:
    return float((np.square(memberships).sum(axis=0) / memberships.sum(axis=0)).mean())


def compared(given: dict[str, Array], mine: dict[str, Array], theirs: dict[str, Array]) -> list[dict[str, Any]]:
    """Rows of the table."""
    from scipy.optimize import linear_sum_assignment

    rows: list[dict[str, Any]] = []
    for kernel in ("pseudotime", "velocity") if "pseudotime chain" in theirs else ():
        row: dict[str, Any] = {"kernel": kernel, "cells": len(given["x"])}
        row["transitions"] = float(np.abs(mine[f"{kernel} chain"] - theirs[f"{kernel} chain"]).max())
        fates = mine[f"{kernel} fates"]
        row["fates"] = float(np.nanmax(np.abs(fates - theirs[f"{kernel} fates"])))
        row |= {"ends": fates.shape[1], "sum": float(np.nanmax(np.abs(fates.sum(axis=1) - 1)))}
        for count in STATES:
            a, b = (each.get(f"{kernel} memberships {count}") for each in (mine, theirs))
            if a is None or b is None:
                continue
            away = np.abs(a[:, :, None] - b[:, None]).max(axis=0)
            i, j = linear_sum_assignment(away)
            row[f"memberships {count}"] = float(away[i, j].max())
            row[f"crispness {count}"] = [round(crispness(a), 5), round(crispness(b), 5)]
        rows.append(row)
    if "slingshot" in theirs:
        both = np.corrcoef(slingshot(given), theirs["slingshot"])[0, 1]
        rows.append({"method": "slingshot", "cells": len(given["x"]), "pearson": float(both)})
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", required=True, help="interpreter of the environment with the packages")
    parser.add_argument("--pancreas", type=Path)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--out", type=Path, required=True)
    use = parser.parse_args(arguments)
    import machine

    data = {f"branching-tree {seed}": tree(int(seed)) for seed in use.seeds.split(",")}
    if use.pancreas is not None:
        data["pancreas"] = pancreas(use.pancreas)
    rows: list[dict[str, Any]] = []
    for name, (x, v) in data.items():
        given = inputs(x, v)
        mine = ours(given)
        with tempfile.TemporaryDirectory() as folder:
            asked, answered = Path(folder) / "given.npz", Path(folder) / "found.npz"
            both: dict[str, Any] = given | {key: each for key, each in mine.items() if key.endswith("state")}
            np.savez(asked, **both)
            done = subprocess.run([use.python, __file__, "--compute", asked, answered], capture_output=True, text=True)
            if done.returncode:
                raise SystemExit(done.stderr)
            theirs = dict(np.load(answered))
        for missing in (each for each in theirs if each.startswith("no ")):
            print(f"{missing}: {theirs[missing]}", flush=True)
        for row in compared(given, mine, theirs):
            rows.append({"data": name, **row})
            print(json.dumps(rows[-1]), flush=True)
    text = json.dumps({"date": machine.today(), "machine": machine.here(), "rows": rows}, indent=1)
    use.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--compute"]:
        computed_by_packages(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        main()
