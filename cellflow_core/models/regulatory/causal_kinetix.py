"""CausalKinetiX: terms that explain a variable equally well in every environment are ranked first.

Pfister, Bauer & Peters, "Learning stable and predictive structures in kinetic systems", PNAS 116:25405, 2019,
doi:10.1073/pnas.1905688116. For a target y, every set M of p + 1 terms is a model, dy/dt = sum_k c_k theta_k(x). With
courses x smoothed and c fitted to all other environments, the score of M in an environment is

    mean over its repetitions of (RSS_M - RSS) / RSS,

RSS being the squared residuals of the smooth course and RSS_M those of the course that the model leads to. Of q terms,
the q - p models of the least mean score over environments are the stable ones (as many as hold p given terms), and a
term or variable is ranked by the probability that at least as many models drawn at random hold it (hypergeometric).

Departures: the course of a model is y(0) + int sum_k c_k theta_k(x) dt with y(0) free, in place of a spline with that
derivative, and c is fitted to the same integrals (integral matching: Dattner & Klaassen 2015), each repetition divided
by its RSS; courses are smoothed by Gaussian processes. Where sets are too many, terms are first narrowed down to those
of the models of p terms with the least scores (the authors' program: to those that enter a lasso first).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float, Int
from scipy.stats import hypergeom
from torch import Tensor

from cellflow_core.config import Config, setting
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.data.snapshots import DataSpec
from cellflow_core.data.trajectory_batch import TrajectoryTensors
from cellflow_core.models.contract import DynamicsModel, Equations, HasEquations, HasNetwork, Phase
from cellflow_core.models.gene_fields.motion import NEEDS
from cellflow_core.models.gene_fields.smooth_courses import Courses, integrals
from cellflow_core.models.gene_fields.sparse_terms import AT_ONCE, Folds, narrowed, small_sets, solved
from cellflow_core.models.gene_fields.terms import Terms

MOST_SETS = 20_000
"""Models of one target; with more, terms are narrowed down to as many as give no more."""
MOST_SCREENED = 80
"""Terms of which all models of p terms are compared for that; of more, those that a forward selection takes first."""
LEAST_RESIDUAL = 1e-6
"""Least RSS of a repetition, over the mean square of the target's course: a course without noise has none."""
MOST_SUPPORT = 300.0
SHOWN, NAMED = 12, 4


@dataclass(frozen=True)
class Settings(Config):
    environment: str = setting(
        "", "annotation of the individuals that tells environments; empty: each individual is one", label="Environment"
    )
    degree: int = setting(2, "factors of a term at most, as in A or A B", 1, 3, label="Degree")
    intercept: bool = setting(False, "a constant among the terms", label="Constant term")
    expected_terms: int = setting(2, "terms that an equation is expected to have", 1, 3, label="Expected terms p")


class CausalKinetix(DynamicsModel, HasNetwork, HasEquations):
    title = "CausalKinetiX (after Pfister et al. 2019)"
    summary = "Ranks the terms of each gene's equation by how well the same equation holds in every environment."
    limitation = (
        "A rank, not an equation: terms that are right in every environment that was measured come first. Environments "
        "that hardly differ cannot tell a cause from a companion."
    )
    paper = "Pfister, Bauer & Peters 2019, PNAS 116:25405, doi:10.1073/pnas.1905688116"
    needs = frozenset({DataRequirement.GENE_AXES}) | NEEDS["series"]
    trains_on = "trajectories"
    annotation_setting = "environment"
    counts_intervals = False
    default_training: ClassVar[Mapping[str, Any]] = {"steps": 1, "validation_fraction": 0.0}
    Config = Settings
    config: Settings

    support: Tensor  # [variables, terms], -log10 of the probability of a term in the stable models
    influence: Tensor  # [variables, variables], the same of a variable, with the sign of its terms

    def __init__(self, config: Settings, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.terms = Terms.up_to(spec.dim, config.degree, constant=config.intercept)
        self.register_buffer("support", torch.zeros(spec.dim, len(self.terms)))
        self.register_buffer("influence", torch.zeros(spec.dim, spec.dim))

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("stability", prepare=self.prepare),)

    @torch.no_grad()
    def prepare(self, frames: TrajectoryTensors, rng: torch.Generator) -> None:
        courses = Courses.of(frames)
        times = courses.fine_times()
        theta = self.terms.values(courses.smoothed(times))
        found = integrals(times, theta, courses.t)  # [pieces, rows, terms]
        smooth = courses.smoothed(courses.t)
        where = self._environments(frames)[courses.subject]
        for target in range(self.spec.dim):
            known = courses.observed[:, :, target].double()
            y = courses.x[:, :, target]
            folds = _folds(found, y, (y - smooth[:, :, target]) * known, known, where)
            self._rank(target, folds)

    def _environments(self, frames: TrajectoryTensors) -> Int[Tensor, " subjects"]:
        name = self.config.environment
        if not name:
            return torch.arange(len(frames.t), device=frames.t.device)
        if f"label {name}" not in frames.known:
            there = sorted(each.removeprefix("label ") for each in frames.known if each.startswith("label "))
            raise ValueError(
                f"no annotation {name!r} tells the environment of each individual; these data "
                f"have {' and '.join(there) or 'none'}"
            )
        return frames.known[f"label {name}"].long()

    def _rank(self, target: int, folds: Folds) -> None:
        """Support of each term and influence of each variable on the target."""
        size = self.config.expected_terms + 1
        terms = _screened(folds, self.config.expected_terms)
        sets = small_sets(terms, min(size, len(terms))).to(folds.total.device)
        stable = sets[_scores(folds, sets).argsort(stable=True)[: max(1, len(terms) - self.config.expected_terms)]]
        held, drawn = (torch.zeros(len(each), len(self.terms)).scatter_(1, each.cpu(), 1.0) for each in (sets, stable))
        self.support[target] = _improbability(held, drawn)
        holds = self.terms.holds(self.spec.dim)
        square, product = folds.square.sum(dim=0), folds.product.sum(dim=0)
        sign = torch.zeros(len(self.terms)).index_add_(
            0, stable.flatten().cpu(), solved(square, product, stable).flatten().float().cpu()
        )
        by_variable = _improbability((held @ holds).clamp(max=1), (drawn @ holds).clamp(max=1))
        self.influence[target] = by_variable * torch.sign(sign @ holds)

    def network(self, group: str = "") -> Float[Tensor, "genes genes"]:
        if group:
            raise KeyError(f"there is no group {group!r}: this network is that of all cells")
        return self.influence

    def ranked(self, target: int) -> tuple[tuple[str, float], ...]:
        """(term, support), the best first; those without support are left out."""
        names, support = self.terms.names(self.spec.genes), self.support[target]
        order = support.argsort(descending=True, stable=True).tolist()
        return tuple((names[k], float(support[k])) for k in order if support[k] > 0)

    def equations(self) -> Equations:
        return Equations(
            form=r"\frac{dx_i}{dt} = \sum_k c_{ik}\,\theta_k(x)",
            meaning="Each θ is a product of levels, in the units of the data. Terms are ranked by their support, "
            "−log10 of the probability by chance that stable equations hold them; no coefficient is fitted.",
            products=self.terms.products,
            coefficients=self.support,
            before=("f(",) * self.spec.dim,
            after=(")",) * self.spec.dim,
            exact=False,
            quantity="support",
            level="@",
            time="t",
        )

    def notes(self) -> tuple[str, ...]:
        if not self.support.any():
            return ()
        rows = []
        for k, gene in enumerate(self.spec.genes[:SHOWN]):
            named = [f"{name} ({support:.1f})" for name, support in self.ranked(k)[:NAMED]]
            rows.append(f"{gene}: {', '.join(named) or 'none'}.")
        return ("Terms of each gene by their support (-log10 of the probability by chance):", *rows)


def _folds(found: Tensor, y: Tensor, residual: Tensor, known: Tensor, where: Tensor) -> Folds:
    """One fold an environment; each repetition centered over its rows and divided by the square root of its RSS."""
    rows = known.sum(dim=1, keepdim=True).clamp_min(1)
    centered = (y - (y * known).sum(dim=1, keepdim=True) / rows) * known
    terms = (found - (found * known[..., None]).sum(dim=1, keepdim=True) / rows[..., None]) * known[..., None]
    square = residual.square().sum(dim=1, keepdim=True)
    least = LEAST_RESIDUAL * centered.square().sum(dim=1).mean()
    weight = square.clamp_min(max(float(least), 1e-300)).rsqrt()
    per_environment = [(where == each).nonzero()[:, 0] for each in where.unique()]
    left = [(terms * weight[..., None])[each].flatten(0, 1) / len(each) ** 0.5 for each in per_environment]
    right = [(centered * weight)[each].flatten() / len(each) ** 0.5 for each in per_environment]
    return Folds.of(left, right)


def _scores(folds: Folds, sets: Int[Tensor, "sets size"]) -> Float[Tensor, " sets"]:
    """Mean over environments of RSS_M / RSS in it, with coefficients of the others; of one environment, its own."""
    found = torch.zeros(len(sets), dtype=folds.total.dtype, device=sets.device)
    for k in range(len(folds.total)):
        fit = folds.without(k) if len(folds.total) > 1 else (folds.square[k], folds.product[k])
        for rows in torch.arange(len(sets), device=sets.device).split(AT_ONCE):
            some = sets[rows]
            c = solved(*fit, some)
            part = folds.square[k][some[:, :, None], some[:, None, :]]
            quadratic = torch.einsum("si,sij,sj->s", c, part, c)
            found[rows] += folds.total[k] - 2 * (c * folds.product[k][some]).sum(dim=1) + quadratic
    return found / len(folds.total)


def _screened(folds: Folds, expected: int) -> list[int]:
    """The terms, or as many as are affordable: those of the models of `expected` terms with the least scores."""
    most = _affordable(folds.product.shape[1], expected + 1)
    terms = narrowed(folds, max(most, MOST_SCREENED))
    if len(terms) <= most:
        return terms
    sets = small_sets(terms, expected).to(folds.total.device)
    scores = _scores(folds, sets)
    least = torch.full_like(folds.product[0], torch.inf)
    for column in sets.T:
        least.scatter_reduce_(0, column, scores, "amin")
    return sorted(least.argsort(stable=True)[:most].tolist())


def _affordable(terms: int, size: int) -> int:
    """The largest number of terms of which there are at most MOST_SETS sets."""
    return max(k for k in range(1, terms + 1) if k <= size or math.comb(k, size) <= MOST_SETS)


def _improbability(held: Float[Tensor, "sets each"], drawn: Float[Tensor, "stable each"]) -> Float[Tensor, " each"]:
    """-log10 of the probability that as many sets or more of `drawn`, had they been drawn from `held`, hold each."""
    count, among = drawn.sum(dim=0).numpy(), held.sum(dim=0).numpy()
    logarithm = hypergeom.logsf(count - 1, len(held), among, len(drawn))
    return torch.from_numpy(-logarithm / math.log(10)).float().clamp(0, MOST_SUPPORT)
