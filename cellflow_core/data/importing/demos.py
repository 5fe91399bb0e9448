"""Data sets that come with the app: what simulators make, with a known truth, and what scanpy ships in its package."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from cellflow_core.data.simulators.registry import create
from cellflow_core.data.simulators.toggle import Toggle
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.spaces.pca import pca
from cellflow_core.data.store import DEMO, datasets, delete, save_dataset
from cellflow_core.workspace import Workspace, current

Array = np.ndarray


@dataclass(frozen=True)
class Demo:
    """What a page shows of a demo before it is made. `truth`: name of the simulator, "" where none is known."""

    name: str
    label: str
    summary: str
    truth: str = ""


@dataclass(frozen=True)
class _Made:
    snapshots: Snapshots
    source: str
    steps: tuple[str, ...]
    notes: tuple[str, ...]
    expression: Any = None
    expression_genes: tuple[str, ...] = ()


DEMOS: tuple[Demo, ...] = (
    Demo(
        "toggle",
        "Toggle switch with a progenitor (simulated)",
        "3,000 simulated cells at 5 days: a progenitor gene fades and two masters compete. Drift, landscape, fates and "
        "knock-outs are known, so every answer of a model can be checked.",
        truth="toggle",
    ),
    Demo(
        "krumsiek11",
        "Myeloid differentiation (Krumsiek 2011, simulated)",
        "640 simulated cells of 11 transcription factors: one stem state, four blood fates. The time is the step of "
        "the simulation. Ships with scanpy.",
    ),
    Demo(
        "pbmc-myeloid",
        "Blood cells by pseudotime (10x PBMC, measured)",
        "382 measured blood cells (CD34+, dendritic, monocytes) with 765 genes, ordered by diffusion pseudotime: an "
        "order of states, not a time anyone measured. Ships with scanpy.",
    ),
)


def make(name: str, on_progress: Callable[[str], None] = lambda stage: None, workspace: Workspace | None = None) -> str:
    """Id of the demo, made on the first call. Raises KeyError that lists the demos."""
    demo = next((each for each in DEMOS if each.name == name), None)
    if demo is None:
        raise KeyError(f"there is no demo {name!r}; there is {', '.join(each.name for each in DEMOS)}")
    id = DEMO + name
    if any(each.id == id for each in datasets(workspace)):
        return id
    if (current(workspace).data / id).exists():
        on_progress("putting a damaged copy away")
        delete(id, workspace)
    on_progress(f"making {demo.label}")
    made = _MAKERS[name]()
    on_progress("storing the cells")
    return save_dataset(
        made.snapshots,
        id=id,
        label=demo.label,
        origin="demo",
        source=made.source,
        steps=made.steps,
        notes=made.notes,
        truth=demo.truth,
        truth_settings=create(demo.truth).settings.as_dict() if demo.truth else {},
        expression=made.expression,
        expression_genes=made.expression_genes,
        workspace=workspace,
    )


def _toggle() -> _Made:
    process = Toggle()
    settings = process.settings
    return _Made(
        process.simulate(),
        f"simulator toggle, seed {settings.seed}",
        (
            f"simulated {settings.n_times} x {settings.cells_per_time} independent cells of a growing population",
            "the 12 genes themselves are the state; nothing was normalised",
        ),
        (
            "Simulated: no gene here is a real one.",
            "Each cell is seen once, at one time; markers follow the masters but act on nothing.",
        ),
    )


def _krumsiek11() -> _Made:
    import scanpy as sc

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Observation names are not unique", category=UserWarning)
        cells = sc.datasets.krumsiek11()
    step = np.array([int(each) for each in cells.obs_names], dtype=float)
    run = np.repeat(np.array(["Mo", "Ery", "Mk", "Neu"]), 160)  # the four runs, by the state each ends in
    return _Made(
        Snapshots(
            np.asarray(cells.X, dtype=np.float32),
            _binned(step, 5),
            AffineSpace.of_genes(tuple(map(str, cells.var_names))),
            "step",
            labels={"run ends in": run, "cell type": np.array(cells.obs["cell_type"].astype(str))},
        ),
        "scanpy.datasets.krumsiek11",
        ("read 4 runs of 160 steps", "put the steps into 5 windows of equal size, named by their mean step"),
        (
            "Simulated (Krumsiek et al. 2011, PLoS ONE 6:e22649).",
            "Cells of one run follow each other, so they are not independent draws.",
        ),
    )


def _pbmc_myeloid() -> _Made:
    import scanpy as sc

    cells = sc.datasets.pbmc68k_reduced()
    kept = cells[cells.obs["bulk_labels"].isin(["CD34+", "Dendritic", "CD14+ Monocyte"])].copy()
    order = _pseudotime(np.asarray(kept.obsm["X_pca"])[:, :20], np.array(kept.obs["bulk_labels"] == "CD34+"))
    measured = kept.raw.to_adata().X
    genes = tuple(map(str, kept.raw.var_names))
    x, space = pca(measured, genes, 20)
    return _Made(
        Snapshots(
            x,
            _binned(order, 4),
            space,
            "pseudotime",
            labels={"cell type": np.array(kept.obs["bulk_labels"].astype(str))},
        ),
        "scanpy.datasets.pbmc68k_reduced",
        (
            "kept 382 of 700 cells: CD34+, dendritic cells and CD14+ monocytes",
            "log-normalised values of 765 genes, as scanpy ships them",
            "20 principal components as the state",
            "diffusion pseudotime from the CD34+ cells, in 4 windows of equal size, named by their mean",
        ),
        ("The time is pseudotime: an order computed from the cells' likeness, not a time of day that was measured.",),
        measured,
        genes,
    )


def _pseudotime(points: Float[Array, "cells dim"], root: Array) -> Float[Array, " cells"]:
    """Diffusion pseudotime (Haghverdi et al. 2016) from the medoid of the root cells, scaled to 0..1."""
    import anndata
    import scanpy as sc

    cells = anndata.AnnData(points)
    roots = np.flatnonzero(root)
    away = np.linalg.norm(points[roots] - points[roots].mean(axis=0), axis=1)
    sc.pp.neighbors(cells, n_neighbors=15, use_rep="X", random_state=0)
    sc.tl.diffmap(cells, random_state=0)
    cells.uns["iroot"] = int(roots[away.argmin()])
    sc.tl.dpt(cells)
    return np.array(cells.obs["dpt_pseudotime"], dtype=float)


def _binned(order: Float[Array, " cells"], windows: int) -> Float[Array, " cells"]:
    """The mean of the window each cell falls in; windows hold equal numbers of cells, ties stay together."""
    rank = np.searchsorted(np.sort(order), order, side="left")
    window = rank * windows // len(order)
    return np.array([order[window == k].mean().round(4) for k in range(windows)])[window]


_MAKERS: dict[str, Callable[[], _Made]] = {
    "toggle": _toggle,
    "krumsiek11": _krumsiek11,
    "pbmc-myeloid": _pbmc_myeloid,
}
