"""The order and the lineages that a model finds in cells, in a 2-D view."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from cellflow_core.analysis.dynamics import Model, blocks
from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.regulation.latent_order import latent_time
from cellflow_core.analysis.results import CellLineages
from cellflow_core.analysis.terminal_states import named
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.math.neighbors import nearest_neighbors
from cellflow_core.models.contract import Context, DynamicsModel, HasLatentTime, HasLineages, Lineages
from cellflow_core.models.lineages.principal_curves import arc_length, project, resampled

Array = np.ndarray
POINTS = 100
"""Points of a drawn curve."""
SEVERAL = 0.5
"""Weight on a second lineage from which on a cell is on several."""
END = 0.1
"""Share of the cells on one lineage alone, the last ones, that name its end."""
PARTED = 0.02
"""Distance between two curves, in lengths of the longer, from which on they have parted; branchings nearer than twice
that along a curve are one."""
OFF = 0.1
"""Distance to the nearest curve, in lengths of the longest, from which on a cell is off the tree."""
NOTE = (
    "Pseudotime is an order: it has no unit and no speed, and sees no return, growth or death. Many dynamics give "
    "the same snapshot."
)


def cell_lineages(model: Model, data: Snapshots, view: Embedding) -> CellLineages:
    """Raises ValueError, with a sentence, for a model that orders no cells."""
    if not isinstance(model, HasLatentTime) or not isinstance(model, DynamicsModel):
        raise ValueError(f"{getattr(model, 'title', 'this model')} gives cells no order")
    order, other = latent_time(model, data), _other_order(model, data)
    states = np.zeros((0, data.x.shape[1]))
    curves: list[Array] = []
    weight, names, explained, off_tree = np.zeros((len(order), 0)), (), float("nan"), float("nan")
    if isinstance(model, HasLineages):
        found = _lineages(model, data)
        weight = _weights(found)
        curves = [_drawn(each.cpu().numpy().astype(float)) for each in found.curves]
        names = _ends(data, order, weight)
        explained, off_tree = _near(curves, data.x)
        states = branchings(curves)
    roots = [view.points[each.argmin()] for each in (order, other) if each is not None]
    if curves:
        roots[0] = view.project(curves[0][:1])[0]
    return CellLineages(
        view=view.name,
        axes=view.axes,
        title=model.title,
        order=order,
        other_order=other,
        names=names,
        weight=weight,
        own=own_lineage(weight),
        curves=view.project(np.concatenate(curves)) if curves else np.zeros((0, 2)),
        lineage=np.repeat(np.arange(len(curves)), [len(each) for each in curves]),
        lengths=np.array([arc_length(each)[-1] for each in curves]),
        explained=explained,
        off_tree=off_tree,
        root=roots[0],
        other_root=roots[1] if other is not None else None,
        branchings=view.project(states) if len(states) else np.zeros((0, 2)),
        doubts=model.notes(),
        notes=(NOTE, *view.note),
    )


def lineage_weights(model: HasLineages, data: Snapshots) -> Float[Array, "cells lineages"]:
    """Weight of every cell on each lineage, 0 to 1."""
    return _weights(_lineages(model, data))


def own_lineage(weight: Float[Array, "cells lineages"]) -> Int[Array, " cells"]:
    """The lineage of most weight of each cell; -1 where a second one has half of it or more, or there is none."""
    if not weight.shape[1]:
        return np.full(len(weight), -1)
    best = weight.argmax(axis=1)
    second = np.sort(weight, axis=1)[:, -2] if weight.shape[1] > 1 else np.zeros(len(weight))
    return np.where(second >= SEVERAL * weight.max(axis=1), -1, best)


def branchings(curves: list[Array]) -> Float[Array, "branchings dim"]:
    """Where curves that begin together part: one state for each branching."""
    found: list[tuple[float, Array]] = []
    for a in range(len(curves)):
        for b in range(a):
            length = max(arc_length(curves[a])[-1], arc_length(curves[b])[-1])
            away = nearest_neighbors(_drawn(curves[b], 10 * POINTS), 1, curves[a])[0][:, 0] > PARTED * length
            last = max(int(away.argmax()) - 1, 0) if away.any() else len(curves[a]) - 1
            place = arc_length(curves[a])[last]
            near = (np.linalg.norm(curves[a][last] - state) for _, state in found)
            if all(each > 2 * PARTED * length for each in near):
                found.append((place, curves[a][last]))
    found.sort(key=lambda each: each[0])
    return np.stack([state for _, state in found]) if found else np.zeros((0, curves[0].shape[1]))


def _drawn(curve: Array, points: int = POINTS) -> Array:
    """The curve by points that are equally far from each other."""
    return resampled(curve, np.linspace(0, arc_length(curve)[-1], points))


def _lineages(model: Any, data: Snapshots) -> Lineages:
    with torch.no_grad():
        parts = [model.lineages(block, Context()) for block in blocks(data.x, model.device)]
    return Lineages(parts[0].curves, torch.cat([each.weight for each in parts]))


def _weights(found: Lineages) -> Float[Array, "cells lineages"]:
    return found.weight.cpu().numpy().astype(float)


def _other_order(model: Any, data: Snapshots) -> Float[Array, " cells"] | None:
    with torch.no_grad():
        parts = [model.other_direction(block, Context()) for block in blocks(data.x, model.device)]
    return None if parts[0] is None else torch.cat(parts).cpu().numpy().astype(float)


def _ends(data: Snapshots, order: Float[Array, " cells"], weight: Float[Array, "cells lineages"]) -> tuple[str, ...]:
    """Names of the ends, after the annotation that tells the last cells of the lineages from each other."""
    own, count = own_lineage(weight), weight.shape[1]
    group = np.full(len(order), -1)
    for k in range(count):
        cells: Bool[Array, " cells"] = own == k if (own == k).any() else weight[:, k] > 0
        rows = np.flatnonzero(cells)
        group[rows[np.argsort(order[rows], kind="stable")[-max(round(END * len(rows)), 1) :]]] = k
    chosen = group >= 0
    if len(np.unique(group[chosen])) < count:  # an end without cells of its own
        return tuple(f"lineage {k + 1}" for k in range(count))
    return tuple(named(data, chosen, group[chosen], "lineage"))


def _near(curves: list[Array], x: Float[Array, "cells dim"]) -> tuple[float, float]:
    """(share of the variance of the states that the nearest points of the curves have, share of the cells that are off
    the tree)."""
    away = np.min([project(each, x.astype(float))[1] for each in curves], axis=0)
    explained = 1 - np.square(away).mean() / max(float(x.var(axis=0, dtype=np.float64).sum()), 1e-30)
    return float(explained), float((away > OFF * max(arc_length(each)[-1] for each in curves)).mean())
