"""Who acts on whom: genes on a ring with signed arrows, or the same as a table of colours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from cellflow_core.figures import theme

_NODE = 0.1  # radius of a gene on a ring of radius 1
_BOW = 0.16  # how far an arrow curves towards the middle, so that there and back are two lines
_LOOP = 0.11  # radius of a gene's arrow on itself
_HEAD = 0.075
_ACTIVATES, _REPRESSES = "activates", "represses"


def network(
    acts: np.ndarray, genes: Sequence[str], *, center: bool = False, dark: bool = False, height: int = 460
) -> go.Figure:
    """Arrows of acts [targets, regulators] by sign: a point activates, a bar at the end of a dashed line represses.

    center  whether the first gene stands in the middle of the others
    Traces: lines and ends of both signs, then the genes.
    """
    figure = theme.blank(dark, height=height)
    places = np.vstack([np.zeros((1, 2)), _ring(len(genes) - 1)]) if center else _ring(len(genes))
    for sign, name, colour in (
        (1, _ACTIVATES, theme.model(dark)),
        (-1, _REPRESSES, theme.changed(dark)),
    ):
        pairs = np.argwhere(np.sign(acts) == sign)
        lines = [_line(places, regulator, target) for target, regulator in pairs]
        dash = "solid" if sign > 0 else "4px 3px"
        figure.add_trace(_drawn(lines, name, {"color": colour, "width": 1.8, "dash": dash}, legend=True))
        ends = [(_point if sign > 0 else _bar)(line) for line in lines]
        look = {"color": colour, "width": 1 if sign > 0 else 3.5}
        figure.add_trace(_drawn(ends, f"ends of {name}", look, fill=colour if sign > 0 else None))
    shown = [theme.safe(each, 24) for each in genes]
    figure.add_trace(
        go.Scatter(
            x=places[:, 0],
            y=places[:, 1],
            mode="markers",
            name="genes",
            showlegend=False,
            text=[_sentence(acts, genes, k) for k in range(len(genes))],
            hovertemplate="%{text}<extra></extra>",
            marker={
                "size": 14,
                "color": theme.page_color(dark),
                "line": {"width": 2.5, "color": theme.text_color(dark)},
            },
        )
    )
    if center:
        figure.add_annotation(**theme.label(0.0, -2 * _NODE, f"<b>{shown[0]}</b>", dark))
    for k, (x, y) in list(enumerate(places))[int(center) :]:
        out = 1 + (2.2 * _LOOP if acts[k, k] else 0) + _NODE
        figure.add_annotation(
            x=out * x,
            y=out * y,
            text=shown[k],
            showarrow=False,
            xanchor="left" if x > 0.15 else "right" if x < -0.15 else "center",
            yanchor="bottom" if y > 0.85 else "top" if y < -0.85 else "middle",
            font={"size": 14, "color": theme.text_color(dark)},
        )
    figure.update_xaxes(visible=False, range=[-1.75, 1.75])
    figure.update_yaxes(visible=False, range=[-1.4, 1.4], scaleanchor="x")
    return figure.update_layout(dragmode=False, margin={"l": 0, "r": 0, "t": 36, "b": 0})


def table(acts: np.ndarray, genes: Sequence[str], *, dark: bool = False, height: int = 460) -> go.Figure:
    """The same as a square: regulators in columns, targets in rows."""
    shown = [theme.safe(each, 24) for each in genes]
    figure = theme.blank(dark, height=height, x="acts", y="is acted on")
    words = np.array(["represses", "does not act on", "activates"])[np.sign(acts) + 1]
    scale = theme.stepped((theme.changed(dark), theme.page_color(dark), theme.model(dark)))
    figure.add_trace(
        go.Heatmap(
            z=np.sign(acts),
            x=shown,
            y=shown,
            zmin=-1.5,
            zmax=1.5,
            colorscale=scale,
            xgap=2,
            ygap=2,
            text=np.array(["−", "", "+"])[np.sign(acts) + 1],
            texttemplate="%{text}",
            textfont={"size": 16},
            customdata=words,
            hovertemplate="%{x} %{customdata} %{y}<extra></extra>",
            showscale=False,
        )
    )
    figure.update_xaxes(side="top", tickangle=-60, showgrid=False, constrain="domain")
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return figure.update_layout(dragmode=False)


def describe(acts: np.ndarray, genes: Sequence[str]) -> str:
    """The network in words: every influence by its gene."""
    text = [_sentence(acts, genes, k) for k in range(len(genes)) if acts[k].any()]
    count = int(np.count_nonzero(acts))
    return f"{count} influences among {len(genes)} genes: {'; '.join(text)}."


def _sentence(acts: np.ndarray, genes: Sequence[str], target: int) -> str:
    """What acts on one gene, in words."""
    parts = [
        f"{word} by {', '.join(theme.safe(genes[k], 24) for k in np.flatnonzero(np.sign(acts[target]) == sign))}"
        for sign, word in ((1, "activated"), (-1, "repressed"))
        if (np.sign(acts[target]) == sign).any()
    ]
    return f"{theme.safe(genes[target], 24)} is {' and '.join(parts) or 'acted on by none of them'}"


def _ring(count: int) -> np.ndarray:
    """Places of the genes [genes, 2], the first one on top, clockwise."""
    angle = np.pi / 2 - 2 * np.pi * np.arange(count) / max(count, 1)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _line(places: np.ndarray, start: int, end: int) -> np.ndarray:
    """From the rim of one gene to the rim of another, curved to the right; or a loop outside the ring: [points, 2]."""
    if start == end:
        out = places[start] * (1 + _NODE + _LOOP)
        turn = np.arctan2(*places[start][::-1]) + np.pi + np.linspace(0.55, 2 * np.pi - 0.75, 30)
        return out + _LOOP * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    a, b = places[start], places[end]
    normal = np.array([b[1] - a[1], a[0] - b[0]])
    middle = (a + b) / 2 + _BOW * normal
    s = np.linspace(0, 1, 60)[:, None]
    curve = (1 - s) ** 2 * a + 2 * s * (1 - s) * middle + s**2 * b
    away = (np.linalg.norm(curve - a, axis=1) > _NODE) & (np.linalg.norm(curve - b, axis=1) > _NODE + 0.015)
    return curve[away]


def _point(line: np.ndarray) -> np.ndarray:
    """A filled head at the end of a line."""
    tip, along = line[-1], _direction(line)
    across = np.array([-along[1], along[0]])
    back = tip - _HEAD * along
    return np.array([tip, back + 0.4 * _HEAD * across, back - 0.4 * _HEAD * across, tip])


def _bar(line: np.ndarray) -> np.ndarray:
    """A bar across the end of a line."""
    along = _direction(line)
    across = 0.5 * _HEAD * np.array([-along[1], along[0]])
    return np.array([line[-1] - across, line[-1] + across])


def _direction(line: np.ndarray) -> np.ndarray:
    step = line[-1] - line[-4]
    return step / np.linalg.norm(step)


def _drawn(
    parts: Sequence[np.ndarray], name: str, line: dict, *, fill: str | None = None, legend: bool = False
) -> go.Scatter:
    """All parts as one trace with gaps."""
    gap = np.full((1, 2), np.nan)
    points = np.concatenate([each for part in parts for each in (part, gap)] or [gap]).astype(np.float32)
    return go.Scatter(
        x=points[:, 0],
        y=points[:, 1],
        mode="lines",
        name=name,
        line=line,
        fill="toself" if fill else None,
        fillcolor=fill,
        hoverinfo="skip",
        showlegend=legend,
    )
