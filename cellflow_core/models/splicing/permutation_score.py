"""Permutation score: do the unspliced and the spliced RNA of a gene belong together, as its kinetics says?

Gayoso et al., "Deep generative modeling of transcriptional dynamics for RNA velocity analysis in single cells", Nat.
Methods 21:50, 2024, doi:10.1038/s41592-023-01994-w: both are shuffled among the cells of a group, independently for
every gene. A gene without dynamics is reconstructed no worse from shuffled values.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

Levels = tuple[Float[Tensor, "cells genes"], Float[Tensor, "cells genes"]]
CELLS = 200
"""Cells of a group that are compared at most, so that scores of large and small groups are alike."""


def permutation_scores(
    reconstruct: Callable[[Tensor, Tensor], Levels], cells: Levels, groups: Int[Tensor, " cells"], rng: torch.Generator
) -> Float[Tensor, "groups genes"]:
    """t statistic of the errors of shuffled against those of measured cells: high where a gene follows its kinetics.

    reconstruct  (unspliced, spliced) RNA that the model gives for cells of such RNA
    cells        (unspliced, spliced) RNA, scaled
    groups       number of the group of every cell, such as of its cell type; rows of the answer are in this order

    NaN for a group of fewer than 3 cells. The error of a cell is |u - û| + |s - ŝ|.
    """
    scores = []
    for k in range(int(groups.max()) + 1):
        own = torch.nonzero(groups == k)[:, 0]
        chosen = own[torch.randperm(len(own), generator=rng, device=own.device)[:CELLS]]
        measured = tuple(each[chosen] for each in cells)
        shuffled = tuple(_shuffled(each[own], len(chosen), rng) for each in cells)
        a, b = (_error(reconstruct, *each) for each in (measured, shuffled))
        spread = (a.var(dim=0) + b.var(dim=0)) / len(chosen) if len(chosen) > 2 else a.new_tensor(torch.nan)
        scores.append((b.mean(dim=0) - a.mean(dim=0)) / spread.sqrt())
    return torch.stack(scores)


def _error(reconstruct: Callable[[Tensor, Tensor], Levels], u: Tensor, s: Tensor) -> Float[Tensor, "cells genes"]:
    found = reconstruct(u, s)
    return (found[0] - u).abs() + (found[1] - s).abs()


def _shuffled(values: Float[Tensor, "cells genes"], count: int, rng: torch.Generator) -> Float[Tensor, "count genes"]:
    """Values of `count` cells drawn at random without replacement, gene by gene."""
    drawn = torch.rand(values.shape, generator=rng, device=values.device).topk(count, dim=0).indices
    return values.gather(0, drawn)
