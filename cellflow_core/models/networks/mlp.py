"""A multilayer perceptron of plain numbers, and its derivative along a direction."""

from __future__ import annotations

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn


class MLP(nn.Module):
    """`depth` hidden layers of `width` with SiLU, then a linear layer."""

    def __init__(self, inputs: int, outputs: int, width: int, depth: int) -> None:
        super().__init__()
        sizes = [inputs, *[width] * depth]
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.last = nn.Linear(sizes[-1], outputs)

    def forward(self, x: Float[Tensor, "*batch inputs"]) -> Float[Tensor, "*batch outputs"]:
        for layer in self.hidden:
            x = nn.functional.silu(layer(x))
        return self.last(x)

    def jvp(
        self, x: Float[Tensor, "batch inputs"], direction: Float[Tensor, "batch inputs"]
    ) -> tuple[Float[Tensor, "batch outputs"], Float[Tensor, "batch outputs"]]:
        """Value, and its derivative J d along the direction d: the chain rule from layer to layer."""
        for layer in self.hidden:
            assert isinstance(layer, nn.Linear)
            z = layer(x)
            gate = torch.sigmoid(z)
            x = z * gate
            direction = (gate + x * (1 - gate)) * (direction @ layer.weight.T)
        return self.last(x), direction @ self.last.weight.T
