"""Transitions between measured cells by the transport plans of a model, from each time to the next."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.math.markov_chains.kernels import row_stochastic
from cellflow_core.models.contract import HasCoupling

Array = np.ndarray


def plan_transitions(model: HasCoupling, frames: SnapshotTensors, links: Any) -> Any:
    """scipy.sparse CSR [cells, cells], rows sum to one, cells of earlier times first: each cell goes to its partners in
    the plan to the next time; those of the last time go along the links, scipy.sparse [cells, cells], among themselves.

    A cell without partners stays. Raises ValueError where the plans are not of these cells.
    """
    from scipy.sparse import block_array, csr_array

    sizes = [len(each) for each in frames.x]
    blocks: list[list[Any]] = [[csr_array((n, m)) for m in sizes] for n in sizes]
    for k in range(len(sizes) - 1):
        plan = model.coupling(k)
        early, row = _with_cells(frames.x[k], plan.x0)
        late, column = _with_cells(frames.x[k + 1], plan.x1)
        weight = plan.weight.double().cpu().numpy()
        between = csr_array((weight, (row, column)), shape=(early.shape[1], late.shape[1]))
        blocks[k][k + 1] = early @ between @ late.T
    first = sum(sizes[:-1])
    blocks[-1][-1] = csr_array(links)[first:, first:]
    return row_stochastic(block_array(blocks, format="csr"))


def _with_cells(cells: Float[Tensor, "cells dim"], x: Float[Tensor, "pairs dim"]) -> tuple[Any, Int[Array, " pairs"]]:
    """(which of the distinct cells each cell is, sparse [cells, distinct]; which of them each state of x is).

    Cells are compared by their bytes, which is fast.
    """
    from scipy.sparse import csr_array

    rows = torch.cat([cells, x.to(cells)]).detach().cpu().contiguous().numpy()
    names = rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1]))).ravel()
    known, which = np.unique(names[: len(cells)], return_inverse=True)
    found = np.searchsorted(known, names[len(cells) :])
    if not (known[np.minimum(found, len(known) - 1)] == names[len(cells) :]).all():
        raise ValueError("a transport plan has states that are no measured cells: it is not a plan of these cells")
    one = csr_array((np.ones(len(cells)), (np.arange(len(cells)), which)), shape=(len(cells), len(known)))
    return one, found
