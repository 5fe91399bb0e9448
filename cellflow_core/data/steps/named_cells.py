"""Some cells get a name, by an outline on a view or by a marker gene: where a process begins, or where it ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool

from cellflow_core.config import Config, setting
from cellflow_core.data.preprocessing.neighbor_graph import graph_of
from cellflow_core.data.preprocessing.selection import in_polygon_mask
from cellflow_core.data.steps.contract import OnProgress, Step, StepResult, with_label
from cellflow_core.data.store.dataset import Dataset

Array = np.ndarray
OTHERS = "other cells"
ROUNDS = 2
"""Times that a marker gene is averaged over the neighbors of a cell."""


@dataclass(frozen=True)
class Settings(Config):
    by: Literal["outline", "gene"] = setting("outline", "how the cells are chosen")
    outline: str = setting("", "corners of an outline around the cells, as x,y x,y x,y")
    view: str = setting("pca", "view on which the outline is drawn")
    gene: str = setting("", "marker gene that these cells express most", label="Marker gene")
    share: float = setting(
        0.05,
        "share of the cells with the highest expression of the marker gene",
        0.001,
        0.5,
        label="Share of the cells",
    )
    value: str = setting("first", "what these cells are called", label="Name of the cells")
    name: str = setting("", "name of the new annotation; empty: that of the cells", label="Name of the annotation")


class NamedCells(Step):
    title = "Name some of the cells"
    summary = (
        "Gives the cells in an outline, or those that express a marker gene most, a name. Use it to say where a "
        "process begins: models that order cells take the name as their first group. Fates take it as a "
        "terminal group."
    )
    Config = Settings
    settings: Settings

    def apply(self, dataset: Dataset, on_progress: OnProgress) -> StepResult:
        settings, data = self.settings, dataset.snapshots()
        value = " ".join(settings.value.split())
        if not value or value == OTHERS:
            raise ValueError(f"the cells need a name, and other than {OTHERS!r}, as all others are called")
        name = " ".join(settings.name.split()) or f"{value} cells"
        if name in data.labels:
            raise ValueError(f"the cells have an annotation {name!r} already: give the new one another name")
        chosen, how = self._chosen(dataset, on_progress)
        if chosen.all():
            raise ValueError("all cells were chosen, so the name would tell none apart: choose fewer")
        message = f"named {int(chosen.sum()):,} cells {how} {value!r}, as annotation {name!r}"
        return StepResult(with_label(data, name, np.where(chosen, value, OTHERS)), message, name="named cells")

    def _chosen(self, dataset: Dataset, on_progress: OnProgress) -> tuple[Bool[Array, " cells"], str]:
        """(which cells, how they were chosen, in words)."""
        settings = self.settings
        if settings.by == "outline":
            inside = in_polygon_mask(dataset, settings.view, settings.outline)
            return inside, f"in an outline on the {settings.view.upper()} view"
        if not settings.gene.strip():
            raise ValueError("no marker gene is chosen: choose one that these cells express most")
        on_progress("looking for neighbours")
        level = graph_of(dataset).smooth(dataset.expression(settings.gene).astype(np.float64), rounds=ROUNDS)
        if np.ptp(level) <= 0:
            raise ValueError(f"all cells express {settings.gene} alike, so it marks none: choose another gene")
        most = max(round(settings.share * len(level)), 1)
        chosen = np.zeros(len(level), bool)
        chosen[np.argsort(-level, kind="stable")[:most]] = True
        return chosen, f"with the highest smoothed expression of {settings.gene}"
