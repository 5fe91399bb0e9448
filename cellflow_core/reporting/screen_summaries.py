"""A screen of genes in a few sentences, and as a table. Pure: results in, words out."""

from __future__ import annotations

import numpy as np

from cellflow_core.analysis.results import PerturbationScreen
from cellflow_core.analysis.results.perturbation import ELSEWHERE, MAX_EXTRAPOLATED, joined
from cellflow_core.analysis.results.screen import SURE
from cellflow_core.plural import counted
from cellflow_core.reporting.perturbation_summaries import LEAST_POINTS, LISTED
from cellflow_core.reporting.result_tables import Rows
from cellflow_core.reporting.summaries import Summary


def of_screen(result: PerturbationScreen, fate: int) -> Summary:
    """Which genes move the share of one terminal state, up and down; trust from models, data and numbers."""
    tried, name = int(result.perturbed.sum()), result.names[fate]
    deed = {"knock-out": "knocked out", "over-expression": "over-expressed"}[result.kind]
    if not tried:
        return Summary(
            f"None of {counted(len(result.genes), 'gene')} could be {deed}.", "poor", result.reasons[0] + "."
        )
    up, down = (_listed(result, fate, sign) for sign in (1, -1))
    moved = [f"{verb} by {joined(each)}" for verb, each in (("raised", up), ("lowered", down)) if each]
    share = f"The share of {name} ({result.before[fate]:.0%} without a change)"
    answer = f"{share} is {' and '.join(moved)}." if moved else f"No gene moves the share of {name} by a point or more."
    answer = f"{counted(tried, 'gene')} {deed} one after the other. {answer}"
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
