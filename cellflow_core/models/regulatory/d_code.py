"""D-CODE: equations in closed form, read off the courses of individuals by their variational form.

Qian, Kacprzyk & van der Schaar, "D-CODE: discovering closed-form ODEs from observed trajectories", ICLR 2022. Courses
are smoothed by Gaussian processes (gene_fields/smooth_courses.py); what a right-hand side has to satisfy is an integral
over each course against sines (gene_fields/weak_form.py), so that no derivative is ever taken of noisy data.

Departures: the right-hand side is a sum of few products of variables, found by least squares over all small sets of
terms (gene_fields/sparse_terms.py), in place of any formula by genetic programming: a constant within a function, as in
x / (K + x), is not found. Slow sines weigh more. The number of terms is chosen on individuals that were left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cellflow_core.config import setting
from cellflow_core.models.gene_fields.sparse_terms import Folds, sparse_coefficients
from cellflow_core.models.gene_fields.term_equations import FOLDS, TermEquations, TermSettings
from cellflow_core.models.gene_fields.weak_form import projections


@dataclass(frozen=True)
class Settings(TermSettings):
    most_terms: int = setting(5, "terms of one equation", 1, 6, label="Most terms")
    functions: int = setting(20, "sines that each course is integrated against", 2, 200, label="Test functions")
    tolerance: float = setting(
        0.2,
        "error on left-out individuals that fewer terms may add, over the least one: more gives shorter equations",
        0.0,
        10.0,
        label="Tolerance",
    )


class DCode(TermEquations):
    title = "Closed-form equations (after D-CODE, Qian et al. 2022)"
    summary = "Reads an equation of few terms for each gene off the courses of individuals, and writes it out."
    limitation = (
        "Only sums of products of the measured variables are tried. Terms that take the same values along all courses "
        "stand for each other, so a short equation that fits need not be the true one."
    )
    paper = "Qian, Kacprzyk & van der Schaar, ICLR 2022"
    Config = Settings
    config: Settings

    def fitted(self, times: Tensor, course: Tensor, subject: Tensor) -> tuple[Tensor, Tensor]:
        left, right = projections(times, course, self.terms.values(course), self.config.functions)
        if len(left) == 1:  # one piece: sines are left out in turn, in place of individuals
            left, right = left.transpose(0, 1), right.transpose(0, 1)
        rows = [torch.arange(len(left))[k::FOLDS] for k in range(min(FOLDS, len(left)))]
        found = []
        for target in range(self.spec.dim):
            folds = Folds.of(
                [left[each].flatten(0, 1) for each in rows], [right[each, :, target].flatten() for each in rows]
            )
            found.append(sparse_coefficients(folds, self.config.most_terms, self.config.tolerance))
        return torch.stack([each for each, _ in found]), torch.tensor([float(share) for _, share in found])
