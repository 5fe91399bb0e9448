"""The landscape: a surface over a 2-D view, measured cells on it, and particles that roll."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from cellflow_core.analysis.results import Landscape
from cellflow_core.figures import theme
from cellflow_core.figures.scatter import subsample
from cellflow_core.time_units import format_time, format_times

CELLS_DRAWN = 1_500
PATHS_DRAWN = 60
FRAMES = 40


def landscape(
    result: Landscape, *, cells: bool = True, dark: bool = False, height: int = 640, camera: dict | None = None
) -> go.Figure:
    """Traces: surface, cells (one, coloured by time), paths (one, gaps between particles), particles (one).

    Only the particles are animated, as frames "0", "1" ... over the steps. camera: plotly's, to restore a view.
    """
    figure = go.Figure(layout={"template": theme.template(dark), "height": height})
    low, high = float(np.nanmin(result.height)), float(np.nanmax(result.height))
    lift = 0.012 * (high - low)  # so that what lies on the surface is not buried in it
    figure.add_trace(
        go.Surface(
            x=result.x.astype(np.float32),
            y=result.y.astype(np.float32),
            z=result.height.astype(np.float32),
            colorscale=theme.HEIGHT,
            opacity=0.93,
            name="landscape",
            connectgaps=False,
            colorbar={"title": {"text": f"height<br>({theme.safe(result.unit)})"}, "len": 0.5, "y": 0.6, "x": 0.98},
            contours={
                "z": {
                    "show": True,
                    "start": low,
                    "end": high,
                    "size": (high - low) / 14 or 1,
                    "width": 1,
                    "color": theme.text_color(not dark),
                    "usecolormap": False,
                }
            },
            lighting={"ambient": 0.75, "diffuse": 0.5, "specular": 0.08, "roughness": 0.9},
            hovertemplate=f"height %{{z:.3g}} ({theme.safe(result.unit)})<extra></extra>",
        )
    )
    if cells:
        figure.add_trace(_cells(result, lift))
    figure.add_trace(_paths(result, lift, dark))
    figure.add_trace(_particles(result, 0, lift, dark))
    _animate(figure, result, 3 if cells else 2, lift, dark)
    x, y = (_range(result, k, cells) for k in range(2))
    scene = {
        "xaxis": {"title": {"text": theme.safe(result.axes[0])}, "showticklabels": False, "range": x},
        "yaxis": {"title": {"text": theme.safe(result.axes[1])}, "showticklabels": False, "range": y},
        "zaxis": {"title": {"text": "height"}, "range": [low - lift, high + 4 * lift]},
        "aspectmode": "manual",
        "aspectratio": {"x": 1.3, "y": 1.3, "z": 0.7},
        "camera": camera or _camera(result),
    }
    return figure.update_layout(scene=scene, margin={"l": 0, "r": 0, "t": 8, "b": 0}, showlegend=False)


def _range(result: Landscape, axis: int, cells: bool) -> list[float]:
    """Where the surface is, and the measured cells where they are drawn; paths do not widen the scene."""
    known = np.isfinite(result.height).any(axis=axis)
    places = [(result.x, result.y)[axis][known], *([result.cells[:, axis]] if cells else [])]
    low, high = (float(each(np.concatenate(places))) for each in (np.min, np.max))
    room = 0.02 * (high - low)
    return [low - room, high + room]


def describe(result: Landscape) -> str:
    """The figure in one sentence with its numbers."""
    unit = f" {result.unit}" if result.unit else ""
    share, cut = result.non_gradient, int(np.isnan(result.path_height).any(axis=0).sum())
    off = f" {cut} of them leave the map and are cut there;" if cut else ""
    left = "the model has no velocity field"
    if not np.isnan(share):
        left = f"{share:.0%} of the flow is not explained by any landscape"
    return (
        f"A {result.kind} over {result.view}: height from {np.nanmin(result.height):.3g} to "
        f"{np.nanmax(result.height):.3g}{unit}, {len(result.cells):,} cells on it, {result.paths.shape[1]} particles "
        f"rolled from time {format_time(result.path_times[0])} to {format_time(result.path_times[-1])}, "
        f"from a mean height of {_mean(result.path_height, 0):.3g} to {_mean(result.path_height, -1):.3g};{off} "
        f"{left}."
    )


def _mean(height: np.ndarray, step: int) -> float:
    """Mean height of the particles on the map at a step; NaN where none is."""
    known = height[step][np.isfinite(height[step])]
    return float(known.mean()) if len(known) else float("nan")


def _camera(result: Landscape) -> dict:
    """From where the particles roll towards the reader and a little from the side, as in Waddington's drawing."""
    extent = np.array([np.ptp(result.x), np.ptp(result.y)])
    last = np.isfinite(result.paths[..., 0]).cumsum(axis=0).argmax(axis=0)  # the last step on the map of each
    moved = result.paths[last, np.arange(len(last))] - result.paths[0]
    moved = moved[np.isfinite(moved).all(axis=1)]
    motion = moved.sum(axis=0) / max(len(moved), 1) / np.where(extent > 0, extent, 1)
    ahead = np.arctan2(motion[1], motion[0]) if np.hypot(*motion) > 0.05 else -np.pi / 2
    turned = ahead + np.deg2rad(22)
    eye = {"x": float(1.6 * np.cos(turned)), "y": float(1.6 * np.sin(turned)), "z": 1.0}
    return {"eye": eye, "center": {"x": 0, "y": 0, "z": -0.2}}


def _cells(result: Landscape, lift: float) -> go.Scatter3d:
    there = np.flatnonzero(np.isfinite(result.cell_height))
    kept = there[subsample(len(there), CELLS_DRAWN)]
    times = result.cell_time[kept]
    untimed = bool(np.isnan(result.cell_time).all())
    known, codes = np.unique(np.nan_to_num(result.cell_time), return_inverse=True)
    return go.Scatter3d(
        x=result.cells[kept, 0].astype(np.float32),
        y=result.cells[kept, 1].astype(np.float32),
        z=(result.cell_height[kept] + lift).astype(np.float32),
        mode="markers",
        name="cells",
        customdata=None if untimed else times.astype(np.float32),
        hovertemplate=("measured cell" if untimed else "measured at time %{customdata:.4~g}") + "<extra></extra>",
        marker={
            "size": 2.2,
            "opacity": 0.85,
            "line": {"width": 0},
            "color": codes[kept].astype(np.int16),
            "cmin": -0.5,
            "cmax": len(known) - 0.5,
            "colorscale": theme.stepped(_times(len(known))),
            "showscale": False,
        },
    )


def _times(count: int) -> tuple[str, ...]:
    """Times in oranges to reds: apart from the blue to yellow of the surface."""
    return theme.sampled("OrRd", 0.15, 0.9, max(count, 1))


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
        name="paths",
        hoverinfo="skip",
        connectgaps=False,
        line={"width": 2, "color": theme.changed(dark)},
        opacity=0.3,
    )


def _at(result: Landscape, step: int, lift: float) -> dict[str, np.ndarray]:
    xy = result.paths[step].astype(np.float32)
    return {"x": xy[:, 0], "y": xy[:, 1], "z": (result.path_height[step] + 2 * lift).astype(np.float32)}


def _particles(result: Landscape, step: int, lift: float, dark: bool) -> go.Scatter3d:
    return go.Scatter3d(
        **_at(result, step, lift),
        mode="markers",
        name="particles",
        hoverinfo="skip",
        marker={"size": 4.5, "color": theme.changed(dark), "line": {"width": 1, "color": theme.page_color(dark)}},
    )


def _animate(figure: go.Figure, result: Landscape, trace: int, lift: float, dark: bool) -> None:
    """Frames of the particle trace alone, with a button and a slider under the scene."""
    steps = len(result.path_times)
    shown = np.unique(np.linspace(0, steps - 1, min(FRAMES, steps)).astype(int))
    figure.frames = [
        go.Frame(name=str(k), traces=[trace], data=[go.Scatter3d(**_at(result, step, lift))])
        for k, step in enumerate(shown)
    ]
    play = {
        "frame": {"duration": 70, "redraw": True},
        "transition": {"duration": 0},
        "fromcurrent": True,
        "mode": "immediate",
    }
    jump = {"frame": {"duration": 0, "redraw": True}, "transition": {"duration": 0}, "mode": "immediate"}
    figure.update_layout(
        updatemenus=[
            {
                "type": "buttons",
                "direction": "left",
                "showactive": False,
                "x": 0,
                "y": 0,
                "xanchor": "left",
                "yanchor": "top",
                "pad": {"t": 28, "l": 8},
                "bgcolor": theme.page_color(dark),
                "bordercolor": theme.muted_color(dark),
                "font": {"color": theme.text_color(dark), "size": 15},
                "buttons": [
                    {"label": "▶ Roll", "method": "animate", "args": [None, play]},
                    {"label": "❚❚", "method": "animate", "args": [[None], jump]},
                ],
            }
        ],
        sliders=[
            {
                "x": 0.3,
                "len": 0.68,
                "y": 0,
                "pad": {"t": 8, "b": 8},
                "currentvalue": {"prefix": "time ", "xanchor": "left"},
                "font": {"size": 13, "color": theme.muted_color(dark)},
                "ticklen": 0,
                "minorticklen": 0,
                "steps": [
                    {"label": name, "method": "animate", "args": [[str(k)], jump]}
                    for k, name in enumerate(format_times(result.path_times[shown]))
                ],
            }
        ],
    )
