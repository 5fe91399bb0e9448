"""How closely curves of compartments can follow each person of a study, without any population: a bound for any mixed
model of the same compartments.

    python benchmarks/free_fits.py --data warfarin.csv

For each individual the curve with the least sum of squared relative errors of its values above 0 after the dose, from
nine beginnings and, for two compartments, from the fit of one; printed is the root of the mean squared relative error
(RMSPE) of all values, and of those between each two of --edges. One dose each. People with fewer than seven such values
get one compartment, which has four parameters.

Curves with so many parameters follow errors of measurement too: beside it stands the residual error that is left per
degree of freedom, the root of the sum of squares over (values - parameters), which is what a curve that is known would
be missed by; and, where a person was measured twice at a time, the error of a single value that these pairs tell.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import course_data
import numpy as np
from scipy.optimize import least_squares
from scipy.special import gammainc

from cellflow_core.data.trajectories import Trajectories

Array = np.ndarray
Curve = Callable[[Array, Array, float], Array]
FEW, BEGINNINGS = 7, 9
LOWEST, HIGHEST = -9.0, 7.0
"""Of the logarithm of a parameter."""


def modes(k10: float, k12: float, k21: float) -> list[tuple[float, float]]:
    """(rate, part) of one or two exponentials after a unit at once, times the volume."""
    if not k12:
        return [(k10, 1.0)]
    total = k10 + k12 + k21
    root = np.sqrt(max(total**2 - 4 * k10 * k21, 1e-12))
    fast = (total + root) / 2
    slow = k10 * k21 / fast
    return [(fast, (fast - k21) / root), (slow, (k21 - slow) / root)]


def lagged(p: Array, t: Array, dose: float) -> Array:
    """Absorbed at a constant rate after a lag. p: logarithms of ke, ka, V, lag, and k12 and k21 of two compartments."""
    ke, ka, volume, lag, *more = np.exp(p)
    since = np.maximum(t - lag, 0)
    found = np.zeros_like(t)
    for rate, part in modes(ke, *(more or (0.0, 0.0))):
        gap = ka - rate if abs(ka - rate) > 1e-9 else 1e-9
        found += part * ka / gap * (np.exp(-rate * since) - np.exp(-ka * since))
    return dose / volume * found


def transit(p: Array, t: Array, dose: float) -> Array:
    """Absorption times have a gamma distribution. p: logarithms of ke, what ka is above the fastest rate, V, shape."""
    ke, above, volume, shape, *more = np.exp(p)
    found, parts = np.zeros_like(t), modes(ke, *(more or (0.0, 0.0)))
    ka = parts[0][0] + above
    for rate, part in parts:
        found += part * np.exp(-rate * t) * (ka / (ka - rate)) ** shape * gammainc(shape, (ka - rate) * t)
    return dose / volume * found


class Fit(NamedTuple):
    """The best curve of one individual: logarithms of its parameters, and relative errors of its values."""

    p: Array
    errors: Array


def fit(curve: Curve, begins: Sequence[Array], t: Array, y: Array, dose: float, rng: np.random.Generator) -> Fit:
    """From each of the beginnings, and from places of chance around the first."""

    def off(p: Array) -> Array:
        with np.errstate(all="ignore"):
            return np.nan_to_num((curve(p, t, dose) - y) / y, nan=50, posinf=50, neginf=-50).clip(-50, 50)

    around = [begins[0] + 0.7 * rng.standard_normal(len(begins[0])) for _ in range(BEGINNINGS - 1)]
    fits = [least_squares(off, each.clip(LOWEST, HIGHEST), bounds=(LOWEST, HIGHEST)) for each in (*begins, *around)]
    best = min(fits, key=lambda each: each.cost).x
    return Fit(best, off(best))


def values(data: Trajectories, who: int) -> tuple[Array, Array, float]:
    """(times since the dose, values above 0 after it, dose) of an individual; the first variable counts."""
    dose = data.doses.of(np.array([who]))
    since = data.t - dose.time[0]
    rows = (data.subject == who) & data.observed[:, 0] & (data.x[:, 0] > 0) & (since > 0)
    return since[rows], data.x[rows, 0].astype(float), float(dose.amount[0])


def pairs(data: Trajectories) -> Array:
    """Relative difference of each two values above 0 of a person at the same time."""
    found = []
    for who in data.subjects:
        t, y, _ = values(data, who)
        same = np.flatnonzero(np.diff(t) == 0)
        found += [2 * (y[k + 1] - y[k]) / (y[k + 1] + y[k]) for k in same]
    return np.array(found)


def fits(data: Trajectories, curve: Curve, last: float) -> tuple[list[Fit], list[Fit]]:
    """(with one compartment, with two) of everyone. last: beginning of the fourth parameter."""
    span = float(np.median([np.ptp(data.t[data.subject == each]) for each in data.subjects]))
    rng, one, two = np.random.default_rng(0), [], []
    for who in data.subjects:
        t, y, dose = values(data, who)
        begin = np.log([3 / span, 50 / span, dose / float(y.max()), last])
        one.append(fit(curve, [begin], t, y, dose, rng))
        if len(y) < FEW:
            two.append(one[-1])
            continue
        further = np.log([15 / span, 15 / span])
        none = np.array([LOWEST, further[1]])  # next to nothing goes into the second compartment
        begins = [np.append(begin, further), np.append(one[-1].p, further), np.append(one[-1].p, none)]
        two.append(fit(curve, begins, t, y, dose, rng))
    return one, two


def main(arguments: list[str] | None = None) -> dict[str, float]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, type=Path, metavar="FILE")
    parser.add_argument("--edges", default="", help="values between which errors are told, with commas between")
    asked = parser.parse_args(arguments)
    data = course_data.read(str(asked.data), 0)
    span = float(np.median([np.ptp(data.t[data.subject == each]) for each in data.subjects]))
    y = np.concatenate([values(data, each)[1] for each in data.subjects])
    edges = [0.0, *(float(each) for each in asked.edges.split(",") if each), np.inf]
    difference = pairs(data)
    if len(difference):
        error, median = np.sqrt(np.mean(difference**2) / 2), np.median(np.abs(difference)) / (0.6745 * 2**0.5)
        print(f"{len(difference)} pairs at one time: error of a value {error:.1%}, by the median pair {median:.1%}")
    found = {}
    for name, curve, last in (("lag", lagged, 0.02 * span), ("gamma", transit, 1.3)):
        for label, made in zip(("1 compartment", "2 compartments"), fits(data, curve, last), strict=True):
            square = np.concatenate([each.errors for each in made]) ** 2
            found[f"{label}, {name}"] = float(np.sqrt(square.mean()))
            free = len(y) - sum(len(each.p) for each in made)
            print(
                f"{label + ', ' + name:24} RMSPE {np.sqrt(square.mean()):.1%} of {len(y)} values; residual error "
                f"{np.sqrt(square.sum() / free):.1%} with {free} degrees of freedom",
                flush=True,
            )
            for low, high in pairwise(edges) if asked.edges else ():
                rows = (y > low) & (y <= high)
                error = np.sqrt(square[rows].mean()) if rows.any() else np.nan
                print(f"    {low:g} to {high:g}: {error:.1%} of {rows.sum()} values", flush=True)
    return found


if __name__ == "__main__":
    main()
