"""How a quality number is spread over the cells, with the limits beyond which cells are left out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from cellflow_core.figures import theme
from cellflow_core.figures.scatter import subsample

DRAWN_UP_TO = 3_000
Limits = tuple[float | None, float | None]


def violins(
    measures: Mapping[str, np.ndarray],
    limits: Mapping[str, Limits] | None = None,
    *,
    dark: bool = False,
    height: int = 260,
) -> go.Figure:
    """One violin a measure, each [cells] with NaN left out, beside each other and each with its own axis.

    limits  measure -> (least, most) that is kept; None draws no line
    """
    names = list(measures)
    figure = make_subplots(cols=max(len(names), 1), horizontal_spacing=0.12 / max(len(names) / 3, 1))
    figure.update_layout(template=theme.template(dark), height=height, showlegend=False, margin={"t": 34})
    for k, name in enumerate(names, start=1):
        values = np.asarray(measures[name], dtype=np.float32)
        values = values[np.isfinite(values)]
        share = _is_share(name)
        figure.add_trace(
            go.Violin(
                y=values[subsample(len(values), DRAWN_UP_TO)] * (100 if share else 1),
                name=theme.safe(name),
                points=False,
                box={"visible": True, "width": 0.15},
                meanline={"visible": False},
                spanmode="hard",
                line={"color": theme.model(dark), "width": 1.5},
                fillcolor=theme.background_point_color(dark),
                hoverinfo="y",
            ),
            row=1,
            col=k,
        )
        for at in (limits or {}).get(name, (None, None)):
            if at is not None:
                line = {"color": theme.changed(dark), "width": 2, "dash": "dash"}
                figure.add_hline(y=at * (100 if share else 1), line=line, row=1, col=k)  # type: ignore[arg-type]
        first, _, rest = theme.safe(name).partition(" ")  # two lines: three violins stand side by side on a phone too
        title = f"{first}<br>{rest}{' (%)' if share else ''}"
        figure.update_xaxes(showticklabels=False, showgrid=False, title_text=title, row=1, col=k)
        figure.update_yaxes(rangemode="tozero", zeroline=False, row=1, col=k)
    return figure.update_layout(dragmode=False)


def describe(measures: Mapping[str, np.ndarray]) -> str:
    """The figure in one sentence with its numbers."""
    text = []
    for name, values in measures.items():
        known = np.asarray(values, dtype=float)
        known = known[np.isfinite(known)]
        if not len(known):
            text.append(f"{name} is not known")
            continue
        low, middle, high = np.quantile(known, (0.05, 0.5, 0.95))
        if _is_share(name):
            text.append(f"{name} {middle:.1%} in the middle, from {low:.1%} to {high:.1%} in nine of ten cells")
        else:
            text.append(f"{name} {middle:,.0f} in the middle, from {low:,.0f} to {high:,.0f} in nine of ten cells")
    return "; ".join(text) + "."


def _is_share(name: str) -> bool:
    return name.endswith("share")
