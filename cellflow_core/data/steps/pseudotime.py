"""An order of the cells of one snapshot by likeness, from a chosen beginning."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from cellflow_core.config import Config, setting
from cellflow_core.data.importing.time_bins import quantile_bins
from cellflow_core.data.preprocessing.neighbor_graph import graph_of
from cellflow_core.data.preprocessing.selection import MIN_CELLS, in_polygon_mask, in_the_middle, labelled
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.steps.contract import OnProgress, Step, StepResult, with_covariate
from cellflow_core.data.store.dataset import Dataset
from cellflow_core.math.neighbors import NeighborGraph
from cellflow_core.math.pseudotime import palantir
from cellflow_core.math.pseudotime.diffusion import diffusion_order, diffusion_scales

Array = np.ndarray
CAVEAT = (
    "The time is pseudotime: an order computed from how alike cells are. It has no unit and no speed, and it cannot "
    "see growth, death, cycles or reversal."
)
_METHODS = {"diffusion": "diffusion pseudotime", "palantir": "Palantir"}


@dataclass(frozen=True)
class Settings(Config):
    root: Literal["outline", "gene", "label"] = setting(
        "label", "how the beginning is chosen", label="Root of the order"
    )
    outline: str = setting("", "corners of an outline around the earliest cells, as x,y x,y x,y")
    view: str = setting("pca", "view on which the outline is drawn")
    gene: str = setting("", "marker gene that the earliest cells express most", label="Marker gene")
    label: str = setting("", "annotation that names the earliest cells")
    values: str = setting("", "the earliest group of that annotation")
    method: Literal["diffusion", "palantir"] = setting(
        "diffusion",
        "how the order is computed",
        choice_labels={"diffusion": "diffusion pseudotime", "palantir": "Palantir"},
    )
    windows: int = setting(5, "windows of equal cell number that stand for times", 2, 50)
    waypoints: int = setting(500, "cells whose perspectives Palantir averages", 20, 2000, label="Palantir waypoints")
    seed: int = setting(0, "seed of the random choices", 0, 2**31 - 1)


class Pseudotime(Step):
    title = "Order by pseudotime"
    summary = (
        "For cells of one moment: orders them by likeness, from a beginning that you choose, and cuts the order into "
        "windows that stand for times. An order is no clock: it has no unit and no speed."
    )
    Config = Settings
    settings: Settings

    def apply(self, dataset: Dataset, on_progress: OnProgress) -> StepResult:
        settings, data = self.settings, dataset.snapshots()
        on_progress("looking for neighbours")
        found = graph_of(dataset)
        root, begin = self._root(dataset, found)
        order = order_from(data.x, found, root, settings.method, settings.waypoints, settings.seed, on_progress)
        kept = np.isfinite(order)
        if kept.sum() < MIN_CELLS:
            raise ValueError(
                f"only {int(kept.sum())} of {len(kept):,} cells can be reached from the beginning and at least "
                f"{MIN_CELLS} are needed: the cells fall into separate islands, so choose another beginning"
            )
        on_progress("cutting the order into windows")
        method = _METHODS[settings.method]
        name = f"pseudotime ({method.removesuffix(' pseudotime')})"
        return windows_of(data, order, settings.windows, f"{method} from {begin}", name)

    def _root(self, dataset: Dataset, found: NeighborGraph) -> tuple[int, str]:
        """(cell the order begins at, how it was chosen)."""
        settings, x = self.settings, dataset.snapshots().x
        if settings.root == "gene":
            if not settings.gene.strip():
                raise ValueError("no marker gene is chosen: choose one that the earliest cells express most")
            level = found.smooth(dataset.expression(settings.gene).astype(np.float64), rounds=2)
            return int(level.argmax()), f"the cell with the highest smoothed expression of {settings.gene}"
        if settings.root == "outline":
            chosen, how = (
                in_polygon_mask(dataset, settings.view, settings.outline),
                f"in an outline on the {settings.view.upper()} view",
            )
        else:
            chosen, how = (
                labelled(dataset, settings.label, settings.values),
                f"with {settings.label} {settings.values.strip()}",
            )
        island = found.connected_components()[1]
        most = np.bincount(island[chosen]).argmax()
        return in_the_middle(x, chosen & (island == most)), f"the middle of {int(chosen.sum()):,} cells {how}"


def windows_of(
    data: Snapshots, order: Float[Array, " cells"], windows: int, source: str, name: str = "pseudotime"
) -> StepResult:
    """The cells at the times of windows of equal cell number of an order; cells of infinite order are left out.

    source  what the order comes from; name: what joins the name of the data set
    """
    kept = np.isfinite(order)
    times = quantile_bins(order[kept], windows)
    lost = int((~kept).sum())
    message = (
        f"ordered {int(kept.sum()):,} cells by {source} and cut the order into {len(np.unique(times))} windows of "
        "equal cell number, named by their mean"
    )
    notes = [CAVEAT]
    if lost:
        message += f"; left out {lost:,} cells that no path of neighbours joins to the beginning"
        notes.append(f"{lost:,} of {len(kept):,} cells are not in the order: they form islands of their own.")
    cells = _in_order(data, kept, order, times)
    return StepResult(cells, message, None if kept.all() else kept, tuple(notes), name=name)


def order_from(
    x: Float[Array, "cells dim"],
    found: NeighborGraph,
    root: int,
    method: str,
    waypoints: int,
    seed: int,
    on_progress: OnProgress,
) -> Float[Array, " cells"]:
    """Place of each cell in the order, 0 at the root to 1; infinite on islands that no edge joins to the root."""
    island = found.connected_components()[1]
    here = np.flatnonzero(island == island[root])
    if len(here) < MIN_CELLS:
        return np.where(island == island[root], 0.0, np.inf)
    inner = NeighborGraph(found.distances[here][:, here], found.connectivities[here][:, here])
    begin = int(np.searchsorted(here, root))
    order = np.full(len(x), np.inf)
    if method == "palantir":
        order[here] = palantir.pseudotime(inner.distances, begin, waypoints, seed, on_progress)
    else:
        on_progress("letting cells diffuse")
        order[here] = diffusion_order(diffusion_scales(x[here], inner, seed), begin)
    return order


def _in_order(data: Snapshots, kept: Array, order: Array, times: Array) -> Snapshots:
    """The kept cells at their windows. What is per measured time means nothing any more and goes."""
    dosed = {} if data.doses is None else {"doses": None, "dose": None}
    cells = dataclasses.replace(data, mass=None, growth=None, **dosed).take(kept)
    if len(data.times) > 1:
        unit = f" ({data.time_unit})" if data.time_unit else ""
        cells = with_covariate(cells, f"measured time{unit}", cells.t)
    cells = dataclasses.replace(cells, t=times, time_unit="pseudotime")
    return with_covariate(cells, "pseudotime", order[kept])
