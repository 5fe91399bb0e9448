"""Gaussian clouds: their covariance from few points, and the entropic coupling of two of them in closed form."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

FLOOR = 1e-6
"""Least variance along any axis, as a share of the mean variance (or of one, where all points are the same)."""


def shrunk_covariance(x: Float[Tensor, "n dim"]) -> Float[Tensor, "dim dim"]:
    """Covariance drawn towards a round one by as much as few points make it uncertain: never singular.

    (1 - a) S + a tr(S) / dim I, with the share a of Ledoit & Wolf, J. Multivariate Analysis 2004,
    doi:10.1016/S0047-259X(03)00096-4, section 3.2. It falls as 1 / n.
    """
    n, dim = x.shape
    away = x - x.mean(dim=0)
    sample = away.T @ away / n
    eye = torch.eye(dim, dtype=x.dtype, device=x.device)
    mean = sample.trace() / dim
    apart = (sample - mean * eye).square().sum()
    uncertain = (away.square().sum(dim=1).square().sum() - n * sample.square().sum()) / n**2
    share = (uncertain / apart).clamp(0.0, 1.0) if apart > 0 else torch.ones_like(mean)
    floor = FLOOR * (mean if mean > 0 else torch.ones_like(mean))
    return (1 - share) * sample + (share * mean + floor) * eye


def root(matrix: Float[Tensor, "*batch dim dim"]) -> Float[Tensor, "*batch dim dim"]:
    """The symmetric square root of a symmetric matrix without negative eigenvalues."""
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp(min=0.0).sqrt()[..., None, :]) @ vectors.mT


def entropic_cross(
    first: Float[Tensor, "*batch dim dim"], last: Float[Tensor, "*batch dim dim"], spread: Float[Tensor, "*batch"]
) -> Float[Tensor, "*batch dim dim"]:
    """Cov(x0, x1) of the entropic coupling of N(m0, first) and N(m1, last); rows x0, columns x1.

    The coupling minimises E |x1 - x0|^2 / 2 + spread KL(coupling | product): the ends of the bridge whose noise adds
    the variance `spread` = sigma^2 T in all. Mallasto, Gerolin & Minh 2022, arXiv:2006.03416, Theorem 2:

        C = (S0^1/2 (4 S0^1/2 S1 S0^1/2 + spread^2 I)^1/2 S0^-1/2 - spread I) / 2
    """
    eye = torch.eye(first.shape[-1], dtype=first.dtype, device=first.device)
    wide = spread[..., None, None]
    half = root(first)
    middle = root(4 * half @ last @ half + wide**2 * eye)
    return (torch.linalg.solve(half, half @ middle, left=False) - wide * eye) / 2
