"""Predicted against measured knock-outs in a few sentences, and as tables. Pure: results in, words out."""

from __future__ import annotations

import numpy as np

from cellflow_core.analysis.results import KnockOutScores
from cellflow_core.analysis.results.knock_outs import HALVES, MEAN, SCORES
from cellflow_core.plural import counted
from cellflow_core.reporting.result_tables import Rows
from cellflow_core.reporting.summaries import Summary

NAMES = dict(zip(SCORES, ("weighted R²", "right signs", "discrimination"), strict=True))


def of_knock_outs(result: KnockOutScores) -> Summary:
    """Whether the model is above the mean of the other knock-outs, and how far from a repeat."""
    means = {name: _mean(result, name) for name in (result.rows[0], MEAN, HALVES)}
    own, trivial, repeat = means.values()
    verdict = "predicts them better than" if own > trivial else "is no better than"
    answer = (
        f"Over {counted(len(result.targets), 'measured knock-out')}, {result.rows[0]} {verdict} the mean of the other "
        f"knock-outs: weighted R² {own:.2f} beside {trivial:.2f}; half of the cells predict the other half with "
        f"{repeat:.2f}."
    )
    scale = float(result.scale[0])
    why = "A repeat of the experiment is no better than the mean response, so these data cannot rank predictions."
    if np.isfinite(scale):
        why = f"On the scale from the mean response (0) to a repeat of the experiment (1) it stands at {scale:.2f}."
    return Summary(answer, "fair" if own > trivial and np.isfinite(scale) else "poor", why)


def rows_table(result: KnockOutScores) -> Rows:
    """One row a prediction: mean of each score over the targets, and s."""
    found: Rows = {"prediction": list(result.rows)}
    for k, name in enumerate(SCORES):
        found[NAMES[name]] = [_mean(result, each, k) for each in result.rows]
    return found | {"s": [_short(each) for each in result.scale]}


def target_table(result: KnockOutScores) -> Rows:
    """One row a target: cells, genes that change, and the weighted R² of every prediction."""
    found: Rows = {
        "target": list(result.targets),
        "cells": [int(each) for each in result.cells],
        "genes that change": [int(each) for each in result.changed],
    }
    return found | {f"R², {row}": [_short(v) for v in result.scores[k, :, 0]] for k, row in enumerate(result.rows)}


def _mean(result: KnockOutScores, row: str, score: int = 0) -> float:
    values = result.scores[result.rows.index(row), :, score]
    return _short(float(np.nanmean(values))) if np.isfinite(values).any() else float("nan")


def _short(value: float) -> float:
    return float(f"{value:.3g}")
