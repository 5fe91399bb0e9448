"""Measured cells for the views: read once per server, by the ids of what is shown."""

from __future__ import annotations

import numpy as np
import streamlit as st

from cellflow_core.analysis.perturbations import levels as perturbed_levels
from cellflow_core.data.snapshots import NO_LABEL
from cellflow_core.data.store import Dataset, open_dataset
from cellflow_core.figures import scatter
from cellflow_core.figures.cells.packed_map import Places
from cellflow_core.math.polygon import in_polygon
from pages.parts.widgets.state import Polygon


def dataset(id: str) -> Dataset:
    """The data set, its arrays read at most once. KeyError where it is gone; treat the arrays as read-only."""
    info = open_dataset(id).info
    return _dataset(id, info.version, info.views)


@st.cache_resource(max_entries=3, show_spinner=False)
def _dataset(id: str, version: str, views: tuple[str, ...]) -> Dataset:
    return open_dataset(id)


def places(data: Dataset, view: str) -> Places:
    """Where the cells stand in a view, packed for a map that the browser draws."""
    return _places(data.info.id, data.info.version, view)


@st.cache_resource(max_entries=6, show_spinner=False)
def _places(id: str, version: str, view: str) -> Places:
    return Places.of(dataset(id).embedding(view))


def cells_at(data: Dataset, view: str, time: float) -> np.ndarray | None:
    """Measured cells [cells, 2] of a time in a view, None between measured times."""
    here = np.isclose(data.snapshots().t, time, rtol=1e-6, atol=1e-9)
    return data.embedding(view)[here] if here.any() else None


def by_time(data: Dataset, rows: np.ndarray | None = None) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Codes and names of the times of the cells, or of these rows, for `scatter`; none where no time is known."""
    t = data.snapshots().t
    if not len(t):
        return None, ()
    return scatter.grouped(t if rows is None else t[rows])


def grouped(data: Dataset, by: str) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Codes and names of the cells by an annotation or by "time", for `scatter`; none for ""."""
    if by in ("", "time"):
        return by_time(data) if by else (None, ())
    return scatter.grouped(np.asarray(data.snapshots().labels[by]).astype(str))


def inside(points: np.ndarray, polygon: Polygon) -> int:
    """How many points lie in an outline."""
    return int(in_polygon(points, np.array(polygon)).sum())


def nearest(points: np.ndarray, among: np.ndarray, x: float, y: float) -> int:
    """Row of the cell in a view nearest to a place, of the rows `among`."""
    return int(among[np.square(points[among] - np.array([x, y])).sum(axis=1).argmin()])


def around(points: np.ndarray, x: float, y: float, share: float = 0.07) -> Polygon:
    """An outline around a place, a share of the view's extent wide."""
    angle = np.linspace(0, 2 * np.pi, 25)[:-1]
    corners = np.array([x, y]) + share * np.ptp(points, axis=0) * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return tuple((float(f"{a:.4g}"), float(f"{b:.4g}")) for a, b in corners)


def usable(points: np.ndarray, polygon: Polygon) -> Polygon:
    """The outline if there are cells in it, else none."""
    return polygon if polygon and inside(points, polygon) else ()


def genes(data: Dataset) -> tuple[str, ...]:
    """Genes of the model's state space, the one that differs most between cells first, then in their own order."""
    space = data.snapshots().space
    if not space.genes:
        return ()
    return (first := _liveliest(data), *(each for each in space.genes if each != first))


def measured_genes(data: Dataset) -> tuple[str, ...]:
    """Every gene that can be shown, those of `genes` first and in their order."""
    first = genes(data)
    return (*first, *data.genes[len(first) :])


def _liveliest(data: Dataset) -> str:
    return _liveliest_of(data.info.id, data.info.version)


@st.cache_data(max_entries=20, show_spinner=False)
def _liveliest_of(id: str, version: str) -> str:
    snapshots = dataset(id).snapshots()
    return snapshots.space.genes[int(np.argmax(snapshots.space.gene_std(snapshots.x)))]


def most_variable(data: Dataset, count: int) -> tuple[str, ...]:
    """The genes of the state space that differ most between cells, the first one most."""
    snapshots = data.snapshots()
    order = np.argsort(-snapshots.space.gene_std(snapshots.x), kind="stable")[:count]
    return tuple(snapshots.space.genes[int(k)] for k in order)


def regulators(data: Dataset) -> tuple[str, ...]:
    """Genes of the state space that act on another one in the prior network, in their own order; () without one."""
    snapshots = data.snapshots()
    if snapshots.network is None:
        return ()
    known = set(snapshots.network.source[snapshots.network.among(snapshots.space.genes)].tolist())
    return tuple(each for each in snapshots.space.genes if each in known)


def levels(data: Dataset, gene: str) -> tuple[float, float, float]:
    """(low, usual high, highest to offer) of a gene's level in the state space: 0, its 99 % quantile, twice that."""
    snapshots = data.snapshots()
    few = snapshots.x[:: max(1, len(snapshots.x) // 20_000)]
    values = snapshots.space.expression(few, gene)
    high = max(float(np.quantile(values, 0.99)), 1e-3)
    return 0.0, round(high, 3), round(2 * high, 3)


def knocked_down(data: Dataset, gene: str, strength: float) -> float:
    """The level of a gene that a knock-down of this strength (0 to 1) leaves of its mean in the measured cells."""
    snapshots = data.snapshots()
    few = snapshots.x[:: max(1, len(snapshots.x) // 20_000)]
    return float(f"{perturbed_levels.knocked_down(snapshots.space.expression(few, gene), strength):.4g}")


def clone_fates(data: Dataset) -> dict[str, tuple[str, ...]]:
    """Annotations that tell what clones became: each with its values among the later cells of clones that were met
    before, the commonest first; those with two or more only. Nothing where there are no clones."""
    snapshots = data.snapshots()
    if snapshots.lineage is None or not len(snapshots.times):
        return {}
    clone, last = np.asarray(snapshots.lineage), snapshots.t == snapshots.times[-1]
    later = last & (clone >= 0) & np.isin(clone, clone[~last])
    found = {}
    for name in data.info.annotations:
        held = np.asarray(snapshots.labels[name])[later].astype(str)
        kinds, counts = np.unique(held[(held != "nan") & (held != "")], return_counts=True)
        if len(kinds) > 1:
            found[name] = tuple(kinds[np.argsort(-counts, kind="stable")].tolist())
    return found


def groupings(data: Dataset) -> tuple[str, ...]:
    """The annotations, those that only repeat the time of a cell last: they tell no cells of one time apart."""
    return _groupings(data.info.id, data.info.version)


@st.cache_data(max_entries=20, show_spinner=False)
def _groupings(id: str, version: str) -> tuple[str, ...]:
    data = dataset(id)
    snapshots = data.snapshots()
    t = snapshots.t if len(snapshots.t) else np.zeros(len(snapshots.x))  # without times: one group
    times, when = np.unique(t, return_inverse=True)

    def repeats(name: str) -> bool:
        kinds, held = np.unique(np.asarray(snapshots.labels[name]).astype(str), return_inverse=True)
        return len(np.unique(when * len(kinds) + held)) == len(times)

    return tuple(sorted(data.info.annotations, key=repeats))


def values(data: Dataset, annotation: str) -> tuple[str, ...]:
    """The groups of an annotation; cells without a value are none."""
    found = (str(each) for each in np.unique(data.snapshots().labels[annotation]))
    return tuple(each for each in found if each not in NO_LABEL)
