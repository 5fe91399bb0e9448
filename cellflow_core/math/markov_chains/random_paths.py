"""Random walks along a Markov chain over cells."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Int

Array = np.ndarray


def random_paths(
    transitions: Any, start: Int[Array, " walkers"], looks: int, pace: int, rng: np.random.Generator
) -> Int[Array, "places walkers"]:
    """Cells that walkers are in at the start and after each `pace` steps, `looks` times.

    transitions  scipy.sparse CSR [cells, cells], rows sum to one
    """
    first, last = transitions.indptr[:-1], transitions.indptr[1:] - 1
    passed = np.concatenate([[0.0], np.cumsum(transitions.data, dtype=np.float64)])
    found, cell = [start], start
    for _ in range(looks):
        for _ in range(pace):
            low, high = passed[first[cell]], passed[last[cell] + 1]
            entry = np.searchsorted(passed, low + rng.random(len(cell)) * (high - low), side="right") - 1
            cell = transitions.indices[np.clip(entry, first[cell], last[cell])]
        found.append(cell)
    return np.stack(found)
