"""Paths of least action: on a surface, on the map, and the genes along them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float
from scipy.ndimage import map_coordinates

from cellflow_core.analysis.results import Landscape, LeastAction
from cellflow_core.figures import landscape, theme

Array = np.ndarray
STEPS = 300
"""Points of a path on a surface: it follows the surface between those of the answer."""
LISTED = 20
"""Genes of the picture of many."""
DASH = ("solid", "dash")
"""Of the path there and of the path back: they are told apart without their colours, too."""


def colours(dark: bool) -> tuple[str, str]:
    """Of the path there and of the path back."""
    return theme.model(dark), theme.changed(dark)


def names(found: LeastAction) -> tuple[str, str]:
    """ "A to B" and "B to A"."""
    a, b = theme.safe(found.start, 24), theme.safe(found.end, 24)
    return f"{a} to {b}", f"{b} to {a}"


def on_surface(found: LeastAction, surface: Landscape, **look: Any) -> go.Figure:
    """A landscape over the same map with both paths of the picture, cut where it has no height, and their ends by name.

    look  of the landscape, as `figures.landscape.landscape` takes it
    """
    dark = bool(look.get("dark", False))
    lift = 0.03 * (float(np.nanmax(surface.height) - np.nanmin(surface.height)) or 1.0)
    traces = []
    for k, (name, colour) in enumerate(zip(names(found), colours(dark), strict=True)):
        fine = np.linspace(0, len(found.share) - 1, STEPS)
        x, y = (np.interp(fine, np.arange(len(found.share)), axis) for axis in found.places[0, k].T)
        line = {"width": 7 - 2 * k, "color": colour, "dash": DASH[k]}
        z = _height(surface, x, y) + lift
        traces.append(go.Scatter3d(x=x, y=y, z=z, mode="lines", name=name, line=line, hoverinfo="skip"))
    ends = found.places[0, 0, [0, -1]]
    z = _height(surface, *ends.T) + 1.5 * lift
    ink = theme.text_color(dark)
    marker = {"size": 6, "symbol": "diamond", "color": ink, "line": {"width": 1, "color": theme.page_color(dark)}}
    traces.append(
        go.Scatter3d(
            x=ends[:, 0],
            y=ends[:, 1],
            z=z,
            mode="markers",
            name="ends of the path",
            showlegend=False,
            text=_ends(found),
            hovertemplate="%{text}<extra></extra>",
            marker=marker,
        )
    )
    figure = landscape.landscape(surface, instead=traces, **look)
    pointer = {"showarrow": True, "arrowhead": 0, "arrowwidth": 1, "arrowcolor": ink, "ay": 42}
    notes = [
        {**theme.label(x, y, f"<b>{text}</b>", dark), **pointer, "z": height, "ax": ax}
        for (x, y), height, text, ax in zip(ends.tolist(), z.tolist(), _ends(found), (-60, -70), strict=True)
        if np.isfinite(height)
    ]
    return figure.update_layout(scene_annotations=[*figure.layout["scene"]["annotations"], *notes])


def _ends(found: LeastAction) -> list[str]:
    return [f"{name}: {theme.safe(each, 24)}" for name, each in (("A", found.start), ("B", found.end))]


def _height(surface: Landscape, x: Array, y: Array) -> Array:
    """Height of the surface under places, bilinear; NaN where it is not."""
    row = (y - surface.y[0]) / (surface.y[1] - surface.y[0])
    column = (x - surface.x[0]) / (surface.x[1] - surface.x[0])
    return map_coordinates(surface.height, [row, column], order=1, cval=np.nan)


def add_to_map(figure: go.Figure, found: LeastAction, dark: bool) -> go.Figure:
    """Both paths over the cells of a map: those of other trainings thin, points far from every cell as open circles."""
    for k, (name, colour) in enumerate(zip(names(found), colours(dark), strict=True)):
        others = found.places[1:, k]
        if len(others):
            gap = np.full((len(others), 1, 2), np.nan)
            thin = np.concatenate([others, gap], axis=1).reshape(-1, 2)
            figure.add_trace(_line(thin, "other trainings", colour, DASH[k], 1.2, 0.7))
        path = found.places[0, k]
        figure.add_trace(_line(path, name, colour, DASH[k], 4, 1.0))
        far = path[~found.near[k]]
        if len(far):
            figure.add_trace(_far(far, colour, dark))
    ends = found.places[0, 0, [0, -1]]
    figure.add_trace(
        go.Scatter(
            x=ends[:, 0],
            y=ends[:, 1],
            mode="markers",
            name="ends of the path",
            showlegend=False,
            hovertext=_ends(found),
            hoverinfo="text",
            marker={
                "size": 13,
                "symbol": "diamond",
                "color": theme.text_color(dark),
                "line": {"width": 2, "color": theme.page_color(dark)},
            },
        )
    )
    for (x, y), text in zip(ends.tolist(), _ends(found), strict=True):
        figure.add_annotation({**theme.label(x, y, f"<b>{text}</b>", dark), "yshift": 18})
    return figure.update_layout(legend={"itemclick": False, "itemdoubleclick": False})


def _line(path: Array, name: str, colour: str, dash: str, width: float, opacity: float) -> go.Scatter:
    look = {"width": width, "color": colour, "dash": dash}
    x, y = path.astype(np.float32).T
    return go.Scatter(
        x=x, y=y, mode="lines", name=name, line=look, opacity=opacity, showlegend=width > 2, hoverinfo="skip"
    )


def _far(points: Array, colour: str, dark: bool) -> go.Scatter:
    marker = {"size": 8, "color": theme.page_color(dark), "line": {"width": 2, "color": colour}}
    return go.Scatter(
        x=points[:, 0].astype(np.float32),
        y=points[:, 1].astype(np.float32),
        mode="markers",
        name="far from every cell of this time",
        marker=marker,
        showlegend=False,
        hovertemplate="far from every cell of this time<extra></extra>",
    )


def describe(found: LeastAction) -> str:
    """Both paths in one sentence with their numbers."""
    unit = f" {found.unit}" if found.unit else ""
    paths = [
        f"from {name} an action of {found.action[0, k]:.3g}{unit}, the straight line {found.line[0, k]:.3g}, "
        f"{found.near[k].mean():.0%} of it near cells"
        for k, name in enumerate((f"{found.start} to {found.end}", f"{found.end} to {found.start}"))
    ]
    return f"Paths of least action: {'; '.join(paths)}."


def gene_lines(
    found: LeastAction,
    gene: str,
    values: Float[Array, "trainings 2 points"],
    measured: Mapping[str, tuple[float, float, float]],
    *,
    dark: bool = False,
    height: int = 360,
) -> go.Figure:
    """One gene along both paths, both drawn from start to end, with the range over trainings.

    values    of every training, there and back, each from its own beginning
    measured  name of an end -> mean, 10 % and 90 % quantile of the gene in the measured cells of that group
    """
    a, b = theme.safe(found.start, 24), theme.safe(found.end, 24)
    figure = theme.blank(dark, height=height, x=f"share of the path from {a} to {b} (%)", y=theme.safe(gene))
    x = 100 * found.share
    for k, (name, colour) in enumerate(zip(names(found), colours(dark), strict=True)):
        every = values[:, k] if k == 0 else values[:, k, ::-1]
        if len(every) > 1:
            band = [np.nanmax(every, axis=0), np.nanmin(every, axis=0)[::-1]]
            figure.add_trace(
                go.Scatter(
                    x=np.concatenate([x, x[::-1]]),
                    y=np.concatenate(band),
                    fill="toself",
                    fillcolor=theme.faint(colour),
                    line={"width": 0},
                    hoverinfo="skip",
                    name=f"{name}, range of {len(every)} trainings",
                )
            )
        figure.add_trace(
            go.Scatter(
                x=x,
                y=every[0],
                mode="lines",
                name=name,
                line={"color": colour, "width": 3, "dash": DASH[k]},
                hovertemplate="%{y:.3g} at %{x:.0f} %<extra>%{fullData.name}</extra>",
            )
        )
    if measured:
        mean, low, high = np.array([measured[each] for each in (found.start, found.end)]).T
        figure.add_trace(
            go.Scatter(
                x=[0, 100],
                y=mean,
                mode="markers",
                name="measured in the groups, mean and 8 of 10 cells",
                marker={"size": 10, "color": theme.text_color(dark)},
                error_y=theme.error_bars(low, mean, high, dark),
                hovertemplate="%{y:.3g}<extra>measured</extra>",
            )
        )
    return figure


def describe_gene(found: LeastAction, gene: str, values: Float[Array, "trainings 2 points"]) -> str:
    """Where a gene begins and ends along the path there."""
    own = values[0, 0]
    return (
        f"{gene} along the path from {found.start} to {found.end}: from {own[0]:.3g} to {own[-1]:.3g}, lowest "
        f"{own.min():.3g}, highest {own.max():.3g}."
    )


def many_genes(found: LeastAction, order: Sequence[int], *, dark: bool = False) -> go.Figure:
    """The genes of `order` (places in found.genes), the first on top, each from its lowest to its highest value on the
    path there, with the difference of the two behind its name."""
    values = found.values[0, 0][:, list(order)].T
    low, size = values.min(axis=1, keepdims=True), np.ptp(values, axis=1, keepdims=True)
    shown = (values - low) / np.where(size > 0, size, 1)
    a, b = theme.safe(found.start, 24), theme.safe(found.end, 24)
    figure = theme.blank(dark, height=110 + 20 * len(order), x=f"share of the path from {a} to {b} (%)")
    figure.add_trace(
        go.Heatmap(
            x=100 * found.share,
            y=[f"{theme.safe(found.genes[k], 18)} ({each:.2g})" for k, each in zip(order, size[:, 0], strict=True)],
            z=shown.astype(np.float32),
            customdata=values.astype(np.float32),
            colorscale=theme.sequential(dark),
            colorbar={"tickvals": [0, 1], "ticktext": ["lowest", "highest"], "thickness": 10, "len": 0.6},
            hovertemplate="%{y}: %{customdata:.3g} at %{x:.0f} %<extra></extra>",
        )
    )
    return figure.update_yaxes(autorange="reversed", showgrid=False)


def describe_many(found: LeastAction, order: Sequence[int]) -> str:
    """The genes of the picture, from the one that changes first."""
    listed = ", ".join(found.genes[k] for k in order)
    return f"Genes along the path from {found.start} to {found.end}, from the first that changes to the last: {listed}."
