"""One time of each cell for all genes, each of which is switched on once and off once.

    unspliced = a_g U(t; on_g, off_g, beta_g),    spliced = b_g S(t; on_g, off_g, beta_g, gamma_g),    0 <= t <= 1

with (U, S) the levels of `kinetics` at transcription 1 from `on` to `off` and 0 before and after, Gaussian residuals.
Expectation maximisation from several orders of the cells: given times, each gene takes the likeliest curve of a library
of switch times and rates, with a_g and b_g by least squares; given curves, each cell has a posterior of its time on a
grid, flattened in the first rounds. Spliced RNA follows unspliced RNA, which the curves of reversed times cannot: the
order with the highest likelihood is kept.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.models.splicing.estimator import SplicingCells
from cellflow_core.models.splicing.kinetics import levels

GRID = 60
"""Times on which the posterior of a cell is known, from 0 to 1."""
ON = (-10.0, *(k / 10 for k in range(9)))
OFF = (*(k / 10 for k in range(1, 10)), 1.0)
SPLICING = tuple(2.0**k for k in range(1, 7))
DEGRADATION = tuple(2.0**k for k in range(6))
ROUNDS = 30
LAST_ROUNDS = 5
"""Rounds in which the posterior is not flattened."""
GENES_AT_FIRST = 5
"""Genes' worth of evidence that a cell has in the first round."""
START_WIDTH = 0.03
"""Standard deviation of the times of a cell at the start."""
LEAST_SD = 0.03
"""Smallest standard deviation of RNA around its curve, relative to the largest RNA of the gene."""
LEAST_LEAD = 0.5
"""Mean log likelihood of a cell over that of genes that do not change, below which cells have no order."""
MOST_CELLS = 3000
"""Cells that are fitted; of more, every n-th."""


@dataclass(frozen=True)
class SwitchedGenes:
    """Curves of genes on the grid of times. curves, sd: RNA; beta, gamma: 1 / time; on, off: switch times.

    amplitude   a_g and b_g: unspliced and spliced RNA per unit of transcription
    likelihood  mean log likelihood of a cell
    """

    curves: Float[Tensor, "2 grid genes"]
    sd: Float[Tensor, "2 genes"]
    amplitude: Float[Tensor, "2 genes"]
    on: Float[Tensor, " genes"]
    off: Float[Tensor, " genes"]
    beta: Float[Tensor, " genes"]
    gamma: Float[Tensor, " genes"]
    likelihood: float = -math.inf


@dataclass(frozen=True)
class Library:
    """Candidate curves at transcription 1. switches: on, off, beta and gamma of each; curves: unspliced, spliced."""

    switches: Float[Tensor, "4 candidates"]
    curves: Float[Tensor, "2 candidates grid"]

    @classmethod
    def of(cls, grid: Float[Tensor, " grid"]) -> Library:
        always = (ON[0], OFF[-1])
        pairs = [each for each in itertools.product(ON, OFF) if each[0] < each[1] and each != always]
        chosen = [(*pair, *rates) for pair in pairs for rates in itertools.product(SPLICING, DEGRADATION)]
        switches = torch.tensor(chosen, dtype=grid.dtype).T
        on, off, beta, gamma = switches[..., None]
        top = levels((torch.minimum(grid, off) - on).clamp_min(0), torch.ones_like(beta), beta, gamma)
        u, s = levels((grid - off).clamp_min(0), torch.zeros_like(beta), beta, gamma, *top)
        return cls(switches, torch.stack([u, s]))


def shared_time(cells: SplicingCells) -> tuple[SwitchedGenes, float]:
    """(the likeliest fit, by how much its mean log likelihood of a cell exceeds that of the best reversed fit).

    The second is 0 where genes that do not change fit as well, and infinite where every start ended in one direction.
    """
    step = math.ceil(len(cells.spliced) / MOST_CELLS)
    rna = torch.stack([cells.unspliced, cells.spliced]).double()[:, ::step]
    grid = torch.linspace(0, 1, GRID, dtype=rna.dtype, device=rna.device)
    library = Library.of(grid)
    fits = [_fit(rna, each, grid, library) for each in _starts(rna)]
    best, time = max(fits, key=lambda fit: fit[0].likelihood)
    if best.likelihood < _of_constant_genes(rna) + LEAST_LEAD:
        return best, 0.0
    backwards = [fit.likelihood for fit, other in fits if _covariance(time, other) < 0]
    return best, best.likelihood - max(backwards, default=-math.inf)


def log_likelihood(
    rna: Float[Tensor, "2 cells genes"], curves: Float[Tensor, "2 grid genes"], sd: Float[Tensor, "2 genes"]
) -> Float[Tensor, "cells grid"]:
    """Of each cell at each time of the grid, without its constant."""
    x, mean = rna / sd[:, None], curves / sd[:, None]
    square = x.square().sum(dim=2)[:, :, None] + mean.square().sum(dim=2)[:, None] - 2 * x @ mean.transpose(1, 2)
    return -0.5 * square.sum(dim=0) - sd.log().sum()


def posterior_mean(logs: Float[Tensor, "cells grid"]) -> Float[Tensor, " cells"]:
    """Expected time, from 0 to 1, all times being equally likely before."""
    return torch.softmax(logs, dim=1) @ torch.linspace(0, 1, logs.shape[1], dtype=logs.dtype, device=logs.device)


def _fit(rna: Tensor, start: Tensor, grid: Tensor, library: Library) -> tuple[SwitchedGenes, Float[Tensor, " cells"]]:
    """The fit from these times of the cells, and their times after it."""
    weight = torch.softmax(-0.5 * ((start[:, None] - grid) / START_WIDTH).square(), dim=1)
    for k in range(ROUNDS):
        found = _likeliest(rna, weight, library)
        logs = log_likelihood(rna, found.curves, found.sd)
        evidence = GENES_AT_FIRST * math.sqrt(1 + k) / rna.shape[2] if k < ROUNDS - LAST_ROUNDS else 1.0
        weight = torch.softmax(min(1.0, evidence) * logs, dim=1)
    found = _likeliest(rna, weight, library)
    logs = log_likelihood(rna, found.curves, found.sd)
    return replace(found, likelihood=_likelihood(logs)), posterior_mean(logs)


def _of_constant_genes(rna: Float[Tensor, "2 cells genes"]) -> float:
    """Mean log likelihood of a cell where no gene changes."""
    sd = (rna.var(dim=1, unbiased=False) + _least_variance(rna)).sqrt()
    return _likelihood(log_likelihood(rna, rna.mean(dim=1, keepdim=True).expand(-1, GRID, -1), sd))


def _likelihood(logs: Float[Tensor, "cells grid"]) -> float:
    """Mean over the cells, all times being equally likely."""
    return torch.logsumexp(logs, dim=1).mean().item() - math.log(logs.shape[1])


def _least_variance(rna: Float[Tensor, "2 cells genes"]) -> Float[Tensor, "2 genes"]:
    return (LEAST_SD * rna.amax(dim=1)).square().clamp_min(1e-12)


def _likeliest(rna: Tensor, weight: Float[Tensor, "cells grid"], library: Library) -> SwitchedGenes:
    """The candidate of each gene that explains most, with the weight of every cell at every time."""
    cross = library.curves @ (weight.T @ rna)
    square = library.curves.square() @ weight.sum(dim=0)
    amplitude = cross / square.clamp_min(1e-12)[..., None]
    residual = (rna.square().sum(dim=1)[:, None] - amplitude * cross).clamp_min(0) / rna.shape[1]
    variance = residual + _least_variance(rna)[:, None]
    best = variance.log().sum(dim=0).argmin(dim=0)
    genes = torch.arange(len(best), device=best.device)
    chosen = amplitude[:, best, genes]
    curves = library.curves[:, best].transpose(1, 2) * chosen[:, None]
    on, off, beta, gamma = library.switches[:, best]
    return SwitchedGenes(curves, variance[:, best, genes].sqrt(), chosen, on, off, beta, gamma)


def _starts(rna: Float[Tensor, "2 cells genes"]) -> Iterator[Float[Tensor, " cells"]]:
    """Ranks of the cells, from 0 to 1, forwards and backwards: along two principal components, and by the mean angle of
    the genes around the middle of their phase portraits, counted from where a gene is off."""
    scaled = rna - rna.mean(dim=1, keepdim=True)
    scaled = scaled / scaled.square().mean(dim=1, keepdim=True).sqrt().clamp_min(1e-12)
    components = torch.linalg.svd(torch.cat([*scaled], dim=1), full_matrices=False)[0][:, :2]
    u, s = scaled
    angle = torch.remainder(torch.atan2(u - s, -(u + s)), 2 * math.pi).mean(dim=1)
    for order in (*components.T, angle):
        yield _ranks(order)
        yield 1 - _ranks(order)


def _ranks(values: Float[Tensor, " cells"]) -> Float[Tensor, " cells"]:
    return values.argsort().argsort().to(values) / max(1, len(values) - 1)


def _covariance(a: Float[Tensor, " cells"], b: Float[Tensor, " cells"]) -> float:
    return ((a - a.mean()) * (b - b.mean())).mean().item()
