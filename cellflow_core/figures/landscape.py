"""The landscape: a surface over a 2-D view with its basins named, cells or paths on it, and particles that roll."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from cellflow_core.analysis.results import Landscape
from cellflow_core.figures import theme
from cellflow_core.figures.cells.colouring import Colouring
from cellflow_core.figures.scatter import subsample
from cellflow_core.figures.scene import relief
from cellflow_core.figures.scene.camera import fitted
from cellflow_core.figures.scene.surface import RISE, Mesh, surface_and_rim
from cellflow_core.time_units import format_time, format_times, singular

CELLS_DRAWN = 1_500
PATHS_DRAWN = 60
FRAMES = 60
LEVELS = 9
"""Contour lines, about."""
FLOOR = 0.3
"""How far below the surface the contour lines are projected, as a share of its height."""
SIDE, TALL = 1.6, 0.55
"""The longer side of the scene in units of the camera, and its height, floor included, as a share of that side."""
ON = ("cells", "paths", "nothing")
"""What can lie on the surface beside the particles."""
CELL_BAR = {
    "orientation": "h",
    "x": 0.98,
    "xanchor": "right",
    "y": 0.16,
    "yanchor": "bottom",
    "len": 0.34,
    "thickness": 8,
}
"""Where the numbers of cells are read: over those of the surface."""
AT_ONCE = {"frame": {"duration": 0, "redraw": True}, "transition": {"duration": 0}, "mode": "immediate"}
"""How plotly shows one frame."""
Shown = tuple[np.ndarray, str, dict]
"""Rows of cells, what they are called and their marker."""
BY = ("height", "non-gradient")
"""What its colour can tell: its height, or the share of the motion of the cells there that it cannot show."""


def landscape(
    result: Landscape,
    *,
    on: str = "cells",
    by: str = "height",
    cells: Colouring | None = None,
    unit: str = "",
    dark: bool = False,
    height: int = 640,
    camera: dict | None = None,
    heights: tuple[float, float] | None = None,
) -> go.Figure:
    """Traces: surface, rim, what lies on it (measured cells by time, or paths of simulated ones), particles.

    by      one of BY: what the colour of the surface tells
    cells   colours of all measured cells; None, or in order: those of their times
    on      one of ON. Only the particles are animated, as frames over the steps, named by their time
    unit    of time
    camera  plotly's, to restore a view
    heights  lowest and highest of colours and contours; None: those of the surface
    Raises ValueError for another word.
    """
    for name, given, known in (("on", on, ON), ("by", by, BY)):
        if given not in known:
            raise ValueError(f"{name}={given!r} is not one of {', '.join(known)}")
    figure = go.Figure(layout={"template": theme.template(dark), "height": height})
    low, high = heights or (float(np.nanmin(result.height)), float(np.nanmax(result.height)))
    span = high - low or 1.0
    lift = 0.008 * span  # so that what lies on the surface is not buried in it
    body, rim = surface_and_rim(result.x, result.y, result.height)
    levels = theme.round_levels(low, high, LEVELS)
    figure.add_traces([relief.body(result, body, levels, by, dark), relief.rim(rim, dark)])
    if on == "cells":
        found = _by_time(result, unit, dark) if cells is None or cells.in_order else _coloured(result, cells, dark)
        figure.add_traces([_measured(result, *each, lift) for each in found])
    elif on == "paths":
        figure.add_trace(_paths(result, lift, dark))
    figure.add_trace(_particles(result, 0, lift, dark))
    _animate(figure, result, lift, dark)
    scene = {**_box(result, body, (low - FLOOR * span, high + RISE * span)), "annotations": _names(result, dark)}
    if camera:
        scene["camera"] = camera
    legend = {"y": 0.99, "yanchor": "top", "itemclick": False, "itemdoubleclick": False, "tracegroupgap": 0}
    margin = {"l": 0, "r": 0, "t": 0, "b": 0}
    return figure.update_layout(scene=scene, margin=margin, showlegend=True, legend=legend)


def _box(result: Landscape, body: Mesh, heights: tuple[float, float]) -> dict:
    """Axes that are as long as the surface is, without walls, and a camera from which it fills the frame."""
    there = np.isfinite(body.z)
    seen = np.stack([each[there] for each in (body.x, body.y, body.z)], axis=1)
    low, high = np.append(seen.min(axis=0)[:2], heights[0]), np.append(seen.max(axis=0)[:2], heights[1])
    long = float((high - low)[:2].max())
    aspect = np.array([*(SIDE * (high - low)[:2] / long), SIDE * TALL])
    places = (seen - (low + high) / 2) / (high - low) * aspect
    ends = zip(low.tolist(), high.tolist(), strict=True)
    return {
        **{f"{name}axis": {"visible": False, "range": each} for name, each in zip("xyz", ends, strict=True)},
        "aspectmode": "manual",
        "aspectratio": dict(zip("xyz", aspect.tolist(), strict=True)),
        "camera": fitted(places, _ahead(result)),
    }


def describe(result: Landscape) -> str:
    """The figure in one sentence with its numbers."""
    unit = f" {result.unit}" if result.unit else ""
    share, cut = result.non_gradient, int(np.isnan(result.path_height).any(axis=0).sum())
    off = f" {cut} of them leave the map and are cut there;" if cut else ""
    left = "the model has no velocity field"
    if not np.isnan(share):
        left = f"{share:.0%} of the flow is not explained by any landscape"
    found = "; ".join(_basin_words(result, k) for k in range(len(result.basins)))
    return (
        f"A {result.kind} over {result.view}: height from {np.nanmin(result.height):.3g} to "
        f"{np.nanmax(result.height):.3g}{unit}, {int(np.isfinite(result.cell_height).sum()):,} cells on it, "
        f"{result.paths.shape[1]} particles rolled from time {format_time(result.path_times[0])} to "
        f"{format_time(result.path_times[-1])}, from a mean height of {_mean(result.path_height, 0):.3g} to "
        f"{_mean(result.path_height, -1):.3g};{off} {left}." + (f" Basins: {found}." if found else "")
    )


def _basin_words(result: Landscape, k: int) -> str:
    """Name, share of cells and barrier of a basin."""
    climb = result.barrier[k]
    barrier = "no saddle leads out" if np.isnan(climb) else f"a climb of {climb:.2g} {result.unit} leads out"
    return f"{result.names[k]} with {result.settled[k]:.0%} of the simulated cells, {barrier}"


def _mean(height: np.ndarray, step: int) -> float:
    """Mean height of the particles on the map at a step; NaN where none is."""
    known = height[step][np.isfinite(height[step])]
    return float(known.mean()) if len(known) else float("nan")


def _names(result: Landscape, dark: bool) -> list[dict]:
    """The name of each basin over its lowest point, with the share of simulated cells that are in it; and of each
    saddle the two that it parts."""
    names = [theme.safe(each, 28) for each in result.names]
    basins = [f"<b>{name}</b> {share:.0%}" for name, share in zip(names, result.settled, strict=True)]
    saddles = [f"{names[a]} | {names[b]}" for a, b in result.sides.tolist()]
    look = {"showarrow": True, "arrowhead": 0, "arrowwidth": 1, "arrowcolor": theme.muted_color(dark), "ax": 0}
    small = {"font": {"size": 11, "color": theme.muted_color(dark)}}
    return [
        {**theme.label(x, y, text, dark), "z": z, **look, **more}
        for places, texts, more in (
            (result.bottom, basins, {"ay": -40}),
            (result.saddles, saddles, {"ay": -24, **small}),
        )
        for (x, y, z), text in zip(places.tolist(), texts, strict=True)
    ]


def _ahead(result: Landscape) -> float:
    """Angle of the direction in which particles roll, in the view."""
    extent = np.array([np.ptp(result.x), np.ptp(result.y)])
    last = np.isfinite(result.paths[..., 0]).cumsum(axis=0).argmax(axis=0)  # the last step on the map of each
    moved = result.paths[last, np.arange(len(last))] - result.paths[0]
    moved = moved[np.isfinite(moved).all(axis=1)]
    motion = moved.sum(axis=0) / max(len(moved), 1) / np.where(extent > 0, extent, 1)
    return float(np.arctan2(motion[1], motion[0])) if np.hypot(*motion) > 0.05 else -np.pi / 2


def _on_surface(result: Landscape) -> np.ndarray:
    """Rows of the measured cells that are drawn."""
    there = np.flatnonzero(np.isfinite(result.cell_height))
    return there[subsample(len(there), CELLS_DRAWN)]


def _by_time(result: Landscape, unit: str, dark: bool) -> list[Shown]:
    """The cells of each time; all alike where no time is known."""
    kept, word = _on_surface(result), singular(unit) or "time"
    if np.isnan(result.cell_time).all():
        return [(kept, "measured cells", {"color": theme.ordered(1, dark)[0]})]
    times = np.unique(result.cell_time)
    names = zip(times, format_times(times), theme.ordered(len(times), dark), strict=True)
    return [(kept[result.cell_time[kept] == time], f"{word} {name}", {"color": colour}) for time, name, colour in names]


def _coloured(result: Landscape, cells: Colouring, dark: bool) -> list[Shown]:
    """The cells of each group, or all with their numbers; those without a value alike."""
    kept, values = _on_surface(result), np.asarray(cells.values)
    known = values[kept] >= 0 if cells.names else np.isfinite(values[kept])
    none = [(kept[~known], f"no {cells.title}", {"color": theme.muted_color(dark)})] if not known.all() else []
    if cells.names:
        groups = enumerate(zip(cells.names, cells.colours(dark), strict=True))
        return [(kept[values[kept] == k], name, {"color": colour}) for k, (name, colour) in groups] + none
    look = cells.at(kept[known]).marker(dark) | dict(zip(("cmin", "cmax"), cells.limits, strict=True))
    look["colorbar"] = {"title": {"text": theme.safe(cells.title), "side": "top"}, **CELL_BAR}
    return [(kept[known], "measured cells", look), *none]


def _measured(result: Landscape, rows: np.ndarray, name: str, look: dict, lift: float) -> go.Scatter3d:
    """Measured cells on the surface."""
    name = theme.safe(name, 28)
    words = "measured cell" if name == "measured cells" else f"measured cell, {name}"
    return go.Scatter3d(
        x=result.cells[rows, 0].astype(np.float32),
        y=result.cells[rows, 1].astype(np.float32),
        z=(result.cell_height[rows] + lift).astype(np.float32),
        mode="markers",
        name=name,
        hovertemplate=words + (": %{marker.color:.3g}" if "colorbar" in look else "") + "<extra></extra>",
        marker={"size": 2.4, "opacity": 0.9, "line": {"width": 0}, **look},
    )


def _paths(result: Landscape, lift: float, dark: bool) -> go.Scatter3d:
    kept = subsample(result.paths.shape[1], PATHS_DRAWN)
    steps, particles = len(result.paths), len(kept)
    xyz = np.full((particles, steps + 1, 3), np.nan, dtype=np.float32)  # the last row of each particle stays a gap
    xyz[:, :-1, :2] = result.paths[:, kept].transpose(1, 0, 2)
    xyz[:, :-1, 2] = result.path_height[:, kept].T + lift
    x, y, z = xyz.reshape(-1, 3).T
    return go.Scatter3d(
        x=x,
        y=y,
        z=z,
        mode="lines",
        name="paths of simulated cells",
        hoverinfo="skip",
        connectgaps=False,
        line={"width": 3, "color": theme.model(dark)},
        opacity=0.55,
    )


def _at(result: Landscape, step: int, lift: float) -> dict[str, np.ndarray]:
    xy = result.paths[step].astype(np.float32)
    return {"x": xy[:, 0], "y": xy[:, 1], "z": (result.path_height[step] + 2 * lift).astype(np.float32)}


def _particles(result: Landscape, step: int, lift: float, dark: bool) -> go.Scatter3d:
    return go.Scatter3d(
        **_at(result, step, lift),
        mode="markers",
        name="simulated cells",
        hoverinfo="skip",
        marker={"size": 5, "color": theme.model(dark), "line": {"width": 1, "color": theme.page_color(dark)}},
    )


def _animate(figure: go.Figure, result: Landscape, lift: float, dark: bool) -> None:
    """Frames of the particles, the last trace, alone, with buttons in the corner of the scene."""
    trace = sum(1 for _ in figure.data) - 1
    steps = len(result.path_times)
    shown = np.unique(np.linspace(0, steps - 1, min(FRAMES, steps)).astype(int))
    names = format_times(result.path_times[shown])
    figure.frames = [
        go.Frame(name=name, traces=[trace], data=[go.Scatter3d(**_at(result, step, lift))])
        for name, step in zip(names, shown, strict=True)
    ]
    figure.update_layout(updatemenus=[play_buttons("▶ Roll", 60, dark)])


def play_buttons(label: str, pause: int, dark: bool) -> dict:
    """Buttons in the corner of the scene that play the frames, each for `pause` (ms), and stop them."""
    play = {**AT_ONCE, "frame": {"duration": pause, "redraw": True}, "fromcurrent": True}
    buttons = [
        {"label": label, "method": "animate", "args": [None, play]},
        {"label": "❚❚", "method": "animate", "args": [[None], AT_ONCE]},
    ]
    place = {"x": 0.01, "y": 0.01, "xanchor": "left", "yanchor": "bottom"}
    look = {"bgcolor": theme.page_color(dark), "font": {"color": theme.text_color(dark), "size": 15}}
    return {"type": "buttons", "direction": "left", "showactive": False, "buttons": buttons, **place, **look}
