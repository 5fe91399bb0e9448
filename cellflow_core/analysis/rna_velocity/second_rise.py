"""Genes whose transcription rises a second time along a lineage: what estimators with constant rates misread.

A gene that is transcribed at a low rate first and at a higher one later is boosted (Barile et al. 2021, Genome Biol.
22:197; Bergen et al. 2021, Mol. Syst. Biol. 17:e10282). Its cells before the boost lie below the line at steady state
of those after it and are read as falling. Ours: the order of the cells is cut into BINS parts, and the mean unspliced
RNA of each gene is held against courses of constant rates,

    u(t) = alpha f(t; on, off, beta)                                      one rise
    u(t) = alpha_1 f(t; on_1, off, beta) + alpha_2 f(t; on_2, off, beta)  two rises, alpha_1, alpha_2 > 0

with df/dt = beta (1 - f) between on and off and -beta f elsewhere, by least squares over grids of on, off and beta. The
time between two parts is their displacement along the velocity, over its length. Spliced RNA and the ratio at steady
state have no say.
"""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from cellflow_core.analysis.rna_velocity.estimates import Estimates

Array = np.ndarray
BINS = 30
FEWEST = 5
"""Cells that a part of the order must have."""
FOLLOWS = 0.8
"""Share of the variance of a gene's unspliced RNA between the parts from which on it follows the order."""
LEFT = 0.02
"""Share of the variance between the parts that one rise must leave, so that there is room for a second one."""
GAIN = 0.8
"""Share of what one rise leaves that two rises must explain. This and LEFT: docs/methods/rna_velocity.md."""
SEPARATION = 0.1
"""Least part of the time between both rises."""
GENES = 100


class SecondRise(NamedTuple):
    """follows: genes that follow the order; twice: those among them whose transcription rises twice."""

    follows: Bool[Array, " genes"]
    twice: Bool[Array, " genes"]


def second_rise(found: Estimates, order: Float[Array, " cells"]) -> SecondRise:
    """No gene follows where there are fewer than BINS * FEWEST cells. The first estimator keeps the time."""
    genes = len(found.genes)
    follows, twice = np.zeros(genes, bool), np.zeros(genes, bool)
    if len(order) < BINS * FEWEST:
        return SecondRise(follows, twice)
    parts = np.array_split(np.argsort(order, kind="stable"), BINS)
    courses = _courses(_time(found, parts))
    for some in (slice(first, first + GENES) for first in range(0, genes, GENES)):
        u = np.stack([found.unspliced[part, some].mean(axis=0, dtype=np.float64) for part in parts])
        size = np.array([[len(part)] for part in parts])
        between = (size * np.square(u - found.unspliced[:, some].mean(axis=0, dtype=np.float64))).sum(axis=0)
        follows[some] = between >= FOLLOWS * len(order) * found.unspliced[:, some].var(axis=0, dtype=np.float64)
        follows[some] &= between > 0
        one, two = _misfit(u, courses)
        varies = np.maximum(np.square(u - u.mean(axis=0)).sum(axis=0), 1e-30)
        twice[some] = follows[some] & (one > LEFT * varies) & (two < (1 - GAIN) * one)
    return SecondRise(follows, twice)


def _time(found: Estimates, parts: list[Array]) -> Float[Array, " bins"]:
    """Of each part of the order, in units of the velocity, from 0."""
    s, v = (
        np.stack([each[part].mean(axis=0) for part in parts]) / found.scale
        for each in (found.spliced, found.velocity[0])
    )
    mean = (v[1:] + v[:-1]) / 2
    step = (np.diff(s, axis=0) * mean).sum(axis=1) / np.maximum(np.square(mean).sum(axis=1), 1e-30)
    least = max(0.1 * float(np.median(step)), 1e-12)  # an order has no step back
    return np.concatenate([[0.0], np.cumsum(np.maximum(step, least))])


class _Courses(NamedTuple):
    """one: courses of one rise; first, second: the two of a pair, switched off together."""

    one: Float[Array, "courses bins"]
    first: Float[Array, "pairs bins"]
    second: Float[Array, "pairs bins"]


def _courses(t: Float[Array, " bins"]) -> _Courses:
    """On from ever or within the time; off within it or never."""
    span = t[-1]
    ons = (-np.inf, *np.linspace(-0.02 * span, 0.9 * span, 16))
    offs = (*np.linspace(0.1 * span, 0.95 * span, 9), np.inf)
    one, first, second = [], [], []
    for beta in np.geomspace(1.5, 40, 8) / span:
        for off in offs:
            known = {on: _course(t, on, off, beta) for on in ons if on < off}
            one += list(known.values())
            pairs = [(a, b) for a, b in combinations(known, 2) if b - max(a, 0.0) > SEPARATION * span]
            first += [known[a] for a, _ in pairs]
            second += [known[b] for _, b in pairs]
    return _Courses(*map(np.array, (one, first, second)))


def _course(t: Float[Array, " bins"], on: float, off: float, beta: float) -> Float[Array, " bins"]:
    """Unspliced RNA where transcription of rate beta is on between both times; on from ever: at steady state."""
    rising = np.ones_like(t) if np.isneginf(on) else -np.expm1(-beta * np.clip(t - on, 0, None))
    if np.isposinf(off):
        return rising
    top = 1.0 if np.isneginf(on) else -np.expm1(-beta * (off - on))
    return np.where(t < off, rising, top * np.exp(-beta * np.clip(t - off, 0, None)))


def _misfit(u: Float[Array, "bins genes"], courses: _Courses) -> tuple[Float[Array, " genes"], Float[Array, " genes"]]:
    """Least sum of squares with one rise and with two, each with rates above 0."""
    square = np.square(u).sum(axis=0)
    own = np.maximum(np.square(courses.one).sum(axis=1), 1e-30)[:, None]
    one = square - (np.square(np.maximum(courses.one @ u, 0)) / own).max(axis=0)
    a, b = courses.first, courses.second
    aa, bb, ab = (np.einsum("pb,pb->p", x, y)[:, None] for x, y in ((a, a), (b, b), (a, b)))
    au, bu, determinant = a @ u, b @ u, aa * bb - ab**2
    known = determinant > 1e-6 * aa * bb
    determinant = np.where(known, determinant, 1.0)
    first, second = (au * bb - bu * ab) / determinant, (bu * aa - au * ab) / determinant
    explained = np.where(known & (first > 0) & (second > 0), first * au + second * bu, 0.0)
    return one, np.minimum(one, square - explained.max(axis=0))
