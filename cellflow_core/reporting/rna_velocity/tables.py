"""Unspliced RNA by group and time, and velocity genes with the reasons of those left out: rows for page and shell."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

from cellflow_core.data.preprocessing.splicing_layers import UnsplicedShare
from cellflow_core.data.preprocessing.velocity_genes import KEPT, VelocityGenes

SHARES = ("cells by", "group", "cells", "unspliced RNA")
GENES = ("gene", "velocity gene", "shared counts", "slope γ/β", "R²", "why left out")


def share_rows(shares: Iterable[UnsplicedShare]) -> list[tuple[str, str, str, str]]:
    """One line a group."""
    return [(each.annotation, each.group, f"{each.cells:,}", _number(each.share, ".0%")) for each in shares]


def gene_rows(table: VelocityGenes) -> list[tuple[str, str, str, str, str, str]]:
    """One line a gene, velocity genes first, those that fit best before the others."""
    order = sorted(range(len(table.genes)), key=lambda k: (table.reason[k] != KEPT, -_or_least(table.r2[k])))
    return [
        (
            table.genes[k],
            "yes" if table.reason[k] == KEPT else "no",
            f"{table.shared[k]:,.0f}",
            _number(table.slope[k], ".3g"),
            _number(table.r2[k], ".2f"),
            table.reason[k],
        )
        for k in order
    ]


def gene_summary(table: VelocityGenes) -> str:
    """How many genes were kept, and how many were left out for which reason."""
    lost = Counter(each for each in table.reason if each != KEPT)
    why = "".join(f"; {count:,} left out: {reason}" for reason, count in lost.most_common())
    return f"{len(table.kept):,} of {len(table.genes):,} genes are velocity genes{why}"


def _number(value: float, form: str) -> str:
    return "" if math.isnan(value) else format(value, form)


def _or_least(value: float) -> float:
    return -math.inf if math.isnan(value) else float(value)
