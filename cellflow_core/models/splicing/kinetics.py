"""Splicing kinetics with constant rates, solved in closed form (Bergen et al. 2020, doi:10.1038/s41587-020-0591-3).

    du/dt = alpha - beta u,    ds/dt = beta u - gamma s
    u(t) = u0 e^(-beta t) + alpha/beta (1 - e^(-beta t))
    s(t) = s0 e^(-gamma t) + alpha/gamma (1 - e^(-gamma t))
           + (alpha - beta u0) (e^(-gamma t) - e^(-beta t)) / (gamma - beta)

Where gamma comes near beta, the last fraction has the limit -t e^(-beta t).
"""

from __future__ import annotations

import torch
from torch import Tensor

POINTS = 100
"""Of the course of a gene, in each phase."""
SLOW = 4.0
"""Times of the slower decay for which a gene is followed after it was switched off."""
NEAR = 1e-4
"""Relative difference of gamma and beta below which the limit is taken."""


def levels(
    time: Tensor, alpha: Tensor, beta: Tensor, gamma: Tensor, u0: Tensor | float = 0.0, s0: Tensor | float = 0.0
) -> tuple[Tensor, Tensor]:
    """(unspliced, spliced) RNA a time after (u0, s0), transcribed at the rate alpha throughout; shapes broadcast.

    time      of the same unit as 1 / beta and 1 / gamma; alpha: RNA / time; u0, s0: RNA
    """
    of_u, of_s = torch.exp(-beta * time), torch.exp(-gamma * time)
    difference = gamma - beta
    near = difference.abs() < NEAR * beta
    fraction = torch.where(
        near, -time * of_u, (of_s - of_u) / torch.where(near, torch.ones_like(difference), difference)
    )
    u = u0 * of_u + alpha / beta * (1 - of_u)
    s = s0 * of_s + alpha / gamma * (1 - of_s) + (alpha - beta * u0) * fraction
    return u, s


def switched_course(alpha: Tensor, beta: Tensor, gamma: Tensor, switch: Tensor) -> tuple[Tensor, Tensor]:
    """(unspliced, spliced) RNA of a gene, [points] each: switched on at 0 without RNA, and off at `switch`, until next
    to nothing is left; rates and time without dimensions."""
    part = torch.linspace(0, 1, POINTS, dtype=alpha.dtype, device=alpha.device)
    on = levels(part * switch, alpha, beta, gamma)
    top = (on[0][-1], on[1][-1])
    off = levels(part * SLOW / torch.minimum(beta, gamma), torch.zeros_like(alpha), beta, gamma, *top)
    return torch.cat([on[0], off[0]]), torch.cat([on[1], off[1]])
