"""The posterior of an individual's random effects: its mode, and draws by importance sampling.

u ~ N(0, I) are the effects in standard deviations and f(u) the courses. The mode is found by Fisher scoring with the
damping of Levenberg and Marquardt,

    (J' W J + I) step = J' dlog p(y | f) / df - u,    W the expected information of a value about f,

and draws u ~ t_5(mode, (J' W J + I)^-1) have weights p(y | f(u)) p(u) / q(u). With no observation they are the prior's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.data.trajectory_batch import TrajectoryBatch
from cellflow_core.models.individuals.measurement import Measurement

Curves = Callable[[Tensor], Tensor]
"""(u [*draws, batch, effects]) -> courses at the rows of the batch, [*draws, batch, rows, variables]."""

ITERATIONS = 15
CLOSE = 0.02
"""Step at which the search for the mode ends (standard deviations): draws are weighted, so that the mode need not be
exact."""
DIFFERENCE = 0.01
"""Of effects, for the derivatives of the courses (standard deviations)."""
FREEDOM = 5
"""Degrees of freedom of the t distribution that proposals are drawn from."""


@dataclass(frozen=True)
class Draws:
    """Effects, and the weights of each individual's draws, which sum to one."""

    u: Float[Tensor, "draws batch effects"]
    weight: Float[Tensor, "draws batch"]

    def resampled(self, draws: int, rng: torch.Generator) -> Float[Tensor, "draws batch effects"]:
        """Effects with equal weights."""
        picked = torch.multinomial(self.weight.T, draws, replacement=True, generator=rng).T
        return self.u.gather(0, picked[..., None].expand(-1, -1, self.u.shape[2]))


@torch.no_grad()
def posterior_draws(
    curves: Curves,
    measurement: Measurement,
    batch: TrajectoryBatch,
    effects: int,
    draws: int,
    rng: torch.Generator,
    start: Float[Tensor, "batch effects"] | None = None,
) -> Draws:
    """Weighted draws of the effects of each individual given what was observed of it; `start`: where the search for
    the mode begins, None: at 0."""
    mode, precision = posterior_mode(curves, measurement, batch, effects, start)
    size = (draws, *mode.shape)
    normal = torch.randn(size, generator=rng, device=mode.device)
    chi = torch.randn((*size[:2], FREEDOM), generator=rng, device=mode.device).square().mean(dim=2)
    step = normal / chi.sqrt()[..., None]
    upper = torch.linalg.cholesky(precision).mT
    u = mode + torch.linalg.solve_triangular(upper, step[..., None], upper=True)[..., 0]
    log_q = -0.5 * (FREEDOM + effects) * (step.square().sum(dim=2) / FREEDOM).log1p()
    log_weight = _log_joint(curves(u), u, measurement, batch) - log_q
    return Draws(u, log_weight.softmax(dim=0))


@torch.no_grad()
def posterior_mode(
    curves: Curves,
    measurement: Measurement,
    batch: TrajectoryBatch,
    effects: int,
    start: Float[Tensor, "batch effects"] | None = None,
) -> tuple[Float[Tensor, "batch effects"], Float[Tensor, "batch effects effects"]]:
    """(mode, precision) of the effects of each individual."""
    count, device = len(batch.t), batch.t.device
    u = torch.zeros(count, effects, device=device) if start is None else start
    damping = torch.full((count,), 0.1, device=device)
    unit = torch.eye(effects + 1, effects, device=device).roll(1, 0)[:, None]  # first none, then one after the other
    value, gradient, precision = _expand(curves, measurement, batch, u, unit)
    for _ in range(ITERATIONS):
        ridge = damping[:, None, None] * torch.diag_embed(precision.diagonal(dim1=1, dim2=2))
        step = torch.linalg.solve(precision + ridge, gradient).clamp(-2, 2)
        tried = _expand(curves, measurement, batch, u + step, unit)
        better = tried[0] >= value
        u = torch.where(better[:, None], u + step, u)
        value = torch.where(better, tried[0], value)
        gradient = torch.where(better[:, None], tried[1], gradient)
        precision = torch.where(better[:, None, None], tried[2], precision)
        damping = torch.where(better, damping * 0.1, damping * 5).clamp(1e-6, 1e6)
        if step.abs().max() < CLOSE:
            break
    return u, precision


def _expand(
    curves: Curves, measurement: Measurement, batch: TrajectoryBatch, u: Tensor, unit: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """(log p(y, u), its gradient, expected information) of each individual at u."""
    f, *moved = curves(u + DIFFERENCE * unit)
    slope = (torch.stack(moved) - f) / DIFFERENCE
    with torch.enable_grad():
        held = f.detach().requires_grad_()
        likelihood = measurement.log_likelihood(held, batch.x, batch.observed, batch.censored)
        (pull,) = torch.autograd.grad(likelihood.sum(), held)
    weight = torch.where(batch.observed, measurement.information(f), 0)
    gradient = torch.einsum("pbrv,brv->bp", slope, pull) - u
    precision = torch.einsum("pbrv,brv,qbrv->bpq", slope, weight, slope) + torch.eye(u.shape[1], device=u.device)
    value = likelihood.detach().sum(dim=(1, 2)) - 0.5 * u.square().sum(dim=1)
    return value.nan_to_num(-torch.inf), gradient, precision


def _log_joint(f: Tensor, u: Tensor, measurement: Measurement, batch: TrajectoryBatch) -> Float[Tensor, "draws batch"]:
    likelihood = measurement.log_likelihood(f, batch.x, batch.observed, batch.censored)
    return likelihood.sum(dim=(2, 3)) - 0.5 * u.square().sum(dim=2)
