"""`network`: which gene acts on which, by a trained model."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cellflow_core.cli import answer
from cellflow_core.cli.table import columns
from cellflow_core.reporting import result_tables
from cellflow_core.reporting.regulation import summaries as regulation_summaries

EDGES_LISTED = 20


def add(commands: Any, argv: Sequence[str]) -> None:
    parser = commands.add_parser(
        "network", help="which gene acts on which, by a trained model", description=_network.__doc__
    )
    parser.add_argument("run", help="id of the run")
    parser.add_argument(
        "--kind",
        choices=("auto", "network", "jacobian"),
        default="auto",
        help="the network that the model inferred, or the Jacobian of its velocity (auto: the first where it has one)",
    )
    parser.add_argument("--by", default="", metavar="COLUMN", help="annotation of the cells that it is of")
    parser.add_argument("--group", default="", metavar="VALUE", help="value of --by (default: all cells)")
    parser.add_argument("--edges", type=int, default=EDGES_LISTED, metavar="N", help="so many edges are printed")
    parser.add_argument("--out", type=Path, help="also write every edge to this .csv")
    parser.set_defaults(do=_network)


def _network(chosen: argparse.Namespace) -> None:
    """The strongest edges with sign and score, how far other trainings find them again, and, where the cells were
    simulated with a known network, how well it was found, beside plain correlation."""
    from cellflow_core.analysis.results import GeneNetwork

    if bool(chosen.by) != bool(chosen.group):
        raise ValueError("--by and --group name the cells together: give both, or none for all cells")
    asked = {"kind": chosen.kind, "by": chosen.by, "group": chosen.group}
    found = answer.ask(GeneNetwork, "gene_network", chosen, **asked)
    rows = regulation_summaries.edge_rows(found)
    listed = result_tables.first_rows(rows, chosen.edges)
    of = {"network": "The network that the model inferred", "jacobian": "The Jacobian of its velocity"}[found.kind]
    words = (f"{of}, over {found.cells}.", regulation_summaries.of_overlap(found), regulation_summaries.of_prior(found))
    notes = [each for each in (*words, *found.notes) if each]
    answer.show(regulation_summaries.of_network(found), listed, notes)
    if found.scores is not None:
        print(f"\n{columns(regulation_summaries.score_rows(found))}")
    if chosen.out is not None:
        answer.write_csv(rows, chosen.out)
