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
    shuffled = [_shuffled(each, groups, rng) for each in cells]
    errors = [_error(reconstruct, *each) for each in (cells, shuffled)]
    scores = []
    for k in range(int(groups.max()) + 1):
        chosen = torch.nonzero(groups == k)[:, 0]
        chosen = chosen[torch.randperm(len(chosen), generator=rng, device=chosen.device)[:CELLS]]
        own, other = (each[chosen] for each in errors)
        spread = (own.var(dim=0) + other.var(dim=0)) / len(chosen) if len(chosen) > 2 else own.new_tensor(float("nan"))
        scores.append((other.mean(dim=0) - own.mean(dim=0)) / spread.sqrt())
    return torch.stack(scores)


def _error(reconstruct: Callable[[Tensor, Tensor], Levels], u: Tensor, s: Tensor) -> Float[Tensor, "cells genes"]:
    found = reconstruct(u, s)
    return (found[0] - u).abs() + (found[1] - s).abs()


def _shuffled(values: Tensor, groups: Tensor, rng: torch.Generator) -> Tensor:
    """Values of each gene in random order within every group."""
    key = torch.rand(values.shape, generator=rng, device=values.device, dtype=torch.float64) + groups[:, None]
    drawn, held = key.argsort(dim=0), groups.argsort(stable=True)
    found = torch.empty_like(values)
    found[held] = values.gather(0, drawn)
    return found
