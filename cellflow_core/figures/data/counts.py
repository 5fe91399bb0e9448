"""How many cells were measured at each time."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from cellflow_core.figures import theme
from cellflow_core.time_units import format_duration, format_times


def counts(
    times: Sequence[float],
    cells: Sequence[int],
    *,
    unit: str = "",
    dark: bool = False,
    height: int = 240,
    row: str = "cell",
) -> go.Figure:
    """One bar a time, in the colour the time has in a scatter; bars stand evenly and are named by their time.

    row: what is counted"""
    figure = theme.blank(dark, height=height, x=theme.safe(f"time ({unit})" if unit else "time"), y=f"{row}s")
    figure.add_trace(
        go.Bar(
            x=format_times(times),
            y=list(cells),
            marker={"color": list(theme.ordered(len(times), dark)) if times else []},
            hovertemplate=f"%{{y:,}} {row}s at %{{x}}<extra></extra>",
        )
    )
    figure.update_xaxes(type="category", showgrid=False)
    return figure.update_layout(bargap=0.25, margin={"t": 12}, dragmode=False)


def describe(times: Sequence[float], cells: Sequence[int], unit: str = "", row: str = "cell") -> str:
    """The figure in one sentence with its numbers."""
    counted = [f"{n:,} at {format_duration(t, unit)}" for t, n in zip(times, cells, strict=True)]
    return f"{row.capitalize()}s at each time: {', '.join(counted)}."
