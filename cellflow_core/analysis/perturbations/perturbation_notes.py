"""What a reader must know of a perturbation: what was changed, what genes can be read, where the model guesses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from cellflow_core.analysis.gene_trend import kept_variance
from cellflow_core.analysis.perturbations.clamp import LOCAL
from cellflow_core.analysis.perturbations.effects import PairedSimulation, Readout
from cellflow_core.analysis.perturbations.levels import HELD, Kind
from cellflow_core.analysis.results.perturbation import joined
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.time_units import format_duration, format_time

Array = np.ndarray
MARKER_NOTE = (
    "The model learnt from snapshots which genes change together, not which gene causes which: a marker of a fate can "
    "seem to drive it. Take this as a hypothesis to test."
)
CORRELATION_NOTE = f"{MARKER_NOTE[:-1]}, and compare it with the random genes."


def change_notes(
    data: Snapshots,
    kind: Kind,
    levels: Mapping[str, float],
    pair: PairedSimulation,
    read: Mapping[str, Array],
    known: Mapping[str, Array],
    targets: Sequence[str],
) -> tuple[str, ...]:
    """What was changed and how far the genes can be read. read, known: values from the state, and measured ones."""
    return (
        _sentence(data, kind, levels, pair, targets),
        CORRELATION_NOTE,
        *(note for each in levels for note in kept_variance(data, each, read[each], known[each])),
        *(_local(data, levels, read, pair.changed.x) if kind in HELD else ()),
    )


def state_notes(readout: Readout) -> tuple[str, ...]:
    """What the terminal states are, and whether the clamped genes count in the states that cells are held against."""
    notes = readout.ends.notes
    if not readout.held or readout.tells_without(readout.genes) or len(readout.ends.names) < 2:
        return notes
    return (
        *notes,
        f"The terminal states cannot be read without {joined(list(readout.genes))}, so the clamp itself counts in "
        "which state a cell is taken to end in.",
    )


def _sentence(
    data: Snapshots, kind: Kind, levels: Mapping[str, float], pair: PairedSimulation, targets: Sequence[str]
) -> str:
    """What was done, in a sentence."""
    first, last = pair.plain.times[[0, -1]]
    genes, verb = joined(list(levels)), "is" if len(levels) == 1 else "are"
    if kind == "edges":
        at = joined([f"{each:.3g}" for each in dict.fromkeys(levels.values())])
        return (
            f"The equations of {joined(list(targets))} see {genes} at {at} {_span(data, first, last)}, whatever "
            f"{'its level is' if len(levels) == 1 else 'their levels are'}; all else follows the model, {genes} too."
        )
    if kind in HELD:
        at = joined([f"{each:.3g}" for each in dict.fromkeys(levels.values())])
        return f"{genes} {verb} clamped at {at} {_span(data, first, last)}; all else follows the model."
    at = joined([f"{each:+.3g}" for each in dict.fromkeys(levels.values())])
    moved = float(np.linalg.norm(pair.changed.x[0] - pair.plain.x[0], axis=1).mean())
    mean = "its mean" if len(levels) == 1 else "their means"
    return (
        f"{genes} {verb} set to {at} standard deviations from {mean} in the initial cells alone, which moves them by "
        f"{moved / (data.spec.scale * data.dim**0.5):.2g} standard deviations (pooled) of the data; from "
        f"{f'time {format_time(first)}' if len(data.times) else 'then'} on all follows the model, {genes} too."
    )


def _span(data: Snapshots, first: float, last: float) -> str:
    if len(data.times):
        return f"from time {format_time(first)} to {format_time(last)}"
    return f"for {format_duration(last - first, data.time_unit)} of the velocities' own time"


def _local(data: Snapshots, levels: Mapping[str, float], read: Mapping[str, Array], states: Array) -> tuple[str, ...]:
    """What a reader must know of a clamp in a learnt space; nothing in an affine one, where it is exact."""
    if isinstance(data.space, AffineSpace):
        return ()
    notes = [LOCAL]
    for gene, level in levels.items():
        lowest = float(read[gene].min())
        if lowest > 0 and level <= lowest:
            notes.append(
                f"The state of no measured cell reads {gene} below {lowest:.3g}, so a knock-out means that level."
            )
        reached = data.space.expression(states.reshape(-1, data.dim), gene)
        low, high = np.quantile(reached, [0.05, 0.95])
        if max(high - level, level - low) > 0.1 * float(read[gene].std()):
            notes.append(f"{gene} could not be clamped there everywhere: it was between {low:.3g} and {high:.3g}.")
    return tuple(notes)


def warnings_of(outside: float, controls: int) -> tuple[str, ...]:
    notes = []
    if outside > 0.1:
        notes.append(
            f"{outside:.0%} of the perturbed states lie outside the measured cells: there the model extrapolates, "
            "and what it says of these cells is a guess."
        )
    if controls < 10:
        notes.append(f"There are only {controls} other genes to compare with.")
    return tuple(notes)
