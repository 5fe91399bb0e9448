"""Checks of a model of individuals: visual predictive check, NPDE, goodness of fit, forecast errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go
from scipy.special import ndtri

from cellflow_core.analysis.results import ForecastErrors, PredictionErrors, PredictiveCheck
from cellflow_core.figures import theme
from cellflow_core.figures.courses import marks

Array = np.ndarray

PERCENTILES = ("5 %", "50 %", "95 %")
SCORES = {
    "rmse": "RMSE",
    "rmspe": "RMSPE",
    "crps": "CRPS",
    "coverage": "coverage of the 90 % band",
}
_OUTER = theme.CATEGORICAL[1]


def predictive_check(
    result: PredictiveCheck, group: int, *, logarithmic: bool = False, dark: bool = False, height: int = 380
) -> go.Figure:
    """Bands of the simulated percentiles, the observed ones as lines over them, and the observed values."""
    label = f"{result.variable}, prediction-corrected" if result.corrected else result.variable
    figure = marks.empty(label, result.time_unit, dark, height)
    own = result.point_group == group
    there = np.isfinite(result.center[group])
    times = result.center[group][there]
    bands, observed = result.bands[group][there], result.observed[group][there]
    for k, colour in enumerate((_OUTER, theme.model(dark), _OUTER)):
        low = marks.drawable(bands[:, k, 0], logarithmic)
        name = "simulated median" if k == 1 else "simulated 5 and 95 %"
        figure.add_trace(marks.band(times, low, bands[:, k, 2], colour, name, legend=k < 2))
    for k in range(3):
        name = "observed median" if k == 1 else "observed 5 and 95 %"
        values, dash = marks.drawable(observed[:, k], logarithmic), "solid" if k == 1 else "dash"
        figure.add_trace(marks.line(times, values, theme.text_color(dark), name, dash, k < 2))
    points = marks.measured(
        result.point_time[own], result.point_value[own], result.point_censored[own], dark, size=4, after=result.after
    )
    for each in points:
        held = each.name == "held out"
        figure.add_trace(each.update(opacity=0.8 if held else 0.35, showlegend=held))
    marks.end_of_history(figure, result.after, dark)
    return marks.scaled(figure, np.concatenate([result.point_value[own], observed.ravel()]), logarithmic)


def describe_predictive_check(result: PredictiveCheck) -> str:
    inside = ", ".join(
        f"{share:.0%} of the {name} percentiles" for share, name in zip(result.inside, PERCENTILES, strict=True)
    )
    return f"Of the observed percentiles of {result.variable} over time, in their simulated bands lie {inside}."


def npde_over_time(result: PredictionErrors, *, dark: bool = False, height: int = 320) -> go.Figure:
    """NPDE over time; 95 % of those of a true model lie between the dashed lines."""
    figure = marks.empty("NPDE", result.time_unit, dark, height)
    figure.add_traces(_points(result.t, result.npde, result, dark))
    marks.end_of_history(figure, result.after, dark)
    for level in (-1.96, 0.0, 1.96):
        figure.add_hline(level, line={"color": theme.muted_color(dark), "dash": "dash" if level else "solid"})
    return figure


def npde_quantiles(result: PredictionErrors, *, dark: bool = False, height: int = 320) -> go.Figure:
    """Quantiles of the NPDE against those of a standard normal."""
    figure = theme.blank(dark, height=height, x="standard normal", y="NPDE")
    scores = np.sort(result.npde[np.isfinite(result.npde)])
    normal = ndtri((np.arange(len(scores)) + 0.5) / max(len(scores), 1))
    figure.add_trace(_identity(np.concatenate([normal, scores]), dark))
    figure.add_trace(
        go.Scatter(
            x=normal.astype(np.float32),
            y=scores.astype(np.float32),
            mode="markers",
            marker={"size": 5, "color": theme.model(dark)},
            hovertemplate="%{x:.2f} · %{y:.2f}<extra></extra>",
        )
    )
    return figure.update_layout(showlegend=False)


def goodness_of_fit(
    result: PredictionErrors, kind: str, *, logarithmic: bool = False, dark: bool = False, height: int = 320
) -> go.Figure:
    """Measured against predicted. kind: "population" or "individual"."""
    predicted = getattr(result, kind)
    figure = theme.blank(dark, height=height, x=f"{kind} prediction", y="measured")
    shown = np.concatenate([predicted, result.observed])
    positive = shown > 0
    if logarithmic and positive.any():
        theme.logarithmic(figure, shown[positive])
        axis: Any = figure.layout["yaxis"]
        figure.update_xaxes(type="log", tickvals=axis.tickvals, ticktext=axis.ticktext)
        shown = shown[positive]
    figure.add_trace(_identity(shown, dark))
    figure.add_traces(_points(predicted, result.observed, result, dark))
    return figure


def _points(x: Array, y: Array, result: PredictionErrors, dark: bool) -> list[go.Scatter]:
    """Those of individuals in training, held out, and values below the limit."""
    there = np.isfinite(y)
    kinds = {
        "in training": (~result.held_out & ~result.censored, theme.model(dark), "circle"),
        "held out": (result.held_out & ~result.censored, theme.changed(dark), "diamond"),
        "below the limit of quantification": (result.censored, theme.muted_color(dark), "triangle-down-open"),
    }
    return [
        go.Scatter(
            x=x[kept & there].astype(np.float32),
            y=y[kept & there].astype(np.float32),
            customdata=result.subject[kept & there],
            mode="markers",
            marker={"size": 6, "color": colour, "symbol": symbol, "opacity": 0.75},
            name=name,
            hovertemplate="individual %{customdata}<br>%{x:.4~g} · %{y:.3g}<extra>%{fullData.name}</extra>",
        )
        for name, (kept, colour, symbol) in kinds.items()
        if (kept & there).any()
    ]


def _identity(values: Array, dark: bool) -> go.Scatter:
    ends = np.array([values.min(), values.max()]) if len(values) else np.zeros(2)
    return go.Scatter(
        x=ends, y=ends, mode="lines", line={"color": theme.muted_color(dark)}, hoverinfo="skip", showlegend=False
    )


def describe_errors(result: PredictionErrors) -> str:
    scores = result.npde[np.isfinite(result.npde)]
    if not len(scores):
        return f"{len(result.t)} values of {result.variable}, none of which has an NPDE."
    return (
        f"{len(result.t)} values of {result.variable}: NPDE have mean {scores.mean():.2f} and standard deviation "
        f"{scores.std():.2f}; those of a true model have 0 and 1."
    )


def forecast(found: Mapping[str, ForecastErrors], score: str, *, dark: bool = False, height: int = 380) -> go.Figure:
    """A score of each model over the horizon. found: by name of the model, in their order."""
    first = next(iter(found.values()))
    unit = f" ({theme.safe(first.time_unit)})" if first.time_unit else ""
    of = f" of {theme.safe(first.variable)}" if score in ("rmse", "crps") else ""  # with its unit, where it has one
    figure = theme.blank(dark, height=height, x=f"time ahead{unit}", y=f"{SCORES[score]}{of}")
    middle = (first.edges[1:] + first.edges[:-1]) / 2
    dashes = ("solid", "dash", "dot", "dashdot", "longdash")
    for k, (name, result) in enumerate(found.items()):
        values = getattr(result, score)
        figure.add_trace(
            go.Scatter(
                x=middle.astype(np.float32),
                y=values[1:].astype(np.float32),
                mode="lines+markers",
                line={"color": theme.categorical(k + 1)[-1], "width": 2.4, "dash": dashes[k % len(dashes)]},
                marker={"size": 9},
                name=theme.safe(name),
                hovertemplate="%{x:.4~g} ahead · %{y:.3g}<extra>%{fullData.name}</extra>",
            )
        )
    if score == "coverage":
        figure.add_hline(0.9, line={"color": theme.muted_color(dark), "dash": "dash"})
        figure.update_yaxes(range=[0, 1.05], tickformat=".0%")
    elif score == "rmspe":
        figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    else:
        figure.update_yaxes(rangemode="tozero")
    return figure.update_layout(showlegend=True)


def describe_forecast(found: Mapping[str, ForecastErrors], score: str) -> str:
    parts = [
        f"{name} from {getattr(each, score)[1]:.3g} to {getattr(each, score)[-1]:.3g}"
        for name, each in found.items()
        if len(each.edges) > 1
    ]
    return f"{SCORES[score]} of forecasts by how far they are ahead: {'; '.join(parts)}."
