"""The loss while a model learns, by named term."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from cellflow_core.figures import legend, theme


def losses(history: Mapping[str, np.ndarray], *, dark: bool = False, height: int = 320) -> go.Figure:
    """history: "step" and every loss term, each [records]; "validation" (cells kept from training) is drawn dashed."""
    figure = theme.blank(dark, height=height, x="training step", y="loss")
    steps = np.asarray(history["step"], np.float32)
    drawn = [np.asarray(history[name], np.float32) for name in _terms(history)]
    for name, colour, values in zip(_terms(history), theme.categorical(len(drawn)), drawn, strict=True):
        there = np.isfinite(values)
        line = {"color": theme.text_color(dark), "dash": "dash"} if name == "validation" else {"color": colour}
        figure.add_trace(
            go.Scatter(
                x=steps[there],
                y=values[there],
                mode="lines",
                line={"width": 2.5, **line},
                name=theme.safe(_words(name)),
                hovertemplate="step %{x:,} · %{y:.4g}<extra>%{fullData.name}</extra>",
            )
        )
    all_values = np.concatenate(drawn) if drawn else np.zeros(0)
    all_values = all_values[np.isfinite(all_values)]
    if len(all_values) and all_values.min() > 0 and all_values.max() > 5 * all_values.min():
        theme.logarithmic(figure, all_values).update_yaxes(title_text="loss (log scale)")
    return legend.with_room(figure.update_layout(hovermode="x unified"))


def describe(history: Mapping[str, np.ndarray]) -> str:
    """The figure in one sentence with its numbers."""
    if not len(history["step"]):
        return "No training step has been recorded yet."
    text = []
    for name in _terms(history):
        values = np.asarray(history[name], float)
        values = values[np.isfinite(values)]
        if len(values):
            text.append(f"{_words(name)} went from {values[0]:.3g} to {values[-1]:.3g}")
    return f"Loss over {int(history['step'][-1]):,} steps: {'; '.join(text)}."


def _terms(history: Mapping[str, np.ndarray]) -> list[str]:
    return [name for name in history if name not in ("step", "phase", "seconds")]


def _words(name: str) -> str:
    return "cells kept from training" if name == "validation" else name.replace("_", " ")
