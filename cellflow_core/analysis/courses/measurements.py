"""What was measured of individuals, one variable at a time, and the groups that they belong to."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int

from cellflow_core.analysis.results.individuals import Measurements
from cellflow_core.data.trajectories import Trajectories
from cellflow_core.time_units import format_time

Array = np.ndarray

BY_DOSE = "dose"
MOST_GROUPS = 4


def measurements(data: Trajectories, variable: str) -> Measurements:
    """Every value of a variable, and every dose. Raises KeyError that lists the variables."""
    k = place_of(variable, data)
    rows, doses = data.observed[:, k], data.doses.of(data.subjects)
    values = (data.subject[rows], data.t[rows], data.x[rows, k].astype(float), data.censored[rows, k])
    return Measurements(variable, data.time_unit, *values, doses.subject, doses.time)


def place_of(variable: str, data: Trajectories) -> int:
    """The column of a variable. Raises KeyError that lists the variables."""
    if variable not in data.variables:
        raise KeyError(f"there is no variable {variable!r}; there are {', '.join(data.variables)}")
    return data.variables.index(variable)


def groups(data: Trajectories, by: str) -> tuple[tuple[str, ...], Int[Array, " subjects"]]:
    """(names, group of each individual): of a label, of the amount of the first dose, or all together.

    Raises KeyError that lists the labels.
    """
    if not by:
        return ("all individuals",), np.zeros(len(data.subjects), int)
    if by == BY_DOSE:
        return _dose_groups(data)
    if by not in data.labels:
        raise KeyError(f"there is no label {by!r}; there are {', '.join((BY_DOSE, *data.labels))}")
    kinds, group = np.unique(np.asarray(data.labels[by]).astype(str), return_inverse=True)
    return _few(tuple(str(each) for each in kinds), group)


def _dose_groups(data: Trajectories) -> tuple[tuple[str, ...], Array]:
    doses = data.doses.of(data.subjects)
    order = np.lexsort((doses.time, doses.subject))
    people, first = np.unique(doses.subject[order], return_index=True)
    amount = np.zeros(len(data.subjects))
    amount[np.searchsorted(data.subjects, people)] = doses.amount[order][first]
    kinds, group = np.unique(amount, return_inverse=True)
    if len(kinds) <= MOST_GROUPS:
        return tuple(f"{format_time(each)} {data.treatments[0]}" for each in kinds), group
    cuts = np.unique(np.quantile(amount, (1 / 3, 2 / 3)))
    group = np.searchsorted(cuts, amount, side="left")
    named = [
        f"{format_time(amount[group == k].min())} to {format_time(amount[group == k].max())}" for k in np.unique(group)
    ]
    return tuple(named), np.unique(group, return_inverse=True)[1]


def _few(names: tuple[str, ...], group: Array) -> tuple[tuple[str, ...], Array]:
    """The largest groups by themselves, the others together."""
    if len(names) <= MOST_GROUPS:
        return names, group
    kept = np.argsort(-np.bincount(group), kind="stable")[: MOST_GROUPS - 1]
    place = np.full(len(names), MOST_GROUPS - 1)
    place[kept] = np.arange(len(kept))
    return (*(names[int(k)] for k in kept), "others"), place[group]
