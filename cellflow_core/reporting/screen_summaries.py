"""Screens of genes, predicted or measured, in a few sentences and as tables. Pure: results in, words out."""

from __future__ import annotations

import numpy as np

from cellflow_core.analysis.results import KnockOutScores, PerturbationScreen
from cellflow_core.analysis.results.knock_outs import HALVES, MEAN, SCORES
from cellflow_core.analysis.results.perturbation import ELSEWHERE, MAX_EXTRAPOLATED, joined
from cellflow_core.analysis.results.screen import SURE
from cellflow_core.plural import counted
from cellflow_core.reporting.perturbation_summaries import LEAST_POINTS, LISTED
from cellflow_core.reporting.result_tables import Rows
from cellflow_core.reporting.summaries import Summary

NAMES = dict(zip(SCORES, ("weighted R²", "right signs", "discrimination"), strict=True))
"""What a table calls the scores of predicted knock-outs."""


def of_screen(result: PerturbationScreen, fate: int) -> Summary:
    """Which genes move the share of one terminal state, up and down; trust from models, data and numbers."""
    tried, name = int(result.perturbed.sum()), result.names[fate]
    deed = {"knock-out": "knocked out", "over-expression": "over-expressed"}[result.kind]
    left_out: dict[str, list[str]] = {}
    for gene, reason in zip(result.genes, result.reasons, strict=True):
        if reason:
            left_out.setdefault(reason, []).append(gene)
    if not tried:
        one = len(result.genes) == 1
        none = f"{result.genes[0]}" if one else f"None of the {len(result.genes)} genes"
        why = " ".join(f"{joined(genes, LISTED)}: {reason}." for reason, genes in left_out.items())
        return Summary(f"{none} could {'not ' if one else ''}be {deed}.", "poor", why)
    up, down = (_listed(result, fate, sign) for sign in (1, -1))
    moved = [f"{verb} by {joined(each)}" for verb, each in (("raised", up), ("lowered", down)) if each]
    share = f"The share of {name} ({result.before[fate]:.0%} without a change)"
    answer = f"{share} is {' and '.join(moved)}." if moved else f"No gene moves the share of {name} by a point or more."
    answer = f"{counted(tried, 'gene')} {deed} one after the other. {answer}"
    for reason, genes in left_out.items():
        answer += f" {joined(genes, LISTED)} cannot be {deed}: {reason}."
    far = float((result.outside[result.perturbed] > MAX_EXTRAPOLATED).mean())
    doubts = []
    if far > 0.1:
        doubts.append(f"For {far:.0%} of the genes more than {MAX_EXTRAPOLATED:.0%} of the cells end outside the data.")
    if result.models == 1:
        doubts.append("Only one seed was asked.")
    cause = (
        "q says that a change does not come from the choice of initial cells, and not that the model is right; a gene "
        "that marks a state can look like its cause."
    )
    return Summary(answer, "poor" if doubts else "fair", " ".join((*doubts, cause)))


def _listed(result: PerturbationScreen, fate: int, sign: int) -> list[str]:
    """The genes with the largest changes of this sign that count, with their numbers in points."""
    points = 100 * sign * result.change[:, fate]
    counts = (result.q[:, fate] < SURE) & (points >= LEAST_POINTS)
    order = [k for k in np.argsort(-np.nan_to_num(points), kind="stable") if counts[k]]
    return [f"{result.genes[k]} ({sign * points[k]:+.0f} points)" for k in order[:LISTED]]


def rows(result: PerturbationScreen, fate: int) -> Rows:
    """One row a gene, the largest change of this terminal state first, those that were not perturbed last."""
    size = np.where(result.perturbed, np.abs(np.nan_to_num(result.change[:, fate])), -1.0)
    order = np.argsort(-size, kind="stable")

    def short(values: np.ndarray, scale: float = 1.0, digits: int = 2) -> list[float]:
        return [round(scale * float(each), digits) for each in values[order]]

    found: Rows = {
        "gene": [result.genes[k] for k in order],
        f"{result.names[fate]} (points)": short(result.change[:, fate], 100),
        "from": short(result.low[:, fate], 100),
        "to": short(result.high[:, fate], 100),
        "q": [float(f"{each:.2g}") for each in result.q[order, fate]],
        "genes that change it as much (%)": short(result.rank[:, fate], 100, 0),
    }
    found |= {
        f"{name} (points)": short(result.change[:, k], 100)
        for k, name in enumerate(result.names)
        if k != fate and name != ELSEWHERE
    }
    return found | {
        "level": [float(f"{each:.3g}") for each in result.levels[order]],
        "outside the data (%)": short(result.outside, 100, 0),
        "not perturbed because": [result.reasons[k] for k in order],
    }


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
    why = "A repeat of the experiment is no better than a trivial answer, so these data cannot rank predictions."
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
