"""Gaussian clouds: covariance from few points, entropic coupling in closed form, and mixtures for other clouds."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

FLOOR = 1e-6
"""Least variance along any axis, as a share of the mean variance (or of one, where all points are the same)."""
MIXTURE_POINTS = 10
"""Points for each coordinate of each component that a mixture is fitted to."""


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
    separation = (sample - mean * eye).square().sum()
    uncertain = (away.square().sum(dim=1).square().sum() - n * sample.square().sum()) / n**2
    share = (uncertain / separation).clamp(0.0, 1.0) if separation > 0 else torch.ones_like(mean)
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


def mixture_score(x: Float[Tensor, "n dim"], at: Float[Tensor, "m dim"], seed: int) -> Float[Tensor, "m dim"]:
    """Gradient of the log density, at other points, of the Gaussian mixture that describes points x best (1 / state).

    1, 2, 4 or 8 components with full covariances, the number by the Bayesian information criterion, as far as there
    are MIXTURE_POINTS points for each coordinate of each; where there are fewer, one Gaussian of shrunk covariance.
    """
    from sklearn.mixture import GaussianMixture

    n, dim = x.shape
    counts = [k for k in (1, 2, 4, 8) if n >= MIXTURE_POINTS * k * dim]
    if not counts:
        away = (at - x.mean(dim=0)).double()
        return -torch.linalg.solve(shrunk_covariance(x.double()), away, left=False).to(x.dtype)
    center, scale = x.mean(dim=0), float(x.var(dim=0).mean().sqrt()) or 1.0
    z, y = (((each - center) / scale).double().cpu().numpy() for each in (x, at))
    fitted = [GaussianMixture(k, reg_covar=1e-4, max_iter=1000, random_state=seed).fit(z) for k in counts]
    best = min(fitted, key=lambda each: each.bic(z))
    score = np.zeros_like(y)
    shares = best.predict_proba(y)
    for k in range(shares.shape[1]):
        score -= shares[:, k, None] * ((y - best.means_[k]) @ best.precisions_[k]) / scale  # type: ignore[index]
    return torch.from_numpy(score).to(x)
