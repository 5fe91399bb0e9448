"""The same cells simulated with and without a perturbation of one or several genes."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from cellflow_core.analysis.results import Perturbation
from cellflow_core.analysis.results.frame import frame
from cellflow_core.analysis.results.perturbation import joined
from cellflow_core.figures import theme
from cellflow_core.figures.scatter import BEHIND_UP_TO, subsample

FRONT_UP_TO = 2_000


def before_after(
    result: Perturbation, everything: np.ndarray | None = None, *, dark: bool = False, height: int = 480
) -> go.Figure:
    """Two views side by side, on one frame: as is, and changed. everything [cells, 2]: all measured cells, behind.

    Traces of each side: cells behind (where given), paths (one, gaps between particles), where the cells end.
    """
    titles = ("unchanged", _deed(result))  # short: on a phone they stand side by side
    figure = make_subplots(cols=2, horizontal_spacing=0.03, shared_yaxes=True, subplot_titles=titles)
    figure.update_layout(template=theme.template(dark), height=height, showlegend=False, margin_t=56)
    figure.update_annotations(font_size=16)
    sides = (
        (result.before_paths, result.before_end, theme.model(dark)),
        (result.after_paths, result.after_end, theme.changed(dark)),
    )
    clouds = (result.before_end, result.after_end, result.before_paths, result.after_paths)
    corners = frame(everything, np.concatenate([each.reshape(-1, 2) for each in clouds]))
    for column, (paths, end, colour) in enumerate(sides, 1):
        if everything is not None:
            back = everything[subsample(len(everything), BEHIND_UP_TO)].astype(np.float32)
            figure.add_trace(
                _dots(back, "all measured cells", theme.background_point_color(dark), 3.5, 0.6), row=1, col=column
            )
        figure.add_trace(_paths(paths, theme.muted_color(dark)), row=1, col=column)
        figure.add_trace(
            _dots(end[subsample(len(end), FRONT_UP_TO)], "where cells end", colour, 6, 0.65), row=1, col=column
        )
    theme.framed(theme.square(figure), *corners)
    figure.update_yaxes(scaleanchor=None, col=2).update_xaxes(matches="x", col=2)  # both anchored: x alone is scaled
    figure.update_xaxes(title_text=theme.safe(result.axes[0]))
    return figure.update_yaxes(title_text=theme.safe(result.axes[1]), col=1)


def change(result: Perturbation, *, dark: bool = False, height: int = 380) -> go.Figure:
    """Change of each fate in percentage points. Traces: the change with its interval, each control gene as a dot."""
    figure = theme.blank(dark, height=height, x="change of share (percentage points)")
    names = [theme.safe(each) for each in result.names]
    interval = _interval(100 * result.low, 100 * result.change, 100 * result.high, dark)
    figure.add_trace(
        go.Bar(
            y=names,
            x=(100 * result.change).astype(np.float32),
            orientation="h",
            name=theme.safe(change_words(result)),
            marker_color=theme.changed(dark),
            error_x=interval,
            width=0.5,
            hovertemplate="%{y}: %{x:+.1f} points<extra></extra>",
        )
    )
    if len(result.control_genes):
        genes = [theme.safe(each) for each in result.control_genes]
        figure.add_trace(
            go.Scatter(
                y=np.tile(names, len(genes)).tolist(),
                x=(100 * result.control_change).ravel().astype(np.float32),
                mode="markers",
                name="the same done to control genes",
                text=np.repeat(genes, len(names)).tolist(),
                marker={"symbol": "line-ns-open", "size": 16, "color": theme.muted_color(dark), "line": {"width": 2}},
                hovertemplate="%{text}, %{y}: %{x:+.1f} points<extra>control gene</extra>",
            )
        )
    figure.add_vline(x=0, line={"color": theme.muted_color(dark), "width": 1.5})
    return figure.update_yaxes(autorange="reversed", showgrid=False)


def genes(result: Perturbation, count: int = 8, *, dark: bool = False) -> go.Figure:
    """The genes that change most at the end, `count` up and down each at most, the perturbed ones left out. Traces: the
    change with its interval, the range of the change by control genes."""
    own = np.isin(np.array(result.read_genes, dtype=object), list(result.genes))
    order = [int(k) for k in np.argsort(result.gene_change, kind="stable") if not own[k]]
    rows = [
        *(k for k in order[:count] if result.gene_change[k] < 0),
        *(k for k in order[-count:] if result.gene_change[k] > 0),
    ]
    figure = theme.blank(dark, height=110 + 22 * len(rows), x="change of mean expression at the end")
    names = [theme.safe(result.read_genes[k], 20) for k in rows]
    change = result.gene_change[rows]
    figure.add_trace(
        go.Bar(
            y=names,
            x=change.astype(np.float32),
            orientation="h",
            name=theme.safe(change_words(result)),
            marker_color=theme.changed(dark),
            error_x=_interval(result.gene_low[rows], change, result.gene_high[rows], dark),
            hovertemplate="%{y}: %{x:+.3g}<extra></extra>",
        )
    )
    if len(result.control_genes):
        figure.add_trace(
            go.Scatter(
                y=np.repeat(names, 2).tolist(),
                x=result.gene_control[rows].ravel().astype(np.float32),
                mode="markers",
                name="control genes, lowest and highest",
                marker={"symbol": "line-ns-open", "size": 12, "color": theme.muted_color(dark), "line": {"width": 2}},
                hovertemplate="%{y}: %{x:+.3g}<extra>control genes</extra>",
            )
        )
    figure.add_vline(x=0, line={"color": theme.muted_color(dark), "width": 1.5})
    return figure.update_yaxes(showgrid=False)


def _interval(low: np.ndarray, value: np.ndarray, high: np.ndarray, dark: bool) -> dict | None:
    """Error bars; None where there are no intervals."""
    if not np.isfinite(low).all():
        return None
    return theme.error_bars(low, value, high, dark)


def describe_genes(result: Perturbation, count: int = 8) -> str:
    """The genes in one sentence with their numbers."""
    own = np.isin(np.array(result.read_genes, dtype=object), list(result.genes))
    order = [int(k) for k in np.argsort(-np.abs(result.gene_change), kind="stable") if not own[k]][:count]
    listed = ", ".join(f"{result.read_genes[k]} {result.gene_change[k]:+.3g}" for k in order)
    return f"Genes whose mean changes most at the end with {change_words(result)}: {listed}."


def change_words(result: Perturbation) -> str:
    """What was done, in words: "Gata1 knocked out", "Gata1 held at 3.1 (log counts)"."""
    unit = f" ({result.unit})" if result.kind in ("over-expression", "knock-down") and result.unit else ""
    return f"{result.gene} {_deed(result)}{unit}"


def _deed(result: Perturbation) -> str:
    if result.kind == "knock-out":
        return "knocked out"
    if result.kind == "edges":
        return f"cut off from {joined(result.targets)}"
    if result.kind == "shift":
        return f"shifted to {result.level_words('+.3g')} SD"
    return f"held at {result.level_words()}"


def describe(result: Perturbation) -> str:
    """Both figures in one sentence with their numbers."""
    rows = zip(result.names, result.before, result.after, result.change, result.low, result.high, strict=True)
    listed = "; ".join(
        f"{n} from {b:.0%} to {a:.0%} (change {100 * c:+.0f} points"
        + (f", {100 * low:+.0f} to {100 * high:+.0f})" if result.has_interval else ")")
        for n, b, a, c, low, high in rows
    )
    control = ""
    if len(result.control_genes):
        control = (
            f" The same done to {len(result.control_genes)} control genes changes a share by at most "
            f"{100 * np.abs(result.control_change).max():.0f} points."
        )
    return f"With {change_words(result)}, starting from {result.start}: {listed}.{control}"


def _dots(points: np.ndarray, name: str, colour: str, size: float, opacity: float) -> go.Scatter:
    xy = points.astype(np.float32)
    marker = {"size": size, "color": colour, "opacity": opacity, "line": {"width": 0}}
    return go.Scatter(x=xy[:, 0], y=xy[:, 1], mode="markers", name=name, marker=marker, hoverinfo="skip")


def _paths(paths: np.ndarray, colour: str) -> go.Scatter:
    steps, particles, _ = paths.shape
    xy = np.full((particles, steps + 1, 2), np.nan, dtype=np.float32)  # the last row of each particle stays a gap
    xy[:, :-1] = paths.transpose(1, 0, 2)
    x, y = xy.reshape(-1, 2).T
    return go.Scatter(
        x=x, y=y, mode="lines", name="paths", line={"width": 1, "color": colour}, opacity=0.55, hoverinfo="skip"
    )
