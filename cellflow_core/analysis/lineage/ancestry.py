"""Where the mass of some measured cells comes from, and where it goes: their ancestors and descendants.

Schiebinger et al., Cell 2019, doi:10.1016/j.cell.2019.01.006: a set of cells is a distribution over the cells of its
time; its descendants are what the transport plans make of it, one after the other, its ancestors the cells whose mass
it is (analysis/lineage/transition_maps.py).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

from cellflow_core.analysis.dynamics import Dynamics, Model, dynamics
from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.initial_cells import labels_of
from cellflow_core.analysis.lineage.transition_maps import TransitionMap, links
from cellflow_core.analysis.results import Ancestry
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.math.polygon import in_polygon
from cellflow_core.time_units import format_time, format_times

Array = np.ndarray
Polygon = Sequence[Sequence[float]]
MOST = 12
"""Values of an annotation that are kept separate; rarer ones are put together."""


def ancestry(
    model: Model,
    data: Snapshots,
    view: Embedding,
    *,
    time: float | None = None,
    polygon: Polygon = (),
    label: tuple[str, str] | None = None,
    by: str = "",
    seed: int = 0,
) -> Ancestry:
    """Ancestors and descendants of the cells of one time, of those in a polygon of the view, of one value of an
    annotation, or both.

    time  None: the last time with such cells
    by    annotation whose values the ancestors and descendants are counted by; "" for none

    Raises ValueError where there is no such cell at a time that the model was trained on, KeyError for an annotation
    that the data do not have.
    """
    moving = dynamics(model)
    title, times = moving.title, np.array(moving.spec.times)
    chosen, words = _chosen(data, view, polygon, label)
    met = [each for each in times if (chosen & (data.t == each)).any()]
    if not met or (time is not None and time not in met):
        where = "at any time that" if time is None else f"at time {format_time(time)}, or it is none that"
        raise ValueError(
            f"there is no measured cell {words} {where} {title} was trained on: there are some at "
            f"{', '.join(format_times(met)) or 'none'}"
        )
    time = float(met[-1] if time is None else time)
    chosen &= data.t == time
    chain, k = links(model, data, seed), int(np.searchsorted(times, time))
    parts, mass = _followed(chain, k, chosen[data.t == time].astype(float) / chosen.sum())
    weight = np.zeros(len(data.t))
    for each, part in zip(times, parts, strict=True):
        weight[data.t == each] = part / (part.sum() or 1.0)
    names, share = _counted(data, times, weight, by)
    count, whole = int(chosen.sum()), int((data.t == time).sum())
    return Ancestry(
        view=view.name,
        axes=view.axes,
        time_unit=data.time_unit,
        chosen=f"{count:,} of {whole:,} cells of time {format_time(time)}{f' {words}' if words else ''}",
        time=time,
        points=view.points,
        cell_time=data.t,
        weight=weight,
        times=times,
        mass=mass,
        names=names,
        share=share,
        notes=(*_notes(moving, data, parts, times, k), *view.note),
    )


def _followed(
    chain: Sequence[TransitionMap], k: int, share: Float[Array, " cells"]
) -> tuple[list[Float[Array, " _"]], Float[Array, " times"]]:
    """The share at time k carried to all times, and the mass of what it becomes."""
    parts, mass = [share], np.full(len(chain) + 1, np.nan)
    mass[k] = 1.0
    for j in range(k, len(chain)):
        parts.append(chain[j].push(parts[-1]))
        mass[j + 1] = parts[-1].sum()
    for link in reversed(chain[:k]):
        parts.insert(0, link.pull(parts[0] / (parts[0].sum() or 1.0)))
    return parts, mass


def _chosen(
    data: Snapshots, view: Embedding, polygon: Polygon, label: tuple[str, str] | None
) -> tuple[Bool[Array, " cells"], str]:
    """Which cells, and in words."""
    chosen, words = np.ones(len(data.t), bool), []
    if len(polygon):
        chosen &= in_polygon(view.points, np.asarray(polygon))
        words.append("in the drawn region")
    if label is not None:
        chosen &= labels_of(data, label[0]) == label[1]
        words.append(f"with {label[0]} = {label[1]}")
    return chosen, " and ".join(words)


def _counted(
    data: Snapshots, times: Array, weight: Float[Array, " cells"], by: str
) -> tuple[tuple[str, ...], Float[Array, "times names"]]:
    """Values of an annotation, most mass first, and the part of the weight of each time that each has."""
    if not by:
        return (), np.zeros((len(times), 0))
    values = labels_of(data, by)
    kinds = np.unique(values[weight > 0])
    parts = np.array([[weight[(data.t == time) & (values == kind)].sum() for kind in kinds] for time in times])
    order = np.argsort(-parts.sum(axis=0), kind="stable")
    kept, rest = order[:MOST], order[MOST:]
    names = [str(kinds[each]) or "not known" for each in kept]
    if len(rest):
        return (*names, "other"), np.column_stack([parts[:, kept], parts[:, rest].sum(axis=1)])
    return tuple(names), parts[:, kept]


def _notes(moving: Dynamics, data: Snapshots, parts: Sequence[Array], times: Array, k: int) -> tuple[str, ...]:
    """What a reader must know of these weights."""
    notes = []
    if moving.kind != "plan":
        notes.append(
            f"{moving.title} moved every measured cell to the next time, where it stands for the nearest measured one, "
            "and so on: near-by cells share their ancestors."
        )
    if not moving.has_growth:
        notes.append("The model knows no growth: each cell leaves as much behind as any other.")
    lost = [1 - part.sum() for part in parts[:k]]
    if lost and max(lost) > 0.01:
        notes.append(
            f"{max(lost):.0%} of the mass of one time is at cells that the model leads nobody to, and has no ancestors."
        )
    left = sorted({float(each) for each in data.times} - {float(each) for each in times})
    if left:
        notes.append(f"Cells of time {', '.join(format_times(left))} were not in training and have no weight.")
    return tuple(notes)
