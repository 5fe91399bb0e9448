"""Results on groups of cells over time, made up."""

from __future__ import annotations

from typing import Any

import numpy as np

from cellflow_core.analysis import results

TIMES = np.arange(5.0)


def composition(**change: Any) -> results.Composition:
    """One group that parts into two, a little later than measured."""
    times = np.linspace(0, 4, 9)

    def shares(at: np.ndarray) -> np.ndarray:
        left = np.exp(-at)
        return np.stack([left, 0.6 * (1 - left), 0.4 * (1 - left)], axis=1)

    measured, flow = shares(1.1 * TIMES), np.zeros((4, 3, 3))
    for k in range(4):
        flow[k] = np.diag(measured[k])
        flow[k, 0] = [measured[k + 1, 0], *(measured[k + 1, 1:] - measured[k, 1:])]
    made = {
        "by": "type",
        "time_unit": "days",
        "names": ("Stem", "Erythroid", "Myeloid"),
        "times": times,
        "predicted": shares(times),
        "measured_times": TIMES,
        "measured": measured,
        "previous": np.concatenate([np.full((1, 3), np.nan), measured[:-1]]),
        "noise": np.full(5, 0.03),
        "link_times": TIMES,
        "flow": flow,
    }
    return results.Composition(**(made | change))


def fate_trends(**change: Any) -> results.GroupTrends:
    """A gene that rises on one of two fates."""
    mean = np.stack([TIMES / 4, 0.2 * np.ones(5)])
    made = {
        "gene": "Gata1",
        "order": "time (days)",
        "names": ("Erythroid", "Myeloid"),
        "at": TIMES,
        "mean": mean,
        "low": mean - 0.05,
        "high": mean + 0.05,
        "cells": np.full((2, 5), 50.0),
    }
    return results.GroupTrends(**(made | change))


def barriers(**change: Any) -> results.Barriers:
    """Three basins in three trainings; the last training has no third one."""
    climb = np.array([[np.nan, 2.0, 3.0], [1.0, np.nan, 2.5], [0.5, 1.0, np.nan]])
    climb = np.stack([climb, climb + 1, climb + 0.5])
    climb[2, 2, :] = climb[2, :, 2] = np.nan
    made = {
        "view": "pca",
        "kind": "quasi-potential -log p",
        "unit": "-log p",
        "basins": ("Erythroid", "Myeloid", ""),
        "numbers": (1, 2, 3),
        "cells": np.array([200, 150, 20]),
        "climb": climb,
        "found": np.array([[1, 1, 1], [1, 1, 1], [1, 1, 0]], bool),
        "unsure": np.array([[0, 0, 1], [0, 0, 0], [0, 0, 0]], bool),
        "others": (("Stem", 2),),
        "notes": ("Basins are matched by the measured cells in them.",),
    }
    return results.Barriers(**(made | change))


def least_action(**change: Any) -> results.LeastAction:
    """A path from Stem to Erythroid and back in two trainings; the back one takes more, the one there leaves the
    cells."""
    share = np.linspace(0, 1, 11)
    there = np.stack([4 * share, np.sin(np.pi * share)], axis=1)
    both = np.stack([there, there[::-1] * [1, -0.5]])
    kit = np.round(np.sin(np.pi * share), 12)
    genes = np.stack([3 * np.clip(2 * share - 1, 0, 1), 2 - 2 * np.clip(2 * share, 0, 1), kit], axis=1)
    distance = np.full((2, 11), 0.4)
    distance[0, 4:7] = 1.5
    made = {
        "view": "pca",
        "axes": ("PC1", "PC2"),
        "time": 4.0,
        "time_unit": "days",
        "start": "Stem",
        "end": "Erythroid",
        "place": "middle",
        "rows": np.array([0, 110]),
        "x": np.stack([both, both + 0.1]).astype(np.float32),
        "places": np.stack([both, both + 0.1]).astype(np.float32),
        "times": 9 * np.broadcast_to(share, (2, 2, 11)),
        "action": np.array([[0.5, 2.0], [0.4, 3.0]]),
        "line": np.array([[1.0, 2.5], [1.0, 3.5]]),
        "converged": np.ones((2, 2), bool),
        "diffusion": np.nan,
        "distance": distance,
        "nearest": np.arange(22).reshape(2, 11),
        "genes": ("Gata1", "Spi1", "Kit"),
        "values": np.stack([np.stack([genes, genes[::-1]])] * 2),
        "span": 4.0,
        "notes": ("The field of time 4 is held while the cell moves.", "One more note."),
    }
    return results.LeastAction(**(made | change))
