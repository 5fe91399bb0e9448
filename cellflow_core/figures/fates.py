"""What cells become: the share of each terminal state, and the likeliest of them for every start cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import plotly.graph_objects as go

from cellflow_core.analysis.results import FateGenes, Fates
from cellflow_core.figures import theme
from cellflow_core.figures.cells.colouring import of_groups
from cellflow_core.figures.scatter import BEHIND_UP_TO, outline, subsample

LEAST = 0.02
"""States that a smaller share of the cells end in are not named on the map."""


def fates(result: Fates, *, dark: bool = False) -> go.Figure:
    """Traces: predicted share with its interval (growth counted and, where the model grows, not), measured share of the
    last time. As high as the states need."""
    rows: list[tuple[str, str, np.ndarray, tuple[np.ndarray, np.ndarray] | None]]
    if result.without_growth is None:
        rows = [("predicted", theme.model(dark), result.share, (result.low, result.high))]
    else:
        low, share, high = result.without_growth.T
        rows = [
            ("predicted, growth counted", theme.model(dark), result.share, (result.low, result.high)),
            ("predicted, each start cell once", theme.CATEGORICAL[3], share, (low, high)),
        ]
    if np.isfinite(result.measured).all():
        rows.append(("measured at the last time", theme.OTHER, result.measured, None))
    each = 16 + 24 * len(rows) if len(result.names) < 6 else 8 + 13 * len(rows)
    figure = theme.blank(dark, height=110 + each * len(result.names), x="share of cells")
    for name, colour, share, ends in rows:
        figure.add_trace(bars(result.names, share, ends, name=name, colour=colour, dark=dark))
    figure.update_yaxes(autorange="reversed", showgrid=False).update_xaxes(tickformat=".0%", rangemode="tozero")
    return figure.update_layout(barmode="group", bargap=0.25)


def bars(
    names: Sequence[str],
    share: np.ndarray,
    ends: tuple[np.ndarray, np.ndarray] | None,
    *,
    name: str,
    colour: str | Sequence[str],
    dark: bool,
) -> go.Bar:
    """Lying bars of shares [names], with (low, high) of their interval where there is one."""
    interval = None
    if ends is not None:
        low, high = ends
        interval = theme.error_bars(low, share, high, dark)
    return go.Bar(
        y=[theme.safe(each, 28) for each in names],
        x=share.astype(np.float32),
        orientation="h",
        name=name,
        marker_color=colour,
        error_x=interval,
        hovertemplate="%{y}: %{x:.1%}<extra>%{fullData.name}</extra>",
    )


BY = {"entropy": "entropy", "steps": "first passage"}
"""What the colour of a cell can be besides its fate."""


def cell_fates(
    result: Fates,
    everything: np.ndarray,
    axes: tuple[str, str],
    fate: int | None = None,
    *,
    by: str = "",
    own: Mapping[str, str] = MappingProxyType({}),
    polygon: Sequence[tuple[float, float]] = (),
    dark: bool = False,
    height: int = 480,
) -> go.Figure:
    """The start cells in the view, or all cells (`result.cells`). Traces: all measured cells, a legend, these cells;
    names stand at the states.

    fate  colour is the probability of this one; None: the state that each cell ends in, in one simulation of it, paler
          where it is less certain: the cells of each colour are those of the bars
    by    colour is something else: "entropy", how open the fate is (bits), or "steps", the mean first passage time
    own   colours of fates that were chosen, by name; polygon: the outline around selected cells
    """
    figure = theme.blank(dark, height=height, x=theme.safe(axes[0]), y=theme.safe(axes[1]))
    behind = everything[subsample(len(everything), BEHIND_UP_TO)].astype(np.float32)
    look = {"size": 4, "color": theme.background_point_color(dark), "opacity": 0.6}
    figure.add_trace(_dots(behind, "all measured cells", look, hoverinfo="skip", showlegend=False))
    starts, chance, names = result.starts.astype(np.float32), result.probability, result.names
    if by:
        values, unit = (result.entropy, "bits") if by == "entropy" else (_steps(result), "steps")
        most = float(np.log2(max(len(names), 2))) if by == "entropy" else float(values.max())
        bar = {"title": {"text": f"{BY[by]} ({unit})", "side": "right"}}
        look = {"color": values.astype(np.float32), "colorscale": theme.sequential(dark), "cmin": 0}
        look |= {"cmax": most, "colorbar": bar, "opacity": 0.9}
        text = [f"{each:.3g} {unit}" for each in values]
    elif fate is None:
        colours = of_groups(names, own)
        best = result.fate
        likeliest = chance[np.arange(len(best)), best]
        sure = np.clip((likeliest - 1 / len(names)) / max(1 - 1 / len(names), 1e-9), 0, 1)
        counts = np.bincount(best, minlength=len(names))
        for name, colour, count in [(names[k], colours[k], counts[k]) for k in np.unique(best)]:
            label = f"{theme.safe(name, 28)} ({count:,} cells)"
            key = go.Scatter(x=[None], y=[None], mode="markers", name=label, hoverinfo="skip")
            figure.add_trace(key.update(marker={"size": 10, "color": colour}))
        look = {"color": [colours[k] for k in best], "opacity": (0.35 + 0.6 * sure).astype(np.float32)}
        text = [f"{theme.safe(names[k])}: {p[k]:.0%}" for k, p in zip(best, chance, strict=True)]
    else:
        bar = {"title": {"text": "probability", "side": "right"}, "tickformat": ".0%"}
        look = {"color": chance[:, fate].astype(np.float32), "colorscale": theme.sequential(dark), "cmin": 0, "cmax": 1}
        look |= {"colorbar": bar, "opacity": 0.9}
        text = [f"{theme.safe(names[fate])}: {p:.0%}" for p in chance[:, fate]]
    figure.add_trace(
        _dots(starts, result.cells, {"size": 7, **look}, text=text, hovertemplate="%{text}<extra></extra>").update(
            showlegend=False
        )
    )
    for k, (x, y) in enumerate(result.centers):
        if k == fate or (fate is None and result.share[k] >= LEAST):
            figure.add_annotation(**theme.label(float(x), float(y), theme.safe(names[k], 28), dark))
    outline(figure, polygon, dark)
    return theme.square(figure)


def fate_genes(result: FateGenes, fate: str, most: int, *, dark: bool = False) -> go.Figure:
    """Bars of the `most` genes that go most with a fate, with their interval; paler where fewer estimators agree."""
    k = result.names.index(fate)
    first = np.argsort(-result.correlation[k], kind="stable")[:most]
    value, low, high = (each[k, first] for each in (result.correlation, result.low, result.high))
    agree = result.counted[k, first] / len(result.estimators)
    figure = theme.blank(
        dark, height=110 + 22 * len(first), x=f"correlation with the probability of {theme.safe(fate)}"
    )
    figure.add_trace(
        go.Bar(
            y=[theme.safe(result.genes[g], 28) for g in first],
            x=value.astype(np.float32),
            orientation="h",
            marker={"color": theme.model(dark), "opacity": (0.3 + 0.7 * agree).astype(np.float32)},
            error_x=theme.error_bars(low, value, high, dark),
            customdata=result.counted[k, first],
            hovertemplate="%{y}: %{x:.2f}, by %{customdata} of " + str(len(result.estimators)) + "<extra></extra>",
        )
    )
    return figure.update_yaxes(autorange="reversed", showgrid=False)


def describe_genes(result: FateGenes, fate: str) -> str:
    """The first genes of a fate, in one sentence."""
    k = result.names.index(fate)
    first = np.argsort(-result.correlation[k], kind="stable")[:5]
    listed = ", ".join(
        f"{result.genes[g]} {result.correlation[k, g]:.2f} ({result.low[k, g]:.2f} to {result.high[k, g]:.2f})"
        for g in first
    )
    return f"Correlation of expression with the probability of {fate}, of {len(result.genes):,} genes: {listed}."


def describe(result: Fates) -> str:
    """The shares in one sentence with their numbers."""
    rows = zip(result.names, result.share, result.low, result.high, result.measured, strict=True)
    compared = bool(np.isfinite(result.measured).all())
    listed = "; ".join(
        f"{n} {s:.0%} ({a:.0%} to {b:.0%}){f', measured {m:.0%}' if compared else ''}" for n, s, a, b, m in rows
    )
    beside = ", beside the measured" if compared else ""
    text = f"Predicted share of cells in each state, with its 95 % interval{beside}: {listed}."
    if result.without_growth is None:
        return text
    alone = zip(result.names, *result.without_growth.T, strict=True)
    once = "; ".join(f"{n} {s:.0%} ({a:.0%} to {b:.0%})" for n, a, s, b in alone)
    return f"{text} With growth left out, each start cell counted once: {once}."


def _steps(result: Fates) -> np.ndarray:
    if result.steps is None:
        raise ValueError("steps are known of fates by transitions, and these are simulated")
    return result.steps


def describe_cells(result: Fates, fate: int | None = None, by: str = "") -> str:
    """The cells in one sentence with their numbers."""
    if by == "steps":
        low, middle, high = np.quantile(_steps(result), [0.1, 0.5, 0.9])
        return (
            f"{len(result.probability):,} {result.cells} coloured by their mean first passage time: {middle:,.0f} "
            f"steps to a terminal state in the middle, {low:,.0f} to {high:,.0f} in eight of ten cells."
        )
    if by:
        low, middle, high = np.quantile(result.entropy, [0.1, 0.5, 0.9])
        return (
            f"{len(result.entropy):,} {result.cells} coloured by the entropy of their fates: {middle:.2f} bits in the "
            f"middle, {low:.2f} to {high:.2f} in eight of ten cells, of at most {np.log2(len(result.names)):.2f}."
        )
    chance = result.probability
    if fate is not None:
        low, middle, high = np.quantile(chance[:, fate], [0.1, 0.5, 0.9])
        return (
            f"{len(chance):,} {result.cells} coloured by their probability to become {result.names[fate]}: "
            f"{middle:.0%} in the middle, {low:.0%} to {high:.0%} in eight of ten cells."
        )
    best = np.bincount(result.fate, minlength=len(result.names))
    listed = ", ".join(f"{n} {k:,}" for n, k in zip(result.names, best, strict=True))
    open_yet = int((chance.max(axis=1) < 0.75).sum())
    return (
        f"{len(chance):,} {result.cells} by the state that each ends in: {listed}. For {open_yet:,} of them no fate is "
        "likelier than 75 %."
    )


def _dots(points: np.ndarray, name: str, marker: dict, **more: object) -> go.Scatter:
    marker = {"line": {"width": 0}, **marker}
    return go.Scatter(x=points[:, 0], y=points[:, 1], mode="markers", name=name, marker=marker, **more)
