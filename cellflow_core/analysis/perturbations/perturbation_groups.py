"""Cells of each perturbation, the control cells, and the strata (times, batches) within which they are compared."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from cellflow_core.data.snapshots import Snapshots

Array = np.ndarray
LEAST_CELLS = 10
"""Cells that a target needs, and control cells."""
LEAST_IN_STRATUM = 3
"""Cells of a target and control cells that a stratum needs for the two to be compared in it."""
CONTROL, NO_CALL = -1, -2
_BATCH = re.compile(
    r"batch|replicate|lane|gem_?(?:group|well)|channel|library|donor|(?<![a-z])(?:rep|run)(?![a-z])", re.I
)
_MOST_WITHOUT_CONTROL = 0.1


@dataclass(frozen=True)
class PerturbationGroups:
    """Which cells are compared.

    names, targets  of each perturbation, combinations joined by " + "
    code            [cells]: row in names, CONTROL, or NO_CALL for cells that are not compared
    stratum         [cells]: number of the time and batch; strata: what they are made of, count: how many
    too_few         names of perturbations with fewer than LEAST_CELLS cells; without_call: cells whose perturbation is
                    not known; no_control: cells of perturbations in strata without enough control cells
    """

    names: tuple[str, ...]
    targets: tuple[tuple[str, ...], ...]
    code: Int[Array, " cells"]
    stratum: Int[Array, " cells"]
    strata: tuple[str, ...]
    count: int
    too_few: tuple[str, ...]
    without_call: int
    no_control: int

    def rows(self, group: int, stratum: int) -> Int[Array, " rows"]:
        """The cells of one group in one stratum."""
        return np.flatnonzero((self.code == group) & (self.stratum == stratum))


def perturbation_groups(data: Snapshots, batch: str = "") -> PerturbationGroups:
    """Groups of the perturbation design; `batch` is an annotation whose values are kept apart, as times always are.

    Raises ValueError, with a sentence, where there is no design, no control, no such annotation or no target left.
    """
    if not data.perturbation:
        raise ValueError(
            "these data have no perturbation design: import them again and choose the column that names the target of "
            "each cell"
        )
    if batch and batch not in data.labels:
        raise ValueError(f"there is no annotation {batch!r} of batches; there are {', '.join(data.labels) or 'none'}")
    names, targets, code = _codes(data.perturbation, len(data.x))
    without_call = int((code == NO_CALL).sum())
    if (controls := int((code == CONTROL).sum())) < LEAST_CELLS:
        raise ValueError(
            f"{controls} control cells were found and at least {LEAST_CELLS} are needed: import the file again and "
            "name the labels that are controls (non-targeting guides, untreated cells)"
        )
    stratum, strata, count = _strata(data, batch)
    no_control = 0
    for each in range(count):
        here = stratum == each
        if (here & (code == CONTROL)).sum() < LEAST_IN_STRATUM:
            no_control += int((here & (code >= 0)).sum())
            code[here] = NO_CALL
            continue
        size = np.bincount(code[here & (code >= 0)], minlength=len(names))
        code[here & (code >= 0) & (size[np.maximum(code, 0)] < LEAST_IN_STRATUM)] = NO_CALL
    size = np.bincount(code[code >= 0], minlength=len(names))
    kept = np.flatnonzero(size >= LEAST_CELLS)
    if not len(kept):
        raise ValueError(
            f"no target has {LEAST_CELLS} cells beside control cells of the same time and batch: the largest has "
            f"{int(size.max(initial=0))}"
        )
    renumber = np.full(len(names), NO_CALL)
    renumber[kept] = np.arange(len(kept))
    code = np.where(code >= 0, renumber[np.maximum(code, 0)], code)
    few = tuple(names[k] for k in np.flatnonzero(size < LEAST_CELLS))
    chosen = tuple(names[k] for k in kept), tuple(targets[k] for k in kept)
    return PerturbationGroups(*chosen, code, stratum, strata, count, few, without_call, no_control)


def free_annotations(data: Snapshots) -> tuple[str, ...]:
    """Annotations that differ among the cells of one perturbation: batches and groups, not the perturbation itself."""
    _, _, code = _codes(data.perturbation, len(data.x))
    found = []
    for name, values in data.labels.items():
        kinds, which = np.unique(np.asarray(values).astype(str), return_inverse=True)
        pairs = np.unique(code * len(kinds) + which)
        if len(kinds) > 1 and len(pairs) > max(len(np.unique(code)), len(kinds)):
            found.append(name)
    return tuple(found)


def likely_batch(data: Snapshots) -> str:
    """The annotation that is named like a batch and has control cells beside nearly all perturbed ones; "" for none."""
    for name in free_annotations(data):
        if not _BATCH.search(name):
            continue
        try:
            groups = perturbation_groups(data, name)
        except ValueError:  # within its values nothing can be compared
            continue
        if groups.count > 1 and groups.no_control <= _MOST_WITHOUT_CONTROL * (groups.code >= 0).sum():
            return name
    return ""


def _codes(design: Mapping[str, Array], cells: int) -> tuple[list[str], list[tuple[str, ...]], Array]:
    """(name and targets of each perturbation, its number in each cell): single targets first, then combinations."""
    code, hits = np.full(cells, CONTROL), np.zeros(cells, dtype=np.int64)
    unknown = np.zeros(cells, dtype=bool)
    for k, values in enumerate(design.values()):
        hit = values > 0
        unknown |= np.isnan(values)
        hits += hit
        code[hit] = k
    listed = list(design)
    targets: list[tuple[str, ...]] = [(each,) for each in listed]
    several = np.flatnonzero(hits > 1)
    if len(several):
        held = np.stack([values[several] > 0 for values in design.values()], axis=1)
        kinds, which = np.unique(held, axis=0, return_inverse=True)
        code[several] = len(listed) + which.ravel()
        targets += [tuple(name for name, there in zip(listed, kind, strict=True) if there) for kind in kinds]
    code[unknown] = NO_CALL
    return [" + ".join(each) for each in targets], targets, code


def _strata(data: Snapshots, batch: str) -> tuple[Array, tuple[str, ...], int]:
    """(number of the stratum of each cell, what strata are made of, how many there are)."""
    stratum, used = np.zeros(len(data.x), dtype=np.int64), []
    parts = {"time": data.t} if len(data.times) > 1 else {}
    parts |= {batch: np.asarray(data.labels[batch]).astype(str)} if batch else {}
    for name, values in parts.items():
        kinds, which = np.unique(values, return_inverse=True)
        if len(kinds) > 1:
            stratum = stratum * len(kinds) + which
            used.append(name)
    _, stratum = np.unique(stratum, return_inverse=True)
    return stratum, tuple(used), int(stratum.max(initial=0)) + 1
