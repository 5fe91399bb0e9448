"""Gates that can be shut exactly, and learnt all the same: the hard-concrete distribution.

Louizos, Welling & Kingma, "Learning sparse neural networks through L0 regularization", ICLR 2018, arXiv:1712.01312:
a logistic draw is squashed to (0, 1), stretched to (-0.1, 1.1) and clipped, so that it is exactly 0 or 1 with some
probability. Equation numbers are theirs.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

LOW, HIGH, TEMPERATURE = -0.1, 1.1, 2 / 3


class HardConcrete(nn.Module):
    """Independent gates of a given shape, shut at first with the probability `dropped`."""

    def __init__(self, shape: tuple[int, ...], dropped: float) -> None:
        super().__init__()
        self.log_alpha = nn.Parameter(math.log((1 - dropped) / dropped) + 0.01 * torch.randn(shape))

    def sample(self, rng: torch.Generator) -> Float[Tensor, "*shape"]:
        """A draw of the gates, 0 to 1 (equations 10, 11)."""
        u = torch.rand(self.log_alpha.shape, generator=rng, device=rng.device).clamp(1e-6, 1 - 1e-6)
        return _stretched(torch.sigmoid((torch.logit(u) + self.log_alpha) / TEMPERATURE))

    def expected(self) -> Float[Tensor, "*shape"]:
        """The gates without noise (equation 13)."""
        return _stretched(torch.sigmoid(self.log_alpha))

    def open_probability(self) -> Float[Tensor, "*shape"]:
        """Probability of a gate that is not 0 (equation 12)."""
        return torch.sigmoid(self.log_alpha - TEMPERATURE * math.log(-LOW / HIGH))


def _stretched(s: Tensor) -> Tensor:
    return (s * (HIGH - LOW) + LOW).clamp(0, 1)
