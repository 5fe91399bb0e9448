"""One gene over time: simulated cells as a band, measured cells as points."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from cellflow_core.analysis.results import GeneTrend
from cellflow_core.figures import theme
from cellflow_core.time_units import format_time

_BAND = "rgba(0, 114, 178, 0.22)"


def trend(result: GeneTrend, *, dark: bool = False, height: int = 340) -> go.Figure:
    """Traces: band of 10 to 90 % of simulated cells, their median, their mean, measured mean with 10 to 90 %."""
    unit = f" ({theme.safe(result.time_unit)})" if result.time_unit else ""
    figure = theme.blank(dark, height=height, x=f"time{unit}", y=theme.safe(result.gene))
    times = result.times.astype(np.float32)
    low, middle, high = (result.quantiles[:, k].astype(np.float32) for k in range(3))
    figure.add_trace(
        go.Scatter(
            x=np.concatenate([times, times[::-1]]),
            y=np.concatenate([high, low[::-1]]),
            fill="toself",
            fillcolor=_BAND,
            line={"width": 0},
            hoverinfo="skip",
            name="predicted, 8 of 10 cells",
        )
    )
    lines = (("predicted median", middle, {"dash": "dot", "width": 1.8}), ("predicted mean", result.mean, {"width": 3}))
    for name, values, line in lines:
        figure.add_trace(
            go.Scatter(
                x=times,
                y=np.asarray(values, np.float32),
                mode="lines",
                name=name,
                line={"color": theme.model(dark), **line},
                hovertemplate="time %{x:.4~g} · %{y:.3g}<extra>%{fullData.name}</extra>",
            )
        )
    measured = result.measured_mean.astype(np.float32)
    below, above = (result.measured_quantiles[:, k].astype(np.float32) for k in (0, 2))
    spread = {"type": "data", "symmetric": False, "array": above - measured, "arrayminus": measured - below}
    figure.add_trace(
        go.Scatter(
            x=result.measured_times.astype(np.float32),
            y=measured,
            mode="markers",
            name="measured, mean and 8 of 10 cells",
            marker={"size": 10, "color": theme.text_color(dark)},
            error_y={**spread, "width": 5, "thickness": 1.6},
            hovertemplate="time %{x:.4~g} · %{y:.3g}<extra>measured</extra>",
        )
    )
    return figure


def describe(result: GeneTrend) -> str:
    """The figure in one sentence with its numbers."""
    at = ", ".join(
        f"{mean:.3g} at time {format_time(time)}"
        for time, mean in zip(result.measured_times, result.measured_mean, strict=True)
    )
    return (
        f"{result.gene} over time: the predicted mean goes from {result.mean[0]:.3g} at time "
        f"{format_time(result.times[0])} to {result.mean[-1]:.3g} at time {format_time(result.times[-1])}; "
        f"measured means are {at}."
    )
