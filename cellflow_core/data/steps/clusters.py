"""Groups of like cells, found in the neighbour graph."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cellflow_core.config import Config, setting
from cellflow_core.data.preprocessing.neighbor_graph import graph_of
from cellflow_core.data.steps.contract import OnProgress, Step, StepResult, with_label
from cellflow_core.data.store.dataset import Dataset


@dataclass(frozen=True)
class Settings(Config):
    resolution: float = setting(1.0, "how fine the groups are: a higher number gives more of them", 0.01, 10.0)
    name: str = setting(
        "", "name of the new annotation; empty: Leiden with the resolution", label="Name of the annotation"
    )
    seed: int = setting(0, "seed of the random choices", 0, 2**31 - 1)


class Clusters(Step):
    """Leiden (Traag, Waltman & van Eck 2019, doi 10.1038/s41598-019-41695-z) by scanpy with igraph."""

    title = "Find groups of cells"
    summary = (
        "Leiden clustering puts cells that are neighbours into one group. Use it to colour, to choose cells and to "
        "count fates where nobody has named the cell types. Groups are a help for the eye: more are always possible."
    )
    Config = Settings
    settings: Settings

    def apply(self, dataset: Dataset, on_progress: OnProgress) -> StepResult:
        import scanpy as sc

        settings, data = self.settings, dataset.snapshots()
        name = " ".join(settings.name.split()) or f"Leiden {settings.resolution:g}"
        if name in data.labels:
            raise ValueError(f"the cells have an annotation {name!r} already: give the groups another name")
        on_progress("looking for neighbours")
        cells = graph_of(dataset).annotated(data.x)
        on_progress("finding groups")
        sc.tl.leiden(
            cells,
            resolution=settings.resolution,
            random_state=settings.seed,
            flavor="igraph",
            n_iterations=2,
            directed=False,
        )
        codes = np.asarray(cells.obs["leiden"].astype(int))
        sizes = np.bincount(codes)
        rank = np.argsort(np.argsort(-sizes, kind="stable"))
        digits = len(str(len(sizes)))
        names = np.array([f"{rank[each] + 1:0{digits}d}" for each in codes])
        message = (
            f"found {len(sizes)} groups of {sizes.min():,} to {sizes.max():,} cells by Leiden clustering at resolution "
            f"{settings.resolution:g}, as annotation {name!r}, the largest first"
        )
        return StepResult(with_label(data, name, names), message, name="groups")
