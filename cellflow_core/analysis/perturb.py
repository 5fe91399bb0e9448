"""What changes when one gene is held: the same cells, with the same noise, followed with and without it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float

from cellflow_core.analysis.clamp import LOCAL, clamped
from cellflow_core.analysis.fates import interval_text, resampled
from cellflow_core.analysis.results import Perturbation
from cellflow_core.analysis.simulate import Model, Simulation, simulate
from cellflow_core.analysis.starts import Polygon, Start, start_cells
from cellflow_core.analysis.terminal import TerminalStates, terminal_states
from cellflow_core.analysis.trend import kept_variance
from cellflow_core.analysis.views import View
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace

Array = np.ndarray
Kind = Literal["knock-out", "over-expression"]
STARTS = 600
CONTROLS = 20
CONTROL_STARTS = 150
PARTICLES = 60
STEPS = 20
NO_CAUSE = (
    "The model learnt from snapshots which genes change together, not which gene causes which: a marker of a fate can "
    "seem to drive it. Take this as a hypothesis to test, and compare it with the random genes."
)


def perturbation(
    model: Model,
    data: Snapshots,
    view: View,
    gene: str,
    kind: Kind = "knock-out",
    level: float | None = None,
    *,
    states: str = "found",
    polygon: Polygon = (),
    label: tuple[str, str] | None = None,
    measured: Float[Array, " cells"] | None = None,
    siblings: Sequence[Model] = (),
    seed: int = 0,
) -> Perturbation:
    """Hold a gene at a level from the start on, and compare where the cells end.

    level     None: for a knock-out no expression (0, or the lowest measured where values go below 0), for an
              over-expression the level that 1 % of the measured cells exceed, as the model's state tells it
    measured  measured expression of the gene in the units of the space, [cells]; None: read from the states
    siblings  the same model from other seeds, which widen the interval
    Raises KeyError, with a sentence, where the space does not hold the gene; ValueError for a model without a field.
    """
    if kind not in ("knock-out", "over-expression"):
        raise ValueError(f"kind={kind!r} is not knock-out or over-expression")
    read = data.space.expression(data.x, gene)
    none = lowest_level(read if measured is None else measured)
    level = float(_usual_level(data, read, kind, none) if level is None else level)
    ends = terminal_states(data, states)
    start = start_cells(data, view, STARTS, polygon=polygon, label=label, seed=seed)
    if start.time >= data.times[-1]:
        raise ValueError(
            f"the chosen cells are of the last time ({start.time:g}): there is nothing to follow; choose earlier cells"
        )
    times = np.linspace(start.time, data.times[-1], STEPS + 1)
    arms = []
    for each in (model, *siblings):
        plain = simulate(each, start.x, times, seed=seed)
        held = simulate(clamped(each, data, {gene: level}), start.x, times, seed=seed, per_gap=plain.per_gap)
        arms.append((plain, held))
    mass = np.array([[_mass(arm, ends) for arm in both] for both in arms])  # [models, 2, cells, fates]
    plain, held = arms[0]
    total = mass.sum(axis=2)
    before, after = (total / total.sum(axis=2, keepdims=True)).mean(axis=0)
    shift = resampled(mass[:, 1], seed) - resampled(mass[:, 0], seed)
    low, high = np.quantile(shift, [0.025, 0.975], axis=0)
    control_genes, control_change = _controls(model, data, gene, kind, start, times, ends, plain, none, seed)
    outside = outside_share(data.x, held.x[1:])
    shown = np.random.default_rng(seed).permutation(len(start.x))[:PARTICLES]
    return Perturbation(
        view=view.name,
        axes=view.axes,
        gene=gene,
        kind=kind,
        level=level,
        unit="expression",
        start=start.text,
        names=ends.names,
        before=before,
        after=after,
        change=after - before,
        low=np.minimum(low, after - before),
        high=np.maximum(high, after - before),
        interval=interval_text(len(start.x), len(siblings)),
        times=times,
        before_paths=view.project(plain.x[:, shown]),
        after_paths=view.project(held.x[:, shown]),
        before_end=view.project(plain.x[-1]),
        after_end=view.project(held.x[-1]),
        control_genes=control_genes,
        control_change=control_change,
        outside=outside,
        notes=(
            f"{gene} is held at {level:.3g} from time {times[0]:g} to {times[-1]:g}; all else follows the model.",
            NO_CAUSE,
            *_warnings(outside, len(control_genes)),
            *kept_variance(data, gene, read, read if measured is None else measured),
            *_local(data, gene, level, read, held.x),
            *ends.notes,
            *plain.notes,
            *view.note,
        ),
    )


def lowest_level(measured: Float[Array, " cells"]) -> float | None:
    """0 where that means no expression; None where measured values clearly go below 0, as in scaled data."""
    lowest, highest = np.quantile(measured, [0.01, 0.99])
    return None if lowest < -0.25 * max(highest, 0.0) else 0.0


def held_level(read: Float[Array, " cells"], kind: Kind, none: float | None) -> float:
    """Level of a knock-out (`none`, or the 1 % quantile without) or of an over-expression (99 % quantile), from the
    expression of the measured cells as their states tell it: what the axes cannot show would only push cells astray."""
    if kind == "over-expression":
        return float(np.quantile(read, 0.99))
    return float(np.quantile(read, 0.01)) if none is None else none


def _usual_level(data: Snapshots, read: Array, kind: Kind, none: float | None) -> float:
    """`held_level`, but in a learnt space never below what some measured cell reads: there the decoder only guesses,
    and a share of all counts never becomes 0."""
    level = held_level(read, kind, none)
    return level if isinstance(data.space, AffineSpace) else max(level, float(read.min()))


def outside_share(cells: Float[Array, "cells dim"], states: Float[Array, "steps n dim"]) -> float:
    """Share of states farther from every measured cell than 99 % of measured cells are from the next one."""
    rng = np.random.default_rng(0)
    cloud = torch.from_numpy(np.ascontiguousarray(cells if len(cells) <= 6000 else rng.choice(cells, 6000, False)))
    some = cloud[torch.from_numpy(rng.permutation(len(cloud))[:1500])]
    asked = states.reshape(-1, states.shape[-1])
    asked = torch.from_numpy(np.ascontiguousarray(asked[rng.permutation(len(asked))[:2000]]))
    if len(cloud) < 2:
        return 0.0
    usual = torch.cdist(some, cloud).topk(2, dim=1, largest=False).values[:, 1].quantile(0.99)
    return float((torch.cdist(asked, cloud).min(dim=1).values > usual).float().mean())


def _mass(made: Simulation, ends: TerminalStates) -> Array:
    mass = np.zeros((made.x.shape[1], len(ends.names)))
    mass[np.arange(len(mass)), ends.of(made.x[-1])] = np.exp(made.log_weight[-1].astype(float))
    return mass


def _controls(
    model: Model,
    data: Snapshots,
    gene: str,
    kind: Kind,
    start: Start,
    times: Array,
    ends: TerminalStates,
    plain: Simulation,
    none: float | None,
    seed: int,
) -> tuple[tuple[str, ...], Array]:
    """(genes, change of each fate) when random other genes are held, those first that the state sees about as well."""
    few = np.random.default_rng(seed).permutation(len(start.x))[:CONTROL_STARTS]
    base = _mass(simulate(model, start.x[few], times[[0, -1]], seed=seed, per_gap=plain.per_gap), ends).sum(axis=0)
    genes = control_genes(data, gene, seed)
    changes = np.zeros((len(genes), len(ends.names)))
    for k, other in enumerate(genes):
        read = data.space.expression(data.x, other)
        held = clamped(model, data, {other: _usual_level(data, read, kind, none)})
        mass = _mass(simulate(held, start.x[few], times[[0, -1]], seed=seed, per_gap=plain.per_gap), ends).sum(axis=0)
        changes[k] = mass / mass.sum() - base / base.sum()
    return genes, changes


def control_genes(data: Snapshots, gene: str, seed: int, count: int = CONTROLS) -> tuple[str, ...]:
    """Random other genes among those whose spread in the state space is most like that of `gene`."""
    space = data.space
    seen = space.spread(data.x)
    names = np.array(space.genes, dtype=object)
    usable = (seen > 1e-6 * seen.max()) & (names != gene)
    own = max(float(seen[space.genes.index(gene)]), 1e-12)
    order = np.flatnonzero(usable)[np.argsort(np.abs(np.log(seen[usable] / own)))][: 5 * count]
    picked = np.random.default_rng(seed).permutation(order)[:count]
    return tuple(str(each) for each in names[picked])


def _local(data: Snapshots, gene: str, level: float, read: Array, states: Array) -> tuple[str, ...]:
    """What a reader must know of a clamp in a learnt space; nothing in an affine one, where it is exact."""
    if isinstance(data.space, AffineSpace):
        return ()
    notes = [LOCAL]
    lowest = float(read.min())
    if lowest > 0 and level <= lowest:
        notes.append(f"The state of no measured cell reads {gene} below {lowest:.3g}, so a knock-out means that level.")
    reached = data.space.expression(states.reshape(-1, data.dim), gene)
    low, high = np.quantile(reached, [0.05, 0.95])
    if max(high - level, level - low) > 0.1 * float(read.std()):
        notes.append(f"{gene} could not be held there everywhere: it was between {low:.3g} and {high:.3g}.")
    return tuple(notes)


def _warnings(outside: float, controls: int) -> tuple[str, ...]:
    notes = []
    if outside > 0.1:
        notes.append(
            f"{outside:.0%} of the perturbed states lie outside the measured cells: there the model guesses, and so "
            "does the change of fates."
        )
    if controls < 10:
        notes.append(f"There are only {controls} other genes to compare with.")
    return tuple(notes)
