"""Lines of a field in classes of speed and opacity: a trace of plotly has one colour and one opacity."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from cellflow_core.analysis.results import FlowField
from cellflow_core.figures import theme
from cellflow_core.figures.fields.colourings import speed_unit
from cellflow_core.figures.streamlines import arrow_heads, field_lines

CLASSES = 6
OPACITIES = (0.15, 0.4, 0.7, 1.0)
"""Of the lines, from where nothing supports them to where all does."""


def speed_edges(speed: np.ndarray) -> np.ndarray:
    """Edges of the classes of speed, at round numbers between the slowest and the fastest tenth of the grid points."""
    known = speed[np.isfinite(speed)]
    if not len(known):
        return np.array([0.0, np.inf])
    slow, fast = np.quantile(known, [0.1, 0.9])
    levels = theme.round_levels(float(slow), float(fast), CLASSES)
    inner = levels[(levels > known.min()) & (levels < known.max())]
    return np.concatenate([[0.0], inner, [np.inf]])


def speed_colours(count: int, dark: bool) -> tuple[str, ...]:
    """One for each class, from slow to fast."""
    return theme.sampled(theme.SEQUENTIAL, *((0.25, 1.0) if dark else (0.0, 0.78)), count)


def traces(
    result: FlowField,
    style: str,
    edges: np.ndarray,
    colours: tuple[str, ...],
    faint: bool = True,
    strength: float = 1.0,
    width: float = 2.2,
) -> list[go.Scatter]:
    """The lines (`streamlines.field_lines`) and their heads, class by class, those without any left out.

    edges     of the classes of speed, with a colour each
    faint     whether a line is fainter where few cells are behind it, or trainings disagree
    strength  opacity where it is not
    """
    lines = field_lines(result, style)
    opacities = OPACITIES if faint else OPACITIES[-1:]
    codes = [_codes(line, edges, _opacity(result, line) if faint else None) for line in lines]
    found: list[go.Scatter] = []
    for code, (colour, opacity) in enumerate((each, one) for each in colours for one in opacities):
        if any((each == code).any() for each in codes):
            look = {"width": width, "color": colour}
            found.append(_pieces(lines, codes, code, look, strength * opacity, speed_unit(result)))
            found.append(_heads(lines, codes, code, colour, strength * opacity))
    return found


def _opacity(result: FlowField, line: np.ndarray) -> np.ndarray:
    """Opacity [points] of the grid point nearest to each point of a line; 0 where no cell is."""
    column, row = (
        np.clip(np.rint((line[:, k] - axis[0]) / (axis[1] - axis[0])).astype(int), 0, len(axis) - 1)
        for k, axis in enumerate((result.x, result.y))
    )
    return np.nan_to_num(result.opacity[row, column])


def _codes(line: np.ndarray, edges: np.ndarray, opacity: np.ndarray | None) -> np.ndarray:
    """Class of each point of a line: of its speed, and within it of its opacity where that is given."""
    speed = np.clip(np.searchsorted(edges, line[:, 2], side="right") - 1, 0, len(edges) - 2)
    if opacity is None:
        return speed
    count = len(OPACITIES)
    return speed * count + np.minimum((opacity * count).astype(int), count - 1)


def _pieces(
    lines: list[np.ndarray], codes: list[np.ndarray], code: int, look: dict, opacity: float, unit: str
) -> go.Scatter:
    """The pieces of the lines that are of this class, NaN between pieces."""
    pieces = []
    for line, each in zip(lines, codes, strict=True):
        edge = np.flatnonzero(np.diff(np.concatenate([[0], (each == code).astype(int), [0]])))
        for start, stop in edge.reshape(-1, 2):
            pieces += [line[start : stop + 1], np.full((1, 3), np.nan)]  # one point more: no gap to the next class
    x, y, speed = np.concatenate(pieces).astype(np.float32).T
    return go.Scatter(
        x=x,
        y=y,
        mode="lines",
        line=look,
        opacity=opacity,
        showlegend=False,
        name="flow",
        customdata=speed,
        hovertemplate="speed %{customdata:.3g}" + unit + "<extra></extra>",
    )


def _heads(lines: list[np.ndarray], codes: list[np.ndarray], code: int, colour: str, opacity: float) -> go.Scatter:
    """One arrow head on each line, at 60 % of its length, two on a long one, on a single arrow at its end."""
    pairs, sizes = [], []
    for line, each in zip(lines, codes, strict=True):
        for share in (0.33, 0.75) if len(line) > 45 else (0.6,):
            at = len(line) - 1 if len(line) == 2 else max(1, int(share * (len(line) - 1)))
            if each[at] == code:
                pairs += [line[at - 1, :2], line[at, :2]]
                sizes += [0, 11]
    return arrow_heads(np.array(pairs), sizes, "arrow heads", color=colour, opacity=opacity)
