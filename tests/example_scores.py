"""Scores of a model at a held-out time, made up, for tests of tables and figures."""

from __future__ import annotations

from typing import Any

from cellflow_core.analysis import results


def distances(w1: float, **change: float) -> results.Distances:
    """Distances that fit a W1."""
    made = {"w2": 1.2 * w1, "mmd": 0.1 * w1, "sliced": 0.4 * w1, "mass_error": 0.2, "density": 0.9, "coverage": 0.8}
    return results.Distances(w1=w1, **(made | change))


def scores(**change: Any) -> results.Scores:
    made = {
        "time": 2.0,
        "time_unit": "days",
        "from_previous": distances(0.8),
        "from_first": distances(0.95),
        "from_plan": change.get("from_previous", distances(0.8)),
        "previous": distances(1.3, mass_error=0.0),
        "next": distances(1.1),
        "linear": distances(1.0),
        **dict.fromkeys(("midpoint", "midpoint_plan"), distances(0.85)),
        "floor": distances(0.7, mass_error=float("nan"), coverage=0.97),
        "notes": ("OT-CFM knows no growth: its mass error is that of a number of cells that never changes.",),
    }
    return results.Scores(**(made | change))
