"""RNA velocity over the cells, and the phase portrait of a gene."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import plotly.graph_objects as go

from cellflow_core.analysis.results import PhasePortrait, VelocityAgreement
from cellflow_core.figures import legend, theme
from cellflow_core.figures.cells.colouring import Colouring, of_groups
from cellflow_core.figures.cells.packed_map import Mark
from cellflow_core.figures.fields import root_and_end_marks
from cellflow_core.figures.scatter import BEHIND_UP_TO, outline, subsample
from cellflow_core.figures.streamlines import arrow_heads, field_lines

COLOURS = {
    "agreement": "agreement of the estimators (cosine)",
    "halves": "agreement of count halves (cosine)",
    "intrinsic": "intrinsic uncertainty (scatter of the direction)",
    "extrinsic": "extrinsic uncertainty (scatter of the expected step)",
    "speed": "speed (standard deviations of genes / time)",
}
"""What the colour of a cell can mean, besides the orders of the result."""


def arrows(
    result: VelocityAgreement,
    shown: Colouring,
    *,
    style: str = "streams",
    polygon: Sequence[tuple[float, float]] = (),
    marks: Sequence[Mark] = (),
    dark: bool = False,
    height: int = 600,
) -> go.Figure:
    """Traces: cells coloured, then lines and their heads, where arrows are drawn, and root and end states.

    shown  colours of the cells: those of `colouring`, or others
    style  "streams" (lines through the mean arrows), "grid" (mean arrows) or "cells" (those of single cells); arrows of
           the grid and of cells have equal lengths
    polygon  the outline around selected cells
    marks    root and end states, as `root_and_end_marks.root_and_ends` makes them
    """
    figure = theme.blank(dark, height=height, x=theme.safe(result.axes[0]), y=theme.safe(result.axes[1]))
    figure.add_trace(_cells(result, shown, dark))
    figure.add_traces(shown.legend(dark))
    for trace in _lines(result, style, dark):
        figure.add_trace(trace)
    figure.add_traces(root_and_end_marks.traces(marks, dark))
    if not shown.names:  # the colour bar stands where a legend would: below the map
        figure.update_layout(legend={"x": 0, "y": -0.1, "yanchor": "top"})
    outline(figure, polygon, dark)
    return theme.square(figure)


def describe(result: VelocityAgreement, shown: Colouring) -> str:
    """The figure in one sentence with its numbers."""
    return (
        f"{len(result.cells):,} cells, {result.drawn.mean():.0%} of them with an arrow of {result.estimators[0]}. "
        f"{shown.words()}"
    )


def portrait(
    result: PhasePortrait,
    codes: np.ndarray | None,
    names: tuple[str, ...] = (),
    *,
    in_order: bool = False,
    own: Mapping[str, str] = MappingProxyType({}),
    dark: bool = False,
    height: int = 420,
) -> go.Figure:
    """Unspliced over spliced RNA with the line at steady state of each estimator that has one, and the fitted course.

    codes  [cells], into names; None: by the sign of the velocity of the first estimator
    own    colours of groups that were chosen, by name
    """
    figure = theme.blank(dark, height=height, x=f"spliced {theme.safe(result.gene)}", y="unspliced")
    rises = result.velocity[0] > 0
    shown, names = (codes, names) if codes is not None else (rises.astype(int), ("falls", "rises"))
    colours = theme.ordered(len(names), dark) if in_order else of_groups(names, own)
    kept = subsample(len(result.spliced), BEHIND_UP_TO)
    for k, name in enumerate(names):
        rows = kept[shown[kept] == k]
        figure.add_trace(
            go.Scatter(
                x=result.spliced[rows].astype(np.float32),
                y=result.unspliced[rows].astype(np.float32),
                mode="markers",
                name=theme.safe(name),
                marker={"size": 5, "color": colours[k], "opacity": 0.75},
                hovertemplate="spliced %{x:.3g} · unspliced %{y:.3g}<extra>%{fullData.name}</extra>",
            )
        )
    if len(result.course):
        figure.add_trace(
            go.Scatter(
                x=result.course[:, 1],
                y=result.course[:, 0],
                mode="lines",
                name=theme.safe(f"fitted course, {result.estimators[0]}"),
                line={"color": theme.model(dark), "width": 3},
                hovertemplate="spliced %{x:.3g} · unspliced %{y:.3g}<extra>%{fullData.name}</extra>",
            )
        )
    most = float(result.spliced.max())
    top = float(result.unspliced.max())
    for k, (name, slope) in enumerate(zip(result.estimators, result.slope, strict=True)):
        if not np.isfinite(slope):
            continue
        end = min(most, top / slope) if slope > 0 else most
        figure.add_trace(
            go.Scatter(
                x=[0.0, end],
                y=[0.0, slope * end],
                mode="lines",
                name=theme.safe(name),
                line={"color": theme.text_color(dark), "width": 2, "dash": ("solid", "dash", "dot", "dashdot")[k % 4]},
                hovertemplate=f"steady state: unspliced = {slope:.3g} × spliced<extra>%{{fullData.name}}</extra>",
            )
        )
    return legend.with_room(figure)


def describe_portrait(result: PhasePortrait) -> str:
    """The figure in one sentence with its numbers."""
    share = float((result.velocity[0] > 0).mean())
    known = [
        f"{slope:.2g} ({name})" for name, slope in zip(result.estimators, result.slope, strict=True) if slope == slope
    ]
    lines = f" Ratio at steady state: {', '.join(known)}." if known else ""
    if len(result.course):
        lines += f" The curve is the course that {result.estimators[0]} has fitted: on, then off."
    return (
        f"Unspliced over spliced RNA of {result.gene} in {len(result.spliced):,} cells; it rises in {share:.0%}.{lines}"
    )


def _values(result: VelocityAgreement, by: str) -> np.ndarray:
    if by in result.orders:
        return result.order_values[result.orders.index(by)]
    if by not in COLOURS:
        raise ValueError(f"by={by!r} is none of {', '.join(COLOURS)}")
    values = getattr(result, by)
    if values is None:
        raise ValueError(f"{COLOURS[by]} is not known of these cells, or by this model")
    return np.asarray(values)


def colouring(result: VelocityAgreement, by: str) -> Colouring:
    """Colours of the cells by a word of COLOURS, or one of the orders. Raises ValueError for another word."""
    values = _values(result, by)
    return Colouring(COLOURS.get(by, by), values, span=(0.0, 1.0) if by in ("agreement", "halves") else None)


def _cells(result: VelocityAgreement, shown: Colouring, dark: bool) -> go.Scatter:
    kept = subsample(len(result.cells), BEHIND_UP_TO)
    xy = result.cells[kept].astype(np.float32)
    marker = shown.marker(dark)
    named = [theme.safe(shown.names[k]) for k in shown.values[kept]] if shown.names else None
    return go.Scatter(
        x=xy[:, 0],
        y=xy[:, 1],
        mode="markers",
        name="cells",
        showlegend=False,
        text=named,
        marker={"size": 6, "opacity": 0.75, **marker, "color": marker["color"][kept]},
        hovertemplate="%{text}<extra></extra>" if named else "%{marker.color:.3g}<extra></extra>",
    )


def _lines(result: VelocityAgreement, style: str, dark: bool) -> tuple[go.Scatter, ...]:
    """The arrows as two traces: their lines, and their heads, each a marker turned from the point before it."""
    lines = [each[:, :2] for each in field_lines(result, style, result.drawn)]
    gap = np.full((1, 2), np.nan)
    every = np.concatenate([part for line in lines for part in (line, gap)]) if lines else gap
    heads, sizes = [], []
    for line in lines:
        at = len(line) - 1 if len(line) == 2 else max(1, int(0.6 * (len(line) - 1)))
        heads += [line[at - 1], line[at]]
        sizes += [0, 9]
    ink = theme.text_color(dark)
    return (
        go.Scatter(
            x=every[:, 0].astype(np.float32),
            y=every[:, 1].astype(np.float32),
            mode="lines",
            name="arrows",
            showlegend=False,
            hoverinfo="skip",
            line={"width": 1.6, "color": ink},
        ),
        arrow_heads(np.array(heads), sizes, "arrow heads", color=ink),
    )
