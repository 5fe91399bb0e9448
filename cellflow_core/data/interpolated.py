"""Values that were not measured in an individual at a time, from those that were."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

Array = np.ndarray


def interpolated(
    subject: Int[Array, " rows"],
    t: Float[Array, " rows"],
    x: Float[Array, "rows variables"],
    observed: Bool[Array, "rows variables"],
) -> Float[Array, "rows variables"]:
    """`x` with what was not observed filled: linear in time between two measurements of the individual, the nearest one
    before the first and after the last, and the mean of all where the individual has none of the variable.

    Raises ValueError where a variable was measured in no one.
    """
    if not observed.any(axis=0).all():
        raise ValueError("a variable was measured in no individual: leave it out")
    found = np.where(observed, x, 0.0)
    means = found.sum(axis=0) / observed.sum(axis=0)
    order = np.lexsort((t, subject))
    for rows in np.split(order, np.flatnonzero(np.diff(subject[order])) + 1):
        for k in np.flatnonzero(~observed[rows].all(axis=0)):
            known = rows[observed[rows, k]]
            missing = rows[~observed[rows, k]]
            found[missing, k] = np.interp(t[missing], t[known], found[known, k]) if len(known) else means[k]
    return found
