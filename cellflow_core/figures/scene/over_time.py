"""A landscape that changes: its surface at one time after another, with the cells that are simulated on it."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from cellflow_core.analysis.results import MovingLandscape
from cellflow_core.figures import theme
from cellflow_core.figures.cells.colouring import Colouring
from cellflow_core.figures.landscape import AT_ONCE, landscape, play_buttons
from cellflow_core.time_units import format_time, format_times, singular

PAUSE = 700
"""How long each surface stands (ms)."""
BUTTONS = 118
"""Room for the buttons left of the times (px)."""


def over_time(
    result: MovingLandscape,
    *,
    on: str = "cells",
    cells: Colouring | None = None,
    unit: str = "",
    dark: bool = False,
    height: int = 640,
) -> go.Figure:
    """The traces of `landscape` at the first time; each time is a frame, with one scale of heights for all."""
    heights = (float(np.nanmin(result.height)), float(np.nanmax(result.height)))
    look: dict[str, Any] = {"on": on, "cells": cells, "unit": unit, "dark": dark, "height": height, "heights": heights}
    drawn: list[Any] = [landscape(result.at(k), **look) for k in range(len(result.times))]
    figure, names = drawn[0], format_times(result.times)
    count = sum(1 for _ in figure.data)
    figure.frames = [
        go.Frame(
            name=name,
            traces=list(range(count)),
            data=[_moved(trace) for trace in each.data],
            layout={"scene": {"annotations": each.layout.scene.annotations}},
        )
        for name, each in zip(names, drawn, strict=True)
    ]
    steps = [{"label": name, "method": "animate", "args": [[name], AT_ONCE]} for name in names]
    slider = {
        "steps": steps,
        "currentvalue": {"prefix": f"{singular(unit) or 'time'} ", "font": {"color": theme.text_color(dark)}},
        "font": {"color": theme.muted_color(dark), "size": 12},
        "x": 0.01,
        "y": 0.01,
        "len": 0.62,
        "xanchor": "left",
        "yanchor": "bottom",
        "pad": {"t": 0, "b": 0, "l": BUTTONS},
    }
    buttons = play_buttons("▶ Play", PAUSE, dark)
    return figure.update_layout(updatemenus=[buttons], sliders=[slider])


def _moved(trace: Any) -> Any:
    """What of a trace is another at another time."""
    if isinstance(trace, go.Surface):
        return go.Surface(z=trace.z)
    if trace.name == "simulated cells":
        return go.Scatter3d(x=trace.x, y=trace.y, z=trace.z)
    return go.Scatter3d(z=trace.z)


def describe(result: MovingLandscape) -> str:
    """The figure in one sentence."""
    first, last = (format_time(result.times[k]) for k in (0, -1))
    return (
        f"A {result.kind} over {result.view} at {len(result.times)} times from {first} to {last}, with "
        f"{result.paths.shape[1]} simulated cells on the surface of each time."
    )
