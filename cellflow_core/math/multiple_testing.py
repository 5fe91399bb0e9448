"""P-values adjusted for the number of tests."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

Array = np.ndarray


def benjamini_hochberg(p: Float[Array, "*rows tests"]) -> Float[Array, "*rows tests"]:
    """Adjusted p-values of each row: those below a level have that false discovery rate (Benjamini & Hochberg 1995,
    doi:10.1111/j.2517-6161.1995.tb02031.x). NaN is no test and stays NaN."""
    from scipy.stats import false_discovery_control

    found = np.full(np.shape(p), np.nan)
    for row in np.ndindex(found.shape[:-1]):
        tested = np.isfinite(p[row])
        found[row][tested] = false_discovery_control(p[row][tested])
    return found
