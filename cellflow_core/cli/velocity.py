"""`velocity` and `network`: what RNA velocity says of each gene and cell, and which gene acts on which."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cellflow_core.cli import answer
from cellflow_core.cli.table import columns
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.reporting import regulation_summaries, result_tables

if TYPE_CHECKING:
    from cellflow_core.analysis.results import PhasePortrait, VelocityAgreement

GENES_LISTED = 10
EDGES_LISTED = 20


def add(commands: Any, argv: Sequence[str]) -> None:
    parser = commands.add_parser(
        "velocity", help="RNA velocity: where its estimators agree, and its genes", description=_velocity.__doc__
    )
    parser.add_argument(
        "run",
        metavar="DATASET|RUN",
        help="id of a run, or of a data set after the step moments: then of the quick estimators alone",
    )
    parser.add_argument("--least", type=float, default=0.5, help="least agreement for an arrow, -1 to 1 (0.5)")
    parser.add_argument("--view", default="pca", help="embedding that the arrows lie over (pca)")
    parser.add_argument("--genes", type=int, default=GENES_LISTED, metavar="N", help="so many genes at most; 0: all")
    parser.add_argument("--gene", metavar="NAME", help="also tell in how many cells this gene rises")
    parser.add_argument(
        "--out", type=Path, help="also write every gene to this .csv, or all of the answer and every gene to this .json"
    )
    parser.set_defaults(do=_velocity)
    network = commands.add_parser(
        "network", help="which gene acts on which, by a trained model", description=_network.__doc__
    )
    network.add_argument("run", help="id of the run")
    network.add_argument(
        "--kind",
        choices=("auto", "network", "jacobian"),
        default="auto",
        help="the network that the model inferred, or the Jacobian of its velocity (auto: the first where it has one)",
    )
    network.add_argument("--by", default="", metavar="COLUMN", help="annotation of the cells that it is of")
    network.add_argument("--group", default="", metavar="VALUE", help="value of --by (default: all cells)")
    network.add_argument("--edges", type=int, default=EDGES_LISTED, metavar="N", help="so many edges are printed")
    network.add_argument("--out", type=Path, help="also write every edge to this .csv")
    network.set_defaults(do=_network)


def _velocity(chosen: argparse.Namespace) -> None:
    """The share of the cells that have an arrow, how far the estimators agree and recur in half of the counts, the
    share of the arrows that point forward in measured time beside reversed velocities, and a table of the genes."""
    from cellflow_core.reporting import rna_velocity_summaries as words

    if chosen.out is not None and chosen.out.suffix not in (".csv", ".json"):
        raise ValueError(f"{chosen.out.name} ends neither in .csv nor in .json")
    found, portrait = _answers(chosen)
    rows = words.gene_rows(found)
    listed = result_tables.first_rows(rows, chosen.genes or len(found.genes))
    answer.show(words.of_velocity(found), listed, (words.of_order(found), *found.notes))
    if portrait is not None:
        print(words.of_portrait(portrait))
    if chosen.out is None:
        return
    if chosen.out.suffix == ".csv":
        answer.write_csv(rows, chosen.out)
    else:
        text = json.dumps(words.as_plain(found), indent=1, ensure_ascii=False, allow_nan=False)
        chosen.out.write_text(f"{text}\n", encoding="utf-8")


def _answers(chosen: argparse.Namespace) -> tuple[VelocityAgreement, PhasePortrait | None]:
    """(agreement, portrait of the gene that was named) of a run, stored or new; of a data set, new."""
    from cellflow_core.analysis.results import PhasePortrait, VelocityAgreement
    from cellflow_core.analysis.rna_velocity.drawn_arrows import draw_above
    from cellflow_core.runs.index import is_run_id

    if is_run_id(chosen.run):
        found = draw_above(answer.ask(VelocityAgreement, "velocity", chosen, view=chosen.view), chosen.least)
        asked = chosen.gene is not None
        return found, answer.ask(PhasePortrait, "phase_portrait", chosen, gene=chosen.gene) if asked else None
    from cellflow_core.analysis.embedding import Embedding
    from cellflow_core.analysis.rna_velocity.agreement import agreement
    from cellflow_core.analysis.rna_velocity.phase_portrait import phase_portrait
    from cellflow_core.data.preprocessing.splicing_layers import lacking_moments
    from cellflow_core.data.store import open_dataset

    dataset = open_dataset(chosen.run)
    data = dataset.snapshots()
    if DataRequirement.MOMENTS not in data.has:
        raise ValueError(lacking_moments(dataset))
    found = agreement(None, data, Embedding.of(dataset, chosen.view), chosen.least)
    return found, None if chosen.gene is None else phase_portrait(None, data, chosen.gene)


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
    notes = (f"{of}, over {found.cells}.", regulation_summaries.of_overlap(found), *found.notes)
    answer.show(regulation_summaries.of_network(found), listed, notes)
    if found.scores is not None:
        print(f"\n{columns(regulation_summaries.score_rows(found))}")
    if chosen.out is not None:
        answer.write_csv(rows, chosen.out)
