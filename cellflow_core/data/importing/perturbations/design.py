"""Perturbation design of a file: the targets perturbed in each cell, from a column of names or from guide counts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float

from cellflow_core.data.importing.import_choices import AUTO, ImportChoices
from cellflow_core.data.importing.perturbations.labels import LabelReader
from cellflow_core.data.preprocessing.normalisation import dense
from cellflow_core.data.readers import InvalidInputError, Table, gene_names, labels_of
from cellflow_core.plural import counted

Array = np.ndarray
MOST_TARGETS = 500
LEAST_GUIDE_COUNTS = 3
"""A guide with fewer counts in a cell is taken for ambient; where counts are 0 and 1 one is enough."""
GUIDES = re.compile(r"crispr|guides?(?![a-z])|sg_?rna|grna|protospacer|perturbations?$", re.I)
"""Names of panels that hold guide counts: they say what was done to a cell, and are no second modality of it."""
_COLUMN = re.compile(
    r"perturb|guide|sg_?rna|grna|target|knock|(?<![a-z])(?:ko|kd|gene)(?![a-z])|treatment|drug|compound", re.I
)
_CONDITION = re.compile(r"conditions?|genotypes?|stim(?:ulus|ulation)?", re.I)
"""Columns that name a perturbation where one of their labels is a control, and none looks like a time."""
_OF_GUIDES = re.compile(r"guide|sg_?rna|grna|protospacer", re.I)
_TIME = re.compile(r".*\d+(?:\.\d+)?[-_ ]?(?:h|hr|hours?|hpi|d|days?|dpi|min|w|weeks?)\b.*|[DEP]\d+(?:\.\d+)?", re.I)
_LISTED = 4


@dataclass(frozen=True)
class PerturbationDesign:
    """What was done to each cell.

    place    column or panel of the file, "" for none
    targets  target -> 1 where perturbed, 0 where not, NaN where unknown, [cells]; all 0 in control cells
    labels   every label, or guide; controls: those that are controls
    several  cells with more than one target; without_call: cells whose perturbation is not known
    joined   target -> names of guides that were joined to it; unsure: stem -> labels that were kept as they are, though
             they may be guides of one target
    left_out  targets beyond MOST_TARGETS, the rarest ones; their cells count as unknown
    """

    place: str = ""
    targets: dict[str, Float[Array, " cells"]] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    control_cells: int = 0
    several: int = 0
    without_call: int = 0
    joined: dict[str, list[str]] = field(default_factory=dict)
    unsure: dict[str, list[str]] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()

    @property
    def notes(self) -> list[str]:
        """What a person has to know of how the labels were read."""
        found = []
        several = {target: names for target, names in self.joined.items() if len(names) > 1}
        if several:
            found.append(f"guides were joined to their targets by their names: {_named(several)}")
        unsure = {stem: names for stem, names in self.unsure.items() if len(names) > 1}
        if unsure:
            found.append(
                f"labels that may be guides of one target were kept as they are: {_named(unsure)}; if they are, join "
                "them (`guides=join`)"
            )
        if self.several:
            found.append(f"{counted(self.several, 'cell has', 'cells have')} several targets, kept as combinations")
        if self.without_call:
            cells = counted(self.without_call, "cell has", "cells have")
            found.append(f"{cells} no perturbation that is known: neither target nor control")
        if self.left_out:
            targets = counted(len(self.left_out), "target")
            found.append(f"{targets} with the fewest cells left out: at most {MOST_TARGETS} are kept")
        if self.targets and not self.control_cells:
            found.append(
                f"no label of {self.place!r} is named like a control, and without control cells no effect can be "
                "measured: name the controls (`control_labels`)"
            )
        return found


@dataclass(frozen=True)
class DesignSummary:
    """What a column or panel tells of perturbations, in short: see `PerturbationDesign`."""

    place: str
    targets: int
    labels: tuple[str, ...]
    controls: tuple[str, ...]
    control_cells: int
    unsure: bool
    notes: tuple[str, ...]


def summaries(table: Table, time_column: str = "") -> tuple[DesignSummary, ...]:
    """Every column and panel that may name the perturbation, the one that is taken first."""
    found = []
    for place in [*_panels(table), *(each for each in columns(table) if each != time_column)]:
        read = design(table, ImportChoices(perturbation_column=place))
        unsure = any(len(names) > 1 for names in read.unsure.values())
        labels, controls = read.labels, read.controls
        found.append(
            DesignSummary(place, len(read.targets), labels, controls, read.control_cells, unsure, tuple(read.notes))
        )
    return tuple(found)


def columns(table: Table) -> list[str]:
    """Columns of obs that name what was done to each cell, the likeliest first: by their name, and a control or genes
    among their labels."""
    genes = gene_names.lookup(table.features)
    found: list[tuple[tuple[float, ...], str]] = []
    for k, column in enumerate(map(str, table.obs.columns)):
        values = table.obs[column]
        condition = bool(_CONDITION.fullmatch(column))
        if values.ndim > 1 or values.dtype.kind in "fiuMb" or not (condition or _COLUMN.search(column)):
            continue
        labels = [str(each) for each in values.dropna().unique()]
        if not 2 <= len(labels) <= 10 * MOST_TARGETS:
            continue
        reader = LabelReader(genes, of_guides=bool(_OF_GUIDES.search(column)))
        read = [reader.targets(label) for label in labels]
        targets = list(dict.fromkeys(target for each in read for target in each or ()))
        control = any(each == [] for each in read)
        known = sum(gene_names.spelling(each) in genes for each in targets) / max(len(targets), 1)
        timed = condition and any(_TIME.fullmatch(each) for each in labels)
        if targets and not timed and (control or (known > 0.5 and not condition)):
            found.append(((-(known > 0.5), -control, bool(_OF_GUIDES.search(column)), k), column))
    return [column for _, column in sorted(found)]


def design(table: Table, choices: ImportChoices) -> PerturbationDesign:
    """The design as chosen, or the likeliest one. Raises InvalidInputError where the chosen column is not there."""
    chosen = choices.perturbation_column
    controls = {each.strip().lower() for each in re.split(r"[\n;]", choices.control_labels) if each.strip()}
    panels = _panels(table)
    usable = [str(each) for each in table.obs.columns if table.obs[each].ndim == 1]
    if chosen == AUTO:
        chosen = next(iter([*panels, *(each for each in columns(table) if each != choices.time_column)]), "")
    if not chosen:
        return PerturbationDesign()
    if chosen not in panels and chosen not in usable:
        there = ", ".join([*panels, *columns(table)]) or "none"
        raise InvalidInputError(
            f"there is no column {chosen!r} that could name the perturbation of each cell: columns and panels that "
            f"look like it are {there}"
        )
    guides = chosen in panels or bool(_OF_GUIDES.search(chosen))
    reader = LabelReader(gene_names.lookup(table.features), controls, choices.guides, guides)
    if chosen in panels:
        found = of_guides(chosen, dense(table.panels[chosen].x), table.panels[chosen].features, reader)
    else:
        found = _of_labels(chosen, labels_of(table.obs[chosen]), reader)
    absent = sorted(controls - {each.lower() for each in found.labels})
    if absent:
        raise InvalidInputError(
            f"{chosen!r} has no label {', '.join(map(repr, absent))} that could be a control: it has "
            f"{', '.join(found.labels[:12])}{' ...' if len(found.labels) > 12 else ''}"
        )
    return found


def _panels(table: Table) -> list[str]:
    return [name for name, panel in table.panels.items() if GUIDES.search(name) and panel.features]


def _of_labels(place: str, labels: Array, reader: LabelReader) -> PerturbationDesign:
    names, codes = np.unique(labels.astype(str), return_inverse=True)
    listed = [str(each) for each in names.tolist()]
    read = [reader.targets(each) for each in listed]
    columns: dict[str, Array] = {}
    for target in dict.fromkeys(target for each in read for target in each or ()):
        columns[target] = np.array([target in (each or ()) for each in read], dtype=np.float64)[codes]
    unknown = np.array([each is None for each in read])[codes]
    controls = tuple(name for name, each in zip(listed, read, strict=True) if each == [])
    shown = tuple(name for name, each in zip(listed, read, strict=True) if each is not None)
    return _made(place, columns, unknown, shown, controls, reader)


def of_guides(place: str, x: Array, guides: Sequence[str], reader: LabelReader) -> PerturbationDesign:
    """The design from guide counts [cells, guides]: a cell without any guide is unknown, and no control."""
    least = LEAST_GUIDE_COUNTS if np.nanmax(x, initial=0) > 1 else 1
    columns: dict[str, Array] = {}
    any_guide, controls = np.zeros(len(x), dtype=bool), []
    for k, guide in enumerate(guides):
        held = x[:, k] >= least
        any_guide |= held
        targets = reader.targets(guide)
        if targets == []:
            controls.append(guide)
        for target in targets or ():
            np.maximum(columns.setdefault(target, np.zeros(len(x))), held.astype(np.float64), out=columns[target])
    return _made(place, columns, ~any_guide, tuple(guides), tuple(controls), reader)


def _made(
    place: str, columns: dict[str, Array], unknown: Array, labels: tuple[str, ...], controls: Any, reader: LabelReader
) -> PerturbationDesign:
    """The design, with NaN in cells that are unknown; the most frequent MOST_TARGETS targets."""
    size = {target: float(hit.sum()) for target, hit in columns.items()}
    kept = set(sorted(size, key=lambda each: -size[each])[:MOST_TARGETS])
    left_out = tuple(each for each in columns if each not in kept)
    for each in left_out:
        unknown = unknown | (columns[each] > 0)
    hits = np.zeros(len(unknown))
    for target in [each for each in columns if each in kept]:
        hits += columns[target]
    targets = {each: np.where(unknown, np.nan, hit) for each, hit in columns.items() if each in kept and size[each]}
    return PerturbationDesign(
        place,
        targets,
        labels,
        tuple(controls),
        int((~unknown & (hits == 0)).sum()) if controls else 0,
        int((~unknown & (hits > 1)).sum()),
        int(unknown.sum()),
        reader.joined,
        reader.unsure,
        left_out,
    )


def _named(groups: dict[str, list[str]]) -> str:
    shown = [
        f"{target} ({', '.join(names[:_LISTED])}{' ...' if len(names) > _LISTED else ''})"
        for target, names in list(groups.items())[:_LISTED]
    ]
    return ", ".join(shown) + (f" and {len(groups) - _LISTED} more" if len(groups) > _LISTED else "")
