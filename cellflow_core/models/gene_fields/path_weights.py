"""Which input of a network reaches which output, by the products of the weights along the paths between them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import torch
from jaxtyping import Float
from torch import Tensor


def path_product(weights: Sequence[Tensor]) -> Float[Tensor, "outputs inputs"]:
    """W_L ... W_1 of the weights [out, in] of the layers, the first first: the sum over all paths."""
    return reduce(lambda found, weight: weight @ found, weights)


def path_strength(weights: Sequence[Tensor]) -> Float[Tensor, "outputs inputs"]:
    """|W_L| ... |W_1|: 0 exactly where no path leads from the input to the output; no path cancels another."""
    return path_product([each.abs() for each in weights])


def signed_strength(weights: Sequence[Tensor]) -> Float[Tensor, "outputs inputs"]:
    """The strength with the sign of the sum over all paths, which is that of the influence where every unit works."""
    return path_strength(weights) * torch.sign(path_product(weights))
