"""Orders of the same cells by several methods: how far they agree, with each other and with what is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from cellflow_core.analysis.lineage.branch_scores import branch_f1, cluster_f1
from cellflow_core.analysis.results import OrderAgreement

Array = np.ndarray
FIRST = 0.02
"""Share of the cells, the first by the first method, from whose middle the distance from the root is measured."""
COMPONENT, DISTANCE = "first principal component", "distance from the root"
"""Orders that no method is needed for."""


def order_agreement(
    orders: Mapping[str, Float[Array, " cells"]],
    x: Float[Array, "cells dim"],
    known: Float[Array, " cells"] | None = None,
    against: str = "",
    branches: Mapping[str, Float[Array, "cells _"]] | None = None,
    groups: Array | None = None,
    ends: Sequence[str] = (),
) -> OrderAgreement:
    """The orders of the methods by name, the trivial ones of the states x beside them.

    known    stage or time of each cell, NaN where unknown; against: what it is
    branches  weight of each cell on the branches of the methods, by name; groups: of each cell, of which `ends` are
             those that the process ends in, two or more
    Raises ValueError where there is no order, or one end.
    """
    if not orders:
        raise ValueError("no model has ordered these cells")
    first = np.asarray(next(iter(orders.values())), float)
    early = np.argsort(first, kind="stable")[: max(round(FIRST * len(first)), 1)]
    rows = {name: np.asarray(each, float) for name, each in orders.items()}
    rows |= {COMPONENT: _component(x, first), DISTANCE: np.linalg.norm(x - x[early].mean(axis=0), axis=1)}
    ranks = np.stack([_ranks(each) for each in rows.values()])
    rho = np.corrcoef(ranks) if len(first) > 2 else np.full((len(rows), len(rows)), np.nan)
    alike = np.where(rho[0, : len(orders)] < 0, -1, 1)[:, None]
    turned = tuple(name for name, sign in zip(orders, alike[:, 0], strict=True) if sign < 0)
    methods = np.where(alike < 0, 1 - ranks[: len(orders)], ranks[: len(orders)])
    held = None if known is None else [_against(each, known) for each in rows.values()]
    f1, by_clusters = _branches(rows, x, branches or {}, groups, ends)
    notes = [f"{name} begins near the other end of the process than {next(iter(orders))}." for name in turned]
    if turned:
        notes.append("For the spread of the places their order is turned round.")
    return OrderAgreement(
        names=tuple(rows),
        methods=len(orders),
        rho=rho,
        spread=methods.max(axis=0) - methods.min(axis=0),
        against=against,
        spearman=np.full(len(rows), np.nan) if held is None else np.array([each[0] for each in held]),
        kendall=np.full(len(rows), np.nan) if held is None else np.array([each[1] for each in held]),
        branch_f1=f1,
        cluster_f1=by_clusters,
        cells=0 if known is None else int(np.isfinite(known).sum()),
        notes=tuple(notes),
    )


def stage_of_cells(groups: Array, stages: Sequence[str]) -> Float[Array, " cells"]:
    """Place of the group of each cell among the stages, the earliest first; NaN for a group that is none of them.

    Raises ValueError for fewer than two stages, or one that no cell is of.
    """
    found = np.full(len(groups), np.nan)
    for k, each in enumerate(stages):
        found[groups == each] = k
    _check_groups(groups, stages, "stages")
    return found


def _branches(
    rows: Mapping[str, Array],
    x: Float[Array, "cells dim"],
    branches: Mapping[str, Array],
    groups: Array | None,
    ends: Sequence[str],
) -> tuple[Array, float]:
    """(F1 of each order's branches, that of clusters)."""
    found = np.full(len(rows), np.nan)
    if groups is None or not ends:
        return found, float("nan")
    _check_groups(groups, ends, "ends")
    known = np.isin(groups, list(ends))
    for k, name in enumerate(rows):
        if name in branches:
            found[k] = branch_f1(branches[name], groups, known)
    return found, cluster_f1(x, groups, known)


def _check_groups(groups: Array, chosen: Sequence[str], word: str) -> None:
    if unknown := [each for each in chosen if not (groups == each).any()]:
        known = ", ".join(sorted({str(each) for each in groups})[:12])
        raise ValueError(f"no cell is of the {word} {', '.join(unknown)}: the groups are {known}")
    if len(set(chosen)) < 2:
        raise ValueError(f"{word} are two groups or more, and one was named")


def _component(x: Float[Array, "cells dim"], first: Float[Array, " cells"]) -> Float[Array, " cells"]:
    """The first principal component, later cells by the first method mostly higher."""
    centered = x - x.mean(axis=0, dtype=np.float64)
    values = centered @ np.linalg.eigh(centered.T @ centered)[1][:, -1]
    return values * (np.sign(np.corrcoef(_ranks(values), _ranks(first))[0, 1]) or 1)


def _ranks(values: Float[Array, " cells"]) -> Float[Array, " cells"]:
    """Place of each cell, 0 to 1; cells alike share one."""
    from scipy.stats import rankdata

    return (rankdata(values) - 1) / max(len(values) - 1, 1)


def _against(order: Float[Array, " cells"], known: Float[Array, " cells"]) -> tuple[float, float]:
    """(Spearman, Kendall) with what is known of some cells; NaN where they are too few, or all alike."""
    from scipy.stats import kendalltau

    some = np.isfinite(known)
    a, b = order[some], known[some]
    if len(a) < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan"), float("nan")
    return float(np.corrcoef(_ranks(a), _ranks(b))[0, 1]), float(np.asarray(kendalltau(a, b))[0])
