"""What changes when one gene is changed: the same cells, with the same noise, followed with and without it.

A gene is held at a level all the way (`clamp.py`), or changed in the start cells only (`shift.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Float

from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.fates import interval_text, resampled
from cellflow_core.analysis.gene_trend import kept_variance
from cellflow_core.analysis.initial_cells import InitialCells, Polygon, select_initial_cells
from cellflow_core.analysis.perturbations.clamp import LOCAL, clamped
from cellflow_core.analysis.perturbations.initial_shift import shifted
from cellflow_core.analysis.results import Perturbation
from cellflow_core.analysis.simulate import Model, Simulation, dynamics, simulate
from cellflow_core.analysis.terminal_states import TerminalStates, terminal_states
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace

Array = np.ndarray
Kind = Literal["knock-out", "over-expression", "shift"]
KINDS = ("knock-out", "over-expression", "shift")
DEFAULT_Z_SCORE = -5.0
"""Standard deviations from the mean that a gene of the start cells is set to where none are asked for."""
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
    view: Embedding,
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
    """Hold a gene at a level from the start on, or shift it in the start cells, and compare where the cells end.

    level     None: for a knock-out no expression (0, or the lowest measured where values go below 0), for an
              over-expression the level that 1 % of the measured cells exceed, as the model's state tells it. For a
              shift: standard deviations of the gene from its mean over all cells; None: -5
    measured  measured expression of the gene in the units of the space, [cells]; None: read from the states
    siblings  the same model from other seeds, which widen the interval
    Raises KeyError, with a sentence, where the space does not hold the gene; ValueError for a model without a field.
    """
    read = data.space.expression(data.x, gene)
    known = read if measured is None else measured
    none = lowest_level(known)
    level = float(_usual_level(data, read, kind, none) if level is None else level)
    ends = terminal_states(data, states)
    start = select_initial_cells(data, view, STARTS, polygon=polygon, label=label, seed=seed)
    arms = _arms((model, *siblings), data, gene, kind, level, start, seed)
    first = arms[0]
    controls = control_genes(data, gene, seed)
    levels = {each: _control_level(data, each, kind, level, none) for each in controls}
    outside = outside_share(data.x, first.changed.x[1:])
    return Perturbation(
        view=view.name,
        axes=view.axes,
        gene=gene,
        kind=kind,
        level=level,
        unit="standard deviations" if kind == "shift" else "expression",
        start=start.text,
        names=ends.names,
        **_shares(arms, ends, seed),
        interval=interval_text(len(start.x), len(siblings)),
        times=first.plain.times,
        **_shown(first, view, seed),
        control_genes=controls,
        control_change=_controls(model, data, kind, levels, ends, first.plain, seed),
        extrapolated_fraction=outside,
        notes=(
            _done(data, gene, kind, level, first),
            NO_CAUSE,
            *_warnings(outside, len(controls)),
            *kept_variance(data, gene, read, known),
            *(() if kind == "shift" else _local(data, gene, level, read, first.changed.x)),
            *ends.notes,
            *first.plain.notes,
            *view.note,
        ),
    )


class PairedSimulation(NamedTuple):
    """The same cells followed without and with the change."""

    plain: Simulation
    changed: Simulation


def _arms(
    models: Sequence[Model], data: Snapshots, gene: str, kind: Kind, level: float, start: InitialCells, seed: int
) -> list[PairedSimulation]:
    """The start cells followed to the last time, by each model."""
    if start.time >= data.times[-1]:
        raise ValueError(
            f"the chosen cells are of the last time ({start.time:g}): there is nothing to follow; choose earlier cells"
        )
    times, arms = np.linspace(start.time, data.times[-1], STEPS + 1), []
    for model in models:
        plain = simulate(model, start.x, times, seed=seed)
        other, x = changed(model, data, gene, kind, level, start.x)
        arms.append(
            PairedSimulation(plain, simulate(other, x, times, seed=seed, steps_per_interval=plain.steps_per_interval))
        )
    return arms


def changed(
    model: Model, data: Snapshots, gene: str, kind: Kind, level: float, x: Float[Array, "cells dim"]
) -> tuple[Model, Float[Array, "cells dim"]]:
    """(model, start cells) with the gene changed; raises as `clamped` and `shifted` do, and for one without a field."""
    if kind not in KINDS:
        raise ValueError(f"kind={kind!r} is not {', '.join(KINDS[:-1])} or {KINDS[-1]}")
    if kind != "shift":
        return clamped(model, data, {gene: level}), x
    _ = dynamics(model).field  # a plan or sampler would take a shifted cell for the nearest measured one
    return model, shifted(data, gene, level, x)


def lowest_level(measured: Float[Array, " cells"]) -> float | None:
    """0 where that means no expression; None where measured values clearly go below 0, as in scaled data."""
    lowest, highest = np.quantile(measured, [0.01, 0.99])
    return None if lowest < -0.25 * max(highest, 0.0) else 0.0


def clamp_level(read: Float[Array, " cells"], kind: Kind, none: float | None) -> float:
    """Level of a knock-out (`none`, or the 1 % quantile without) or of an over-expression (99 % quantile), from the
    expression of the measured cells as their states tell it: what the axes cannot show would only push cells astray."""
    if kind == "over-expression":
        return float(np.quantile(read, 0.99))
    return float(np.quantile(read, 0.01)) if none is None else none


def _usual_level(data: Snapshots, read: Array, kind: Kind, none: float | None) -> float:
    """SCORE of a shift, else `clamp_level`, but in a learnt space never below what some measured cell reads: there the
    decoder only guesses, and a share of all counts never becomes 0."""
    if kind == "shift":
        return DEFAULT_Z_SCORE
    level = clamp_level(read, kind, none)
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


def _shares(arms: Sequence[PairedSimulation], ends: TerminalStates, seed: int) -> dict[str, Array]:
    """Share of each fate before and after, mean of the models, and the change with its interval."""
    mass = np.array([[_mass(arm, ends) for arm in both] for both in arms])  # [models, 2, cells, fates]
    total = mass.sum(axis=2)
    before, after = (total / total.sum(axis=2, keepdims=True)).mean(axis=0)
    change = after - before
    low, high = np.quantile(resampled(mass[:, 1], seed) - resampled(mass[:, 0], seed), [0.025, 0.975], axis=0)
    interval = {"low": np.minimum(low, change), "high": np.maximum(high, change)}
    return {"before": before, "after": after, "change": change, **interval}


def _shown(arms: PairedSimulation, view: Embedding, seed: int) -> dict[str, Array]:
    """Some ways, and where all cells end, in the view."""
    some = np.random.default_rng(seed).permutation(arms.plain.x.shape[1])[:PARTICLES]
    both = (("before", arms.plain.x), ("after", arms.changed.x))
    ways = {f"{name}_paths": view.project(x[:, some]) for name, x in both}
    return ways | {f"{name}_end": view.project(x[-1]) for name, x in both}


def _controls(
    model: Model,
    data: Snapshots,
    kind: Kind,
    levels: Mapping[str, float],
    ends: TerminalStates,
    plain: Simulation,
    seed: int,
) -> Float[Array, "genes fates"]:
    """Change of each fate when each of these other genes is changed instead, in some of the cells followed."""
    x = plain.x[0, np.random.default_rng(seed).permutation(plain.x.shape[1])[:CONTROL_STARTS]]
    span = plain.times[[0, -1]]
    base = _mass(simulate(model, x, span, seed=seed, steps_per_interval=plain.steps_per_interval), ends).sum(axis=0)
    changes = np.zeros((len(levels), len(ends.names)))
    for k, (gene, level) in enumerate(levels.items()):
        other, moved = changed(model, data, gene, kind, level, x)
        mass = _mass(simulate(other, moved, span, seed=seed, steps_per_interval=plain.steps_per_interval), ends).sum(
            axis=0
        )
        changes[k] = mass / mass.sum() - base / base.sum()
    return changes


def _control_level(data: Snapshots, gene: str, kind: Kind, level: float, none: float | None) -> float:
    """The usual level of another gene; for a shift the same score."""
    return level if kind == "shift" else _usual_level(data, data.space.expression(data.x, gene), kind, none)


def control_genes(data: Snapshots, gene: str, seed: int, count: int = CONTROLS) -> tuple[str, ...]:
    """Random other genes among those whose spread in the state space is most like that of `gene`."""
    space = data.space
    seen = space.gene_std(data.x)
    names = np.array(space.genes, dtype=object)
    usable = (seen > 1e-6 * seen.max()) & (names != gene)
    own = max(float(seen[space.genes.index(gene)]), 1e-12)
    order = np.flatnonzero(usable)[np.argsort(np.abs(np.log(seen[usable] / own)))][: 5 * count]
    picked = np.random.default_rng(seed).permutation(order)[:count]
    return tuple(str(each) for each in names[picked])


def _done(data: Snapshots, gene: str, kind: Kind, level: float, arms: PairedSimulation) -> str:
    """What was done, in a sentence."""
    first, last = arms.plain.times[[0, -1]]
    if kind != "shift":
        return f"{gene} is held at {level:.3g} from time {first:g} to {last:g}; all else follows the model."
    moved = float(np.linalg.norm(arms.changed.x[0] - arms.plain.x[0], axis=1).mean())
    return (
        f"{gene} is set to {level:+.3g} standard deviations from its mean in the start cells alone, which moves them "
        f"by {moved / (data.spec.scale * data.dim**0.5):.2g} spreads of the data; from time {first:g} on all follows "
        f"the model, {gene} too."
    )


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
