"""What distances between populations are measured in: the measures of a comparison, for headings and sentences."""

from __future__ import annotations

SPACE = "in the state space"
"""What a Wasserstein distance is measured in, in a sentence."""
UNIT = "state"
"""The same in a heading: the unit of the axes that the model works on."""
NAMES = {
    "w1": "W1",
    "w2": "W2",
    "sliced": "Sliced W1",
    "mmd": "MMD",
    "mass_error": "Mass error",
    "density": "Density",
    "coverage": "Coverage",
}
"""Short names of what `analysis.results.Distances` holds."""
LONG = {
    "w1": "Wasserstein-1 distance",
    "w2": "Wasserstein-2 distance",
    "sliced": "Sliced Wasserstein-1 distance",
    "mmd": "Maximum mean discrepancy",
}
"""Names for the axis of a figure."""
_UNITS = {"mmd": "no unit", "mass_error": "share", "density": "1 at best", "coverage": "share"}


def unit_of(measure: str) -> str:
    """Such as "state" or "no unit"."""
    return _UNITS.get(measure, UNIT)


def heading(measure: str, of: str = "") -> str:
    """Of a column: "W1 (state)", "W1 at 2 days (state)"."""
    return f"{' '.join(filter(None, (NAMES[measure], of)))} ({unit_of(measure)})"


def axis_title(measure: str) -> str:
    """Of a figure: "Wasserstein-1 distance (state)"."""
    return f"{LONG[measure]} ({unit_of(measure)})"


def in_words(value: float, measure: str = "w1") -> str:
    """A value in a sentence: "0.85 in the state space", "0.085 (no unit)"."""
    unit = unit_of(measure)
    return f"{value:.3g} {SPACE if unit == UNIT else f'({unit})'}"
