"""What cells become, in one sentence with its numbers, and how far it can be trusted. Pure: results in, words out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from cellflow_core.analysis.results import CellLineages, ClonalBias, Fates, OrderAgreement, TrajectoryEnsemble
from cellflow_core.plural import counted
from cellflow_core.reporting.summaries import Summary, Trust, at
from cellflow_core.selection.model_cards import ModelCard

NEAR, FAR = 0.1, 0.25
"""Largest difference to the measured shares that counts as near, and above which the fates are not to be trusted."""
MAX_UNDEFINED, MAX_ELSEWHERE, LOST = 0.25, 0.05, 0.5
"""Share of the last measured cells that define no state, and of the simulated cells that end in none, above which the
shares are not to be trusted; and that above which they say nothing."""
WIDE_SPREAD = 0.25
"""Share of the cells between the places that two methods give to a cell, from which on they disagree."""
MOST_OFF = 0.5
"""Share of the cells off the tree from which on it is not to be trusted."""
_ONE_STATE = "Choose an annotation, such as cell type, or more terminal groups, to tell fates apart."


def of_fates(result: Fates, times: Sequence[float], unit: str) -> Summary:
    """The shares of the fates, judged by the shares measured at the last time. times: the measured ones, or ()."""
    unknown: Trust = "poor" if result.elsewhere > LOST else "fair"
    if len(result.names) == 1:
        return Summary(
            f"There is one terminal state only, {result.names[0]}, so every cell that reaches one ends there.",
            unknown,
            " ".join((_ONE_STATE, *_doubts(result))),
        )
    order = np.argsort(-result.share)
    listed = [f"{result.share[k]:.0%} {result.names[k]} ({result.low[k]:.0%} to {result.high[k]:.0%})" for k in order]
    more = f", and {len(listed) - 3} more" if len(listed) > 3 else ""
    begin = f" of {at(times[0], unit)}" if len(times) else ""
    answer = f"What becomes of {result.of or f'the cells{begin}'}: {', '.join(listed[:3])}{more}."
    if not np.isfinite(result.measured).all():
        why = f"{_not_compared(times)}, and their intervals do not say whether the direction is right."
        return Summary(answer, unknown, " ".join((why, *_doubts(result))))
    off = np.abs(result.share - result.measured)
    k = int(off.argmax())
    against = (
        f"Of the cells measured at the last time, {result.measured[k]:.0%} are {result.names[k]}, and the model has "
        f"{result.share[k]:.0%}: the shares are off by {_points(off[k])}"
    )
    if result.elsewhere > LOST:
        return Summary(answer, "poor", " ".join((f"{against}.", *_doubts(result))))
    if off[k] > FAR:
        return Summary(answer, "poor", f"{against}. This model does not bring cells to where they were found.")
    reached = f"{against}. That the shares are right does not show that each cell takes the right path."
    doubts = _doubts(result)
    sure = off[k] <= NEAR and not doubts
    return Summary(answer, "good" if sure else "fair", " ".join((reached, *doubts)))


def _not_compared(times: Sequence[float]) -> str:
    """Why no measured shares stand beside these."""
    if len(times) > 1:
        return "Start cells or terminal groups were chosen, so there are no measured shares to compare these with"
    known = "The cells were measured at one time" if len(times) else "No time of the cells is known"
    return f"{known}, so there are no later ones to compare these shares with"


def _final(result: Fates) -> str:
    """Which cells define the states."""
    if np.isfinite(result.measured).all():
        return "of the last time"
    return "among which terminal states are sought" if result.cells == "cells" else "near which followed cells end"


def _doubts(result: Fates) -> list[str]:
    """Why shares that look right may mean little."""
    found = []
    if result.undefined > MAX_UNDEFINED:
        found.append(
            f"{result.undefined:.0%} of the cells {_final(result)} define no state: what becomes of such cells these "
            "shares do not tell. An annotation, such as cell type, may name them."
        )
    if result.cells == "cells" and result.elsewhere > 0:
        found.append(
            f"{result.elsewhere:.0%} of the start cells reach no terminal state along the transitions, or hardly ever, "
            "and are left out."
        )
    elif result.elsewhere > MAX_ELSEWHERE:
        found.append(
            f"{result.elsewhere:.0%} of the simulated cells end far from every state, and are counted to the nearest."
        )
    return found


def _points(share: float) -> str:
    """A difference of shares in percentage points, as an upper end."""
    count = round(100 * share)
    return "less than a point" if count < 1 else f"at most {counted(count, 'point')}"


def of_futures(result: TrajectoryEnsemble) -> str:
    """How the futures of a start divide and spread, in one sentence."""
    count, best = result.paths.shape[1], int(result.share.argmax())
    start = result.start[:1].upper() + result.start[1:]
    if count == 1:
        return f"{start} ends in {result.names[best]}."
    reached = np.flatnonzero(result.share > 0)
    order = reached[np.argsort(-result.share[reached])]
    listed = ", ".join(
        f"{result.share[k]:.0%} end in {result.names[k]} ({result.low[k]:.0%} to {result.high[k]:.0%})"
        for k in order[:3]
    )
    wide = result.spread[-1] / max(float(result.measured_spread[-1]), 1e-12)
    return (
        f"{start}, {count:,} futures: {listed}. By {at(result.times[-1], result.time_unit)} they are spread over "
        f"{wide:.0%} of the width of all measured cells."
    )


def deterministic(model: str, cards: Iterable[ModelCard]) -> str:
    """Why a model without noise has one future for a cell, and which models, or other settings of it, have many."""
    known = {each.name: each for each in cards}
    own = known[model]
    variants = {each.title: each.condition("noise") for each in known.values() if "noise" in each.capabilities}
    text = (
        f"{own.title}, as it was trained, has no noise: the same cell always takes the same path. Its nearest "
        "cells show how far the fate depends on where it stands. Real cells of one state can differ in their future, "
        "which this model cannot show."
    )
    if own.title in variants:
        text += f" {own.title} {variants.pop(own.title)} can."
    return f"{text} Models with noise: {', '.join(' '.join(filter(None, each)) for each in variants.items())}."


def of_lineages(result: CellLineages) -> Summary:
    """The lineages and their order, in one sentence; not to be trusted where the model says so of its cells."""
    if not result.names:
        answer = f"{result.title} orders {len(result.order):,} cells, and assigns no branches."
    elif len(result.names) == 1:
        answer = f"{result.title} orders {len(result.order):,} cells along one lineage without a branching."
    else:
        listed = ", ".join(result.names)
        several = float((result.own < 0).mean())
        answer = (
            f"{result.title} orders {len(result.order):,} cells along {len(result.names)} lineages: {listed}. "
            f"{several:.0%} of the cells are on several of them, before a branching."
        )
    near = (
        ""
        if np.isnan(result.explained)
        else f" {result.explained:.0%} of the variance of the states lies along the lineages, and "
        f"{result.off_tree:.0%} of the cells are off them, by more than a tenth of the longest."
    )
    if result.doubts:
        return Summary(answer, "poor", " ".join(result.doubts) + near)
    begin = "It begins in the group that was named first, or at the first time."
    if result.off_tree > MOST_OFF:
        return Summary(answer, "poor", f"Most cells lie far from any path: a tree is no picture of them. {begin}{near}")
    return Summary(answer, "fair", begin + near)


def of_orders(result: OrderAgreement) -> Summary:
    """How far methods order the cells alike, and which is nearest to what is known, in one sentence."""
    count = result.methods
    between = result.rho[:count, :count][np.triu_indices(count, 1)]
    answer = f"{counted(count, 'method')} ordered these cells."
    if len(between):
        far = float((result.spread > WIDE_SPREAD).mean())
        rho = f"{between.min():.2f} to {between.max():.2f}" if count > 2 else f"{between[0]:.2f}"
        answer = (
            f"{count} methods order these cells with Spearman correlations of {rho}; {far:.0%} of the cells have "
            "places that differ by more than a quarter of all cells."
        )
    if not np.isfinite(result.spearman[:count]).any():
        return Summary(answer, "fair", "Agreement does not say that an order is right: methods share what they assume.")
    best, trivial = int(np.nanargmax(result.spearman[:count])), result.spearman[count:]
    k = count + int(np.nanargmax(trivial))
    held = (
        f"Nearest to {result.against} ({result.cells:,} cells) comes {result.names[best]}, with a Spearman correlation "
        f"of {result.spearman[best]:.2f}; the {result.names[k]}, which needs no method, has {result.spearman[k]:.2f}"
    )
    if result.spearman[best] <= result.spearman[k] + 0.01:
        return Summary(answer, "poor", f"{held}: the methods tell no more of it.")
    return Summary(answer, "good" if result.spearman[best] > 0.8 else "fair", f"{held}.")


TRIVIAL_ORDERS = "The last two rows need no method: what does not beat them has found no more."


def of_branches(result: OrderAgreement) -> tuple[str, ...]:
    """What F1 is, and that of clusters; nothing where branches were not compared."""
    if np.isnan(result.cluster_f1):
        return ()
    return (
        "F1 of the branches: mean over the ends, each matched to one branch; of a method without lineages by the "
        "likeliest terminal state that its transitions find. Clusters of these cells by k-means, as many as there are "
        f"ends, have {result.cluster_f1:.2f}.",
    )


def order_rows(result: OrderAgreement) -> dict[str, list[object]]:
    """One row an order: its correlations with what is known, and with the orders of the methods."""

    def short(values: np.ndarray) -> list[object]:
        return [round(float(each), 3) for each in values]

    rows: dict[str, list[object]] = {"order": list(result.names)}
    if np.isfinite(result.spearman).any():
        rows |= {f"Spearman with {result.against}": short(result.spearman)}
        rows |= {f"Kendall with {result.against}": short(result.kendall)}
    if np.isfinite(result.cluster_f1):
        rows |= {"F1 of the branches": short(result.branch_f1)}
    return rows | {f"with {name}": short(result.rho[:, k]) for k, name in enumerate(result.names[: result.methods])}


def of_clones(result: ClonalBias) -> Summary:
    """How well the fates of clones are predicted, in one sentence."""
    low, value, high = result.auroc
    a, b = result.names
    count = len(np.unique(result.clone))
    if np.isnan(value):
        return Summary(
            f"All {count:,} clones went to one of {a} and {b}, so there is nothing to tell apart.",
            "fair",
            "Choose other fates.",
        )
    answer = (
        f"Of an early cell whose clone became {a} and one whose clone became {b}, the model tells which is which in "
        f"{value:.0%} of all pairs (95 % interval {low:.0%} to {high:.0%}; guessing gets 50%)."
    )
    other = result.ungrown_auroc[1]
    growth = (
        "" if np.array_equal(result.predicted, result.without_growth) else f" With growth left out it is {other:.0%}."
    )
    if low <= 0.5:
        return Summary(answer, "poor", f"The interval of these {count:,} clones includes guessing.{growth}")
    return Summary(answer, "good" if low > 0.6 else "fair", f"From {counted(count, 'clone')}.{growth}")
