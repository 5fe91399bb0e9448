"""How cells divide among groups over time, and which group the mass of which comes from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from cellflow_core.analysis.dynamics import Model, dynamics
from cellflow_core.analysis.initial_cells import labels_of
from cellflow_core.analysis.lineage.transition_maps import links
from cellflow_core.analysis.results import Composition
from cellflow_core.analysis.simulate import simulate
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.math.neighbors import nearest_neighbors

Array = np.ndarray
CELLS = 800
"""Cells of the first time that are followed."""
STEPS = 24
VOTES = 15
"""Measured cells near a simulated one that vote on its group."""
MOST = 12
"""Groups that are kept apart; rarer ones are put together."""


def composition(model: Model, data: Snapshots, by: str, seed: int = 0) -> Composition:
    """Shares of the groups of an annotation in simulated and measured cells, and the mass between groups of consecutive
    times that the model was trained on (transition_maps.py); no such mass of a model that follows no cell.

    Raises ValueError with fewer than two times, KeyError, which lists the annotations, where `by` is none.
    """
    if len(data.times) < 2:
        raise ValueError("the composition over time needs cells of two or more times")
    names, code = _groups(labels_of(data, by))
    even = np.linspace(data.times[0], data.times[-1], STEPS + 1)
    times = np.union1d(even[np.abs(even[:, None] - data.times).min(axis=1) > 1e-9], data.times)
    first, rng = data.at(data.times[0]), np.random.default_rng(seed)
    x0 = first if len(first) <= CELLS else first[rng.choice(len(first), CELLS, replace=False)]
    made = simulate(model, x0, times, seed=seed)
    member = np.eye(len(names))[_voted(data, code, made.x, len(names))]
    measured = np.stack([_shares(code[data.t == time], len(names)) for time in data.times])
    moving = dynamics(model)
    chain, ends = links(model, data, seed) if moving.tracks_cells else (), np.array(moving.spec.times)
    flow = np.zeros((len(chain), len(names), len(names)))
    for k, link in enumerate(chain):
        before, after = (np.eye(len(names))[code[data.t == time]] for time in (link.t0, link.t1))
        mass = before.T @ (link.after @ after)
        flow[k] = mass / mass.sum()
    notes = [
        f"A simulated cell is in the group that most of the {VOTES} measured cells nearest to it have.",
        "Unchanged is the composition of the time before: a prediction has to come closer than that.",
    ]
    if moving.kind != "plan":
        notes.append(
            f"Between times, {moving.title} moves every measured cell to the next time, where it stands for the "
            "nearest measured one."
        )
    if not moving.has_growth:
        notes.append("The model knows no growth: a group that divides faster looks like one that cells go to.")
    elif chain:
        notes.append(
            "Growth is counted in the mass between times: what leaves a group is measured by what becomes of it at the "
            "next time, not by the share of the group before."
        )
    return Composition(
        by=by,
        time_unit=data.time_unit,
        names=names,
        times=times,
        predicted=np.einsum("sc,scg->sg", made.weight.astype(float), member),
        measured_times=data.times,
        measured=measured,
        previous=np.concatenate([np.full((1, len(names)), np.nan), measured[:-1]]),
        noise=_noise(measured, [int((data.t == time).sum()) for time in data.times], len(x0)),
        link_times=ends,
        flow=flow,
        notes=(*notes, *made.notes),
    )


def _groups(values: Array) -> tuple[tuple[str, ...], Int[Array, " cells"]]:
    """Names of the groups, the largest first, and the group of each cell."""
    kinds, code, count = np.unique(values.astype(str), return_inverse=True, return_counts=True)
    order = np.argsort(-count, kind="stable")
    place = np.empty(len(kinds), int)
    place[order] = np.arange(len(kinds))
    names = [kinds[k] or "not known" for k in order]
    if len(names) > MOST:
        names, place = [*names[: MOST - 1], "other"], np.minimum(place, MOST - 1)
    return tuple(str(each) for each in names), place[code]


def _voted(
    data: Snapshots, code: Int[Array, " cells"], x: Float[Array, "steps paths dim"], groups: int
) -> Int[Array, "steps paths"]:
    near = code[nearest_neighbors(data.x, VOTES, x.reshape(-1, data.dim))[1]]
    votes = np.stack([(near == k).sum(axis=1) for k in range(groups)], axis=1)
    return votes.argmax(axis=1).reshape(x.shape[:2])


def _noise(shares: Float[Array, "frames groups"], cells: Sequence[int], drawn: int) -> Float[Array, " frames"]:
    """Half of the summed differences between the shares in two samples, of `cells` and of `drawn`: of each share the
    mean size of a normal difference."""
    each = np.sqrt(shares * (1 - shares) * (1 / np.asarray(cells)[:, None] + 1 / drawn))
    return np.sqrt(2 / np.pi) * each.sum(axis=1) / 2


def _shares(code: Int[Array, " cells"], groups: int) -> Float[Array, " groups"]:
    return np.bincount(code, minlength=groups) / len(code)
