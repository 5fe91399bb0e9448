"""Values known at cells, at any state: weighted means over the nearest cells, exact at the cells themselves."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import embedding_bag

NEAREST = 10
"""Cells that a value between cells is a mean of."""
BLOCK = 2**25
"""Distances held in memory at a time."""
SAME = 1e-12
"""Squared distance, in the mean square of the states, below which a state is the cell itself."""
SEVERAL = -1
"""In place of the row of a cell: none, or more than one, is in this state."""


class Interpolation(nn.Module):
    """Values [cells, values] at states [cells, dim]; elsewhere the mean of the NEAREST cells weighted by 1 / squared
    distance (Shepard 1968, doi:10.1145/800186.810616). The cells are kept with the weights of a model."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self._hold(torch.zeros(1, dim), torch.zeros(1, dim + 1))

    def fill(self, states: Float[Tensor, "cells dim"], values: Float[Tensor, "cells values"]) -> None:
        self._hold(states.float(), values.float())

    def _hold(self, states: Tensor, values: Tensor) -> None:
        self.states, self.values = states, values
        self._rows: dict[bytes, int] = {}
        self._about: tuple[Tensor, Tensor, Tensor] | None = None

    def forward(self, x: Float[Tensor, "batch dim"]) -> Float[Tensor, "batch values"]:
        rows = max(BLOCK // len(self.states), 1)
        return torch.cat([self._near(each) for each in x.split(rows)])

    @torch.no_grad()
    def at_cells(self, x: Float[Tensor, "batch dim"]) -> Float[Tensor, "batch values"]:
        """As `forward`, without gradients: a state that is one of the cells is looked up and not held against all."""
        if not self._rows:
            for k, state in enumerate(self.states.cpu().numpy()):
                key = _key(state)
                self._rows[key] = SEVERAL if key in self._rows else k
        row = torch.tensor([self._rows.get(_key(each), SEVERAL) for each in x.float().cpu().numpy()], dtype=torch.long)
        own = row >= 0
        found = x.new_empty(len(x), self.values.shape[1])
        found[own] = self.values[row[own]].to(x)
        if not own.all():
            found[~own] = self(x[~own])
        return found

    def _near(self, x: Float[Tensor, "batch dim"]) -> Float[Tensor, "batch values"]:
        center, cells, square = (each.to(x.device) for each in self._centered())
        shifted = x.double() - center
        squared = shifted.square().sum(dim=1, keepdim=True) + square - 2 * shifted @ cells.T
        nearest = squared.topk(min(NEAREST, len(cells)), dim=1, largest=False)
        weight = 1 / nearest.values.clamp_min(SAME * square.mean().clamp_min(1e-30))
        weight = (weight / weight.sum(dim=1, keepdim=True)).float()
        return embedding_bag(nearest.indices, self.values.to(x.device), per_sample_weights=weight, mode="sum").to(
            x.dtype
        )

    def _centered(self) -> tuple[Tensor, Tensor, Tensor]:
        """(mean of the cells, the cells about it, their squared distances to it), found when they are first needed."""
        if self._about is None:
            states = self.states.double()
            center = states.mean(dim=0)
            states -= center
            self._about = center, states, states.square().sum(dim=1)
        return self._about

    def get_extra_state(self) -> dict[str, Tensor]:
        return {"states": self.states, "values": self.values}

    def set_extra_state(self, state: dict[str, Tensor]) -> None:
        self._hold(state["states"], state["values"])


def _key(state: Float[np.ndarray, " dim"]) -> bytes:
    """Of this state and, as good as surely, of no other."""
    return blake2b(state.tobytes(), digest_size=16).digest()
