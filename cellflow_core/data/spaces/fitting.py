"""What learnt spaces share: small networks, one training loop with early stop, and their weights as plain arrays."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float

from cellflow_core.data.spaces.neural import Layers
from cellflow_core.data.state_space import StateSpace

if TYPE_CHECKING:
    import torch

Array = np.ndarray
ProgressCallback = Callable[[str], None]
VALIDATION = 0.1
"""Share of the cells that are kept aside, to see when to stop and how well cells that were not learnt from fare."""
_ENOUGH = 2000
"""Cells that suffice to see when to stop."""
_EVERY = 25
_PATIENCE = 12
_ROWS = 4096


@dataclass(frozen=True)
class FittedSpace:
    """Cells x [cells, dim] in a space that was found from them, how in words, and what a reader must know.

    held_out  cells from which the map to genes and back was not learnt, mask [cells]; None: all were used
    shares  share of the variance of the genes that each axis carries, [dim]; None where axes carry no share
    """

    x: Float[Array, "cells dim"]
    space: StateSpace
    summary: str
    notes: tuple[str, ...] = ()
    held_out: Bool[Array, " cells"] | None = None
    shares: Float[Array, " dim"] | None = None


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Random numbers of torch that the seed alone decides, and sums in one order: on one thread, which is also the
    fastest for networks this small. Whoever calculates elsewhere does not notice."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(threads)


def held_out_cells(cells: int, seed: int) -> Bool[Array, " cells"]:
    """Which cells the networks do not learn from: a random `VALIDATION` of them, one at least."""
    return np.random.default_rng(seed).permutation(cells) < max(1, round(VALIDATION * cells))


def mlp(*widths: int) -> torch.nn.Sequential:
    """Linear layers of these widths with SiLU between them."""
    from torch import nn

    layers: list[nn.Module] = []
    for a, b in pairwise(widths):
        layers += [nn.Linear(a, b), nn.SiLU()]
    return nn.Sequential(*layers[:-1])


def train(
    module: torch.nn.Module,
    loss: Callable[[Array, float], torch.Tensor],
    held_out: Bool[Array, " cells"],
    on_progress: ProgressCallback,
    *,
    what: str,
    seed: int,
    steps: int,
    batch: int = 256,
    rate: float = 2e-3,
) -> float:
    """Least squares or likelihood by Adam, to the weights with the least loss on cells kept aside; returns that loss.

    loss   of (rows of the cells, fraction of training done, 0 to 1), a mean over the rows
    aside  which cells are only looked at to see when to stop
    steps  at most; fewer where the loss on the cells kept aside has not fallen for long. Call it within `seeded`.
    """
    import torch

    held, used = np.flatnonzero(held_out)[:_ENOUGH], np.flatnonzero(~held_out)
    optimizer = torch.optim.Adam(module.parameters(), lr=rate)
    rng = np.random.default_rng((seed, 1))
    best, best_loss, since = copy.deepcopy(module.state_dict()), math.inf, 0
    for step in range(steps):
        done = step / steps
        for group in optimizer.param_groups:
            group["lr"] = rate * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))
        optimizer.zero_grad()
        found = loss(rng.choice(used, min(batch, len(used)), replace=False), done)
        found.backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), 5.0)
        optimizer.step()
        if step % _EVERY == _EVERY - 1 or step == steps - 1:
            now = _validation(loss, held)
            if now < best_loss - 1e-4 * abs(best_loss) if math.isfinite(best_loss) else math.isfinite(now):
                best, best_loss, since = copy.deepcopy(module.state_dict()), now, 0
            else:
                since += done > 0.25
            on_progress(f"{what}: step {step + 1:,} of at most {steps:,}, loss {now:.4g}")
            if since >= _PATIENCE:
                break
    if not math.isfinite(best_loss):
        raise ValueError(f"{what} did not succeed: its loss is not a number; look at the values of these cells")
    module.load_state_dict(best)
    return best_loss


def _validation(loss: Callable[[Array, float], torch.Tensor], rows: Array) -> float:
    """Loss on all rows, with the same random draws each time."""
    import torch

    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        parts = [rows[k : k + _ROWS] for k in range(0, len(rows), _ROWS)]
        return float(sum(float(loss(part, 1.0)) * len(part) for part in parts) / len(rows))


def layers_of(sequence: Iterable[Any]) -> Layers:
    """Weights of the linear layers of an `mlp`, (weight [in, out], bias [out]) each, in double precision."""
    linear = [each for each in sequence if hasattr(each, "weight")]
    return tuple((_numpy(each.weight).T, _numpy(each.bias)) for each in linear)


def after(layers: Layers, matrix: Array, shift: Array) -> Layers:
    """The same function of y for inputs x of which y = x @ matrix + shift; a vector is a diagonal matrix."""
    (weight, bias), *rest = layers
    first = matrix[:, None] * weight if matrix.ndim == 1 else matrix @ weight
    return ((first, shift @ weight + bias), *rest)


def before(layers: Layers, matrix: Array, shift: Array) -> Layers:
    """The same function with outputs y turned into y @ matrix + shift."""
    *rest, (weight, bias) = layers
    if matrix.ndim == 1:
        return (*rest, (weight * matrix, bias * matrix + shift))
    return (*rest, (weight @ matrix, bias @ matrix + shift))


def rows_of(table: Any, rows: Any) -> Float[Array, "rows genes"]:
    """Some rows of a numpy or scipy.sparse CSR table, as numpy float32."""
    part = table[rows]
    return np.asarray(part if isinstance(part, np.ndarray) else part.toarray(), dtype=np.float32)


def moments(table: Any) -> tuple[Float[Array, " genes"], Float[Array, " genes"]]:
    """(mean, standard deviation) of each gene of a numpy or scipy.sparse table [cells, genes]."""
    mean = np.asarray(table.mean(axis=0, dtype=np.float64)).ravel()
    square = np.square(table, dtype=np.float64) if isinstance(table, np.ndarray) else table.multiply(table)
    second = np.asarray(square.mean(axis=0, dtype=np.float64)).ravel()
    return mean, np.sqrt(np.maximum(second - mean**2, 0))


def encoded(space: StateSpace, table: Any) -> Float[Array, "cells dim"]:
    """State of every row of a numpy or scipy.sparse CSR table, without a dense copy of all of it."""
    blocks = range(0, table.shape[0], _ROWS)
    return np.concatenate([space.encode(rows_of(table, slice(k, k + _ROWS))) for k in blocks])


def _numpy(tensor: torch.Tensor) -> Array:
    return tensor.detach().cpu().double().numpy()
