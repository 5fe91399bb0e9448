"""`fates`, `lineages`, `futures`, `least-action`, `ancestry` and `clones`: terminal states, orders, paths between
states, ancestors, evidence of clones."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cellflow_core.cli import answer
from cellflow_core.cli.table import columns
from cellflow_core.reporting import cell_rows, fate_summaries, result_tables, summaries

GENES_LISTED = 20
_STATES = (
    'an annotation whose values are the fates, or, by transitions, "macrostates" or "macrostates 4": those that are '
    "terminal (GPCCA), of as many as the eigenvalues say or of four (default: those that are found)"
)


def add(commands: Any, argv: Sequence[str]) -> None:
    fates = commands.add_parser("fates", help="fate proportions, with and without growth", description=_fates.__doc__)
    futures = commands.add_parser("futures", help="trajectory ensemble of one cell", description=_futures.__doc__)
    futures.add_argument("--cell", type=int, help="row of the data set (default: the medoid of the first time)")
    futures.add_argument("--count", type=int, default=200, help="trajectories to simulate")
    fates.add_argument(
        "--by",
        choices=("simulation", "transitions"),
        default="simulation",
        help="follow simulated cells, or go from measured cell to measured cell along the velocities",
    )
    fates.add_argument(
        "--ends", nargs="+", default=[], metavar="VALUE", help="by transitions: values of --states that are terminal"
    )
    fates.add_argument(
        "--start",
        default="",
        metavar="VALUE",
        help='by transitions: a value of --states, or "found" for root cells (default: the first time, else all cells)',
    )
    fates.add_argument(
        "--genes-of",
        metavar="FATE",
        help="by transitions: the genes that go most with this fate, instead of the shares",
    )
    for parser in (fates, futures):
        parser.add_argument("--states", default="", help=_STATES)
    ancestry = commands.add_parser("ancestry", help="where a group of cells comes from", description=_ancestry.__doc__)
    ancestry.add_argument("--by", required=True, metavar="COLUMN", help="annotation whose values are the groups")
    ancestry.add_argument("--of", required=True, metavar="VALUE", help="the group")
    ancestry.add_argument(
        "--at", type=float, metavar="TIME", help="when it was measured (default: the last time it has cells)"
    )
    clones = commands.add_parser("clones", help="fates against those of clones", description=_clones.__doc__)
    clones.add_argument("--by", required=True, metavar="COLUMN", help="annotation that holds the fates")
    clones.add_argument("--fates", required=True, nargs=2, metavar=("A", "B"), help="two of its values")
    clones.add_argument("--early", default="", metavar="VALUE", help="value that early cells have (default: any other)")
    path = _add_least_action(commands)
    lineages = commands.add_parser("lineages", help="order of the cells, and branches", description=_lineages.__doc__)
    for parser, do in (
        (fates, _fates),
        (lineages, _lineages),
        (futures, _futures),
        (path, _least_action),
        (ancestry, _ancestry),
        (clones, _clones),
    ):
        parser.add_argument("run", help="id of the run")
        parser.add_argument("--out", type=Path, help="also write the table to this .csv")
        parser.set_defaults(do=do)


def _add_least_action(commands: Any) -> argparse.ArgumentParser:
    path = commands.add_parser(
        "least-action", help="path of least action between two groups of cells", description=_least_action.__doc__
    )
    path.add_argument("--by", required=True, metavar="COLUMN", help="annotation whose values are the groups")
    path.add_argument("--from", required=True, dest="start", metavar="VALUE", help="the group that the path begins in")
    path.add_argument("--to", required=True, dest="end", metavar="VALUE", help="the group that it ends in")
    path.add_argument("--time", type=float, help="time at which the field is held (default: the last measured one)")
    path.add_argument(
        "--between",
        choices=("middle", "attractor"),
        default="middle",
        help="the cells in the middle of the groups, or the attractors that the held field brings these to",
    )
    path.add_argument("--genes-out", type=Path, help="also write the genes that change most to this .csv")
    return path


def _fates(chosen: argparse.Namespace) -> None:
    """Follow the cells of the first time to the last, and count them by terminal state."""
    from cellflow_core.analysis.results import FateGenes, Fates
    from cellflow_core.figures import fates as figures
    from cellflow_core.jobs.run_context import RunContext
    from cellflow_core.reporting import growth_summaries
    from cellflow_core.runs.index import open_run

    if chosen.by == "transitions" and chosen.genes_of:
        genes = answer.ask(FateGenes, "fate_genes", chosen, states=chosen.states, ends=tuple(chosen.ends))
        if chosen.genes_of not in genes.names:
            raise ValueError(f"there is no fate {chosen.genes_of!r}; there are {', '.join(genes.names)}")
        words = figures.describe_genes(genes, chosen.genes_of)
        rows = result_tables.of_fate_genes(genes, chosen.genes_of)
        answer.show(words, {name: each[:GENES_LISTED] for name, each in rows.items()}, genes.notes)
        if chosen.out is not None:
            answer.write_csv(rows, chosen.out)
        return
    if chosen.by == "transitions":
        asked = {"states": chosen.states, "ends": tuple(chosen.ends), "start": chosen.start}
        found = answer.ask(Fates, "transition_fates", chosen, **asked)
    elif chosen.ends or chosen.start or chosen.genes_of:
        raise ValueError("--ends, --start and --genes-of are for fates by transitions: add --by transitions")
    else:
        found = answer.ask(Fates, "fates", chosen, states=chosen.states)
    info = RunContext(open_run(chosen.run)).dataset.info
    notes = (growth_summaries.of_fates(found), f"Interval: {found.interval}.", *found.notes)
    summary = fate_summaries.of_fates(found, info.times, info.time_unit)
    if chosen.by == "simulation":
        summary = summaries.limited(summary, answer.roll_out(chosen), info.time_unit)
    answer.show(summary, result_tables.of_fates(found), [each for each in notes if each], chosen.out)


def _lineages(chosen: argparse.Namespace) -> None:
    """The lineages that a model orders the cells along. With --out, a row a cell: its order, from both ends where no
    root can be found, and its weight on each lineage."""
    from cellflow_core.analysis.results import CellLineages
    from cellflow_core.jobs.run_context import RunContext
    from cellflow_core.runs.index import open_run

    found = answer.ask(CellLineages, "lineages", chosen)
    answer.show(fate_summaries.of_lineages(found), result_tables.of_lineages(found), found.notes)
    if chosen.out is not None:
        dataset = RunContext(open_run(chosen.run)).dataset
        rows = result_tables.of_cell_lineages(found, dataset.embedding(found.view))
        answer.write_csv(cell_rows.of_all(rows, dataset), chosen.out)


def _futures(chosen: argparse.Namespace) -> None:
    """Simulate one cell many times with the noise of the model and count the terminal states."""
    from cellflow_core.analysis.results import TrajectoryEnsemble

    settings = {"states": chosen.states, "cell": chosen.cell, "count": chosen.count}
    found = answer.ask(TrajectoryEnsemble, "futures", chosen, **settings)
    notes = (f"Interval: {found.interval}.", *found.notes)
    answer.show(fate_summaries.of_futures(found), result_tables.of_fate_proportions(found), notes, chosen.out)


def _least_action(chosen: argparse.Namespace) -> None:
    """What noise would most likely do to lead a cell from one group to another, and back, in the field of one time.
    With --out, a row a point of both paths."""
    from cellflow_core.analysis.results import LeastAction
    from cellflow_core.reporting.fields import least_action

    ends = {"start": (chosen.by, chosen.start), "end": (chosen.by, chosen.end)}
    found = answer.ask(LeastAction, "least_action", chosen, **ends, time=chosen.time, place=chosen.between)
    notes = (least_action.of_genes(found), *found.notes)
    answer.show(least_action.of_least_action(found), least_action.action_rows(found), [each for each in notes if each])
    if found.genes:
        print(f"\n{columns(result_tables.first_rows(least_action.gene_rows(found), GENES_LISTED))}")
    if chosen.out is not None:
        answer.write_csv(least_action.path_rows(found), chosen.out)
    if chosen.genes_out is not None:
        answer.write_csv(least_action.gene_rows(found), chosen.genes_out)


def _ancestry(chosen: argparse.Namespace) -> None:
    """Ancestors and descendants of a group: the mass of its descendants, relative to that of the group, and the
    composition by group, at every time."""
    from cellflow_core.analysis.results import Ancestry

    found = answer.ask(Ancestry, "ancestry", chosen, time=chosen.at, label=(chosen.by, chosen.of), by=chosen.by)
    answer.show(f"{found.chosen}.", result_tables.of_ancestry(found), found.notes, chosen.out)


def _clones(chosen: argparse.Namespace) -> None:
    """Probability of fate A predicted for each early cell, and its share among the later cells of the clone."""
    from cellflow_core.analysis.results import ClonalBias

    a, b = chosen.fates
    found = answer.ask(ClonalBias, "clones", chosen, by=chosen.by, a=a, b=b, early=chosen.early)
    low, value, high = found.auroc
    auroc = f"Area under the ROC curve, {a} against {b}: {value:.3f} ({low:.3f} to {high:.3f}; {found.interval})."
    answer.show(fate_summaries.of_clones(found), result_tables.of_clones(found), (auroc, *found.notes), chosen.out)
