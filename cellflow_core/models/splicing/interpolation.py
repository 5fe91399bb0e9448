"""Values known at cells, at any state: weighted means over the nearest cells, exact at the cells themselves."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

NEAREST = 10
"""Cells that a value between cells is a mean of."""
ROWS = 64
"""States that are compared with their nearest cells at a time, which bounds memory."""


class Interpolation(nn.Module):
    """Values [cells, values] at states [cells, dim]; elsewhere the mean of the NEAREST cells weighted by 1 / squared
    distance (Shepard 1968, doi:10.1145/800186.810616). The cells are kept with the weights of a model."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.states, self.values = torch.zeros(1, dim), torch.zeros(1, dim + 1)

    def fill(self, states: Float[Tensor, "cells dim"], values: Float[Tensor, "cells values"]) -> None:
        self.states, self.values = states.float(), values.float()

    def forward(self, x: Float[Tensor, "batch dim"]) -> Float[Tensor, "batch values"]:
        states, values = self.states.to(x), self.values.to(x)
        near = torch.cdist(x, states).topk(min(NEAREST, len(states)), dim=1, largest=False).indices
        found = [self._mean(*each, states, values) for each in zip(x.split(ROWS), near.split(ROWS), strict=True)]
        return torch.cat(found)

    @staticmethod
    def _mean(x: Tensor, near: Tensor, states: Tensor, values: Tensor) -> Tensor:
        squared = (states[near].double() - x[:, None].double()).square().sum(dim=2)
        weight = 1 / squared.clamp_min(1e-30)
        weight = weight / weight.sum(dim=1, keepdim=True)
        return torch.einsum("bk,bkv->bv", weight, values[near].double()).to(x.dtype)

    def get_extra_state(self) -> dict[str, Tensor]:
        return {"states": self.states, "values": self.values}

    def set_extra_state(self, state: dict[str, Tensor]) -> None:
        self.states, self.values = state["states"], state["values"]
