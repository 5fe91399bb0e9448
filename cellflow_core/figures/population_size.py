"""How many cells there are over time: predicted beside counted numbers, relative to the first time."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from cellflow_core.analysis.results import TimeCourse
from cellflow_core.figures import theme
from cellflow_core.time_units import format_time

DECADES = 10.0
"""Numbers that differ by more than this factor are drawn on a logarithmic axis."""


def mass(result: TimeCourse, *, dark: bool = False, height: int = 340) -> go.Figure:
    """Traces: the interval, the predicted number, the counted ones (stars: kept from training).

    Raises ValueError for a model that knows no growth.
    """
    low, number, high = _mass(result).T
    unit = f" ({theme.safe(result.time_unit)})" if result.time_unit else ""
    figure = theme.blank(dark, height=height, x=f"time{unit}", y="cells, relative to the first time")
    times = result.times.astype(np.float32)
    figure.add_trace(
        go.Scatter(
            x=np.concatenate([times, times[::-1]]),
            y=np.concatenate([low, high[::-1]]).astype(np.float32),
            fill="toself",
            mode="lines",
            line={"width": 0, "color": theme.model(dark)},
            opacity=0.25,
            hoverinfo="skip",
            name="95 % of samples of the start cells",
        )
    )
    figure.add_trace(
        go.Scatter(
            x=times,
            y=number.astype(np.float32),
            mode="lines",
            line={"width": 3, "color": theme.model(dark)},
            name="predicted",
            hovertemplate="time %{x:.4~g} · %{y:.3g} times as many<extra>predicted</extra>",
        )
    )
    everything = [low, high]
    if result.measured_mass is not None:
        everything.append(result.measured_mass)
        figure.add_trace(
            go.Scatter(
                x=result.measured_times.astype(np.float32),
                y=result.measured_mass.astype(np.float32),
                mode="markers",
                name="counted",
                marker={
                    "size": [11 if seen else 17 for seen in result.in_training],
                    "symbol": ["circle-open" if seen else "star" for seen in result.in_training],
                    "color": theme.text_color(dark),
                    "line": {"width": 2},
                },
                customdata=["seen in training" if seen else "kept from training" for seen in result.in_training],
                hovertemplate="time %{x:.4~g} · %{y:.3g} times as many · %{customdata}<extra>counted</extra>",
            )
        )
    values = np.concatenate(everything)
    if values.min() > 0 and values.max() / values.min() > DECADES:
        return theme.logarithmic(figure, values)
    return figure.update_yaxes(rangemode="tozero")


def describe(result: TimeCourse) -> str:
    """The figure in one sentence with its numbers."""
    made = _mass(result)
    low, number, high = made[-1]
    text = (
        f"From time {format_time(result.times[0])} to {format_time(result.times[-1])} the number of cells is predicted "
        f"to become {number:.3g} times as large ({low:.3g} to {high:.3g})"
    )
    if result.measured_mass is None:
        return f"{text}; nobody counted them."
    counted = zip(result.measured_times, result.measured_mass, strict=True)
    listed = ", ".join(f"{n:.3g} at time {format_time(t)}" for t, n in counted)
    return f"{text}; counted were {listed}, relative to the first."


def _mass(result: TimeCourse) -> np.ndarray:
    if result.mass is None:
        raise ValueError("this model knows no growth, so it does not tell how many cells there are")
    return result.mass
