"""How closely curves of compartments can follow each person of a study, without any population: a bound for any mixed
model of the same compartments.

    python benchmarks/free_fits.py --data warfarin.csv

For each individual the curve with the least sum of squared relative errors of its values above 0 after the dose, from
nine beginnings; printed is the root of the mean squared relative error (RMSPE) of all values. One dose each. People
with fewer than seven such values get one compartment, which has four parameters.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import course_data
import numpy as np
from scipy.optimize import least_squares
from scipy.special import gammainc

Array = np.ndarray
Curve = Callable[[Array, Array, float], Array]
FEW, BEGINNINGS = 7, 9


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


def relative_errors(curve: Curve, begin: Array, t: Array, y: Array, dose: float, rng: np.random.Generator) -> Array:
    """Of the best fit of one individual."""

    def off(p: Array) -> Array:
        with np.errstate(all="ignore"):
            return np.nan_to_num((curve(p, t, dose) - y) / y, nan=50, posinf=50, neginf=-50).clip(-50, 50)

    starts = [begin + 0.7 * (k > 0) * rng.standard_normal(len(begin)) for k in range(BEGINNINGS)]
    fits = [least_squares(off, each, bounds=(-9, 7)) for each in starts]
    return off(min(fits, key=lambda each: each.cost).x)


def main(arguments: list[str] | None = None) -> dict[str, float]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, type=Path, metavar="FILE")
    data = course_data.read(str(parser.parse_args(arguments).data), 0)
    span = np.median([np.ptp(data.t[data.subject == each]) for each in data.subjects])
    found = {}
    for name, curve, last in (("lag", lagged, 0.02 * span), ("gamma", transit, 1.3)):
        for compartments in (1, 2):
            rng, errors = np.random.default_rng(0), []
            for who in data.subjects:
                dose = data.doses.of(np.array([who]))
                since = data.t - dose.time[0]
                rows = (data.subject == who) & data.observed[:, 0] & (data.x[:, 0] > 0) & (since > 0)
                t, y = since[rows], data.x[rows, 0].astype(float)
                first = [3 / span, 50 / span, float(dose.amount[0] / y.max()), last]
                first += [15 / span, 15 / span] if compartments == 2 and len(y) >= FEW else []
                errors.append(relative_errors(curve, np.log(first), t, y, float(dose.amount[0]), rng))
            label = f"{compartments} compartment{'s' * (compartments - 1)}, {name}"
            found[label] = float(np.sqrt(np.mean(np.concatenate(errors) ** 2)))
            print(f"{label:24} RMSPE {found[label]:.1%} of {sum(map(len, errors))} values", flush=True)
    return found


if __name__ == "__main__":
    main()
