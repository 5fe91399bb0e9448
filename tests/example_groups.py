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
