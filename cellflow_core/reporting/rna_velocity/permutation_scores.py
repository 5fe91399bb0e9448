"""Permutation scores in words, and the table of their genes. Pure: results in, words out."""

from __future__ import annotations

from typing import Any

import numpy as np

from cellflow_core.analysis.results import PermutationScores
from cellflow_core.plural import counted


def of_scores(result: PermutationScores) -> str:
    """In how many genes the fit depends on the cells."""
    count = int((result.highest > result.chance).sum())
    others = (
        " The scores of the others show nothing: genes with dynamics can be as low."
        if count < len(result.genes)
        else ""
    )
    return (
        f"In {count} of {counted(len(result.genes), 'gene')} the fit by {result.title} depends on which unspliced and "
        f"spliced RNA are of one cell: RNA that is shuffled within {_within(result)} is fitted worse, with a "
        f"permutation score above {result.chance:.1f}.{others}"
    )


def of_gene(result: PermutationScores, gene: str) -> str:
    """Whether the score of a gene shows that its fit depends on the cells."""
    k = result.genes.index(gene)
    score = result.highest[k]
    if not np.isfinite(score):
        return f"{gene} varies in none of the {_within(result)}, so it has no permutation score."
    text = f"Permutation score of {gene} by {result.title}: {score:.1f}"
    if score <= result.chance:
        return (
            f"{text}, no more than chance gives ({result.chance:.1f}). Shuffled within {_within(result)}, its RNA is "
            "fitted hardly worse than as measured: this shows no dynamics, though a gene with them can score as low."
        )
    where = result.names[int(np.nanargmax(result.score[:, k]))]
    return (
        f"{text} in {where}, above what chance gives ({result.chance:.1f}). Shuffled within {_within(result)}, its RNA "
        "is fitted worse than as measured: the fit uses which unspliced and spliced RNA are of one cell. That its "
        "arrows have the right direction does not follow."
    )


def rows(result: PermutationScores) -> dict[str, list[Any]]:
    """One row a gene, the highest score first."""
    order = np.argsort(-np.nan_to_num(result.highest, nan=-np.inf), kind="stable")
    found: dict[str, list[Any]] = {"gene": [result.genes[k] for k in order]}
    found["highest score"] = np.round(result.highest[order], 2).tolist()
    return found | {
        f"score in {name} ({cells:,} cells)": np.round(score[order], 2).tolist()
        for name, cells, score in zip(result.names, result.cells, result.score, strict=True)
    }


def _within(result: PermutationScores) -> str:
    return f"{counted(len(result.names), 'group')} of {result.by}" if result.by else f"{len(result.names)} clusters"
