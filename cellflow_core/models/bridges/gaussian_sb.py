"""Gaussian Schroedinger bridge: the most likely evolution between the means and covariances of two times.

Bunne, Hsieh, Cuturi & Krause, "The Schroedinger bridge between Gaussian measures has a closed form", AISTATS 2023,
arXiv:2202.05722, Theorem 3 with the Brownian reference dx = sigma dW. Between N(m0, S0) at t0 and N(m1, S1) at
t1 = t0 + T, with s = (t - t0) / T, w = sigma^2 T and C the covariance of both ends (`math.gaussians.entropic_cross`):

    mean(t) = (1 - s) m0 + s m1
    S(t) = (1 - s)^2 S0 + s^2 S1 + s (1 - s) (C + C^T + w I)
    P(t) = (s S1 - (1 - s) S0 + (1 - s) C^T - s C - s w I) / T
    drift = (m1 - m0) / T + P(t) S(t)^-1 (x - mean(t)),    score = -S(t)^-1 (x - mean(t))

Nothing is learnt by steps: it is the exact answer that every other bridge must give on Gaussian clouds, and a baseline
that costs nothing. It knows means and covariances alone: a cloud that splits in two is to it one that grows wide.
Covariances are shrunk as Ledoit and Wolf do, so that fewer cells than coordinates will do. Beyond the measured times
the mean goes on straight and the shape changes as at the nearest of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.math.gaussians import entropic_cross, shrunk_covariance
from cellflow_core.models.contract import Context, DynamicsModel, HasNoise, HasScore, HasVelocity, Phase
from cellflow_core.models.paths.settings import DiffusionSettings


@dataclass(frozen=True)
class Settings(DiffusionSettings):
    """The Brownian motion that the bridge starts from."""


class GaussianSB(DynamicsModel, HasVelocity, HasScore, HasNoise):
    title = "Gaussian Schroedinger bridge"
    summary = (
        "Joins the average cell and the spread of cells at each time by the most likely random motion, in a second: "
        "a first look that sees no branching."
    )
    limitation = (
        "This model knows only the average cell of each time and how far cells spread around it: it sees no branching. "
        "Groups and valleys in its pictures are those of the measured cells, not something it learnt."
    )
    paper = "Bunne, Hsieh, Cuturi & Krause, AISTATS 2023, arXiv:2202.05722"
    counts_intervals = False
    default_training: ClassVar[Mapping[str, Any]] = {"steps": 1, "validation_fraction": 0.0}

    Config = Settings
    config: Settings

    times: Tensor
    means: Tensor  # [times, dim]
    covariances: Tensor  # [times, dim, dim]

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.sigma = config.sigma * spec.scale / spec.interval**0.5  # state / sqrt(time)
        center, eye = torch.tensor(spec.center, dtype=torch.float64), torch.eye(spec.dim, dtype=torch.float64)
        count = len(spec.times)
        self.register_buffer("times", torch.tensor(spec.times, dtype=torch.float64), persistent=False)
        self.register_buffer("means", center.repeat(count, 1))
        self.register_buffer("covariances", spec.scale**2 * eye.repeat(count, 1, 1))

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("bridge", prepare=self.prepare),)

    def prepare(self, frames: SnapshotTensors, rng: torch.Generator) -> None:
        """Keep mean and covariance of every time."""
        cells = [each.double() for each in frames.x]
        self.means.copy_(torch.stack([each.mean(dim=0) for each in cells]))
        self.covariances.copy_(torch.stack([shrunk_covariance(each) for each in cells]))

    def marginal(self, t: Float[Tensor, " n"]) -> tuple[Float[Tensor, "n dim"], Float[Tensor, "n dim dim"]]:
        """(mean, covariance) of the cloud at times t, exact for Gaussian clouds."""
        mean, covariance, _, _ = self._law(t.double())
        return mean, covariance

    def velocity(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, "batch dim"]:
        return self._affine(t, x, 1.0, self.sigma**2 / 2)  # b - sigma^2 / 2 score

    def score(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, "batch dim"]:
        return self._affine(t, x, 0.0, -1.0)

    def noise(self, t: Float[Tensor, " batch"]) -> Float[Tensor, " batch"]:
        return torch.full_like(t, self.sigma)

    def _affine(self, t: Tensor, x: Tensor, motion: float, rest: float) -> Tensor:
        """motion (dmean/dt + P S^-1 (x - mean)) + rest S^-1 (x - mean), with one matrix for each distinct time."""
        moments, which = t.double().unique(return_inverse=True)
        mean, covariance, speed, pull = self._law(moments)
        eye = torch.eye(x.shape[1], dtype=torch.float64, device=x.device)
        matrix = torch.linalg.solve(covariance, motion * pull + rest * eye, left=False)
        away = x.double() - mean[which]
        moved = away @ matrix[0].T if len(moments) == 1 else (matrix[which] @ away[:, :, None])[:, :, 0]
        return (motion * speed[which] + moved).to(x.dtype)

    def _law(self, t: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(mean, S, dmean/dt, P) at times t."""
        k = (torch.searchsorted(self.times, t.contiguous(), right=True) - 1).clamp(0, len(self.times) - 2)
        gap = self.times[k + 1] - self.times[k]
        passed = (t - self.times[k]) / gap
        speed = (self.means[k + 1] - self.means[k]) / gap[:, None]
        mean = self.means[k] + passed[:, None] * (self.means[k + 1] - self.means[k])
        first, last, wide = self.covariances[k], self.covariances[k + 1], self.sigma**2 * gap
        cross = entropic_cross(first, last, wide)
        s = passed.clamp(0.0, 1.0)[:, None, None]
        noise = wide[:, None, None] * torch.eye(mean.shape[1], dtype=mean.dtype, device=mean.device)
        covariance = (1 - s) ** 2 * first + s**2 * last + s * (1 - s) * (cross + cross.mT + noise)
        pull = s * last - (1 - s) * first + (1 - s) * cross.mT - s * cross - s * noise
        return mean, covariance, speed, pull / gap[:, None, None]
