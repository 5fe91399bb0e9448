"""What was measured in perturbed cells: the change of each target against the control cells of the same data set.

No model is asked. A prediction of the same change can be set beside it: `baseline_error` holds what it has to beat.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from cellflow_core.analysis.perturbations.differential_expression import (
    ExpressionChange,
    ShareChange,
    expression_change,
    mean_change,
    share_change,
)
from cellflow_core.analysis.perturbations.energy_test import MOST_CELLS, EnergyTest, energy_test, without_genes
from cellflow_core.analysis.perturbations.perturbation_groups import (
    CONTROL,
    NO_CALL,
    PerturbationGroups,
    perturbation_groups,
)
from cellflow_core.analysis.results.measured_effects import MeasuredEffects
from cellflow_core.data.readers import gene_names
from cellflow_core.data.snapshots import Snapshots
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.math.multiple_testing import benjamini_hochberg

Array = np.ndarray
MOST_VALUES = 4_000_000
"""Targets times genes that are kept; above it, the genes that differ most between cells."""
MOST_GROUPS = 40
"""Groups of an annotation whose shares are compared; the smallest ones beyond it are left out."""


class Genes(NamedTuple):
    """Values of genes, numpy or scipy.sparse [cells, genes], with their names and unit."""

    values: Any
    names: tuple[str, ...]
    unit: str


def measured_effects(
    data: Snapshots,
    genes: Genes | None = None,
    *,
    batch: str = "",
    annotation: str = "",
    seed: int = 0,
    on_progress: Callable[[str], None] = lambda stage: None,
) -> MeasuredEffects:
    """Each target of the perturbation design against the control cells of the same time and batch.

    genes       measured expression; None: the axes of the state
    batch       annotation within whose values cells are compared; times are always kept apart
    annotation  annotation whose shares are compared

    Raises ValueError, with a sentence, where there is no design, no control cells, or no such annotation.
    """
    groups = perturbation_groups(data, batch)
    genes = genes or Genes(data.x, data.space.axes, "")
    own = _own_genes(groups.targets, genes.names)
    genes, own, notes = _kept(genes, own)
    on_progress("comparing genes")
    if not isinstance(genes.values, np.ndarray):
        genes = genes._replace(values=genes.values.tocsr())
    expression = expression_change(genes.values, groups, own)
    total, errors, repeat = _baselines(genes.values, groups, expression.change, own, seed)
    tests = []
    for effect, name in enumerate(groups.names):
        on_progress(f"comparing cells: {effect + 1} of {len(groups.names)} ({name})")
        tests.append(energy_test(_states(data, genes, own[effect]), groups, effect, seed + effect))
    kinds, shares = _shares(data, groups, annotation)
    notes = (*notes, *_target_in_states(data, genes, own))
    return _result(groups, genes, own, expression, tests, (total, errors, repeat), annotation, kinds, shares, notes)


def _result(
    groups: PerturbationGroups,
    genes: Genes,
    own: Array,
    expression: ExpressionChange,
    tests: Sequence[EnergyTest],
    scores: tuple[Array, Array, Array],
    annotation: str,
    kinds: tuple[str, ...],
    shares: ShareChange,
    notes: Sequence[str],
) -> MeasuredEffects:
    columns: dict[str, Any] = {
        name: np.array(values) for name, values in zip(EnergyTest._fields, zip(*tests, strict=True), strict=True)
    }
    columns |= {name: values.astype(np.float32) for name, values in expression._asdict().items() if name != "q"}
    columns |= {f"share_{name}": values for name, values in shares._asdict().items() if name != "control"}
    columns |= dict(zip(("total_change", "baseline_error", "repeat"), scores, strict=True))
    return MeasuredEffects(
        **columns,
        names=groups.names,
        targets=groups.targets,
        cells=np.bincount(groups.code[groups.code >= 0], minlength=len(groups.names)),
        control_cells=int((groups.code == CONTROL).sum()),
        without_call=groups.without_call,
        too_few=groups.too_few,
        strata=groups.strata,
        strata_count=groups.count,
        q=benjamini_hochberg(columns["p"]),
        unit=genes.unit,
        genes=genes.names,
        own=own,
        gene_q=expression.q.astype(np.float32),
        annotation=annotation if kinds else "",
        groups=kinds,
        control_share=shares.control,
        notes=(*notes, *_notes(groups, columns["compared_cells"])),
    )


def _own_genes(targets: Sequence[Sequence[str]], names: Sequence[str]) -> Bool[Array, "effects genes"]:
    """Which genes each perturbation was aimed at, in any spelling."""
    at = {gene_names.spelling(name): k for k, name in reversed(list(enumerate(names)))}
    own = np.zeros((len(targets), len(names)), dtype=bool)
    for row, each in enumerate(targets):
        own[row, [at[spelt] for target in each if (spelt := gene_names.spelling(target)) in at]] = True
    return own


def _kept(genes: Genes, own: Array) -> tuple[Genes, Array, list[str]]:
    """All genes, or those that differ most between cells and the targets where the table would be too large."""
    most = max(MOST_VALUES // len(own), 100)
    if len(genes.names) <= most:
        return genes, own, []
    variance = _deviation(genes.values)
    variance[own.any(axis=0)] = np.inf
    columns = np.sort(np.argsort(-variance, kind="stable")[:most])
    note = (
        f"of {len(genes.names):,} genes the {most:,} that differ most between cells are compared, and the targets: "
        f"with {len(own):,} targets the table would be too large"
    )
    names = tuple(genes.names[k] for k in columns)
    return Genes(genes.values[:, columns], names, genes.unit), own[:, columns], [note]


def _states(data: Snapshots, genes: Genes, own: Bool[Array, " genes"]) -> Float[Array, "cells dim"]:
    """The states without the genes that were perturbed themselves."""
    held = [int(k) for k in np.flatnonzero(own) if genes.names[k] in data.space.genes]
    columns = {}
    for k in held:
        values = genes.values[:, [k]]
        columns[genes.names[k]] = np.asarray(values if isinstance(values, np.ndarray) else values.todense()).ravel()
    return without_genes(data.x, data.space, columns)


def _target_in_states(data: Snapshots, genes: Genes, own: Bool[Array, "effects genes"]) -> list[str]:
    """A note where `_states` cannot take the perturbed genes out."""
    measured = {genes.names[k] for k in np.flatnonzero(own.any(axis=0))}
    if not measured or (isinstance(data.space, AffineSpace) and measured & set(data.space.genes)):
        return []
    return ["distances include the change of the perturbed gene itself, which cannot be taken out of these axes"]


def _deviation(values: Any) -> Float[Array, " genes"]:
    """Standard deviation of each gene over all cells."""
    if isinstance(values, np.ndarray):
        return values.std(axis=0, dtype=np.float64)
    mean = np.asarray(values.mean(axis=0, dtype=np.float64)).ravel()
    square = np.asarray(values.power(2).mean(axis=0, dtype=np.float64)).ravel()
    return np.sqrt(np.maximum(square - mean**2, 0.0))


def _baselines(
    values: Any, groups: PerturbationGroups, change: Array, own: Array, seed: int
) -> tuple[Float[Array, " effects"], Float[Array, "effects 3"], Float[Array, " effects"]]:
    """(total change, error of each baseline, agreement of two halves), own genes left out of each.

    Half of the target cells against half of the controls is what is to be predicted; the other halves repeat it, and
    their mean over the other targets is the mean response.
    """
    deviation = _deviation(values)
    scale = np.where(deviation > 1e-9, 1 / np.maximum(deviation, 1e-9), 0.0)
    rng = np.random.default_rng(seed)
    half = np.zeros(len(groups.code), dtype=np.int64)
    for group in range(CONTROL, len(groups.names)):
        for stratum in range(groups.count):
            rows = rng.permutation(groups.rows(group, stratum))
            half[rows[: len(rows) // 2]] = 1
    first, second = (
        scale * mean_change(values, groups, np.where(half == each, groups.code, NO_CALL)) for each in (0, 1)
    )
    count = len(groups.names)
    others = (second.sum(axis=0) - second) / max(count - 1, 1)
    counted = ~own & (scale > 0)

    def root_mean_square(error: Array) -> Array:
        return np.sqrt(np.where(counted, error**2, 0.0).sum(axis=1) / np.maximum(counted.sum(axis=1), 1))

    first, second = np.where(counted, first, 0.0), np.where(counted, second, 0.0)
    length = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    repeat = (first * second).sum(axis=1) / np.maximum(length, 1e-300)
    mean_error = root_mean_square(first - others) if count > 1 else np.full(count, np.nan)
    errors = np.stack([root_mean_square(first), mean_error, root_mean_square(first - second)], axis=1)
    return root_mean_square(scale * change), errors, repeat


def _shares(data: Snapshots, groups: PerturbationGroups, annotation: str) -> tuple[tuple[str, ...], ShareChange]:
    """(names of the groups of the annotation, the largest first; change of their shares)."""
    if annotation and annotation not in data.labels:
        raise ValueError(f"there is no annotation {annotation!r}; there are {', '.join(data.labels) or 'none'}")
    if not annotation:
        empty = np.zeros((len(groups.names), 0))
        return (), ShareChange(np.zeros(0), empty, empty, empty)
    kinds, code = np.unique(np.asarray(data.labels[annotation]).astype(str), return_inverse=True)
    order = np.argsort(-np.bincount(code), kind="stable")[:MOST_GROUPS]
    member = (code[:, None] == order[None]).astype(np.float64)
    return tuple(str(kinds[k]) for k in order), share_change(member, groups)


def _notes(groups: PerturbationGroups, compared: Array) -> list[str]:
    """What a reader must know of the comparison."""
    notes = []
    if groups.strata:
        where = " and ".join(groups.strata)
        notes.append(
            f"cells are compared within each {where} ({groups.count} in all), and the differences are then combined"
        )
    if groups.no_control:
        notes.append(
            f"{groups.no_control:,} perturbed cells lie where there are no control cells of the same "
            f"{' and '.join(groups.strata) or 'time'}, and are left out: there the two effects cannot be separated"
        )
    if groups.too_few:
        shown = ", ".join(groups.too_few[:6]) + (" ..." if len(groups.too_few) > 6 else "")
        notes.append(f"{len(groups.too_few):,} targets with too few cells are left out: {shown}")
    if groups.without_call:
        notes.append(f"{groups.without_call:,} cells without a known perturbation are left out")
    if compared.max() == MOST_CELLS:
        notes.append(f"distances are of {MOST_CELLS} cells of a target at most, drawn at random")
    return notes
