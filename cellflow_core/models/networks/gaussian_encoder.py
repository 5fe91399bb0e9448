"""The encoder of a variational autoencoder: a Gaussian with diagonal covariance for each state.

Kingma & Welling, "Auto-encoding variational Bayes", ICLR 2014, arXiv:1312.6114.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cellflow_core.models.networks.mlp import MLP

LOG_VARIANCE = (-12.0, 6.0)
"""Bounds of the logarithm of a variance."""


@dataclass(frozen=True)
class Posterior:
    """q(z | x) of each cell: N(mean, exp(log_variance)), [batch, latent]."""

    mean: Float[Tensor, "batch latent"]
    log_variance: Float[Tensor, "batch latent"]

    def sample(self, rng: torch.Generator) -> Float[Tensor, "batch latent"]:
        """One draw for each cell, differentiable in mean and variance."""
        noise = torch.randn(self.mean.shape, generator=rng, device=self.mean.device)
        return self.mean + (0.5 * self.log_variance).exp() * noise

    def divergence(self) -> Float[Tensor, " batch"]:
        """Kullback-Leibler divergence to the standard normal distribution (appendix B of the paper)."""
        return 0.5 * (self.mean.square() + self.log_variance.exp() - 1 - self.log_variance).sum(dim=1)


class GaussianEncoder(nn.Module):
    """State -> q(z | x), and `others` further numbers of the same network."""

    def __init__(self, inputs: int, latent: int, width: int, depth: int, others: int = 0) -> None:
        super().__init__()
        self.sizes = [latent, latent, others]
        self.net = MLP(inputs, sum(self.sizes), width, depth)

    def forward(self, x: Float[Tensor, "batch inputs"]) -> tuple[Posterior, Float[Tensor, "batch others"]]:
        mean, log_variance, others = self.net(x).split(self.sizes, dim=1)
        return Posterior(mean, log_variance.clamp(*LOG_VARIANCE)), others
