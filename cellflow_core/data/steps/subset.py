"""Some of the cells: those inside an outline, of some groups, or of some times."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

import numpy as np

from cellflow_core.config import Config, setting
from cellflow_core.data.importing.time_columns import MIN_PER_TIME
from cellflow_core.data.preprocessing.selection import MIN_CELLS, between, in_polygon_mask, labelled
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.steps.contract import OnProgress, Step, StepResult
from cellflow_core.data.store.dataset import Dataset
from cellflow_core.time_units import format_time

Array = np.ndarray
_FAR = 1e300


@dataclass(frozen=True)
class Settings(Config):
    by: Literal["outline", "label", "time"] = setting("label", "how the cells are chosen", label="Choose cells by")
    keep: Literal["chosen", "others"] = setting(
        "chosen", "whether the chosen cells stay, or all others", label="Cells to keep"
    )
    outline: str = setting("", "corners of the outline on the view, as x,y x,y x,y")
    view: str = setting("pca", "view on which the outline is drawn")
    label: str = setting("", "annotation by which cells are chosen")
    values: str = setting("", "values of the annotation that are chosen, one a line")
    first: float = setting(-_FAR, "first time that is chosen", unit="time", label="First time")
    last: float = setting(_FAR, "last time that is chosen", unit="time", label="Last time")


class Subset(Step):
    title = "Keep some of the cells"
    summary = (
        "Leave out a group, a time or an outlined part: cells that take no part in the process you ask about pull "
        "every model off the track."
    )
    Config = Settings
    settings: Settings

    def apply(self, dataset: Dataset, on_progress: OnProgress) -> StepResult:
        on_progress("choosing the cells")
        chosen, how = self._chosen(dataset)
        keep = chosen if self.settings.keep == "chosen" else ~chosen
        keep, few = _without_small_times(dataset.snapshots(), keep)
        if keep.sum() < MIN_CELLS:
            raise ValueError(
                f"{int(keep.sum())} of {len(keep)} cells would stay and at least {MIN_CELLS} are needed: choose more"
            )
        if keep.all():
            raise ValueError(f"all {len(keep):,} cells would stay, so nothing would change: choose fewer")
        verb = "kept" if self.settings.keep == "chosen" else "left out"
        message = f"{verb} the cells {how}: {int(keep.sum()):,} of {len(keep):,} cells stay"
        if few:
            message += f"; left out too: {few}, fewer than {MIN_PER_TIME} cells and so too few to stand for a time"
        return StepResult(_with_shares(dataset.snapshots(), keep), message, kept=keep, name="some cells")

    def _chosen(self, dataset: Dataset) -> tuple[Array, str]:
        settings = self.settings
        if settings.by == "outline":
            return in_polygon_mask(
                dataset, settings.view, settings.outline
            ), f"inside an outline on the {settings.view.upper()} view"
        if settings.by == "label":
            names = ", ".join(settings.values.split("\n"))
            return labelled(dataset, settings.label, settings.values), f"with {settings.label} {names}"
        found = between(dataset, settings.first, settings.last)
        times = dataset.snapshots().t[found]
        return found, f"of times {format_time(times.min())} to {format_time(times.max())}"


def _without_small_times(data: Snapshots, keep: Array) -> tuple[Array, str]:
    """(mask, times that are left out in words): a handful of cells is no picture of its time, but where individuals are
    followed, each is measured when it is."""
    if not len(data.times) or data.subject is not None:
        return keep, ""
    small = [(time, int((keep & (data.t == time)).sum())) for time in data.times]
    gone = [(time, count) for time, count in small if 0 < count < MIN_PER_TIME]
    message = ", ".join(f"{count} at time {format_time(time)}" for time, count in gone)
    return keep & ~np.isin(data.t, [time for time, _ in gone]), message


def _with_shares(data: Snapshots, keep: Array) -> Snapshots:
    """The kept cells; each goes on standing for as many as before."""
    kept = data.take(keep)
    if data.mass is None or kept.mass is None:
        return kept
    share = np.array([keep[data.t == time].mean() for time in kept.times])
    return dataclasses.replace(kept, mass=kept.mass * share)
