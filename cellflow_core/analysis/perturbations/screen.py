"""Many genes perturbed one after the other: which of them move the shares of the terminal states?

Each gene is clamped as in a single perturbation, in the same initial cells with the same noise. A share is
a_f = sum_i m_if / sum_i m_i, with m_if the mass of cell i in state f at the end. The standard error of its change is
that of the mean over cells of the difference of influences (m_if - a_f m_i) / mean(m), and of the mean over models.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from jaxtyping import Float
from scipy.stats import norm

from cellflow_core.analysis.dynamics import Model, dynamics
from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.fields.horizon import final_cells, horizon_note
from cellflow_core.analysis.initial_cells import Polygon, select_initial_cells
from cellflow_core.analysis.perturbations.clamp import NOT_REPRESENTED, clamped
from cellflow_core.analysis.perturbations.effects import MeasuredCloud, Readout
from cellflow_core.analysis.perturbations.knock_out import times_to_follow
from cellflow_core.analysis.perturbations.levels import Kind, default_level, lowest_level
from cellflow_core.analysis.perturbations.perturbation_notes import MARKER_NOTE
from cellflow_core.analysis.results.perturbation import ELSEWHERE, MAX_EXTRAPOLATED
from cellflow_core.analysis.results.screen import PerturbationScreen
from cellflow_core.analysis.simulate import Simulation, simulate
from cellflow_core.analysis.terminal_states import terminal_states
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.math.multiple_testing import benjamini_hochberg

Array = np.ndarray
INITIAL_CELLS = 300
STEPS = 5
"""Intervals at whose ends a gene is looked at, to see whether any cell expresses it."""
MOST_GENES = 300
Z = 1.96
"""Standard errors on either side of a 95 % interval."""
SILENT = "expressed by no initial or simulated cell, so that a knock-out changes nothing"
ONE_MODEL = "One model was asked: with runs of other seeds the intervals hold their differences too."
ABSENT = "measured, but not among the genes of the state, which the model follows"
UNKNOWN = "not among the genes of these data"
FLAT = "not represented by the state: all loadings are zero"
"""Reasons why genes are left out, to be read after the name of one or several."""


def screen(
    model: Model,
    data: Snapshots,
    view: Embedding,
    genes: Sequence[str],
    kind: Kind = "knock-out",
    *,
    states: str = "",
    polygon: Polygon = (),
    label: tuple[str, str] | None = None,
    siblings: Sequence[Model] = (),
    measured: Collection[str] = (),
    seed: int = 0,
) -> PerturbationScreen:
    """Knock out, or over-express, each of the genes in the initial cells and compare where these end.

    states    an annotation whose values are the terminal states, "": those found; polygon, label: the initial cells
    siblings  the same model from other seeds
    measured  genes of the data that the state may lack: a gene that is not among them either has another reason
    Raises ValueError for no gene, too many genes, or a model without a field.
    """
    genes = _distinct(genes)
    ends = terminal_states(data, states, final_cells(model, data, seed))
    start = select_initial_cells(data, view, INITIAL_CELLS, polygon=polygon, label=label, seed=seed)
    times = times_to_follow(model, data, start, STEPS)
    plain = [(each, simulate(each, start.x, times, seed=seed)) for each in (model, *siblings)]
    readout, cloud = Readout(data, ends, (), seed), MeasuredCloud(data.x)
    levels, outside = np.full((2, len(genes)), np.nan)
    change, error = np.full((2, len(genes), len(ends.names) + 1), np.nan)
    reasons = [""] * len(genes)
    for k, gene in enumerate(genes):
        levels[k], changed = _changed(plain, data, gene, kind, ABSENT if gene in measured else UNKNOWN, seed)
        if isinstance(changed, str):
            reasons[k] = changed
            continue
        unchanged = [readout.states(each, (gene,)) for _, each in plain]
        change[k], error[k] = _difference(unchanged, [readout.states(each, (gene,)) for each in changed])
        outside[k] = cloud.outside(changed[0].x[-1:])
    before = np.mean([_influence(readout.states(each))[0] for _, each in plain], axis=0)
    shown = slice(None) if before[-1] or np.nan_to_num(change[:, -1]).any() else slice(-1)
    return PerturbationScreen(
        kind=kind,
        genes=genes,
        levels=levels,
        start=start.text,
        names=(*ends.names, ELSEWHERE)[shown],
        before=before[shown],
        outside=outside,
        reasons=tuple(reasons),
        models=len(plain),
        notes=(
            MARKER_NOTE,
            *_outside_note(genes, outside),
            *(() if siblings else (ONE_MODEL,)),
            *ends.notes,
            *horizon_note(dynamics(model), data),
        ),
        **_statistics(change[:, shown], error[:, shown]),
    )


def _distinct(genes: Sequence[str]) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(genes))
    if not 1 <= len(found) <= MOST_GENES:
        raise ValueError(f"{len(found)} genes are named: a screen takes 1 to {MOST_GENES}")
    return found


def _changed(
    plain: Sequence[tuple[Model, Simulation]], data: Snapshots, gene: str, kind: Kind, absent: str, seed: int
) -> tuple[float, list[Simulation] | str]:
    """(level, the cells of each model with the gene at it), or why it cannot be perturbed in place of the cells."""
    if gene not in data.space.genes:
        return np.nan, absent
    read = data.space.expression(data.x, gene)
    level = default_level(data, read, kind, lowest_level(read))
    if kind == "knock-out":
        reached = data.space.expression(plain[0][1].x.reshape(-1, data.dim), gene)
        if np.abs(reached - level).max() <= 1e-3 * max(float(read.std()), 1e-12):
            return level, SILENT
    found = []
    for model, one in plain:
        try:
            other = clamped(model, data, {gene: level})
        except ValueError as refusal:
            if str(refusal) != NOT_REPRESENTED:
                raise
            return level, FLAT
        found.append(simulate(other, one.x[0], one.times, seed=seed, steps_per_interval=one.steps_per_interval))
    return level, found


def _difference(
    base: Sequence[Float[Array, "cells fates"]], changed: Sequence[Float[Array, "cells fates"]]
) -> tuple[Float[Array, " fates"], Float[Array, " fates"]]:
    """(change of the shares, its standard error), mean of the models."""
    means, squares = [], []
    for before, after in zip(base, changed, strict=True):
        shares, influence = zip(*map(_influence, (before, after)), strict=True)
        means.append(shares[1] - shares[0])
        squares.append((influence[1] - influence[0]).var(axis=0) / len(before))
    count = len(base)
    between = np.var(means, axis=0, ddof=1) / count if count > 1 else 0.0
    return np.mean(means, axis=0), np.sqrt(np.mean(squares, axis=0) / count + between)


def _influence(mass: Float[Array, "cells fates"]) -> tuple[Float[Array, " fates"], Float[Array, "cells fates"]]:
    """(share of each state, influence of each cell on it)."""
    whole = mass.sum(axis=1, keepdims=True)
    share = mass.sum(axis=0) / whole.sum()
    return share, (mass - share * whole) / whole.mean()


def _statistics(change: Float[Array, "genes fates"], error: Float[Array, "genes fates"]) -> dict[str, Array]:
    """Interval, adjusted probability and rank of each change; NaN for a gene that was not perturbed."""
    known = np.isfinite(change)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(change == 0, 0.0, np.abs(change) / error)
    q = np.full_like(change, np.nan)
    q[known] = benjamini_hochberg(2 * norm.sf(z[known])[None])[0]
    size = np.where(known, np.abs(change), -1.0)
    others = max(int(known[:, 0].sum()) - 1, 1)
    rank = ((size[None] >= size[:, None]).sum(axis=1) - 1) / others
    return {
        "change": change,
        "low": change - Z * error,
        "high": change + Z * error,
        "q": q,
        "rank": np.where(known, rank, np.nan),
    }


def _outside_note(genes: Sequence[str], outside: Array) -> tuple[str, ...]:
    far = [gene for gene, share in zip(genes, outside, strict=True) if share > MAX_EXTRAPOLATED]
    if not far:
        return ()
    listed = ", ".join(far[:5]) + (" ..." if far[5:] else "")
    return (
        f"With {listed} changed, more than {MAX_EXTRAPOLATED:.0%} of the cells end outside the measured cells: there "
        "the model extrapolates.",
    )
