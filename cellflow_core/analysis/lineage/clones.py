"""Clones as evidence: does a model predict what became of the relatives of an early cell?

Cells that descend from one barcoded cell are a clone (Weinreb et al., Science 2020, doi:10.1126/science.aaw3381). Where
a clone was met early and again later, the fates of its later cells tell the fate of its early ones, which no model of
snapshots has seen. An early cell is moved to the last time, its ends are counted by the states of the measured cells
around them, and the share of one of two fates is compared with that among the later cells of the clone: the area under
the receiver operating characteristic, as in PRESCIENT (Yeo et al., Nat. Commun. 2021, doi:10.1038/s41467-021-23518-w).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import rankdata

from cellflow_core.analysis.dynamics import Model, dynamics
from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.initial_cells import labels_of
from cellflow_core.analysis.results import ClonalBias
from cellflow_core.analysis.simulate import simulate
from cellflow_core.analysis.terminal_states import terminal_states
from cellflow_core.data.snapshots import DataRequirement, Snapshots
from cellflow_core.models.contract import DynamicsModel

Array = np.ndarray
REPEATS = 32
"""Times that a cell is sent off by a model that draws."""
DRAWS = 1000


@dataclass(frozen=True)
class Evidence:
    """Early cells whose clones were met again.

    cells  rows of the data set; bias [cells]: a / (a + b) among the later cells of the clone, later [cells]: a + b
    """

    cells: Int[Array, " cells"]
    bias: Float[Array, " cells"]
    later: Float[Array, " cells"]


def clonal_bias(
    model: Model,
    data: Snapshots,
    view: Embedding,
    states: str,
    fates: tuple[str, str],
    early: str = "",
    repeats: int = REPEATS,
    seed: int = 0,
) -> ClonalBias:
    """Predicted against observed fate of early cells of clones. See `evidence` for `states`, `fates` and `early`."""
    moving = dynamics(model)
    moving.check_follows()
    found = evidence(data, states, fates, early)
    ends = terminal_states(data, states)
    lacking = [each for each in fates if each not in ends.names]
    if lacking:
        raise ValueError(
            f"no cell of the last time is {lacking[0]!r} by {states}, so that no predicted end counts as one; "
            f"there are {', '.join(ends.names)}"
        )
    pair = [ends.names.index(each) for each in fates]
    mass, heads = np.zeros((2, len(found.cells), 2))
    for time in np.unique(data.t[found.cells]):
        at = np.flatnonzero(data.t[found.cells] == time)
        for k in range(repeats if moving.kind != "deterministic" else 1):
            moved = simulate(model, data.x[found.cells[at]], [time, float(data.times[-1])], seed=seed + 7919 * k)
            near = ends.probabilities(moved.x[-1])[:, pair]
            heads[at] += near
            mass[at] += near * np.exp(moved.log_weight[-1].astype(float))[:, None]
    predicted, ungrown = (_share(each) for each in (mass, heads))
    clone = np.asarray(data.lineage)[found.cells]
    grown, plain = (auroc_interval(each, found.bias, clone, seed) for each in (predicted, ungrown))
    tied = int((found.bias == 0.5).sum())
    return ClonalBias(
        view=view.name,
        axes=view.axes,
        time_unit=data.time_unit,
        names=fates,
        predicted=predicted,
        without_growth=ungrown,
        observed=found.bias,
        later=found.later,
        clone=clone.astype(float),
        time=data.t[found.cells],
        points=view.points[found.cells],
        auroc=grown,
        ungrown_auroc=plain,
        interval=f"95 % of bootstrap samples of the {len(np.unique(clone)):,} clones; one training only",
        notes=(
            f"{len(found.cells):,} early cells of {len(np.unique(clone)):,} clones have later relatives that are "
            f"{fates[0]} or {fates[1]}.",
            *((f"{tied:,} of them have as many of either, and are not counted in the AUROC.",) if tied else ()),
            *_neither(mass, fates),
            *_seen(model),
        ),
    )


def evidence(data: Snapshots, states: str, fates: tuple[str, str], early: str = "") -> Evidence:
    """Cells before the last time that have later relatives of one of two fates and are of neither themselves.

    states  annotation that holds the fates; early: value of it that early cells must have, "" for any but the fates

    Raises ValueError, with a sentence, where the data have no clones or no cell is such.
    """
    if data.lineage is None:
        raise ValueError("these data have no lineage barcodes, so nothing is known of the clone of a cell")
    if fates[0] == fates[1]:
        raise ValueError(f"both fates are {fates[0]!r}: choose two")
    kind = labels_of(data, states)
    first, second = (kind == each for each in fates)
    start = (data.lineage >= 0) & (data.t < data.times[-1]) & ((kind == early) if early else ~(first | second))
    cells, bias, later = [], [], []
    for row in np.flatnonzero(start):
        relatives = (data.lineage == data.lineage[row]) & (data.t > data.t[row])
        a, b = int((relatives & first).sum()), int((relatives & second).sum())
        if a + b:
            cells.append(row)
            bias.append(a / (a + b))
            later.append(a + b)
    if not cells:
        which = f"{early!r}" if early else f"neither {fates[0]!r} nor {fates[1]!r}"
        raise ValueError(
            f"no early cell that is {which} by {states} has a later relative that is {fates[0]!r} or {fates[1]!r}: "
            "choose other fates, or another annotation"
        )
    return Evidence(np.array(cells), np.array(bias, float), np.array(later, float))


def auroc(predicted: Float[Array, " cells"], observed: Float[Array, " cells"]) -> float:
    """Chance that a cell with observed above 0.5 is predicted higher than one below, ties half; NaN without both."""
    high, low = observed > 0.5, observed < 0.5
    if not (high.any() and low.any()):
        return float("nan")
    rank = rankdata(predicted[high | low])[high[high | low]]
    return float((rank.sum() - len(rank) * (len(rank) + 1) / 2) / (len(rank) * low.sum()))


def resampled(
    predicted: Float[Array, " cells"], observed: Float[Array, " cells"], clone: Array, seed: int = 0
) -> Float[Array, " draws"]:
    """AUROC in bootstrap samples of whole clones, NaN in those without both fates; the same seed draws the same clones,
    which makes comparisons paired."""
    rng = np.random.default_rng(seed)
    _, which = np.unique(clone, return_inverse=True)
    members = [np.flatnonzero(which == k) for k in range(which.max() + 1)]
    found = np.empty(DRAWS)
    for k in range(DRAWS):
        rows = np.concatenate([members[each] for each in rng.integers(len(members), size=len(members))])
        found[k] = auroc(predicted[rows], observed[rows])
    return found


def auroc_interval(
    predicted: Float[Array, " cells"], observed: Float[Array, " cells"], clone: Array, seed: int = 0
) -> Float[Array, " 3"]:
    """(low, value, high): the AUROC between the 2.5 % and 97.5 % quantiles of `resampled`."""
    value = auroc(predicted, observed)
    if np.isnan(value):
        return np.full(3, np.nan)
    low, high = np.nanquantile(resampled(predicted, observed, clone, seed), [0.025, 0.975])
    return np.array([min(low, value), value, max(high, value)])


def _share(mass: Float[Array, "cells 2"]) -> Float[Array, " cells"]:
    """First of two, 0.5 where there is neither."""
    total = mass.sum(axis=1)
    return np.divide(mass[:, 0], total, out=np.full(len(mass), 0.5), where=total > 0)


def _neither(mass: Float[Array, "cells 2"], fates: tuple[str, str]) -> tuple[str, ...]:
    """A note where the model expects neither fate of a cell."""
    count = int((mass.sum(axis=1) == 0).sum())
    if not count:
        return ()
    return (
        f"Of {count:,} of these cells the model expects neither {fates[0]} nor {fates[1]}: they stand at one half.",
    )


def _seen(model: Model) -> tuple[str, ...]:
    """A note for a model that has seen clones."""
    if not isinstance(model, DynamicsModel) or DataRequirement.LINEAGE not in model.needs:
        return ()
    return (
        f"{model.title} was trained with these clones: it saw which cells of one time are relatives, though not which "
        "cells of another time are, so this is less than a blind test.",
    )
