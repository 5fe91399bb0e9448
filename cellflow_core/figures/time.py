"""Predicted against measured cells at a time, and how far apart they are at every measured time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from cellflow_core.analysis.results import TimeCourse
from cellflow_core.analysis.results.frame import frame
from cellflow_core.distance_units import SPACE
from cellflow_core.figures import theme
from cellflow_core.figures.scatter import BEHIND_UP_TO, outline, subsample
from cellflow_core.time_units import format_time

FRONT_UP_TO = 2_000


def step_at(result: TimeCourse, time: float) -> int:
    """The simulated step nearest to a time."""
    return int(np.argmin(np.abs(result.times - time)))


def cells_at(
    result: TimeCourse,
    time: float,
    measured: np.ndarray | None = None,
    everything: np.ndarray | None = None,
    *,
    polygon: Sequence[tuple[float, float]] = (),
    dark: bool = False,
    height: int = 520,
) -> go.Figure:
    """Cells in the view at a time. Traces: all measured cells (for orientation), measured at this time, predicted.

    measured    [cells, 2] of a measured time, None between measured times
    everything  [cells, 2] of all times, drawn behind and fixing the frame
    polygon     the outline around selected cells
    The area of a predicted cell is its share of the mass: one that multiplied is large, one that died out small.
    """
    figure = theme.blank(dark, height=height, x=theme.safe(result.axes[0]), y=theme.safe(result.axes[1]))
    if everything is not None:
        shown = everything[subsample(len(everything), BEHIND_UP_TO)].astype(np.float32)
        look = {"size": 4, "color": theme.background_point_color(dark), "opacity": 0.6}
        figure.add_trace(_dots(shown, "all times", look))
    if measured is not None:
        shown = measured[subsample(len(measured), FRONT_UP_TO)].astype(np.float32)
        look = {"size": 8, "color": theme.muted_color(dark), "symbol": "circle-open", "line": {"width": 1.6}}
        figure.add_trace(_dots(shown, "measured", look))
    step = step_at(result, time)
    weight = result.weight[step]
    kept = subsample(len(weight), FRONT_UP_TO)
    look = {"size": _size(weight[kept]), "color": theme.model(dark), "opacity": 0.65, "line": {"width": 0}}
    figure.add_trace(_dots(result.predicted[step][kept].astype(np.float32), "predicted", look))
    outline(figure, polygon, dark)
    theme.square(figure)
    theme.framed(figure, *frame(everything, result.predicted))
    return figure.update_layout(legend={"itemsizing": "constant"}, uirevision="time")


def _size(weight: np.ndarray) -> np.ndarray:
    """Diameter of each cell: 6 for the average one, between 2 and 18."""
    return np.clip(6 * np.sqrt(weight / max(float(weight.mean()), 1e-12)), 2, 18).astype(np.float32)


def describe(result: TimeCourse, time: float) -> str:
    """The cells in one sentence with their numbers."""
    step = step_at(result, time)
    middle = np.average(result.predicted[step], axis=0, weights=result.weight[step])
    at = f"{len(result.weight[step]):,} predicted cells at time {format_time(result.times[step])}, on average at "
    at += f"({middle[0]:.3g}, {middle[1]:.3g}) in the view"
    frame = np.flatnonzero(np.isclose(result.measured_times, time))
    if len(frame) and np.isfinite(result.w1[frame[0]]):
        k = frame[0]
        at += (
            f"; they lie {result.w1[k]:.3g} {SPACE} from the measured cells, against {result.w1_previous[k]:.3g} for "
            f"the cells of the time before and {result.w1_floor[k]:.3g} for sampling noise"
        )
    return at + "."


def error(
    result: TimeCourse, *, held: Sequence[tuple[float, float]] = (), dark: bool = False, height: int = 360
) -> go.Figure:
    """Distance of prediction and measurement at every measured time (W1): the model, nothing moved, sampling noise.

    Times the model was trained on are dots, times kept from it are stars.
    held  (time, distance) by copies of the model that never saw this time
    """
    unit = f" ({theme.safe(result.time_unit)})" if result.time_unit else ""
    figure = theme.blank(dark, height=height, x=f"time{unit}", y="W1 to measured cells (state)")
    there = np.isfinite(result.w1)
    times = result.measured_times[there]
    series = (
        ("no motion (time before)", result.w1_previous, theme.muted_color(dark), "dash", "square"),
        ("sampling noise (two halves)", result.w1_floor, theme.CATEGORICAL[2], "dot", "diamond"),
        ("this model", result.w1, theme.model(dark), "solid", None),
    )
    for name, values, colour, dash, symbol in series:
        kinds = [symbol or ("circle" if seen else "star") for seen in result.in_training[there]]
        sizes = 9 if symbol else [11 if seen else 17 for seen in result.in_training[there]]
        figure.add_trace(
            go.Scatter(
                x=times.astype(np.float32),
                y=values[there].astype(np.float32),
                name=name,
                mode="lines+markers",
                line={"color": colour, "dash": dash, "width": 2.5},
                marker={"size": sizes, "symbol": kinds},
                customdata=["seen in training" if seen else "kept from training" for seen in result.in_training[there]],
                hovertemplate="time %{x:.4~g} · %{y:.3g} (state) · %{customdata}<extra>%{fullData.name}</extra>",
            )
        )
    if held:
        figure.add_trace(
            go.Scatter(
                x=np.array([each[0] for each in held], np.float32),
                y=np.array([each[1] for each in held], np.float32),
                mode="markers",
                name="a copy that never saw this time",
                marker={"symbol": "star", "size": 17, "color": theme.changed(dark)},
                hovertemplate="time %{x:.4~g} · %{y:.3g} (state)<extra>%{fullData.name}</extra>",
            )
        )
    figure.update_xaxes(tickvals=times.tolist())
    return figure.update_yaxes(rangemode="tozero")


def describe_error(result: TimeCourse) -> str:
    """The distances in one sentence with their numbers."""
    rows = []
    for k in np.flatnonzero(np.isfinite(result.w1)):
        kind = "seen in training" if result.in_training[k] else "kept from training"
        rows.append(
            f"time {format_time(float(result.measured_times[k]))} ({kind}): model {result.w1[k]:.3g}, "
            f"no motion {result.w1_previous[k]:.3g}, sampling noise {result.w1_floor[k]:.3g}"
        )
    return f"W1 {SPACE} between predicted and measured cells, from {result.started_from}: {'; '.join(rows)}."


def _dots(points: np.ndarray, name: str, marker: dict) -> go.Scatter:
    return go.Scatter(x=points[:, 0], y=points[:, 1], mode="markers", name=name, marker=marker, hoverinfo="skip")
