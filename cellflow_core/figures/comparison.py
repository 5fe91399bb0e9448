"""Errors of several models at times they never saw, beside answers that need no model."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from cellflow_core.distance_units import axis_title, unit_of
from cellflow_core.figures import theme

LINES = {
    "floor": ("sampling floor", "dot"),
    "midpoint": ("OT midpoint", "solid"),
    "linear": ("previous snapshot, mean-shifted", "dash"),
    "previous": ("previous snapshot", "dashdot"),
    "next": ("next snapshot", "longdash"),
}
"""Answers without a model: their names on the figure and the dash of their line."""
WIDE = 16
"""Letters of a model's name on one line: on a phone the picture needs the room."""


SCALE_TITLE = "s = (midpoint − error) / (midpoint − floor)"


def on_scale(
    seeds: Mapping[str, Sequence[float]], trivial: Mapping[str, float]
) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Errors as s: 0 for the midpoint of optimal transport, 1 for other cells of that time.

    Raises ValueError where the midpoint is no farther than the floor: s has no meaning there.
    """
    midpoint, floor = trivial["midpoint"], trivial["floor"]
    if not midpoint > floor:
        raise ValueError("straight lines are as near as other cells of that time, so there is no scale between them")

    def of(error: float) -> float:
        return (midpoint - error) / (midpoint - floor)

    return {k: [of(each) for each in values] for k, values in seeds.items()}, {k: of(v) for k, v in trivial.items()}


def baselines(
    by_time: Mapping[str, Mapping[str, float]], measure: str = "w1", *, unit: str = "", dark: bool = False
) -> go.Figure:
    """What a model has to beat: the error of each answer without one (names of LINES) at each time that can be left out
    (as text). unit: of time"""
    title = f"held-out time ({theme.safe(unit)})" if unit else "held-out time"
    figure = theme.blank(dark, height=340, x=title, y=axis_title(measure))
    colours = dict(zip(LINES, theme.categorical(len(LINES)), strict=True))
    for name, (text, dash) in LINES.items():
        values = by_time.get(name, {})
        figure.add_trace(
            go.Scatter(
                x=list(values),
                y=list(values.values()),
                mode="lines+markers",
                name=text,
                line={"dash": dash, "color": theme.changed(dark) if name == "midpoint" else colours[name]},
                marker={"size": 9},
                hovertemplate="%{y:.3g} at time %{x}<extra>%{fullData.name}</extra>",
            )
        )
    figure.update_yaxes(rangemode="tozero").update_xaxes(type="category")
    return figure.update_layout(showlegend=True)


def describe_baselines(by_time: Mapping[str, Mapping[str, float]], measure: str = "w1") -> str:
    """The mean over the times of each answer without a model."""
    means = {LINES[k][0]: sum(v.values()) / len(v) for k, v in by_time.items() if v}
    return f"{axis_title(measure)} without a model, mean over the times: " + (
        ", ".join(f"{name} {value:.3g}" for name, value in sorted(means.items(), key=lambda each: each[1])) + "."
    )


def errors(
    seeds: Mapping[str, Sequence[float]],
    trivial: Mapping[str, float],
    measure: str = "w1",
    *,
    scaled: bool = False,
    dark: bool = False,
) -> go.Figure:
    """seeds: model -> its error for each seed, mean over the times left out; trivial: the same by the names of LINES.

    The nearest model is on top. measure: what the errors are, by its name in `analysis.results.Distances`; scaled: they
    are drawn as s (`on_scale`).
    """
    if scaled:
        seeds, trivial = on_scale(seeds, trivial)
    means = {model: sum(values) / len(values) for model, values in seeds.items()}
    order = sorted(means, key=lambda each: means[each], reverse=not scaled)
    title, unit = (SCALE_TITLE, "s") if scaled else (axis_title(measure), unit_of(measure))
    figure = theme.blank(dark, height=160 + 34 * len(order) + 20 * len(trivial), x=title)
    names = ["<br>".join(map(theme.safe, textwrap.wrap(each, WIDE))) for each in order]
    figure.add_trace(
        go.Scatter(
            x=[value for model in order for value in seeds[model]],
            y=[name for name, model in zip(names, order, strict=True) for _ in seeds[model]],
            mode="markers",
            marker={
                "size": 9,
                "color": theme.background_point_color(dark),
                "line": {"width": 1, "color": theme.muted_color(dark)},
            },
            name="one seed",
            hovertemplate=f"%{{y}}: %{{x:.3f}} ({unit})<extra>one seed</extra>",
        )
    )
    figure.add_trace(
        go.Scatter(
            x=[means[model] for model in order],
            y=names,
            mode="markers",
            marker={"size": 15, "symbol": "diamond", "color": theme.model(dark)},
            name="mean over seeds",
            hovertemplate=f"%{{y}}: %{{x:.3f}} ({unit})<extra>mean</extra>",
        )
    )
    shown = [*_finite(trivial).values(), *(value for values in seeds.values() for value in values)]
    room = 0.08 * (max(shown) - min(shown) or 1.0)
    low, high = min(shown) - room, max(shown) + room
    figure.update_xaxes(range=[low, high])
    _draw_lines(figure, trivial, low, high, dark)
    figure.update_yaxes(categoryorder="array", categoryarray=names)
    return figure.update_layout(
        margin={"t": 24 + 20 * len(trivial), "b": 84}, legend={"y": 0, "yref": "container", "yanchor": "bottom"}
    )


def _draw_lines(figure: go.Figure, trivial: Mapping[str, float], low: float, high: float, dark: bool) -> None:
    """An upright line for each answer without a model, named above the picture, which goes from low to high."""
    for k, (name, value) in enumerate(_finite(trivial).items()):
        text, dash = LINES[name]
        colour = theme.changed(dark) if name == "midpoint" else theme.muted_color(dark)
        figure.add_vline(x=value, line={"color": colour, "dash": dash, "width": 1.5})
        place = (value - low) / (high - low)
        figure.add_annotation(
            x=value,
            y=1,
            yref="paper",
            yshift=18 + 20 * k,
            text=f"{text} {value:.3g}",
            showarrow=False,
            font={"color": colour, "size": 13},
            xanchor="left" if place < 0.5 else "right",
        )


def describe(seeds: Mapping[str, Sequence[float]], trivial: Mapping[str, float], measure: str = "w1") -> str:
    """The figure in one sentence with its numbers."""
    means = {model: sum(values) / len(values) for model, values in seeds.items()}
    models = ", ".join(f"{model} {means[model]:.3f}" for model in sorted(means, key=lambda each: means[each]))
    lines = ", ".join(f"{LINES[name][0]} {value:.3f}" for name, value in _finite(trivial).items())
    return f"{axis_title(measure)} at times left out, smallest first: {models}. Without a model: {lines}."


def _finite(trivial: Mapping[str, float]) -> dict[str, float]:
    """In ascending order, without what has no meaning for this measure."""
    return dict(sorted(((k, v) for k, v in trivial.items() if math.isfinite(v)), key=lambda each: each[1]))
