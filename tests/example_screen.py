"""A made-up screen of genes for tests of figures, words and pages."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from cellflow_core.analysis.results import PerturbationScreen


def screen(**change: Any) -> PerturbationScreen:
    """Gata1 and Klf1 lower Erythroid, Spi1 raises it beyond the data, Actb does nothing, Xist cannot be perturbed."""
    erythroid = np.array([-0.31, -0.12, 0.2, 0.0, np.nan])
    both = np.stack([erythroid, -erythroid], axis=1)
    q = np.array([1e-9, 1e-3, 1e-5, 1.0, np.nan])
    found = PerturbationScreen(
        kind="knock-out",
        genes=("Gata1", "Klf1", "Spi1", "Actb", "Xist"),
        levels=np.array([0.0, 0.0, 0.0, 0.0, np.nan]),
        start="300 of 900 cells at time 0",
        names=("Erythroid", "Myeloid"),
        before=np.array([0.62, 0.38]),
        change=both,
        low=both - 0.05,
        high=both + 0.05,
        q=np.stack([q, q], axis=1),
        rank=np.stack([np.array([0.0, 0.67, 0.33, 1.0, np.nan])] * 2, axis=1),
        outside=np.array([0.01, 0.02, 0.4, 0.0, np.nan]),
        reasons=("", "", "", "", "not among the genes of these data"),
        models=2,
    )
    return dataclasses.replace(found, **change)
