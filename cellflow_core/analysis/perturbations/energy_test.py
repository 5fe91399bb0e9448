"""How far the cells of a target are from the control cells, beside halves of the controls, with a permutation test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from cellflow_core.analysis.perturbations.perturbation_groups import CONTROL, LEAST_IN_STRATUM, PerturbationGroups
from cellflow_core.data.spaces.affine import AffineSpace
from cellflow_core.data.spaces.splicing import SplicingSpace
from cellflow_core.data.state_space import StateSpace
from cellflow_core.math.energy_distance import (
    energy,
    energy_of_labels,
    permuted_labels,
    sampled_weights,
)

Array = np.ndarray
MOST_CELLS = 400
"""Cells of a target that are compared; above it, as many drawn at random."""
PERMUTATIONS = 999
LEAST_P_OF_TESTS = 40
"""Permutations for each target of a screen, so that a single effect among them can be found."""
MOST_ROUNDS = 20
ENOUGH_LARGER = 5
"""Permutations as large as what was measured at which no more are drawn."""
DRAWS = 200
SPLITS = 100
"""Random halves of the control cells."""
_QUANTILES = (0.025, 0.975)


class EnergyTest(NamedTuple):
    """Fields of `MeasuredEffects` for one effect: distance in state with its 95 % interval over cells, the same of
    halves of the controls, p of the permutation test, and the cells on each side."""

    distance: float
    distance_low: float
    distance_high: float
    floor_low: float
    floor: float
    floor_high: float
    p: float
    compared_cells: int


def energy_test(x: Float[Array, "cells dim"], groups: PerturbationGroups, effect: int, seed: int) -> EnergyTest:
    """One effect against twice as many control cells, of which the floor takes one half against the other.

    In each stratum n cells of the target and 2 n controls are drawn; the distances of the strata are averaged with the
    weights n. Labels are permuted within strata. x: the states without what is not to be compared.
    """
    from sklearn.metrics.pairwise import euclidean_distances

    rng = np.random.default_rng(seed)
    sizes = _sizes(groups, effect)
    total, parts = sum(sizes.values()), []
    for stratum, size in sizes.items():
        target = rng.choice(groups.rows(effect, stratum), size, replace=False)
        control = rng.choice(groups.rows(CONTROL, stratum), 2 * size, replace=False)
        parts.append((size / total, size, euclidean_distances(x[np.concatenate([target, control])])))
    found = [(weight, *_stratum(distances, size, rng)) for weight, size, distances in parts]
    observed, drawn, halves = (np.sum([each[0] * each[k] for each in found], axis=0) for k in (1, 2, 3))
    p = _permutation_p(parts, float(observed[0]), len(groups.names), rng)
    low, high = np.quantile(drawn, _QUANTILES)
    floor_low, floor, floor_high = np.quantile(halves, (_QUANTILES[0], 0.5, _QUANTILES[1]))
    return EnergyTest(
        float(observed[0]), float(low), float(high), float(floor_low), float(floor), float(floor_high), p, total
    )


def without_genes(
    x: Float[Array, "cells dim"], space: StateSpace, measured: dict[str, Float[Array, " cells"]]
) -> Float[Array, "cells dim"]:
    """States in which these genes do not differ between cells, exact for genes and principal components as axes.

    measured  gene of the space -> its values in every cell. Other spaces, and coordinates, are returned as they are.
    Where unspliced and spliced RNA are the axes, both of the gene are taken out.
    """
    if not isinstance(space, AffineSpace) or not measured:
        return x
    x = np.array(x)
    for gene, values in measured.items():
        weight, offset = space.gene(gene)
        if space.kind == "genes":
            x[:, space.index(gene)] = 0.0
        elif isinstance(space, SplicingSpace):
            x[:, [space.index(gene), len(space.genes) + space.index(gene)]] = 0.0
        else:
            x -= np.outer(values - offset, weight).astype(x.dtype)
    return x


def _sizes(groups: PerturbationGroups, effect: int) -> dict[int, int]:
    """Stratum -> cells of the target that are compared: at most MOST_CELLS in all, at most half of the controls."""
    found = {}
    for stratum in range(groups.count):
        size = min(len(groups.rows(effect, stratum)), len(groups.rows(CONTROL, stratum)) // 2)
        if size >= LEAST_IN_STRATUM:
            found[stratum] = size
    total = sum(found.values())
    if total > MOST_CELLS:
        found = {each: max(size * MOST_CELLS // total, LEAST_IN_STRATUM) for each, size in found.items()}
    return found


def _stratum(distances: Float[Array, "n n"], size: int, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """(distance [1], bootstrap samples, halves of the controls); the first `size` rows are the target."""
    label = np.zeros((3 * size, 1))
    label[:size] = 1
    drawn = sampled_weights((size, 2 * size), DRAWS, rng)
    half = permuted_labels(2 * size, size, SPLITS, rng)
    return (
        energy_of_labels(distances, label),
        energy(distances, drawn * label, drawn * (1 - label)),
        energy_of_labels(distances[size:, size:], half),
    )


def _permutation_p(
    parts: Sequence[tuple[float, int, Array]], observed: float, tests: int, rng: np.random.Generator
) -> float:
    """Share of permutations within strata whose distance is as large; parts: (weight, target cells, distances) of each.

    Where there are many tests, 999 permutations could never give a p that is small enough for a few effects among them:
    more are drawn, in rounds, while hardly any is as large (Besag & Clifford 1991, doi:10.1093/biomet/78.2.301).
    """
    rounds = min(max(-(-LEAST_P_OF_TESTS * tests // (PERMUTATIONS + 1)), 1), MOST_ROUNDS)
    larger = drawn = 0
    for _ in range(rounds):
        each = [
            weight * energy_of_labels(distances, permuted_labels(3 * size, size, PERMUTATIONS, rng))
            for weight, size, distances in parts
        ]
        larger += int((np.sum(each, axis=0) >= observed).sum())
        drawn += PERMUTATIONS
        if larger >= ENOUGH_LARGER:
            break
    return (1 + larger) / (1 + drawn)
