"""Perturbation design of a file: the targets perturbed in each cell, from a column of names or from guide counts."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
from jaxtyping import Float

from cellflow_core.data.preprocessing.normalisation import dense
from cellflow_core.data.readers import MISSING, Table, gene_names, labels_of

Array = np.ndarray
MOST_TARGETS = 500
LEAST_GUIDE_COUNTS = 3
"""A guide with fewer counts in a cell is taken for ambient; where counts are 0 and 1 one is enough."""
GUIDES = re.compile(r"crispr|guides?(?![a-z])|sg_?rna|grna|protospacer|perturbations?$", re.I)
"""Names of panels that hold guide counts: they say what was done to a cell, and are no second modality of it."""
_COLUMN = re.compile(
    r"perturb|guide|sg_?rna|grna|target|knock|(?<![a-z])(?:ko|kd|gene)(?![a-z])|treatment|drug|compound", re.I
)
_CONTROL = re.compile(
    r"(?:neg(?:ative)?[-_ ]?)?(?:ctrl|control)s?|non[-_ ]?target(?:ing|ed)?|nt|ntc|nontarget|scrambled?|"
    r"safe[-_ ]?(?:target(?:ing|s)?|harbou?r)?|wt|wild[-_ ]?type|unperturbed|untreated|uninfected|dmso|mock|vehicle|"
    r"pbs|none|aavs1|intergenic|luc|gfp|empty",
    re.I,
)
_NUMBER = re.compile(r"(?:[-_. ](?:sg|g|guide|grna|sgrna|rep)?[-_ ]?\d+|[-_](?:[ab]|[ACGT]{8,}))+$", re.I)


def columns(table: Table) -> list[str]:
    """Columns of obs that name what was done to each cell: by their name, and a control or genes among their labels."""
    genes = gene_names.lookup(table.features)
    found = []
    for column in map(str, table.obs.columns):
        values = table.obs[column]
        if values.ndim > 1 or values.dtype.kind in "fiuMb" or not _COLUMN.search(column):
            continue
        labels = [str(each) for each in values.dropna().unique()]
        if not 2 <= len(labels) <= 10 * MOST_TARGETS:
            continue
        targets = [each for label in labels for each in targets_of(label)]
        control = any(not targets_of(label) for label in labels)
        known = sum(gene_names.spelling(each) in genes for each in targets)
        if targets and (control or known > len(targets) / 2):
            found.append(column)
    return found


def design(table: Table, time_column: str = "") -> tuple[str, dict[str, Float[Array, " cells"]]]:
    """(where it stands in the file, target -> 1 where perturbed, 0 where not, NaN where unknown), ("", {}) for none."""
    for name, panel in table.panels.items():
        if GUIDES.search(name) and panel.features:
            return name, _of_guides(dense(panel.x), panel.features)
    for column in columns(table):
        if column != time_column:
            return column, _of_labels(labels_of(table.obs[column]))
    return "", {}


def targets_of(label: str) -> list[str]:
    """Targets of one label or guide: "GATA1+SPI1", "sgGATA1_2", "non-targeting_4" (none)."""
    found = []
    for part in re.split(r"\s*[+,;|&]\s*", label.strip()):
        plain = _NUMBER.sub("", part)
        plain = re.sub(r"^(?:sg|g|p-sg|sg_|KO_|KD_|m_)(?=[A-Z])", "", plain)
        plain = re.sub(r"[-_ ](?:KO|KD|OE|knockout|i)$", "", plain, flags=re.I)
        if plain and not _CONTROL.fullmatch(plain):
            found.append(plain)
    return list(dict.fromkeys(found))


def _of_labels(labels: Array) -> dict[str, Array]:
    names, codes = np.unique(labels, return_inverse=True)
    unknown = np.isin(labels, [MISSING, "nan", "NA", "unassigned", "ambiguous", "unknown"])
    of_label = {k: targets_of(str(name)) for k, name in enumerate(names.tolist())}
    found: dict[str, Array] = {}
    for target in _targets(of_label.values()):
        hit = np.array([target in of_label[k] for k in range(len(names))], dtype=np.float64)[codes]
        hit[unknown] = np.nan
        if hit[~unknown].any():
            found[target] = hit
    return found


def _of_guides(x: Array, guides: Iterable[str]) -> dict[str, Array]:
    least = LEAST_GUIDE_COUNTS if np.nanmax(x, initial=0) > 1 else 1
    found: dict[str, Array] = {}
    for k, guide in enumerate(guides):
        for target in targets_of(guide):
            held = found.setdefault(target, np.zeros(len(x)))
            np.maximum(held, (x[:, k] >= least).astype(np.float64), out=held)
    return dict(list(found.items())[:MOST_TARGETS])


def _targets(labels: Iterable[list[str]]) -> list[str]:
    every = dict.fromkeys(target for each in labels for target in each)
    every.pop(MISSING, None)
    return list(every)[:MOST_TARGETS]
