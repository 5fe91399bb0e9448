"""SINDy: equations in closed form, by least squares on derivatives and a threshold.

Brunton, Proctor & Kutz, "Discovering governing equations from data by sparse identification of nonlinear dynamical
systems", PNAS 113:3932, 2016, doi:10.1073/pnas.1517384113: dx/dt = Theta(x) c by least squares, small coefficients are
set to 0 and the others fitted again, until none is small. The quick sibling of `d-code`.

Departures: courses are smoothed by Gaussian processes (gene_fields/smooth_courses.py) before derivatives are taken. A
coefficient is small by what its term adds to the rate, both in standard deviations over all courses, so that units do
not matter; the paper compares coefficients as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from cellflow_core.config import setting
from cellflow_core.models.gene_fields.term_equations import FOLDS, TermEquations, TermSettings

ROUNDS = 20
"""Fits of one equation at most."""
STILL = 1e-6
"""Spread of a variable, over its largest value, below which it counts as constant."""
RIDGE = 1e-9
"""Penalty of the squared coefficients of scaled terms, which keeps terms apart that are nearly the same."""


@dataclass(frozen=True)
class Settings(TermSettings):
    threshold: float = setting(
        0.1, "what a term must add to a rate, in standard deviations of it, to stay", 0.0, 5.0, label="Threshold"
    )


class Sindy(TermEquations):
    title = "Sparse equations (after SINDy, Brunton et al. 2016)"
    summary = "Fits each gene's rate by a sum of terms, drops the small ones, and writes out what is left."
    limitation = (
        "It takes derivatives of smoothed courses: where these are noisy or measured rarely, D-CODE is the surer one. "
        "A short equation that fits need not be the true one."
    )
    paper = "Brunton, Proctor & Kutz, PNAS 2016"
    Config = Settings
    config: Settings

    def fitted(self, times: Tensor, course: Tensor, subject: Tensor) -> tuple[Tensor, Tensor]:
        terms, rates = self.terms.values(course), _slopes(times, course)
        still = course.flatten(0, 1).std(dim=0) <= STILL * course.abs().amax(dim=(0, 1)).clamp_min(1e-30)
        terms = terms * (self.terms.holds(self.spec.dim)[:, still].sum(dim=1) == 0)  # they tell no term from another
        found = sparse(terms.flatten(0, 1), rates.flatten(0, 1), self.config.threshold)
        return found, self._explained(terms, rates, subject)

    def _explained(self, terms: Tensor, rates: Tensor, subject: Tensor) -> Float[Tensor, " variables"]:
        """Share of the squared rates of individuals that equations of the others explain; NaN for a rate that does not
        vary, or where there is one individual."""
        people = subject.unique()
        left = torch.full(rates.shape[2:], torch.nan if len(people) < 2 else 0.0, dtype=rates.dtype)
        for k in range(min(FOLDS, len(people)) if len(people) > 1 else 0):
            out = torch.isin(subject, people[k::FOLDS])
            fitted = sparse(terms[~out].flatten(0, 1), rates[~out].flatten(0, 1), self.config.threshold)
            left += (rates[out] - terms[out] @ fitted.T).square().sum(dim=(0, 1))
        spread = (rates - rates.mean(dim=(0, 1))).square().sum(dim=(0, 1))
        return torch.where(spread > 1e-20 * rates.numel(), 1 - left / spread.clamp_min(1e-30), torch.nan)


def sparse(
    terms: Float[Tensor, "rows terms"], rates: Float[Tensor, "rows variables"], threshold: float
) -> Float[Tensor, "variables terms"]:
    """Coefficients by sequentially thresholded least squares, 0 where a term adds less than `threshold` to a rate, in
    standard deviations (root mean squares for a constant term) of both."""
    there = terms.abs().amax(dim=0) > 0
    size = torch.where(terms.std(dim=0) > 1e-12, terms.std(dim=0), terms.square().mean(dim=0).sqrt()).clamp_min(1e-30)
    spread = rates.std(dim=0).clamp_min(1e-30)
    scaled, wanted = terms / size, rates / spread
    gram, target = scaled.T @ scaled / len(scaled), scaled.T @ wanted / len(scaled)
    found = torch.zeros_like(target)
    for k in range(target.shape[1]):
        kept = there.clone()
        for _ in range(ROUNDS):
            if not kept.any():
                break
            inner = gram[kept][:, kept] + RIDGE * torch.eye(int(kept.sum()), dtype=gram.dtype)
            values = torch.linalg.solve(inner, target[kept, k])
            found[:, k] = 0.0
            found[kept, k] = values
            small = kept & (found[:, k].abs() < threshold)
            if not small.any():
                break
            kept &= ~small
            found[small, k] = 0.0
    return (found * spread / size[:, None]).T


def _slopes(
    times: Float[Tensor, "pieces points"], course: Float[Tensor, "pieces points variables"]
) -> Float[Tensor, "pieces points variables"]:
    """Derivatives of courses at equally spaced points, by central differences of second order."""
    step = (times[:, 1] - times[:, 0]).clamp_min(1e-30)
    return torch.gradient(course, dim=1, edge_order=2)[0] / step[:, None, None]
