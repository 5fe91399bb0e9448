"""Measured effects of perturbations: targets by their distance from the controls, genes of one target, a heat map."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from cellflow_core.analysis.results import MeasuredEffects
from cellflow_core.figures import theme

MOST_TARGETS = 30
"""Targets that are drawn; the table has all."""
MOST_GENES = 50
_ROW = 24


def ranked(result: MeasuredEffects, *, dark: bool = False) -> go.Figure:
    """Targets by energy distance from the controls, with interval. Traces: halves of the controls (a grey band a row),
    targets that differ (filled), targets that do not (open)."""
    rows = _largest(result)
    figure = theme.blank(dark, height=130 + _ROW * len(rows), x="energy distance from the control cells (state)")
    names = [theme.safe(result.names[k], 24) for k in rows]
    figure.add_trace(
        go.Bar(
            y=names,
            x=(result.floor_high - result.floor_low)[rows].astype(np.float32),
            base=result.floor_low[rows].astype(np.float32),
            orientation="h",
            width=0.7,
            name="two halves of the controls",
            marker_color=theme.background_point_color(dark),
            customdata=np.stack([result.floor_low[rows], result.floor_high[rows]], axis=1),
            hovertemplate="%{y}: %{customdata[0]:.3g} to %{customdata[1]:.3g}<extra>halves of the controls</extra>",
        )
    )
    for there, name, symbol in ((True, "differs from the controls", "circle"), (False, "does not", "circle-open")):
        part = [k for k in rows if result.found[k] == there]
        if not part:
            continue
        figure.add_trace(
            go.Scatter(
                y=[theme.safe(result.names[k], 24) for k in part],
                x=result.distance[part].astype(np.float32),
                mode="markers",
                name=name,
                marker={"size": 10, "symbol": symbol, "color": theme.changed(dark), "line": {"width": 2}},
                error_x=theme.error_bars(
                    result.distance_low[part], result.distance[part], result.distance_high[part], dark
                ),
                customdata=np.stack([result.cells[part], result.q[part]], axis=1),
                hovertemplate="%{y}: %{x:.3g}, %{customdata[0]:,} cells, q %{customdata[1]:.2g}<extra></extra>",
            )
        )
    figure.add_vline(x=0, line={"color": theme.muted_color(dark), "width": 1.5})
    return figure.update_yaxes(categoryorder="array", categoryarray=names[::-1], showgrid=False)


def describe_ranked(result: MeasuredEffects) -> str:
    """The targets in one sentence with their numbers."""
    listed = "; ".join(
        f"{result.names[k]} {result.distance[k]:.3g} ({result.distance_low[k]:.3g} to {result.distance_high[k]:.3g}, "
        f"halves of the controls up to {result.floor_high[k]:.3g})"
        for k in _largest(result)[:8]
    )
    return (
        f"Energy distance of {len(result.names):,} targets from the control cells; {int(result.found.sum()):,} of them "
        f"differ. The largest: {listed}."
    )


def genes(result: MeasuredEffects, effect: int, count: int = 10, *, dark: bool = False) -> go.Figure:
    """Genes of one target with the smallest adjusted p, and its own gene. Traces: genes that change, genes that may
    not, the perturbed gene; each with 95 % intervals."""
    rows, own = _genes(result, effect, count), result.own[effect]
    figure = theme.blank(dark, height=130 + _ROW * len(rows), x="change of mean expression")
    found = result.gene_found[effect]
    kinds = (
        ("changes", [k for k in rows if found[k]], theme.changed(dark)),
        ("no change found", [k for k in rows if not found[k] and not own[k]], theme.background_point_color(dark)),
        ("the perturbed gene", [k for k in rows if own[k]], theme.model(dark)),
    )
    for name, part, colour in kinds:
        if not part:
            continue
        change = result.change[effect, part]
        figure.add_trace(
            go.Bar(
                y=[theme.safe(result.genes[k], 20) for k in part],
                x=change,
                orientation="h",
                name=name,
                marker_color=colour,
                width=0.65,
                error_x=theme.error_bars(result.low[effect, part], change, result.high[effect, part], dark),
                hovertemplate="%{y}: %{x:+.3g}<extra></extra>",
            )
        )
    figure.add_vline(x=0, line={"color": theme.muted_color(dark), "width": 1.5})
    names = [theme.safe(result.genes[k], 20) for k in rows]
    return figure.update_yaxes(categoryorder="array", categoryarray=names[::-1], showgrid=False)


def describe_genes(result: MeasuredEffects, effect: int, count: int = 10) -> str:
    """The genes of one target in one sentence with their numbers."""
    listed = ", ".join(
        f"{result.genes[k]}{' (perturbed itself)' if result.own[effect, k] else ''} {result.change[effect, k]:+.3g} "
        f"({result.low[effect, k]:+.3g} to {result.high[effect, k]:+.3g})"
        for k in _genes(result, effect, count)
    )
    return f"Change of mean expression in cells of {result.names[effect]} against the control cells: {listed}."


def heat_map(result: MeasuredEffects, *, dark: bool = False) -> go.Figure:
    """Change of the genes that change most, targets in rows, both ordered so that alike ones lie beside each other. The
    perturbed gene of a target is left blank."""
    rows, columns, change = _table(result)
    limit = float(np.nanquantile(np.abs(change), 0.98)) or 1.0
    figure = theme.blank(dark, height=170 + 22 * len(rows))
    names = [theme.safe(result.genes[k], 16) for k in columns]
    figure.add_trace(
        go.Heatmap(
            z=change.astype(np.float32),
            x=names,
            y=[theme.safe(result.names[k], 24) for k in rows],
            colorscale=theme.diverging(dark),
            zmin=-limit,
            zmax=limit,
            hoverongaps=False,
            colorbar={"title": {"text": "change"}, "thickness": 12},
            hovertemplate="%{y}, %{x}: %{z:+.3g}<extra></extra>",
        )
    )
    return figure.update_xaxes(tickangle=-90, showgrid=False).update_yaxes(showgrid=False, autorange="reversed")


def describe_heat_map(result: MeasuredEffects) -> str:
    """The heat map in one sentence, with its largest changes."""
    rows, columns, change = _table(result)
    order = np.argsort(-np.abs(np.nan_to_num(change)), axis=None, kind="stable")[:5]
    listed = ", ".join(
        f"{result.genes[columns[b]]} {change[a, b]:+.3g} in {result.names[rows[a]]}"
        for a, b in zip(*np.unravel_index(order, change.shape), strict=True)
    )
    return (
        f"Change of {len(columns)} genes in the cells of {len(rows)} targets against the control cells. The largest: "
        f"{listed}."
    )


def shares(result: MeasuredEffects, effect: int, *, dark: bool = False) -> go.Figure:
    """Change of the share of each group of cells in percentage points, with its 95 % interval."""
    change, low, high = (100 * each[effect] for each in (result.share_change, result.share_low, result.share_high))
    figure = theme.blank(dark, height=110 + _ROW * len(change), x="change of share (percentage points)")
    names = [theme.safe(each, 24) for each in result.groups]
    figure.add_trace(
        go.Bar(
            y=names,
            x=change.astype(np.float32),
            orientation="h",
            marker_color=theme.changed(dark),
            width=0.6,
            error_x=theme.error_bars(low, change, high, dark),
            hovertemplate="%{y}: %{x:+.1f} points<extra></extra>",
        )
    )
    figure.add_vline(x=0, line={"color": theme.muted_color(dark), "width": 1.5})
    return figure.update_yaxes(autorange="reversed", showgrid=False)


def describe_shares(result: MeasuredEffects, effect: int) -> str:
    """Change of the shares in one sentence."""
    listed = "; ".join(
        f"{name} {100 * change:+.1f} points ({100 * low:+.1f} to {100 * high:+.1f})"
        for name, change, low, high in zip(
            result.groups,
            result.share_change[effect],
            result.share_low[effect],
            result.share_high[effect],
            strict=True,
        )
    )
    return f"Change of the share of each group in cells of {result.names[effect]} against the control cells: {listed}."


def _largest(result: MeasuredEffects) -> list[int]:
    return [int(k) for k in result.order[:MOST_TARGETS]]


def _genes(result: MeasuredEffects, effect: int, count: int) -> list[int]:
    """Those with the smallest adjusted p, rising ones first, the largest first; its own genes at the top."""
    q, change = np.nan_to_num(result.gene_q[effect], nan=2.0), result.change[effect]
    order = np.lexsort((-np.abs(change), q))
    chosen = [int(k) for k in order if q[k] <= 1][: 2 * count]
    own = [int(k) for k in np.flatnonzero(result.own[effect])]
    return [*own, *sorted(chosen, key=lambda k: -change[k])]


def _table(result: MeasuredEffects) -> tuple[list[int], list[int], np.ndarray]:
    """(targets, genes, changes) of the heat map in the order in which they are drawn; NaN for the perturbed gene."""
    rows = np.array(_largest(result))
    change = np.where(result.own[rows], np.nan, result.change[rows])
    size = np.abs(np.nan_to_num(change))
    weight = np.where(result.gene_found[rows], size, 0.0).max(axis=0) * 1e6 + size.max(axis=0)
    columns = np.argsort(-weight, kind="stable")[:MOST_GENES]
    change = change[:, columns]
    by_row, by_column = _alike(np.nan_to_num(change)), _alike(np.nan_to_num(change).T)
    return rows[by_row].tolist(), columns[by_column].tolist(), change[by_row][:, by_column]


def _alike(values: np.ndarray) -> np.ndarray:
    """An order of the rows in which alike ones lie beside each other: from one end, always the nearest that is left."""
    if len(values) < 3:
        return np.arange(len(values))
    gaps = np.linalg.norm(values[:, None] - values[None], axis=2)
    order = [int(np.argmax(gaps.sum(axis=1)))]
    while len(order) < len(values):
        near = gaps[order[-1]].copy()
        near[order] = np.inf
        order.append(int(np.argmin(near)))
    return np.array(order)
