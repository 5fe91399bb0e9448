"""What is known of simulated cells: the truth itself, drawn as such and not as a model's answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from cellflow_core.figures import theme
from cellflow_core.figures.scatter import VECTOR_UP_TO, subsample
from cellflow_core.figures.streamlines import arrow_heads
from cellflow_core.time_units import format_time


def landscape(
    x: np.ndarray,
    y: np.ndarray,
    height: np.ndarray,
    stable: np.ndarray,
    axes: tuple[str, str],
    *,
    dark: bool = False,
    size: int = 460,
) -> go.Figure:
    """Height [rows, columns] from above, with contour lines; a cross where cells come to rest, stable [states, 2]."""
    figure = theme.blank(dark, height=size, x=theme.safe(axes[0]), y=theme.safe(axes[1]))
    lowest = float(np.nanmin(height))
    figure.add_trace(
        go.Contour(
            x=x.astype(np.float32),
            y=y.astype(np.float32),
            z=(height - lowest).astype(np.float32),
            colorscale=theme.terrain(dark),
            ncontours=16,
            connectgaps=False,
            line={"width": 0.7},
            colorbar={"title": {"text": "height"}, "thickness": 12, "outlinewidth": 0},
            hovertemplate="height %{z:.2f}<extra></extra>",
            name="height",
        )
    )
    figure.add_trace(
        go.Scatter(
            x=stable[:, 0].astype(np.float32),
            y=stable[:, 1].astype(np.float32),
            mode="markers",
            name="cells come to rest",
            marker={
                "symbol": "x",
                "size": 13,
                "color": theme.changed(True),
                "line": {"width": 1.5, "color": "#000000"},
            },
            hovertemplate="cells come to rest at %{x:.2f}, %{y:.2f}<extra></extra>",
        )
    )
    return figure.update_layout(showlegend=True, dragmode=False)


def describe_landscape(height: np.ndarray, stable: np.ndarray, axes: tuple[str, str]) -> str:
    """The figure in one sentence with its numbers."""
    places = " and ".join(f"({a:.2f}, {b:.2f})" for a, b in stable)
    return (
        f"The true height over {axes[0]} and {axes[1]}, up to {np.nanmax(height) - np.nanmin(height):.3g} above the "
        f"lowest point; cells come to rest at {places or 'no point'}."
    )


def shares(
    before: Mapping[str, float],
    after: Mapping[str, float] | None = None,
    change: str = "",
    *,
    dark: bool = False,
    height: int = 340,
) -> go.Figure:
    """True share of each fate, and beside it the share after `change`."""
    figure = theme.blank(dark, height=height, y="true share of cells")
    sides = [("no clamp", before, theme.model(dark))]
    if after is not None:
        sides.append((theme.safe(change), after, theme.changed(dark)))
    for name, each, colour in sides:
        figure.add_trace(
            go.Bar(
                x=[theme.safe(fate) for fate in each],
                y=np.array(list(each.values()), np.float32),
                name=name,
                marker_color=colour,
                texttemplate="%{y:.0%}",
                textposition="outside",
                cliponaxis=False,
                hovertemplate="%{x}: %{y:.1%}<extra>%{fullData.name}</extra>",
            )
        )
    top = max(1e-9, *(max(each.values()) for _, each, _ in sides))
    figure.update_yaxes(tickformat=".0%", range=[0, 1.15 * top])
    return figure.update_layout(barmode="group", bargap=0.35, showlegend=after is not None, dragmode=False)


def describe_shares(before: Mapping[str, float], after: Mapping[str, float] | None = None, change: str = "") -> str:
    """The figure in one sentence with its numbers."""
    if after is None:
        return (
            "True share of cells that end in each fate: " + ", ".join(f"{k} {v:.0%}" for k, v in before.items()) + "."
        )
    listed = ", ".join(f"{k} from {v:.0%} to {after[k]:.0%}" for k, v in before.items())
    return f"True share of cells that end in each fate, without and with {change}: {listed}."


def course(
    times: np.ndarray,
    values: np.ndarray,
    names: Sequence[str],
    *,
    unit: str = "",
    y: str = "level",
    spread: np.ndarray | None = None,
    dark: bool = False,
    height: int = 380,
) -> go.Figure:
    """Lines over time of values [times, names]; spread of the same shape: a band of so much to either side."""
    figure = theme.blank(dark, height=height, x=theme.safe(f"time ({unit})" if unit else "time"), y=theme.safe(y))
    dashes = ("solid", "dash", "dot", "dashdot")
    for k, (name, colour) in enumerate(zip(names, theme.categorical(len(names)), strict=True)):
        look = {"color": colour, "width": 2.6, "dash": dashes[k // len(theme.CATEGORICAL) % len(dashes)]}
        if spread is not None:
            low, high = values[:, k] - spread[:, k], values[:, k] + spread[:, k]
            band = {"x": np.concatenate([times, times[::-1]]), "y": np.concatenate([high, low[::-1]])}
            figure.add_trace(
                go.Scatter(
                    **{axis: each.astype(np.float32) for axis, each in band.items()},
                    fill="toself",
                    fillcolor=colour,
                    opacity=0.18,
                    line={"width": 0},
                    hoverinfo="skip",
                    showlegend=False,
                )
            )
        figure.add_trace(
            go.Scatter(
                x=times.astype(np.float32),
                y=values[:, k].astype(np.float32),
                mode="lines",
                name=theme.safe(name),
                line=look,
                hovertemplate="%{y:.3g} at %{x:.3g}<extra>%{fullData.name}</extra>",
            )
        )
    return figure.update_layout(showlegend=True, dragmode=False)


def describe_course(times: np.ndarray, values: np.ndarray, names: Sequence[str], what: str) -> str:
    """The figure in one sentence with its numbers."""
    listed = "; ".join(
        f"{name} from {values[0, k]:.3g} to {values[-1, k]:.3g}, between {values[:, k].min():.3g} and "
        f"{values[:, k].max():.3g}"
        for k, name in enumerate(names)
    )
    return f"{what} from time {format_time(times[0])} to {format_time(times[-1])}: {listed}."


def states(rests: Mapping[str, np.ndarray], axes: Sequence[str], *, dark: bool = False, height: int = 300) -> go.Figure:
    """The level of every gene in each state of rest, as a table of colours."""
    figure = theme.blank(dark, height=height)
    values = np.array(list(rests.values()))
    figure.add_trace(
        go.Heatmap(
            z=values.astype(np.float32),
            x=[theme.safe(each, 24) for each in axes],
            y=[theme.safe(each, 24) for each in rests],
            colorscale=theme.SEQUENTIAL,
            zmin=min(0.0, float(values.min())),
            xgap=2,
            ygap=2,
            colorbar={"title": {"text": "level"}, "thickness": 12, "outlinewidth": 0},
            hovertemplate="%{x} in %{y}: %{z:.2f}<extra></extra>",
        )
    )
    figure.update_xaxes(side="top", tickangle=-60, showgrid=False)
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return figure.update_layout(dragmode=False)


def describe_states(rests: Mapping[str, np.ndarray], axes: Sequence[str]) -> str:
    """The figure in words: every level that is not 0."""
    listed = (
        f"{name}: {', '.join(f'{axes[k]} {level[k]:.3g}' for k in np.flatnonzero(level)) or 'all at 0'}"
        for name, level in rests.items()
    )
    return f"Levels in each state of rest, those not named at 0: {'; '.join(listed)}."


def responses(
    times: np.ndarray,
    by_dose: Mapping[str, np.ndarray],
    axes: Sequence[str],
    *,
    unit: str = "",
    dark: bool = False,
    height: int = 380,
) -> go.Figure:
    """Every axis in a panel of its own, a line for each dose, [times, axes] by the dose in words."""
    titles = [theme.safe(each) for each in axes]
    figure = make_subplots(cols=len(axes), subplot_titles=titles, horizontal_spacing=0.09)
    figure.update_layout(template=theme.template(dark), height=height, dragmode=False, margin_t=84)
    figure.update_layout(legend_y=1.14)
    for (name, values), colour in zip(by_dose.items(), theme.ordered(len(by_dose), dark), strict=True):
        for k in range(len(axes)):
            figure.add_trace(
                go.Scatter(
                    x=times.astype(np.float32),
                    y=values[:, k].astype(np.float32),
                    mode="lines",
                    name=theme.safe(name),
                    legendgroup=theme.safe(name),
                    showlegend=k == 0,
                    line={"color": colour, "width": 2.6},
                    hovertemplate="%{y:.3g} at %{x:.3g}<extra>%{fullData.name}</extra>",
                ),
                row=1,
                col=k + 1,
            )
    return figure.update_xaxes(title_text=theme.safe(f"time ({unit})" if unit else "time"))


def phase_portrait(
    cells: np.ndarray,
    path: np.ndarray,
    gene: str,
    *,
    latent: np.ndarray | None = None,
    dark: bool = False,
    height: int = 420,
) -> go.Figure:
    """Phase portrait: measured (spliced, unspliced) of each cell [cells, 2] and the true path through it [times, 2]."""
    figure = theme.blank(dark, height=height, x=f"spliced {theme.safe(gene)}", y=f"unspliced {theme.safe(gene)}")
    kept = subsample(len(cells), VECTOR_UP_TO)
    marker: dict = {"size": 5, "opacity": 0.7, "color": theme.background_point_color(dark)}
    if latent is not None:
        bar = {"title": {"text": "latent<br>time"}, "thickness": 12, "outlinewidth": 0}
        marker |= {"color": latent[kept].astype(np.float32), "colorscale": theme.sequential(dark), "colorbar": bar}
    figure.add_trace(
        go.Scatter(
            x=cells[kept, 0].astype(np.float32),
            y=cells[kept, 1].astype(np.float32),
            mode="markers",
            name="measured cells",
            marker=marker,
            hoverinfo="skip",
        )
    )
    figure.add_trace(
        go.Scatter(
            x=path[:, 0].astype(np.float32),
            y=path[:, 1].astype(np.float32),
            mode="lines",
            name="true path",
            line={"color": theme.changed(dark), "width": 3},
            hovertemplate="spliced %{x:.3g}, unspliced %{y:.3g}<extra>true path</extra>",
        )
    )
    heads = path[_even(path, 8)]
    sizes = [0, *[16] * (len(heads) - 1)]
    edge = {"width": 1, "color": theme.page_color(dark)}
    look = {"color": theme.changed(dark), "opacity": 1, "line": edge}
    figure.add_trace(arrow_heads(heads, sizes, "direction of time", **look))
    return figure.update_layout(dragmode=False)


def _even(path: np.ndarray, count: int) -> np.ndarray:
    """Indices of moments that lie evenly along a path, as long as it is drawn."""
    steps = np.diff(path, axis=0) / np.maximum(np.ptp(path, axis=0), 1e-12)
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(steps, axis=1))])
    return np.unique(np.searchsorted(along, np.linspace(0, along[-1], count + 1)).clip(0, len(path) - 1))


def describe_portrait(cells: np.ndarray, path: np.ndarray, gene: str) -> str:
    """The figure in one sentence with its numbers."""
    return (
        f"Unspliced against spliced RNA of {gene} in {len(cells):,} cells; the true path goes from spliced "
        f"{path[0, 0]:.3g}, unspliced {path[0, 1]:.3g} to {path[-1, 0]:.3g}, {path[-1, 1]:.3g}, with at most "
        f"{path[:, 0].max():.3g} and {path[:, 1].max():.3g}."
    )
