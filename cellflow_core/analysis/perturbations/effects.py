"""What a perturbation changes in cells at the end: their state, their genes, their time, their distance from the data.

Each is the difference of the same cells simulated with the same noise, without and with the change, with an interval of
bootstrap samples of the initial cells, and beside it the same of control genes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Shaped

from cellflow_core.analysis.fates import interval_text, resampled
from cellflow_core.analysis.perturbations.energy_test import without_genes
from cellflow_core.analysis.perturbations.equivalent_time import equivalent_time
from cellflow_core.analysis.results.perturbation import ELSEWHERE, MAX_EXTRAPOLATED, outside_of
from cellflow_core.analysis.simulate import Simulation
from cellflow_core.analysis.terminal_states import TerminalStates
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.math.neighbors import nearest_neighbors

Array = np.ndarray
DRAWS = 500
ALIKE = 0.02
"""Share of the cells of the terminal states that may be mistaken for others where a gene is left out of the states."""
LATE = 0.75
"""Part of the simulated time after which progress counts as late."""
QUANTILES = (0.025, 0.975)
NO_INTERVAL = (
    "none, since {:.0%} of the perturbed states lie outside the measured cells: there the model extrapolates, and the "
    "differences between initial cells do not measure how wrong it may be"
)


class PairedSimulation(NamedTuple):
    """The same cells simulated without and with the change."""

    plain: Simulation
    changed: Simulation


@dataclass(frozen=True)
class Readout:
    """How simulated cells are read, the same for perturbed and for control genes.

    genes  that are perturbed: they are left out of what changes, since their change is given
    held   whether they are clamped: then they are left out of the states that cells are held against, too, as far as
           these differ without them, since a cell without its marker is no other cell for that
    """

    data: Snapshots
    ends: TerminalStates
    genes: tuple[str, ...]
    seed: int
    held: bool = True

    def states(self, found: Simulation, genes: Sequence[str] | None = None) -> Float[Array, "cells fates"]:
        """The mass of each cell at the end in the column of its terminal state; the last column is elsewhere.

        genes  that are perturbed, where they are others than those of this readout
        """
        x, mass = found.x[-1], np.zeros((found.x.shape[1], len(self.ends.names) + 1))
        ends, genes = self.ends, self.genes if genes is None else genes
        if self.tells_without(genes):
            x, ends = self._without(x, genes), replace(ends, cells=self._without(ends.cells, genes))
        fate = np.where(ends.elsewhere(x), len(ends.names), ends.of(x))
        mass[np.arange(len(mass)), fate] = _weight(found)
        return mass

    def tells_without(self, genes: Sequence[str]) -> bool:
        """Whether states are read without these genes: clamped, and no more cells than ALIKE are mistaken for it."""
        if not self.held or not genes:
            return False
        ends = self.ends
        other = replace(ends, cells=self._without(ends.cells, genes))
        right = [float((each.of(each.cells) == ends.fate).mean()) for each in (ends, other)]
        return right[1] >= right[0] - ALIKE

    def _without(self, x: Float[Array, "cells dim"], genes: Sequence[str]) -> Float[Array, "cells dim"]:
        """States without these genes, as they are where the axes are no genes or principal components."""
        space = self.data.space
        return without_genes(x, space, {each: space.expression(x, each) for each in genes})

    def expression(self, found: Simulation) -> Float[Array, "cells genes"]:
        """Expression at the end."""
        return np.asarray(self.data.space.decode(found.x[-1]), dtype=np.float32)

    def time(self, found: Simulation, step: int = -1) -> Float[Array, " cells"]:
        """The measured time that each cell resembles, of two or more."""
        return equivalent_time(self.data, found.x[step])

    @cached_property
    def deviation(self) -> Float[Array, " genes"]:
        """Standard deviation of every gene over the measured cells, read from their states; NaN for the perturbed."""
        found = np.asarray(self.data.space.gene_std(self.data.x), dtype=np.float64)
        found = np.where(found > 1e-6 * found.max(), found, np.nan)
        found[[self.data.space.index(each) for each in self.genes]] = np.nan
        return found

    def total(self, change: Float[Array, " genes"], other: Sequence[str] = ()) -> float:
        """Root mean square change in standard deviations. other: genes that are left out too."""
        scaled = change / self.deviation
        scaled[[self.data.space.index(each) for each in other]] = np.nan
        return float(np.sqrt(np.nanmean(np.square(scaled)))) if np.isfinite(scaled).any() else 0.0


def measured_changes(
    readout: Readout, pairs: Sequence[PairedSimulation], controls: Sequence[PairedSimulation], names: Sequence[Any]
) -> dict[str, Any]:
    """The fields of `Perturbation` that say what changed, means over `pairs` (one for each model).

    controls  of some of the same cells, with other genes changed; names: these genes, a tuple for each
    """
    first = pairs[0]
    distances = _distances(readout.data, first)
    path, before = distances["extrapolated_fraction"], distances["extrapolated_before"]
    outside = outside_of(path, before, float(distances["end_extrapolated"][1]))
    found = _state_changes(readout, pairs, controls, names) | _gene_changes(readout, pairs, controls, names)
    found |= _time_changes(readout, pairs, controls) | distances
    found["interval"] = interval_text(first.plain.x.shape[1], len(pairs) - 1)
    if outside > MAX_EXTRAPOLATED:
        found["interval"] = NO_INTERVAL.format(outside)
        for name in ("low", "high", "gene_low", "gene_high"):
            found[name] = np.full_like(found[name], np.nan)
        found["time_shift"] = np.array([np.nan, found["time_shift"][1], np.nan])
    return found


def _state_changes(
    readout: Readout, pairs: Sequence[PairedSimulation], controls: Sequence[PairedSimulation], names: Sequence[Any]
) -> dict[str, Any]:
    """Share of each terminal state, and of elsewhere where any cell is."""
    mass = np.array([[readout.states(each) for each in pair] for pair in pairs])  # [models, 2, cells, fates]
    both = zip(controls, names, strict=True)
    other = np.array([[readout.states(each, own).sum(axis=0) for each in pair] for pair, own in both])
    other = other.reshape(-1, 2, mass.shape[-1])
    fates = readout.ends.names
    if mass[..., -1].any() or other[..., -1].any():
        fates = (*fates, ELSEWHERE)
    mass, other = mass[..., : len(fates)], other[..., : len(fates)]
    total = mass.sum(axis=2)
    before, after = (total / total.sum(axis=2, keepdims=True)).mean(axis=0)
    drawn = resampled(mass[:, 1], readout.seed) - resampled(mass[:, 0], readout.seed)
    low, high = np.quantile(drawn, QUANTILES, axis=0)
    change, share = after - before, other / other.sum(axis=2, keepdims=True)
    return {
        "names": fates,
        "before": before,
        "after": after,
        "change": change,
        "low": np.minimum(low, change),
        "high": np.maximum(high, change),
        "control_change": share[:, 1] - share[:, 0],
    }


def _gene_changes(
    readout: Readout, pairs: Sequence[PairedSimulation], controls: Sequence[PairedSimulation], names: Sequence[Any]
) -> dict[str, Any]:
    """Mean expression of every gene at the end."""
    values = np.array([[readout.expression(each) for each in pair] for pair in pairs])
    weight = np.array([[_weight(each) for each in pair] for pair in pairs])
    change = _mean_change(values, weight)
    means = (values * weight[..., None]).sum(axis=2) / weight.sum(axis=2)[..., None]
    low, high = _interval(values, weight, readout.seed)
    other = np.zeros((len(controls), values.shape[-1]))
    for k, pair in enumerate(controls):
        both = np.array([[readout.expression(each) for each in pair]])
        other[k] = _mean_change(both, np.array([[_weight(each) for each in pair]]))
    totals = [readout.total(each, own) for each, own in zip(other, names, strict=True)]
    for each, own in zip(other, names, strict=True):
        each[[readout.data.space.index(gene) for gene in own]] = 0.0
    as_large = np.abs(other) >= np.abs(change) - 1e-12
    bounds = (other.min(axis=0), other.max(axis=0)) if len(other) else (np.zeros_like(change),) * 2
    return {
        "read_genes": tuple(readout.data.space.genes),
        "gene_change": change,
        "gene_mean": means.mean(axis=0).astype(float),
        "gene_low": np.minimum(low, change),
        "gene_high": np.maximum(high, change),
        "gene_control": np.stack(bounds, axis=1),
        "gene_as_large": as_large.mean(axis=0) if len(other) else np.zeros_like(change),
        "total_change": readout.total(change),
        "control_total_change": np.array(totals),
    }


def _time_changes(
    readout: Readout, pairs: Sequence[PairedSimulation], controls: Sequence[PairedSimulation]
) -> dict[str, Any]:
    """The measured time that cells resemble, at the end and how it still changes; NaN with fewer than two times."""
    if len(readout.data.times) < 2:
        unknown = {"end_time": 2, "time_shift": 3, "control_time_shift": len(controls), "late_progress": 2}
        return {name: np.full(count, np.nan) for name, count in unknown.items()}
    first = pairs[0].plain.times
    step = int(np.searchsorted(first, first[0] + LATE * (first[-1] - first[0])))
    ends = np.array([[readout.time(each) for each in pair] for pair in pairs])
    late = np.array([[readout.time(each, step) for each in pair] for pair in pairs])
    weight = np.array([[_weight(each) for each in pair] for pair in pairs])
    means = (ends * weight).sum(axis=2) / weight.sum(axis=2)
    progress = ((ends - late) * weight).sum(axis=2) / weight.sum(axis=2) / (first[-1] - first[step])
    change = float(_mean_change(ends[..., None], weight)[0])
    low, high = (float(each[0]) for each in _interval(ends[..., None], weight, readout.seed))
    other = [
        np.average(readout.time(pair.changed), weights=_weight(pair.changed))
        - np.average(readout.time(pair.plain), weights=_weight(pair.plain))
        for pair in controls
    ]
    return {
        "end_time": means.mean(axis=0),
        "time_shift": np.array([min(low, change), change, max(high, change)]),
        "control_time_shift": np.array(other),
        "late_progress": progress.mean(axis=0),
    }


def _distances(data: Snapshots, pair: PairedSimulation) -> dict[str, Any]:
    """How far states are from the measured cells."""
    cloud = MeasuredCloud(data.x)
    plain, changed = (cloud.distance(each.x[-1]) for each in pair)
    return {
        "extrapolated_fraction": cloud.outside(pair.changed.x[1:]),
        "extrapolated_before": cloud.outside(pair.plain.x[1:]),
        "end_extrapolated": np.array([cloud.outside(each.x[-1:]) for each in pair]),
        "end_distance": np.array([cloud.spacing(0.5), np.median(plain), np.median(changed)]),
    }


class MeasuredCloud:
    """The measured cells, at most 6,000 of them at random, against which states are judged as near or outside."""

    def __init__(self, cells: Float[Array, "cells dim"]) -> None:
        self._cells = cells[np.random.default_rng(0).permutation(len(cells))[:6000]]

    def distance(self, x: Float[Array, "n dim"]) -> Float[Array, " n"]:
        """Of each state to the nearest measured cell (state)."""
        return nearest_neighbors(self._cells, 1, x)[0][:, 0]

    def spacing(self, quantile: float) -> float:
        """This quantile of the distance of a measured cell to the next one (state); 0 for a single cell."""
        return float(np.quantile(self._spacings, quantile)) if len(self._spacings) else 0.0

    def outside(self, states: Float[Array, "steps n dim"]) -> float:
        """Share of states (2,000 at random) farther from every measured cell than 99 % of these are from the next."""
        asked = states.reshape(-1, states.shape[-1])
        asked = asked[np.random.default_rng(0).permutation(len(asked))[:2000]]
        return float((self.distance(asked) > self.spacing(0.99)).mean()) if len(self._spacings) else 0.0

    @cached_property
    def _spacings(self) -> Float[Array, " some"]:
        if len(self._cells) < 2:
            return np.zeros(0)
        return nearest_neighbors(self._cells, 2, self._cells[:1500])[0][:, 1]


def _weight(found: Simulation) -> Float[Array, " cells"]:
    """Mass of each cell at the end."""
    return np.exp(found.log_weight[-1].astype(float))


def _mean_change(
    values: Shaped[Array, "models 2 cells values"], weight: Float[Array, "models 2 cells"]
) -> Float[Array, " values"]:
    """Difference of the weighted means with and without the change, mean of the models."""
    means = np.einsum("mack,mac->mak", values, weight, optimize=True) / weight.sum(axis=2)[..., None]
    return (means[:, 1] - means[:, 0]).mean(axis=0).astype(float)


def _interval(
    values: Shaped[Array, "models 2 cells values"], weight: Float[Array, "models 2 cells"], seed: int
) -> tuple[Float[Array, " values"], Float[Array, " values"]]:
    """95 % interval of the change of a mean over bootstrap samples, each of the initial cells of one of the models; the
    same cells without and with the change."""
    rng = np.random.default_rng(seed)
    models, _, cells, _ = values.shape
    counts = rng.multinomial(cells, np.full(cells, 1 / cells), size=DRAWS).astype(np.float32)
    which = rng.integers(models, size=DRAWS)
    drawn = np.empty((DRAWS, values.shape[-1]))
    for m in range(models):
        rows = which == m
        arms = []
        for each, mass in zip(values[m], weight[m], strict=True):
            summed = counts[rows] @ (each * mass[:, None]).astype(np.float32)
            arms.append(summed / (counts[rows] @ mass.astype(np.float32))[:, None])
        drawn[rows] = arms[1] - arms[0]
    low, high = np.quantile(drawn, QUANTILES, axis=0)
    return low, high
