"""Which measured cells a simulation starts from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.fields.time_range import cells_of_time, first_time, of_time
from cellflow_core.data.snapshots import NO_LABEL, Snapshots
from cellflow_core.math.polygon import in_polygon

Polygon = Sequence[Sequence[float]]


@dataclass(frozen=True)
class InitialCells:
    """Cells of one time, drawn at random where there are too many.

    cells  rows of the data set; time they stand at; text: which they are, in words
    """

    cells: Int[np.ndarray, " cells"]
    x: Float[np.ndarray, "cells dim"]
    time: float
    text: str


def select_initial_cells(
    data: Snapshots,
    view: Embedding,
    most: int,
    *,
    polygon: Polygon = (),
    label: tuple[str, str] | None = None,
    seed: int = 0,
) -> InitialCells:
    """Cells of the first time (all where no time is known); or those in a polygon of the view, of one value of an
    annotation, or both.

    Chosen cells of several times cannot start together: those of the time with most of them do, the last time only
    where there is no other, since nothing follows it.

    Raises ValueError, with a sentence, where no cell is left, and KeyError for an annotation the data do not have.
    """
    chosen: Bool[np.ndarray, " cells"] = np.ones(len(data.x), bool)
    words = []
    if len(polygon):
        chosen &= in_polygon(view.points, np.asarray(polygon))
        words.append("in the drawn region")
    if label is not None:
        name, value = label
        chosen &= labels_of(data, name) == value
        words.append(f"with {name} = {value}")
    if not chosen.any():
        raise ValueError(f"there is no measured cell {' and '.join(words)}: draw or choose where there are some")
    time = first_time(data)
    if len(data.times):
        times, counts = np.unique(data.t[chosen], return_counts=True)
        followed = times < data.times[-1]
        best = np.argmax(np.where(followed | ~followed.any(), counts, 0)) if words else 0
        time = float(times[best])
    cells = np.flatnonzero(chosen & cells_of_time(data, time))
    found = len(cells)
    if found > most:
        cells = np.sort(np.random.default_rng(seed).choice(cells, most, replace=False))
    count = f"{len(cells):,} of {found:,}" if found > most else f"{found:,}"
    where = f" {' and '.join(words)}" if words else ""
    return InitialCells(cells, data.x[cells], time, f"{count} cells{of_time(data, time)}{where}")


def labels_of(data: Snapshots, name: str) -> np.ndarray:
    """One annotation as text, [cells]; "" where it is missing. KeyError lists the annotations there are."""
    if name not in data.labels:
        known = ", ".join(data.labels) or "none"
        raise KeyError(f"there is no annotation {name!r} in these data; there are: {known}")
    values = np.asarray(data.labels[name])
    text = np.array([str(each) for each in values], dtype=object)
    text[np.isin(text, NO_LABEL)] = ""
    return text
