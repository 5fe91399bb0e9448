"""What changes when genes are perturbed: the same cells, with the same noise, simulated with and without the change.

Genes are clamped at a level throughout (`clamp.py`), changed in the initial cells only (`initial_shift.py`), or no
longer seen by some others (`edges_cut.py`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from cellflow_core.analysis.dynamics import Model, dynamics
from cellflow_core.analysis.embedding import Embedding
from cellflow_core.analysis.fields.horizon import final_cells, followed_times, horizon_note
from cellflow_core.analysis.gene_trend import variance_kept
from cellflow_core.analysis.initial_cells import InitialCells, Polygon, select_initial_cells
from cellflow_core.analysis.perturbations.clamp import clamped
from cellflow_core.analysis.perturbations.controls import control_sets
from cellflow_core.analysis.perturbations.edges_cut import edges_cut
from cellflow_core.analysis.perturbations.effects import PairedSimulation, Readout, measured_changes
from cellflow_core.analysis.perturbations.initial_shift import Shifted
from cellflow_core.analysis.perturbations.levels import (
    HELD,
    KINDS,
    Kind,
    default_level,
    knocked_down,
    lowest_level,
    strength_of,
)
from cellflow_core.analysis.perturbations.perturbation_notes import change_notes, state_notes, warnings_of
from cellflow_core.analysis.results import Perturbation
from cellflow_core.analysis.simulate import Simulation, simulate
from cellflow_core.analysis.terminal_states import terminal_states
from cellflow_core.analysis.trajectories.paths import frame_note, path_points, path_times
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.time_units import format_time

Array = np.ndarray
INITIAL_CELLS = 600
CONTROL_CELLS = 150
DRAWN_PATHS = 60
STEPS = 20


def perturbation(
    model: Model,
    data: Snapshots,
    view: Embedding,
    genes: str | Sequence[str],
    kind: Kind = "knock-out",
    level: float | Sequence[float] | None = None,
    *,
    states: str = "",
    polygon: Polygon = (),
    label: tuple[str, str] | None = None,
    measured: Mapping[str, Float[Array, " cells"]] | None = None,
    siblings: Sequence[Model] = (),
    targets: Sequence[str] = (),
    seed: int = 0,
) -> Perturbation:
    """Clamp genes throughout, shift them in the initial cells, or cut them off from targets, and compare the fates.

    genes     one, or several that are perturbed at once
    level     for all genes, or for each; of a shift in standard deviations from the mean. None: as in `default_level`
    measured  measured expression of the genes in the units of the space; read from the states where it is not given
    siblings  the same model from other seeds, which widen the interval
    targets   with the kind "edges": genes that see the others at `level`, None: not expressed
    Raises KeyError, with a sentence, where the space does not hold a gene; ValueError for a model without a field.
    """
    genes = (genes,) if isinstance(genes, str) else tuple(dict.fromkeys(genes))
    read = {each: data.space.expression(data.x, each) for each in genes}
    known = read | {each: values for each, values in (measured or {}).items() if each in genes}
    lowest = [*map(lowest_level, known.values())]
    levels = _levels(data, read, kind, level, lowest)
    ends = terminal_states(data, states, final_cells(model, data, seed))
    readout = Readout(data, ends, genes, seed, held=kind in HELD)
    start = select_initial_cells(data, view, INITIAL_CELLS, polygon=polygon, label=label, seed=seed)
    first, *_ = pairs = _simulated((model, *siblings), data, kind, levels, start, seed, targets)
    drawn = _drawn((model, perturbed(model, data, kind, levels, targets)), start, data, first, view, seed)
    controls = _controls(data, kind, levels, lowest, seed)
    others = _control_pairs(model, data, kind, controls, first.plain, seed, targets)
    found = measured_changes(readout, pairs, others, [*map(tuple, controls)])
    frame = frame_note(np.concatenate([drawn["before_paths"], drawn["after_paths"]], axis=1), view)
    return Perturbation(
        view=view.name,
        axes=view.axes,
        genes=genes,
        kind=kind,
        levels=tuple(levels.values()),
        unit="standard deviations" if kind == "shift" else "expression",
        kept_variance=min(variance_kept(read[each], known[each]) for each in genes),
        start=start.text,
        time_unit=data.time_unit,
        **drawn,
        control_genes=tuple(map(" + ".join, controls)),
        **found,
        notes=(
            *change_notes(data, kind, levels, first, read, known, targets),
            *warnings_of(found["extrapolated_fraction"], len(controls)),
            *(*frame, *state_notes(readout), *horizon_note(dynamics(model), data)),
            *(*first.plain.notes, *view.note),
        ),
        targets=tuple(targets),
    )


def _controls(
    data: Snapshots, kind: Kind, levels: Mapping[str, float], lowest: Sequence[float | None], seed: int
) -> list[dict[str, float]]:
    """Sets of as many control genes, each at the level that corresponds to that of its perturbed gene."""
    own = [(gene, level, none) for (gene, level), none in zip(levels.items(), lowest, strict=True)]
    return [
        {other: _control_level(data, other, kind, *each) for other, each in zip(found, own, strict=True)}
        for found in control_sets(data, tuple(levels), seed)
    ]


def _levels(
    data: Snapshots,
    read: Mapping[str, Array],
    kind: Kind,
    level: float | Sequence[float] | None,
    lowest: Sequence[float | None],
) -> dict[str, float]:
    """The level of each gene. Raises ValueError where there are not as many levels as genes, for one that is no finite
    number, and for an expression below 0 where there is none in the data."""
    if level is None:
        pairs = zip(read.items(), lowest, strict=True)
        return {gene: default_level(data, values, kind, none) for (gene, values), none in pairs}
    given = list(level) if isinstance(level, Sequence) else [level] * len(read)
    if len(given) != len(read):
        raise ValueError(f"{len(given)} levels for {len(read)} genes: give one for all, or one for each")
    for gene, each, none in zip(read, given, lowest, strict=True):
        if not math.isfinite(each):
            raise ValueError(f"the level of {gene} must be a finite number, not {each:g}")
        if kind != "shift" and none == 0 and each < 0:
            raise ValueError(
                f"the level of {gene} must be at least 0, as its expression is in these data, not {each:g}"
            )
    return {gene: float(each) for gene, each in zip(read, given, strict=True)}


def _simulated(
    models: Sequence[Model],
    data: Snapshots,
    kind: Kind,
    levels: Mapping[str, float],
    start: InitialCells,
    seed: int,
    targets: Sequence[str],
) -> list[PairedSimulation]:
    """The initial cells simulated to the last time, by each model."""
    times, pairs = times_to_follow(models[0], data, start, STEPS), []
    for model in models:
        plain = simulate(model, start.x, times, seed=seed)
        other = perturbed(model, data, kind, levels, targets)
        changed = simulate(other, start.x, times, seed=seed, steps_per_interval=plain.steps_per_interval)
        pairs.append(PairedSimulation(plain, changed))
    return pairs


def times_to_follow(model: Model, data: Snapshots, start: InitialCells, steps: int) -> Float[Array, " times"]:
    """From the time of the initial cells to the last, in this number of steps. Raises ValueError where none is left."""
    last = float(followed_times(dynamics(model), data)[-1])
    if start.time >= last:
        raise ValueError(
            f"the chosen cells are of the last time ({format_time(start.time)}): there is nothing to "
            "follow; choose earlier cells"
        )
    return np.linspace(start.time, last, steps + 1)


def perturbed(
    model: Model, data: Snapshots, kind: Kind, levels: Mapping[str, float], targets: Sequence[str] = ()
) -> Model:
    """The model with genes changed; raises as `clamped`, `Shifted` and `edges_cut` do."""
    if kind not in KINDS:
        raise ValueError(f"kind={kind!r} is not {', '.join(KINDS[:-1])} or {KINDS[-1]}")
    if kind == "edges":
        return edges_cut(model, data, levels, targets)
    return Shifted(model, data, levels) if kind == "shift" else clamped(model, data, dict(levels))


def _drawn(
    both: tuple[Model, Model],
    start: InitialCells,
    data: Snapshots,
    pair: PairedSimulation,
    view: Embedding,
    seed: int,
) -> dict[str, Array]:
    """Some paths, and where all cells end, in the view. Where a velocity moves each cell by itself, the cells of these
    paths are simulated again in smaller steps."""
    some, moving = np.random.default_rng(seed).permutation(len(start.x))[:DRAWN_PATHS], dynamics(both[0])
    times, paths = pair.plain.times, [each.x[:, some] for each in pair]
    if moving.kind == "deterministic" and moving.interaction is None:
        times, count = path_times(moving, start.time, followed_times(moving, data)), pair.plain.steps_per_interval
        paths = [simulate(each, start.x[some], times, seed=seed, steps_per_interval=count).x for each in both]
    found = {"times": times}
    for name, x, every in zip(("before", "after"), paths, pair, strict=True):
        found |= {f"{name}_paths": path_points(view, moving, times, x), f"{name}_end": view.project(every.x[-1])}
    return found


def _control_pairs(
    model: Model,
    data: Snapshots,
    kind: Kind,
    controls: Sequence[Mapping[str, float]],
    plain: Simulation,
    seed: int,
    targets: Sequence[str],
) -> list[PairedSimulation]:
    """Some of the same cells, with each of these sets of other genes perturbed instead."""
    x = plain.x[0, np.random.default_rng(seed).permutation(plain.x.shape[1])[:CONTROL_CELLS]]
    span, steps = plain.times[[0, -1]], plain.steps_per_interval
    base = simulate(model, x, span, seed=seed, steps_per_interval=steps)
    others = (perturbed(model, data, kind, levels, targets) for levels in controls)
    return [PairedSimulation(base, simulate(each, x, span, seed=seed, steps_per_interval=steps)) for each in others]


def _control_level(data: Snapshots, other: str, kind: Kind, gene: str, level: float, none: float | None) -> float:
    """The usual level of another gene; for a shift the same score, for a knock-down the same strength."""
    if kind == "shift":
        return level
    read = data.space.expression(data.x, other)
    if kind == "knock-down":
        return knocked_down(read, strength_of(data.space.expression(data.x, gene), level))
    return default_level(data, read, kind, none)
