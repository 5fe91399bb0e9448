"""Genes themselves as axes: a chosen set, by name or the ones that differ most between cells."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.spaces.fitting import FittedSpace, rows_of

Array = np.ndarray


def fit(table: Any, genes: tuple[str, ...]) -> FittedSpace:
    """Every gene of a numpy or CSR table [cells, genes] as an axis."""
    return FittedSpace(rows_of(table, slice(None)), AffineSpace.of_genes(genes), f"the {len(genes)} genes are the axes")


def named(text: str, genes: tuple[str, ...]) -> tuple[str, ...]:
    """Genes that a person typed or pasted, a line, comma, semicolon, tab or space between two; each once.

    A name is taken as it is, then without regard to upper and lower case where that leaves one gene. Raises KeyError,
    with a sentence, for names that are no genes here.
    """
    there = set(genes)
    folded: dict[str, list[str]] = {}
    for each in genes:
        folded.setdefault(each.casefold(), []).append(each)
    words: list[str] = []
    for part in re.split(r"[\n,;\t]+", text):
        whole = part.strip()
        words += [whole] if whole in there or whole.casefold() in folded else whole.split()
    found: dict[str, None] = {}
    unknown = []
    for word in words:
        alike = folded.get(word.casefold(), [])
        if word in there:
            found[word] = None
        elif len(alike) == 1:
            found[alike[0]] = None
        else:
            unknown.append(word)
    if unknown:
        shown = ", ".join(repr(each) for each in unknown[:5]) + (" ..." if unknown[5:] else "")
        raise KeyError(f"{shown} not among the {len(genes):,} genes of these cells: check the spelling of the names")
    return tuple(found)
