"""Many futures of one cell: their paths, how far they spread, and how they divide among the fates."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from cellflow_core.analysis.results import TrajectoryEnsemble
from cellflow_core.analysis.results.frame import frame
from cellflow_core.distance_units import SPACE
from cellflow_core.figures import theme
from cellflow_core.figures.fates import bars
from cellflow_core.figures.scatter import BEHIND_UP_TO, subsample
from cellflow_core.time_units import format_time

MAX_DRAWN = 200
"""Paths drawn at most; all of them count."""
FEW = 3
"""Paths with fewer companions to their fate have no mean and no ellipse."""
RADIUS = 5.991**0.5
"""Of an ellipse that holds 95 % of a bell-shaped cloud, in standard deviations."""


def trajectory_fan(
    result: TrajectoryEnsemble, everything: np.ndarray, *, dark: bool = False, height: int = 520
) -> go.Figure:
    """The paths over all measured cells, coloured by the fate they end in: traces of the paths, of their mean, and of
    ellipses at the measured times that hold 95 % of the futures of that fate; then the start."""
    figure = theme.blank(dark, height=height, x=theme.safe(result.axes[0]), y=theme.safe(result.axes[1]))
    behind = everything[subsample(len(everything), BEHIND_UP_TO)].astype(np.float32)
    figure.add_trace(
        _dots(behind, "all measured cells", {"size": 4, "color": theme.background_point_color(dark), "opacity": 0.6})
    )
    shown = subsample(result.paths.shape[1], MAX_DRAWN)
    reached = [k for k in range(len(result.names)) if (result.ends == k).any()]
    for k in reached:
        colour, name = theme.categorical(k + 1)[k], theme.safe(result.names[k], 28)
        group = {"legendgroup": name, "hoverinfo": "skip"}
        count = int((result.ends == k).sum())
        all_shown = count >= FEW or count == len(result.ends)
        paths = _gapped(result.paths[:, shown[result.ends[shown] == k]].transpose(1, 0, 2))
        look = {"name": f"to {name}", "opacity": 0.25 if all_shown else 0.8, "showlegend": not all_shown}
        figure.add_trace(_line(paths, colour, 1, **look, **group))
        if all_shown:
            figure.add_trace(_line(result.mean[k], colour, 4, name=name, showlegend=True, **group))
        if count >= FEW:
            at = [i for i in np.searchsorted(result.times, result.measured_times) if 0 < i < len(result.times)]
            rings = _gapped(np.stack([_ring(result.mean[k, i], result.covariance[k, i]) for i in at]))
            figure.add_trace(
                _line(rings, colour, 1.6, dash="dot", name=f"95 % of those to {name}", showlegend=False, **group)
            )
    start = {
        "size": 15,
        "symbol": "star",
        "color": theme.changed(dark),
        "line": {"width": 1, "color": theme.text_color(dark)},
    }
    if len(result.starts) > 1:  # the one that was asked about stands first, its neighbors or the others are dots
        own = int(result.cell >= 0)
        start |= {"size": [15] * own + [6] * (len(result.starts) - own)}
        start |= {"symbol": ["star"] * own + ["circle"] * (len(result.starts) - own)}
    figure.add_trace(_dots(result.starts.astype(np.float32), "start", start).update(showlegend=True))
    return theme.framed(theme.square(figure), *frame(everything, result.paths))


def split(result: TrajectoryEnsemble, *, dark: bool = False) -> go.Figure:
    """Share of the futures that end in each state, with its interval where there is one."""
    figure = theme.blank(dark, height=100 + 42 * len(result.names), x="share of the futures")
    ends = (result.low, result.high) if np.isfinite(result.low).all() else None
    colours = theme.categorical(len(result.names))
    figure.add_trace(bars(result.names, result.share, ends, name="futures", colour=colours, dark=dark))
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return figure.update_xaxes(tickformat=".0%", range=[0, 1.02]).update_layout(showlegend=False, bargap=0.35)


def spread(result: TrajectoryEnsemble, *, dark: bool = False, height: int = 280) -> go.Figure:
    """How far the futures are from their mean at each time, beside the same of all measured cells."""
    unit = f" ({theme.safe(result.time_unit)})" if result.time_unit else ""
    figure = theme.blank(dark, height=height, x=f"time{unit}", y="distance from the mean (state)")
    hover = "time %{x:.4~g} · %{y:.3g} (state)<extra>%{fullData.name}</extra>"
    later = result.measured_times >= result.times[0]
    seen, width = result.measured_times[later], result.measured_spread[later]
    figure.add_trace(
        go.Scatter(
            x=seen.astype(np.float32),
            y=width.astype(np.float32),
            mode="lines+markers",
            name="all measured cells",
            line={"color": theme.muted_color(dark), "dash": "dash", "width": 2},
            marker={"size": 9, "symbol": "circle-open"},
            hovertemplate=hover,
        )
    )
    figure.add_trace(
        go.Scatter(
            x=result.times.astype(np.float32),
            y=result.spread.astype(np.float32),
            mode="lines",
            name="futures of this start",
            line={"color": theme.changed(dark), "width": 3},
            hovertemplate=hover,
        )
    )
    return figure.update_yaxes(rangemode="tozero")


def describe(result: TrajectoryEnsemble) -> str:
    """All three figures in one sentence with their numbers."""
    count = result.paths.shape[1]
    rows = zip(result.names, result.share, result.low, result.high, strict=True)
    listed = "; ".join(
        f"{n} {s:.0%}" + (f" ({a:.0%} to {b:.0%})" if np.isfinite(a) else "") for n, s, a, b in rows if s > 0
    )
    futures = f"{count:,} futures" if count > 1 else "The one future"
    text = f"{futures} of {result.start}, followed to time {format_time(result.times[-1])}: {listed}"
    if count == 1:
        return f"{text}."
    return (
        f"{text}. At the end they lie {result.spread[-1]:.3g} {SPACE} from their mean, all measured "
        f"cells {result.measured_spread[-1]:.3g} from theirs."
    )


def _ring(mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """The outline of an ellipse, [corners, 2]."""
    values, axes = np.linalg.eigh(covariance)
    angle = np.linspace(0, 2 * np.pi, 41)
    unit = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return mean + RADIUS * unit * np.sqrt(np.maximum(values, 0)) @ axes.T


def _gapped(lines: np.ndarray) -> np.ndarray:
    """Lines [lines, points, 2] one after the other, with a gap after each."""
    count, points, _ = lines.shape
    xy = np.full((count, points + 1, 2), np.nan, dtype=np.float32)
    xy[:, :-1] = lines
    return xy.reshape(-1, 2)


def _line(xy: np.ndarray, colour: str, width: float, dash: str = "solid", **more: object) -> go.Scatter:
    line = {"width": width, "color": colour, "dash": dash}
    return go.Scatter(x=xy[:, 0].astype(np.float32), y=xy[:, 1].astype(np.float32), mode="lines", line=line, **more)


def _dots(points: np.ndarray, name: str, marker: dict) -> go.Scatter:
    return go.Scatter(
        x=points[:, 0], y=points[:, 1], mode="markers", name=name, marker=marker, hoverinfo="skip", showlegend=False
    )
