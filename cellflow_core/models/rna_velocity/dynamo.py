"""Vector field of RNA velocity: a sparse kernel field fitted to the velocities of cells, robust to wrong ones.

SparseVFC, Ma et al., "Regularized vector field learning with sparse approximation for mismatch removal", Pattern
Recognition 46:3519, 2013, doi:10.1016/j.patcog.2013.05.017, as Dynamo uses it: Qiu et al., "Mapping transcriptomic
vector fields of single cells", Cell 185:690, 2022, doi:10.1016/j.cell.2021.12.045. With control points x~_m,

    f(x) = sum_m C_m k(x, x~_m),    k(x, y) = exp(-beta |x - y|^2),    df_i / dx_j = -2 beta sum_m C_mi k (x_j - x~_mj),

velocity n is f(x_n) plus Gaussian noise of variance sigma^2 on each axis, with the prior probability gamma, else it is
uniform over a cube that holds all velocities (of volume a). Expectation maximisation alternates

    p_n = gamma N(v_n; f(x_n), sigma^2) / (gamma N(v_n; f(x_n), sigma^2) + (1 - gamma) / a),
    (U^T P U + lambda sigma^2 K) C = U^T P V,  sigma^2 = sum_n p_n |v_n - f(x_n)|^2 / (dim sum_n p_n),  gamma = mean p_n

with U = k(x_n, x~_m) and K = k(x~_m, x~_l). Cells of all times are fitted together: the field does not depend on time.
Departures: velocities are divided by their root mean square, so that lambda has no unit; a is the volume of that cube
instead of 5; the kernel is twice as wide, which halves the errors of tests/truth/models/rna_velocity/test_dynamo.py;
control points are uniformly sampled cells, not sampled by speed, which would prefer outliers; divergence-free kernels
are left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.config import Config, setting
from cellflow_core.data.batch import SnapshotTensors
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.models.contract import Context, DynamicsModel, HasVelocity, Phase

TOLERANCE = 1e-5
"""Relative change of the energy below which the iterations end."""
LEAST = 1e-5
"""Least probability of a cell to be an inlier, so that the system stays regular."""
SHARES = (0.05, 0.95)
"""Bounds of the share of inliers gamma."""
NARROWEST = 6.0
"""Least width of the cube in which outliers are uniform, in root mean square velocities of an axis: narrower, and noise
as wide as the velocities themselves would count as outliers."""
SAMPLE = 2000
"""Cells that the distances between neighbors are measured at."""


@dataclass(frozen=True)
class Settings(Config):
    control_points: int = setting(
        300,
        "number M of control points, sampled among the cells: more resolve finer details of the field",
        5,
        5000,
        label="Control points M",
    )
    bandwidth: float = setting(
        2.0,
        "width 1/√β of the kernel: larger, a smoother field",
        0.05,
        20.0,
        "√2/1.5 × the mean distance to the nearest 20 % of the cells",
        label="Kernel width 1/√β",
    )
    regularisation: float = setting(
        3.0,
        "weight λ of the norm of the field against the residuals of the velocities: larger, a smoother field",
        0.0,
        1e4,
        label="Regularisation λ",
    )
    outliers: float = setting(
        0.1,
        "initial share 1 - γ of outliers among the velocities, which is then estimated",
        0.05,
        0.95,
        label="Outlier share 1 - γ",
    )
    inlier_threshold: float = setting(
        0.75,
        "probability θ of an inlier below which a velocity counts as an outlier",
        0.0,
        1.0,
        label="Inlier threshold θ",
    )
    iterations: int = setting(500, "largest number of iterations of expectation maximisation", 1, 10_000)


class Dynamo(DynamicsModel, HasVelocity):
    title = "Vector field of RNA velocity (after Dynamo, Qiu et al. 2022)"
    summary = (
        "Fits one smooth field to the RNA velocities of the cells, leaving out velocities that do not fit: cells can "
        "be followed from one time alone."
    )
    limitation = (
        "This field follows the RNA velocities that it was given and vanishes far from the cells. A coherent field is "
        "not a right one: where the velocities are wrong together, so is the field."
    )
    paper = "Qiu et al., Cell 2022, doi:10.1016/j.cell.2021.12.045"
    needs = frozenset({DataRequirement.VELOCITY})
    counts_intervals = False
    default_training: ClassVar[Mapping[str, Any]] = {"steps": 1, "validation_fraction": 0.0}

    Config = Settings
    config: Settings

    points: Tensor  # [M, dim]
    coefficients: Tensor  # [M, dim], state / time
    beta: Tensor
    counts: Tensor  # cells, outliers, iterations

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        center = torch.tensor(spec.center, dtype=torch.float64)
        self.register_buffer("points", center.repeat(config.control_points, 1))
        self.register_buffer("coefficients", torch.zeros_like(self.points))
        self.register_buffer("beta", torch.tensor(1 / spec.scale**2, dtype=torch.float64))
        self.register_buffer("counts", torch.zeros(3, dtype=torch.int64))

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("SparseVFC", prepare=self.prepare),)

    def prepare(self, frames: SnapshotTensors, rng: torch.Generator) -> None:
        """Fit the field to the velocities of all cells. Raises ValueError where no velocity differs from 0."""
        x, v = torch.cat(frames.x).double(), torch.cat(frames.cell_data["velocity"]).double()
        size = v.square().mean().sqrt()
        if not size > 0:
            raise ValueError("the RNA velocity of every cell is 0, so there is no field to fit: take another velocity")
        chosen = torch.randperm(len(x), generator=rng, device=x.device)
        points = x[chosen[: len(self.points)]]
        self.beta.copy_(1 / (self.config.bandwidth * _rule_of_thumb(x, chosen[:SAMPLE])).square())
        values, inlier, rounds = self._maximise(
            _kernel(x, points, self.beta), _kernel(points, points, self.beta), v / size
        )
        self.points[: len(points)] = points
        self.coefficients.zero_()
        self.coefficients[: len(points)] = size * values
        self.counts.copy_(torch.tensor([len(x), int((inlier < self.config.inlier_threshold).sum()), rounds]))

    def _maximise(
        self, at_cells: Float[Tensor, "cells m"], at_points: Float[Tensor, "m m"], v: Float[Tensor, "cells dim"]
    ) -> tuple[Float[Tensor, "m dim"], Float[Tensor, " cells"], int]:
        """(C, p, iterations) of expectation maximisation; v: velocities in units of their root mean square."""
        dim, gamma, energy = v.shape[1], 1 - self.config.outliers, math.inf
        volume = dim * (2 * v.abs().max()).clamp_min(NARROWEST).log()  # log a
        values = at_points.new_zeros(len(at_points), dim)
        variance, field = v.square().mean(), torch.zeros_like(v)
        inlier, eye = at_cells.new_ones(len(v)), torch.eye(len(at_points), dtype=v.dtype, device=v.device)
        rounds = 0
        while rounds < self.config.iterations:
            rounds += 1
            squared = (v - field).square().sum(dim=1)
            normal = -squared / (2 * variance) - dim / 2 * (2 * math.pi * variance).log() + math.log(gamma)
            inlier = torch.sigmoid(normal - (math.log(1 - gamma) - volume)).clamp_min(LEAST)
            before, energy = energy, self._energy(squared, inlier, variance, values, at_points, gamma, dim, volume)
            if abs(energy - before) <= TOLERANCE * abs(energy):
                break
            weighted = at_cells * inlier[:, None]
            penalty = self.config.regularisation * variance
            system = weighted.T @ at_cells + penalty * at_points
            values = torch.linalg.solve(system + 1e-9 * system.diagonal().mean() * eye, weighted.T @ v)
            field = at_cells @ values
            variance = (inlier * (v - field).square().sum(dim=1)).sum() / (dim * inlier.sum())
            variance = variance.clamp_min(1e-8)
            gamma = min(max(float(inlier.mean()), SHARES[0]), SHARES[1])
        return values, inlier, rounds

    def _energy(
        self,
        squared: Tensor,
        inlier: Tensor,
        variance: Tensor,
        values: Tensor,
        at_points: Tensor,
        gamma: float,
        dim: int,
        volume: Tensor,
    ) -> float:
        """What expectation maximisation lowers: the expected negative log-posterior, eq. 10 of Ma et al."""
        total = inlier.sum()
        residual = (inlier * squared).sum() / (2 * variance) + dim / 2 * total * (2 * math.pi * variance).log()
        shares = total * math.log(gamma) + (len(inlier) - total) * (math.log(1 - gamma) - volume)
        norm = (values * (at_points @ values)).sum()
        return float(residual - shares + self.config.regularisation / 2 * norm)

    def notes(self) -> tuple[str, ...]:
        cells, outliers, rounds = self.counts.tolist()
        if not cells:
            return ()
        found = (
            f"{outliers:,} of {cells:,} velocities ({outliers / cells:.0%}) do not fit the field and count as "
            "outliers.",
        )
        if rounds < self.config.iterations:
            return found
        return (*found, f"The fit was still changing after {rounds:,} iterations: allow more of them.")

    def velocity(
        self, t: Float[Tensor, " batch"], x: Float[Tensor, "batch dim"], context: Context
    ) -> Float[Tensor, "batch dim"]:
        return (_kernel(x.double(), self.points, self.beta) @ self.coefficients).to(x.dtype)

    def jacobian(self, x: Float[Tensor, "batch dim"]) -> Float[Tensor, "batch dim dim"]:
        """df_i / dx_j (1 / time), in closed form; the same at all times."""
        kernel = _kernel(x.double(), self.points, self.beta)
        mean = torch.einsum("bm,mi,mj->bij", kernel, self.coefficients, self.points)
        field = kernel @ self.coefficients
        return (-2 * self.beta * (field[:, :, None] * x.double()[:, None] - mean)).to(x.dtype)


def _kernel(x: Float[Tensor, "n dim"], y: Float[Tensor, "m dim"], beta: Tensor) -> Float[Tensor, "n m"]:
    """exp(-beta |x - y|^2). Squared distances are expanded about the mean of y, which keeps their precision."""
    center = y.mean(dim=0)
    a, b = x - center, y - center
    squared = a.square().sum(dim=1)[:, None] + b.square().sum(dim=1) - 2 * a @ b.T
    return torch.exp(-beta * squared.clamp_min(0))


def _rule_of_thumb(x: Float[Tensor, "cells dim"], sample: Tensor) -> Tensor:
    """Kernel width: sqrt(2) / 1.5 of the mean distance to the nearest 20 % of the cells, as in Dynamo (state)."""
    some = x[sample]
    count = min(max(3, len(some) // 5), len(some))
    near = torch.cdist(some, some).topk(count, dim=1, largest=False).values[:, 1:]
    return (2**0.5 / 1.5 * near.mean()).clamp_min(1e-12)
