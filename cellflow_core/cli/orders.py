"""`orders`: do finished models order the cells of a data set alike, and as is known of them?"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cellflow_core.cli import answer
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.reporting import cell_rows, fate_summaries

if TYPE_CHECKING:
    import numpy as np

    from cellflow_core.data.store import Dataset

TIME = "time"


def add(commands: Any, argv: Sequence[str]) -> None:
    parser = commands.add_parser("orders", help="models that order the same cells", description=_orders.__doc__)
    parser.add_argument("data", metavar="DATASET", help="id of a data set with finished runs that order its cells")
    parser.add_argument(
        "--against",
        metavar="COLUMN",
        help='what is known of the order: "time" for the measured one, an annotation in numbers, or with --stages one '
        "in groups (default: the measured time, where there are two or more)",
    )
    parser.add_argument(
        "--stages", nargs="+", default=(), metavar="GROUP", help="groups of --against, the earliest first"
    )
    parser.add_argument("--branches", metavar="COLUMN", help="annotation whose groups --ends are")
    parser.add_argument(
        "--ends", nargs="+", default=(), metavar="GROUP", help="groups that the process ends in: branches against them"
    )
    parser.add_argument("--out", type=Path, help="also write the orders of every cell, and their spread, to this .csv")
    parser.set_defaults(do=_orders)


def _orders(chosen: argparse.Namespace) -> None:
    """The orders that models give to the cells, each against the others, against what is known, and beside two orders
    that need no method. Branches are compared with the groups that the process ends in (F1)."""
    from cellflow_core.analysis.lineage.order_agreement import order_agreement
    from cellflow_core.analysis.results import CellBranches, CellOrder
    from cellflow_core.data.store import open_dataset
    from cellflow_core.jobs import analysis_cache
    from cellflow_core.selection import orders
    from cellflow_core.selection.model_cards import catalogue

    dataset, cards = open_dataset(chosen.data), {each.name: each for each in catalogue()}
    if bool(chosen.ends) != bool(chosen.branches):
        raise ValueError("--branches and --ends go together: the annotation, and its groups that the process ends in")
    against, known = _known(chosen, dataset)
    groups = _groups(dataset, chosen.branches) if chosen.branches else None
    runs = orders.named(orders.ordered(dataset.info.id, cards), cards)
    if not runs:
        raise ValueError(
            f"no finished run orders the cells of {dataset.info.id}: train one, such as slingshot or palantir"
        )
    found: dict[str, np.ndarray] = {}
    branches: dict[str, np.ndarray] = {}
    for name, run in runs.items():
        order = analysis_cache.answer("latent_time", run.id)
        assert isinstance(order, CellOrder)
        found[name] = order.value
        if chosen.ends and orders.branched(run, cards):
            own = analysis_cache.answer("branches", run.id)
            assert isinstance(own, CellBranches)
            branches[name] = own.weight
    result = order_agreement(found, dataset.snapshots().x, known, against, branches, groups, chosen.ends)
    notes = (*result.notes, *fate_summaries.of_branches(result), fate_summaries.TRIVIAL_ORDERS)
    answer.show(fate_summaries.of_orders(result), fate_summaries.order_rows(result), notes)
    if chosen.out is not None:
        cells = {"cell": list(range(len(result.spread))), **{name: each.tolist() for name, each in found.items()}}
        rows = {**cells, "spread": result.spread.tolist()}
        answer.write_csv(cell_rows.of_all(rows, dataset), chosen.out)


def _known(chosen: argparse.Namespace, dataset: Dataset) -> tuple[str, np.ndarray | None]:
    """What is known of the order of the cells, in words, and its value for each."""
    import numpy as np

    from cellflow_core.analysis.lineage.order_agreement import stage_of_cells

    data, name = dataset.snapshots(), str(chosen.against or "")
    if chosen.stages:
        if not name:
            raise ValueError("--stages are groups of an annotation: name it with --against")
        return f"the stages of {name}", stage_of_cells(_groups(dataset, name), chosen.stages)
    if not name and DataRequirement.TIMES not in dataset.info.has:
        return "", None
    if name in ("", TIME) and len(data.times) > 1:
        return "the measured time", np.asarray(data.t, float)
    if name in data.covariates:
        return name, np.asarray(data.covariates[name], float)
    if name in data.labels:
        raise ValueError(f"{name} has groups and no numbers: name them in their order with --stages")
    known = ", ".join((*data.covariates, *data.labels)) or "none"
    raise ValueError(f"these cells have no {name} to hold orders against; their annotations: {known}")


def _groups(dataset: Dataset, name: str) -> np.ndarray:
    from cellflow_core.analysis.initial_cells import labels_of

    return labels_of(dataset.snapshots(), name).astype(str)
