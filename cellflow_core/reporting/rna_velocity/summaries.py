"""What estimates of RNA velocity say together, in words, and the table of their genes. Pure: results in, words out."""

from __future__ import annotations

from typing import Any

import numpy as np

from cellflow_core.analysis.results import GroupVelocities, PermutationScores, PhasePortrait, VelocityAgreement
from cellflow_core.analysis.results.rna_velocity import recurring
from cellflow_core.plural import counted
from cellflow_core.reporting.summaries import Summary, Trust

COHERENT = "A coherent field is not a right one: where the estimators are wrong together, they agree."
MANY, SOME = 0.5, 0.2
"""Shares of cells with an arrow from which on arrows are trusted, and below which they are not."""
SAME = 0.8
"""Median cosine from which on velocities fitted apart count as the same."""
ONE_ORDER = 0.5
"""Share of the arrows that one order explains below which cells are said to go round."""


def of_velocity(result: VelocityAgreement) -> Summary:
    """The share of the cells with an arrow first and what it does not show, after a warning where rates change, then
    how the estimators agree, recur, and point in measured time."""
    share = float(result.drawn.mean())
    count = len(result.estimators)
    every = result.pairwise[np.triu_indices(count, 1)]
    agree = f"{counted(count, 'estimator')} agree with a median cosine of {every.min():.2f} to {every.max():.2f}"
    trust: Trust = "good" if share >= MANY else "fair" if share >= SOME else "poor"
    if result.halves is None:
        recur = "whether the velocity is noise is not known, since these values are no counts"
        trust = "fair" if trust == "good" else trust
        answer = f"{share:.0%} of the cells have an arrow: the estimators agree there."
    else:
        assert result.chance is not None
        found = float(recurring(result.halves, result.chance).mean())
        recur = f"half of the counts give the velocity of the other half in {found:.0%} of the cells"
        answer = (
            f"{share:.0%} of the cells have an arrow: the estimators agree there, and so do two halves of the counts."
        )
    timed = _in_time(result)
    if np.isfinite(result.forward) and result.forward <= result.forward_chance[1]:
        trust = "poor"
    if result.boosted:
        answer, trust = f"{_boosted(result)} {answer}", "fair" if trust == "good" else trust
    return Summary(f"{answer} {COHERENT}", trust, f"{agree}; {recur}.{timed}{_judged(result)}")


def _boosted(result: VelocityAgreement) -> str:
    assert result.follows is not None and result.twice is not None
    count, judged = int(result.twice.sum()), int(result.follows.sum())
    return (
        f"Do not rely on the arrows: transcription rises a second time in {count} of the {counted(judged, 'gene')} "
        "that follow the order of the cells. Rates that are taken as constant read cells before such a rise as "
        "falling, whatever the estimators agree on."
    )


def _judged(result: VelocityAgreement) -> str:
    """How many genes show no second rise, or that none can show one."""
    if result.follows is None or result.twice is None or result.boosted:
        return ""
    count, judged = int(result.twice.sum()), int(result.follows.sum())
    if not judged:
        return (
            " No gene follows the order of the cells closely enough to show whether its rates of transcription change."
        )
    follow = f"{counted(judged, 'gene')} that {'follows' if judged == 1 else 'follow'} the order of the cells"
    return f" Of {follow}, transcription rises a second time in {count}."


def _in_time(result: VelocityAgreement) -> str:
    if not np.isfinite(result.forward):
        unmixed = " No cell has neighbors of another measured time, so arrows are not held against these times."
        return unmixed if np.isfinite(result.time_rho) else ""
    low, high = result.forward_chance
    verdict = "no more than" if result.forward <= high else "more than"
    return (
        f" Where times were measured, {result.forward:.0%} of the arrows point to later cells, {verdict} "
        f"velocities reversed in random patches of cells do ({low:.0%} to {high:.0%})."
    )


def of_order(result: VelocityAgreement) -> str:
    """What the order along the arrows is, and how far it goes."""
    text = f"One order of the cells explains {result.order_explained:.0%} of the arrows between neighbors"
    text += (
        "." if result.order_explained >= ONE_ORDER else ": cells go round, or the arrows are noise, so it says little."
    )
    if result.drawn.mean() < SOME:
        text += " Few cells have an arrow, so it may be an order of noise."
    text += " It has no unit of time, and its two ends are where arrows begin and end."
    rho = result.order_rho[0]
    beside = [f"{rho[k]:.2f} with the {name}" for k, name in enumerate(result.orders) if k and np.isfinite(rho[k])]
    if not beside:
        return text
    text += f" Its rank correlation is {', '.join(beside)}."
    if "diffusion pseudotime" in result.orders:
        text += " Diffusion pseudotime goes by likeness alone, from the first cells of this order."
    return text


def order_name(order: str) -> str:
    """Of an order, short enough for a button."""
    return {"order along the arrows": "Order", "diffusion pseudotime": "Pseudotime"}.get(
        order, "Latent time" if order.startswith("latent time") else order[:1].upper() + order[1:]
    )


def of_portrait(result: PhasePortrait) -> str:
    """In how many cells the gene rises, by each estimator."""
    shares = (result.velocity > 0).mean(axis=1)
    listed = ", ".join(f"{share:.0%} ({name})" for share, name in zip(shares, result.estimators, strict=True))
    return (
        f"{result.gene} rises in {listed} of the cells: those above the line at steady state. "
        f"Cells should lie on an arch, from below left over the line to the right and back under it.{_fit(result)}"
    )


def _fit(result: PhasePortrait) -> str:
    """The rates of the gene, and how near to its cells the fitted course runs, as far as they are known."""
    known = [
        f"{name.partition(' (')[0]} {rate:.3g} {name.partition(' (')[2].rstrip(')')}"
        for name, rate in zip(result.rate_names, result.rates, strict=True)
        if np.isfinite(rate)
    ]
    text = f" Rates by {result.estimators[0]}: {', '.join(known)}." if known else ""
    if np.isfinite(result.course_r2):
        text += f" The nearest points of its fitted course have {result.course_r2:.0%} of the variance of both RNAs."
    return text


def of_groups(result: GroupVelocities) -> str:
    """Whether groups that are fitted apart have the velocities of all cells."""
    k = int(np.argmin(result.cosine))
    answer = (
        f"Fitted apart, {counted(len(result.names), 'group')} of {result.by} have the velocities of the fit to all "
        f"cells with a median cosine of {result.cosine.min():.2f} to {result.cosine.max():.2f}"
    )
    if result.cosine[k] >= SAME:
        return f"{answer}: one fit serves all."
    return (
        f"{answer}, the least in {result.names[k]}: its arrows depend on the other groups. Where the groups are "
        "batches, do not trust them there; where they are cell types, rates may differ between them."
    )


def group_rows(result: GroupVelocities) -> dict[str, list[Any]]:
    """One row a group."""
    return {
        result.by: list(result.names),
        "cells": result.cells.tolist(),
        "cosine with the fit to all cells": np.round(result.cosine, 3).tolist(),
        "rank correlation of γ/β": np.round(result.slope_rho, 3).tolist(),
    }


def gene_rows(result: VelocityAgreement, scores: PermutationScores | None = None) -> dict[str, list[Any]]:
    """One row a velocity gene, those in which the estimators agree and that move most first; numbers as numbers.

    scores  permutation scores of the same genes, where the model has some: their highest is a column
    """
    order = np.lexsort((-result.gene_agreement, -result.fast))
    rows: dict[str, list[Any]] = {
        "gene": [result.genes[k] for k in order],
        f"among the fastest in (of {len(result.estimators)})": [int(result.fast[k]) for k in order],
        "agreement (correlation)": [round(float(result.gene_agreement[k]), 3) for k in order],
        "R² of the line": [round(float(result.r2[k]), 3) for k in order],
    }
    if result.follows is not None and result.twice is not None:
        words = np.where(result.follows, np.where(result.twice, "yes", "no"), "not known")
        rows["transcription rises twice"] = [str(words[k]) for k in order]
    if scores is not None:
        highest = dict(zip(scores.genes, scores.highest, strict=True))
        rows["permutation score"] = [round(float(highest[each]), 2) for each in rows["gene"]]
    for name, slope in zip(result.estimators, result.slope, strict=True):
        if np.isfinite(slope).any():
            rows[f"γ/β, {name}"] = [round(float(slope[k]), 4) for k in order]
    for name, rates in zip(result.rate_names, result.rates.T, strict=True):
        rows[f"{name}, {result.estimators[0]}"] = [float(f"{rates[k]:.4g}") for k in order]
    return rows


def as_plain(result: VelocityAgreement) -> dict[str, Any]:
    """The summary, its numbers and one entry a gene, as JSON holds them; None for what is not known."""
    summary, rows = of_velocity(result), gene_rows(result)
    recur = None if result.halves is None or result.chance is None else recurring(result.halves, result.chance).mean()
    numbers = {
        "share of cells with an arrow": result.drawn.mean(),
        "share of cells where count halves agree": recur,
        "share of arrows forward in time": result.forward,
        "of reversed velocities, 5 %": result.forward_chance[0],
        "of reversed velocities, 95 %": result.forward_chance[1],
        "share of arrows in one order": result.order_explained,
        "rank correlation of order and time": result.time_rho,
        "genes that follow the order": None if result.follows is None else int(result.follows.sum()),
        "of these, transcription rises twice": None if result.twice is None else int(result.twice.sum()),
    }
    return {
        "answer": summary.answer,
        "trust": summary.trust,
        "why": summary.why,
        "order": of_order(result),
        "notes": list(result.notes),
        "estimators": list(result.estimators),
        "median cosine between estimators": np.round(result.pairwise, 4).tolist(),
        **{name: _known(value) for name, value in numbers.items()},
        "genes": [
            {name: _known(value) for name, value in zip(rows, each, strict=True)}
            for each in zip(*rows.values(), strict=True)
        ],
    }


def _known(value: Any) -> Any:
    """A number that JSON can hold, None for NaN; other values as they are."""
    if value is None or isinstance(value, str | int):
        return value
    return round(float(value), 4) if np.isfinite(value) else None


def cell_rows(result: VelocityAgreement) -> dict[str, list[Any]]:
    """One row a cell: its place, arrow and agreement."""
    x, y = result.axes
    rows: dict[str, list[Any]] = {
        x: np.round(result.cells[:, 0], 4).tolist(),
        y: np.round(result.cells[:, 1], 4).tolist(),
        f"arrow along {x}": np.round(result.arrows[:, 0], 5).tolist(),
        f"arrow along {y}": np.round(result.arrows[:, 1], 5).tolist(),
        "has an arrow": result.drawn.tolist(),
        "agreement": np.round(result.agreement, 4).tolist(),
        "order": np.round(result.order, 4).tolist(),
        "speed": np.round(result.speed, 4).tolist(),
    }
    further = {
        "agreement of count halves": result.halves,
        "intrinsic uncertainty": result.intrinsic,
        "extrinsic uncertainty": result.extrinsic,
    }
    for name, values in further.items():
        if values is not None:
            rows[name] = np.round(values, 4).tolist()
    return rows
