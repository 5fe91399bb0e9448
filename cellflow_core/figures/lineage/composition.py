"""Groups over time: a river of their shares, and the mass that goes from group to group between times."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import plotly.graph_objects as go

from cellflow_core.analysis.results import Composition
from cellflow_core.figures import legend, theme
from cellflow_core.figures.cells.colouring import of_groups
from cellflow_core.time_units import format_times

LEAST = 0.01
"""Share of the mass below which a link is not drawn."""


Own = Mapping[str, str]
"""Colours of groups that were chosen, by name."""


def river(result: Composition, *, own: Own = MappingProxyType({}), dark: bool = False, height: int = 400) -> go.Figure:
    """The predicted share of each group as a band over time; circles: where bands of measured cells end."""
    unit = f" ({theme.safe(result.time_unit)})" if result.time_unit else ""
    figure = theme.blank(dark, height=height, x=f"time{unit}", y="share of cells")
    x, colours = result.times.astype(np.float32), of_groups(result.names, own)
    for k, (name, colour) in enumerate(zip(result.names, colours, strict=True)):
        figure.add_trace(
            go.Scatter(
                x=x,
                y=result.predicted[:, k].astype(np.float32),
                stackgroup="groups",
                mode="lines",
                line={"width": 0.5, "color": theme.page_color(dark)},
                fillcolor=theme.faint(colour, 0.75),
                name=theme.safe(name, 28),
                hovertemplate="%{y:.1%}<extra>%{fullData.name}</extra>",
            )
        )
    edges = result.measured.cumsum(axis=1)[:, :-1]
    look = {"size": 9, "color": theme.page_color(dark), "line": {"width": 2, "color": theme.text_color(dark)}}
    figure.add_trace(
        go.Scatter(
            x=np.repeat(result.measured_times, edges.shape[1]).astype(np.float32),
            y=edges.ravel().astype(np.float32),
            mode="markers",
            marker=look,
            name="measured border",
            cliponaxis=False,
            hovertemplate="measured border: %{y:.1%}<extra></extra>",
        )
    )
    figure.update_yaxes(tickformat=".0%", range=[0, 1]).update_xaxes(showgrid=False)
    return legend.with_room(figure.update_layout(hovermode="x unified", legend={"traceorder": "normal"}))


def describe_river(result: Composition) -> str:
    """The largest predicted group at each measured time, beside its measured share."""
    parts = []
    for time, share, seen in zip(format_times(result.measured_times), result.at_measured, result.measured, strict=True):
        k = int(share.argmax())
        parts.append(f"time {time}: {result.names[k]} {share[k]:.0%}, measured {seen[k]:.0%}")
    return f"Predicted share of each {result.by} over time, the largest at each measured time: {'; '.join(parts)}."


def sankey(result: Composition, *, own: Own = MappingProxyType({}), dark: bool = False, height: int = 460) -> go.Figure:
    """A column of groups for each time, with their share of the measured cells (at the last: of the mass that comes to
    them), and a band for the mass between two groups, with its share in numbers. Links of less than LEAST are left out.
    """
    count, times = len(result.names), format_times(result.link_times)
    colours = of_groups(result.names, own)
    rows = np.abs(result.measured_times[:, None] - result.link_times[:-1]).argmin(axis=0)
    shares = np.concatenate([result.measured[rows], result.flow[-1:].sum(axis=1)])
    links = [(k, i, j) for k, i, j in np.argwhere(result.flow >= LEAST)]
    met = {k * count + i for k, i, _ in links} | {(k + 1) * count + j for k, _, j in links}
    place = {node: n for n, node in enumerate(sorted(met))}
    where = [divmod(node, count) for node in place]
    across = max(len(times) - 1, 1)
    figure = go.Figure(layout={"template": theme.template(dark), "height": height})
    figure.add_trace(
        go.Sankey(
            arrangement="snap",
            valueformat=".1%",
            node={
                "label": [f"{shares[k, g]:.0%}" for k, g in where],
                "color": [colours[g] for _, g in where],
                "x": [min(max(k / across, 0.001), 0.999) for k, _ in where],
                "customdata": [f"{theme.safe(result.names[g], 28)}, time {times[k]}" for k, g in where],
                "hovertemplate": "%{customdata}: %{value:.1%}<extra></extra>",
                "pad": 14,
                "thickness": 14,
                "line": {"width": 0},
            },
            link={
                "source": [place[k * count + i] for k, i, _ in links],
                "target": [place[(k + 1) * count + j] for k, _, j in links],
                "value": [float(result.flow[k, i, j]) for k, i, j in links],
                "color": [theme.faint(colours[i], 0.35) for _, i, _ in links],
                "hovertemplate": "%{source.customdata} to %{target.customdata}: %{value:.1%}<extra></extra>",
            },
            textfont={"color": theme.text_color(dark), "size": 13},
        )
    )
    for k, time in enumerate(times):
        align = "left" if k == 0 else "right" if k == across else "center"
        figure.add_annotation(
            xref="paper",
            yref="paper",
            x=k / across,
            y=1.02,
            yanchor="bottom",
            xanchor=align,
            text=f"time {time}",
            showarrow=False,
        )
    for g in sorted({g for _, g in where}):
        look = {"size": 12, "symbol": "square", "color": colours[g]}
        name = theme.safe(result.names[g], 28)
        figure.add_trace(go.Scatter(x=[None], y=[None], mode="markers", marker=look, name=name))
    hidden = {"visible": False}
    figure.update_layout(xaxis=hidden, yaxis=hidden, legend={"y": 1.08})
    return figure.update_layout(margin={"l": 4, "r": 4, "t": 64, "b": 8})


def describe_sankey(result: Composition) -> str:
    """The largest flow between two different groups in each gap of times."""
    parts, times = [], format_times(result.link_times)
    for k, flow in enumerate(result.flow):
        other = np.where(np.eye(len(flow), dtype=bool), 0.0, flow)
        i, j = np.unravel_index(int(other.argmax()), other.shape)
        changes = (
            f"the largest part from {result.names[i]} to {result.names[j]} ({other[i, j]:.0%})" if other[i, j] else ""
        )
        parts.append(
            f"from time {times[k]} to {times[k + 1]}, {other.sum():.0%} of the mass goes to another {result.by}"
            + (f", {changes}" if changes else "")
        )
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}." if text else "The model leads no cell from one time to the next."
