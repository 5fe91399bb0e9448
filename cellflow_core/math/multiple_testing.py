"""P-values adjusted for the number of tests."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

Array = np.ndarray


def benjamini_hochberg(p: Float[Array, "*rows tests"]) -> Float[Array, "*rows tests"]:
    """Adjusted p-values of each row: those below a level have that false discovery rate (Benjamini & Hochberg 1995,
    doi:10.1111/j.2517-6161.1995.tb02031.x). NaN is no test and stays NaN."""
    p = np.asarray(p, dtype=np.float64)
    tests = np.isfinite(p).sum(axis=-1, keepdims=True)
    order = np.argsort(p, axis=-1, kind="stable")  # NaN last
    ranked = np.take_along_axis(p, order, axis=-1) * tests / np.arange(1, p.shape[-1] + 1)
    ranked = np.where(np.isfinite(ranked), ranked, np.inf)
    ranked = np.minimum(np.minimum.accumulate(ranked[..., ::-1], axis=-1)[..., ::-1], 1.0)
    found = np.empty_like(p)
    np.put_along_axis(found, order, ranked, axis=-1)
    return np.where(np.isfinite(p), found, np.nan)
