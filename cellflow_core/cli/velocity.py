"""`velocity`: do the estimators of RNA velocity agree, in which cells, and what do they say of each gene?"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cellflow_core.cli import answer
from cellflow_core.data.requirements import DataRequirement
from cellflow_core.reporting import result_tables

if TYPE_CHECKING:
    from cellflow_core.analysis.results import PhasePortrait, VelocityAgreement

GENES_LISTED = 10


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


def _velocity(chosen: argparse.Namespace) -> None:
    """The share of the cells that have an arrow, how far the estimators agree and recur in half of the counts, the
    share of the arrows that point forward in measured time beside reversed velocities, and a table of the genes."""
    from cellflow_core.reporting.rna_velocity import summaries as words

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
