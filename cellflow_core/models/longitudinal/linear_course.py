"""A straight line for each individual, moved by its doses: a linear mixed model.

Laird & Ware 1982, "Random-effects models for longitudinal data", Biometrics 38:963. Each variable of individual i is

    y = Phi beta + (1, time) b_i + e,    b_i ~ N(0, Omega),  e ~ N(0, sigma^2),
    Phi = [1, time since the first of all, doses so far, doses that fade with the time constant tau]

fitted by expectation-maximisation; tau is the one of six with the largest likelihood. The posterior of b_i given what
was measured is Gaussian, and so is the population where nothing was.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.config import Config
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.data.trajectory_batch import DoseTensors, TrajectoryBatch, TrajectoryTensors
from cellflow_core.models.contract import DynamicsModel, HasCourses, Phase
from cellflow_core.models.networks.later_buffers import register_later_buffer

FEATURES, RANDOM = 4, 2
ROUNDS = 60
FADING = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Time constants tried, in mean intervals between measurements."""


class LinearCourse(DynamicsModel, HasCourses):
    title = "Linear mixed model of time and dose"
    summary = "A straight line for each individual, which doses move at once and fadingly; estimated with the others'."
    paper = "Laird & Ware 1982, doi:10.2307/2529876"
    needs = frozenset({DataRequirement.SUBJECTS, DataRequirement.TIMES})
    trains_on = "trajectories"
    counts_intervals = False
    Config = Config

    first: Tensor  # time of all that is 0 in Phi
    beta: Tensor
    omega: Tensor
    variance: Tensor
    constant: Tensor
    size: Tensor
    positive: Tensor

    def __init__(self, config: Config, spec: DataSpec) -> None:
        super().__init__(config, spec)
        register_later_buffer(self, "first", torch.tensor(0.0))
        self.register_buffer("beta", torch.zeros(spec.dim, FEATURES))
        self.register_buffer("omega", torch.eye(RANDOM).repeat(spec.dim, 1, 1))
        self.register_buffer("variance", torch.full((spec.dim,), torch.nan))
        self.register_buffer("constant", torch.ones(spec.dim))
        self.register_buffer("size", torch.ones(FEATURES))
        self.register_buffer("positive", torch.zeros(spec.dim, dtype=torch.bool))

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("linear mixed model", prepare=self.learn),)

    def learn(self, frames: TrajectoryTensors, rng: torch.Generator) -> None:
        """Fit each variable by itself."""
        given = frames.doses.amount.sum(dim=1).mean() if frames.doses.amount.numel() else torch.tensor(0.0)
        self.first.fill_(self.spec.times[0])
        self.size[1] = (frames.t.amax() - frames.t.amin()).clamp(min=1e-6)
        self.size[2:] = given if given > 0 else 1.0
        for k in range(self.spec.dim):
            best = -torch.inf
            for factor in FADING:
                phi = self._features(frames.t, frames.doses, factor * self.spec.interval)
                beta, omega, variance, likelihood = _fit(phi, frames.x[..., k], frames.observed[..., k])
                if likelihood > best:
                    best = likelihood
                    self.beta[k], self.omega[k], self.variance[k] = beta, omega, variance
                    self.constant[k] = factor * self.spec.interval
            self.positive[k] = bool((frames.x[..., k][frames.observed[..., k]] >= 0).all())

    def _features(self, t: Float[Tensor, "batch rows"], doses: DoseTensors, constant: Tensor | float) -> Tensor:
        """Phi, [batch, rows, features]; time counts from the first one of all, be it an age or a year."""
        since, elapsed = t[..., None] - doses.time[:, None], t - self.first
        given = (since > 0) * doses.amount[:, None]
        fading = (given * (-since.clamp(min=0) / constant).exp()).sum(dim=2)
        return torch.stack([torch.ones_like(t), elapsed, given.sum(dim=2), fading], dim=-1) / self.size

    def courses(
        self, subjects: TrajectoryBatch, times: Float[Tensor, " times"], draws: int, rng: torch.Generator
    ) -> Float[Tensor, "draws subjects times variables"]:
        count, found = len(subjects.t), []
        asked = times.expand(count, -1)
        for k in range(self.spec.dim):
            phi, seen = self._features(subjects.t, subjects.doses, self.constant[k]), subjects.observed[..., k]
            residual = torch.where(seen, subjects.x[..., k] - phi @ self.beta[k], 0)
            mean, covariance = _effects(phi, residual, seen, self.omega[k], self.variance[k])
            noise = torch.randn(draws, count, RANDOM, generator=rng, device=times.device)
            b = mean + (torch.linalg.cholesky(covariance) @ noise[..., None])[..., 0]
            later = self._features(asked, subjects.doses, self.constant[k])
            found.append(later @ self.beta[k] + torch.einsum("brf,dbf->dbr", later[..., :RANDOM], b))
        drawn = torch.stack(found, dim=-1)
        return torch.where(self.positive, drawn.clamp(min=0), drawn)

    def measured(
        self, courses: Float[Tensor, "draws subjects times variables"], rng: torch.Generator
    ) -> Float[Tensor, "draws subjects times variables"]:
        noise = torch.randn(courses.shape, generator=rng, device=courses.device)
        drawn = courses + self.variance.sqrt() * noise
        return torch.where(self.positive, drawn.clamp(min=0), drawn)


def _effects(
    phi: Tensor, residual: Tensor, seen: Tensor, omega: Tensor, variance: Tensor
) -> tuple[Float[Tensor, "batch effects"], Float[Tensor, "batch effects effects"]]:
    """(mean, covariance) of the random effects of each individual."""
    held = phi[..., :RANDOM] * seen[..., None]
    precision = held.mT @ held / variance + torch.linalg.inv(omega)
    covariance = torch.linalg.inv(precision)
    return torch.einsum("bfg,brg,br->bf", covariance, held, residual) / variance, (covariance + covariance.mT) / 2


def _fit(phi: Tensor, x: Tensor, seen: Tensor) -> tuple[Tensor, Tensor, Tensor, float]:
    """(beta, Omega, sigma^2, log likelihood) of one variable by EM, from the pooled ridge regression on."""
    phi, x = phi.double(), x.double()
    held, ridge = phi * seen[..., None], 1e-6 * torch.eye(FEATURES, dtype=torch.float64, device=phi.device)
    random, least_omega = phi[..., :RANDOM], ridge[:RANDOM, :RANDOM]
    count = seen.sum().clamp(min=1)
    gram = torch.einsum("brf,brg->fg", held, held) + ridge
    beta = torch.linalg.solve(gram, torch.einsum("brf,br->f", held, x))
    least = 1e-6 * x[seen].var(correction=0).clamp(min=1e-12)
    variance = torch.where(seen, x - phi @ beta, 0).square().sum() / count + least
    omega = torch.eye(RANDOM, dtype=torch.float64, device=phi.device) * variance
    for _ in range(ROUNDS):
        mean, covariance = _effects(phi, torch.where(seen, x - phi @ beta, 0), seen, omega, variance)
        omega = (torch.einsum("bf,bg->bfg", mean, mean) + covariance).mean(dim=0) + variance * least_omega
        beta = torch.linalg.solve(gram, torch.einsum("brf,br->f", held, x - torch.einsum("brf,bf->br", random, mean)))
        left = torch.where(seen, x - phi @ beta - torch.einsum("brf,bf->br", random, mean), 0).square().sum()
        known = random * seen[..., None]
        variance = (left + torch.einsum("brf,bfg,brg->", known, covariance, known)) / count + least
    return beta, omega, variance, _log_likelihood(phi, x, seen, beta, omega, variance)


def _log_likelihood(phi: Tensor, x: Tensor, seen: Tensor, beta: Tensor, omega: Tensor, variance: Tensor) -> float:
    """Of the measured values of all individuals; a row that was not measured has variance one and residual 0."""
    held = phi[..., :RANDOM] * seen[..., None]
    total = held @ omega @ held.mT + torch.diag_embed(torch.where(seen, variance, 1.0))
    residual = torch.where(seen, x - phi @ beta, 0)
    half = torch.linalg.solve_triangular(torch.linalg.cholesky(total), residual[..., None], upper=False)
    return float(-0.5 * half.square().sum() - 0.5 * torch.linalg.slogdet(total).logabsdet.sum())
